/*
 * Files of records, a line each, whose fields are separated by colons: /etc/passwd, /etc/group.
 */
#ifndef PORTOLAN_COLON_FILE_H
#define PORTOLAN_COLON_FILE_H

#include <stddef.h>
#include <stdio.h>

/* The next line with exactly `count` fields, which are put into `fields` and lie in `buffer`: 1.
 * 0 at the end, -ERANGE if a line does not fit. */
int colon_read(FILE *file, char *buffer, size_t size, char **fields, size_t count);

/* A number that is the whole field: 1, or 0 if it is none. */
int colon_number(const char *field, unsigned *number);

#endif
