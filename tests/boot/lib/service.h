/*
 * Servers from the boot module, for tests, and what their clients say.  The manifest must give the
 * test the handle "boot".
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <portolan/io.h>

#include "cpio.h"
#include "spawn.h"
#include "test.h"

struct service {
    struct spawned made;
    handle_t port; /* all rights; a SEND to it has badge 0 */
};

/* Starts a server with the handles "port", "log" and one more (name NULL: none).  words: one word
 * or NULL. */
void service_start(struct service *service, const char *program, const char *handle_name,
                   handle_t handle, const char *word);
/* Where a program lies in the boot module. */
struct cpio_entry service_program(const char *name);
/* The same with a budget of its own; no word. */
void service_start_with(struct service *service, const char *program, const char *handle_name,
                        handle_t handle, uint64_t budget);
/* Kills it and waits for its end. */
void service_end(struct service *service);

/* A handle to a port that a server would get: SEND, DUPLICATE, TRANSFER, and the badge. */
handle_t badged(handle_t port, uint64_t badge);

/* The reply of the last call here. */
extern struct message reply;

/* Sends `op` with a path; `message` may have more, and is left alone.  The reply's result, or the
 * error of do. */
int64_t ask(handle_t tree, uint32_t op, const char *path, const struct message *message);
int64_t ask_two(handle_t tree, uint32_t op, const char *first, const char *second);

/* The session, or an error. */
int64_t open_path(handle_t tree, const char *path, uint64_t flags);
int64_t read_bytes(handle_t session, void *to, uint64_t length, uint64_t offset, uint64_t flags);
int64_t write_bytes(handle_t session, const void *from, uint64_t length, uint64_t offset,
                    uint64_t flags);
/* With a range of a VM object instead of bytes. */
int64_t read_lent(handle_t session, handle_t vmo, uint64_t at, uint64_t length, uint64_t offset);
int64_t write_lent(handle_t session, handle_t vmo, uint64_t at, uint64_t length, uint64_t offset);
int64_t get_info(handle_t tree, const char *path, uint64_t flags, struct io_info *info);

#endif
