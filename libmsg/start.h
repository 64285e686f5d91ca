/*
 * The first and last moments of a program: its thread block, the startup page, exit.
 *
 * A program defines main with what RDI brings: `int main(const struct startup *)`, or the first
 * task `int main(const struct boot_info *)`.  What main returns becomes the task's exit status.
 * Before it prints or asks for the time a program calls startup_open (the first task print_open and
 * clock_open).
 */
#ifndef LIBMSG_START_H
#define LIBMSG_START_H

#include <portolan/startup.h>

#include "words.h"

/* Sets print and clock up from the startup page, and remembers the task for program_exit. */
void startup_open(const struct startup *startup);

/* The handle of that name, or HANDLE_NONE. */
handle_t startup_handle(const struct startup *startup, const char *name);

/* True if word is among the startup words. */
bool startup_has_word(const struct startup *startup, const char *word);

/* What follows `prefix` in the first word that begins with it ("seed=" in "seed=7"), or NULL. */
const char *startup_option(const struct startup *startup, const char *prefix);

/* Ends the task. */
_Noreturn void program_exit(int32_t status);

#endif
