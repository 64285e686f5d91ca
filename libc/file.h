/*
 * Calls on open files, shared by the functions of POSIX that make them.  Results are >= 0 or
 * negative error numbers.
 */
#ifndef LIBC_FILE_H
#define LIBC_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "call.h"
#include "descriptor.h"

/* A call without bytes; the reply's head replaces the request's. -ENOTTY for the log. */
int64_t __libc_file_call(struct open_file *file, struct message *head, uint32_t flags);

/* IO_INFO of the open file itself. */
struct io_info;
int64_t __libc_file_info(struct open_file *file, struct io_info *info);

/* Bytes at `offset`, or IO_OFFSET_CURRENT. */
int64_t __libc_file_read(struct open_file *file, void *buffer, size_t length, uint64_t offset);
int64_t __libc_file_write(struct open_file *file, const void *buffer, size_t length,
                          uint64_t offset);

/* Waits until one of these IO_READY_* may be so.  -EINTR. */
int64_t __libc_file_wait(struct open_file *file, uint32_t ready);

#endif
