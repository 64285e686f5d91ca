/*
 * Programs made with the C library, for tests: each is started with a tree of files made of the
 * name server, a tmpfs and the pipe server.  The manifest must give the test the handle "boot".
 */
#ifndef TREE_H
#define TREE_H

#include "spawn.h"

/* One tree at a time. */
void tree_start(void);
void tree_end(void);

/* Runs a program of the boot module to its end; its status, or an error.  `extra` is granted as
 * well, if it has a name. */
int64_t tree_run(const char *name, struct spawn_handle extra);

#endif
