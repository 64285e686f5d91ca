/*
 * What the parts of the first task share: the boot information, the archive, the words of the
 * command line, and lines for the log.  Set up by init.c before anything else.
 */
#ifndef INIT_BOOT_H
#define INIT_BOOT_H

#include <portolan/boot.h>
#include <portolan/log.h>

#include "manifest.h"
#include "spawn.h"

/* Programs may read and run what is in the boot module, and pass it on. */
#define BOOT_MODULE_RIGHTS                                                                         \
    (RIGHT_READ | RIGHT_EXECUTE | RIGHT_MAP | RIGHT_DUPLICATE | RIGHT_TRANSFER)

extern const struct boot_info *boot;
extern struct manifest manifest;
extern char words[STARTUP_WORDS_MAX]; /* word_count words, a NUL after each */
extern uint32_t word_count, words_length;

/* Fills in what a program of that name in the archive is started from.  -ENOENT. */
int64_t find_binary(const char *name, struct spawn *plan);

#endif
