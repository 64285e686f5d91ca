/*
 * The parts of the tmpfs server: its one tree, its sessions, and the operations by kind.
 *
 * A session's state is one struct, of a table of fixed size; a client that opens until nothing is
 * left gets -ENFILE and harms no session that is there.
 */
#ifndef TMPFS_H
#define TMPFS_H

#include "answer.h"
#include "data.h"
#include "stream.h"
#include "walk.h"

#define SESSIONS_MAX 8192u
#define SESSION_COST 320u /* bytes of the kernel's memory that one takes, about */
#define NODES_MAX 32768u
#define HEAP_BYTES (32ul << 20) /* address space: memory is taken as it is needed */

struct session {
    struct node *node;
    uint64_t offset;
    uint32_t flags; /* IO_OPEN_* */
    bool read_only; /* it came through a root session that is */
};

extern struct tree tree;
extern uint64_t device_number;

/* session.c */
void sessions_open(uint32_t count); /* at most SESSIONS_MAX */
/* Who asks, or NULL: a session that has ended. Valid until the handler returns. */
struct session *session_of(const struct request *request);
/* A session of that node, with `flags`: a handle, or -ENFILE, -ENOMEM, -EMFILE.  *made is it. */
int64_t session_create(struct server *server, struct node *node, uint32_t flags, bool read_only,
                       struct session **made);
/* KERNEL_UNREFERENCED came with this badge. */
void session_end(uint64_t badge);

/* ops_path.c: what takes a path; ops_file.c: what a session's own node answers. */
extern server_handler *const tmpfs_handlers[];
extern const uint32_t tmpfs_handler_count;
int64_t do_open(struct server *server, struct request *request);
int64_t do_info(struct server *server, struct request *request);
int64_t do_change(struct server *server, struct request *request);
int64_t do_make_directory(struct server *server, struct request *request);
int64_t do_remove(struct server *server, struct request *request);
int64_t do_rename(struct server *server, struct request *request);
int64_t do_link(struct server *server, struct request *request);
int64_t do_make_link(struct server *server, struct request *request);
int64_t do_read_link(struct server *server, struct request *request);
int64_t do_make_node(struct server *server, struct request *request);
int64_t do_usage(struct server *server, struct request *request);
int64_t truncate_node(struct node *node, uint64_t size); /* to that size */
void fill_info(const struct node *node, struct io_info *info);

/*
 * fifo.c: sessions of a FIFO are ends of its stream, which is there while anybody has it open.
 * fifo_open counts a new session: 0 the handle is to be answered with; EASYNC it waits for the
 * other side, and is answered then; -ENXIO, -ENFILE: the handle is to be closed.
 */
#define FIFOS_MAX 64u
int64_t fifo_open(struct session *session, handle_t handle, const struct request *request);
void fifo_close(struct session *session);
int64_t fifo_read(struct session *session, struct request *request);
int64_t fifo_write(struct session *session, struct request *request);
int64_t fifo_poll(struct session *session, struct request *request);
void fifos_aborted(void);

/* load.c: the archive's members become the tree's first nodes. 0, or why not. */
int64_t load_archive(handle_t archive, uint64_t offset, uint64_t size);

/* The time, since 1970 if the machine knows it. */
uint64_t time_now(void);

#endif
