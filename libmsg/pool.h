/*
 * Servers of more than one thread.
 *
 * A *pool*: several threads get from one port.  For handlers that wait.  They share the server's
 * tables, so handlers lock what they share, and the server has no rings, no mailbox and no attached
 * memory.
 *
 * A *port set*: N servers, each with its own port and thread, pinned to a CPU of its own.  They are
 * copies that share nothing: no lock is taken anywhere.  A client asks any of them for all the
 * ports and picks one by its CPU, or, for what belongs together, by key modulo N.
 */
#ifndef LIBMSG_POOL_H
#define LIBMSG_POOL_H

#include "port.h"
#include "server.h"
#include "thread.h"

#define POOL_THREADS_MAX 16u
#define PORT_SET_MAX 16u

struct pool {
    struct server *server;
    uint32_t count;
    struct thread threads[POOL_THREADS_MAX];
};

/* Starts `count` threads on the server's port, which is open.  task: this task, with MANAGE.
 * -EINVAL; or as thread_create: then none is left. */
int64_t pool_start(struct pool *pool, struct server *server, handle_t task, uint32_t count,
                   int32_t priority);
/* They end when their message at hand is done. -ETIMEDOUT: some have not yet; call it again. */
int64_t pool_stop(struct pool *pool, uint64_t deadline);

struct port_set {
    struct server *servers; /* `count` of them */
    uint32_t count;
    struct thread threads[PORT_SET_MAX];
};

/*
 * Opens `count` ports and starts a thread for each, on CPU number modulo the machine's.  servers:
 * an array of them, each with handlers and tables of its own.  cpus: the machine's. -EINVAL; or as
 * server_open and thread_create: then none is left.
 */
int64_t port_set_start(struct port_set *set, struct server *servers, uint32_t count, handle_t task,
                       uint32_t cpus, int32_t priority);
int64_t port_set_stop(struct port_set *set, uint64_t deadline);

/* ---- A client's side ------------------------------------------------------------------------- */

struct port_group {
    struct port ports[PORT_SET_MAX];
    uint32_t count;
};

/* Asks the server behind `handle` (which stays the caller's) for its ports. A server without a
 * set: one. */
int64_t port_group_open(struct port_group *group, struct mailbox *mailbox, handle_t handle);
void port_group_close(struct port_group *group);

static inline struct port *port_of_key(struct port_group *group, uint64_t key)
{
    return &group->ports[key % group->count];
}
struct port *port_of_cpu(struct port_group *group);

#endif
