/*
 * A server: a port, a table of handlers, and the loop that joins them.
 *
 *     static int64_t do_read(struct server *server, struct request *request) { ... }
 *     static server_handler *const handlers[] = {[IO_READ - IO_OPEN] = do_read};
 *     static struct server server = {.first_op = IO_OPEN, .op_count = ..., .handlers = handlers};
 *     server_open(&server, 64); ... server_run(&server);
 *
 * A handler gets the request's head and looks at the message page for what follows it.  It returns
 *   a result (>= 0 or -errno): the reply is request->reply with that result;
 *   EASYNC: it keeps request->token and answers later with server_reply; from any thread, but the
 *     token of a message that came by a ring only from the thread that serves the ring.
 * What else a server can switch on: common operations and their figures (server_common.h), attached
 * memory (attach.h), rings (ring_server.h), several threads and ports (pool.h), ports of its own to
 * other servers in the same loop (mailbox), a tale of what happened (events), and telling of
 * aborts.
 *
 * A handler may send messages itself, but must first copy what it still needs of the message page.
 * Handles that came with a request are closed after it, but those that the handler has taken with
 * request_take; loans end with the message by themselves.
 */
#ifndef LIBMSG_SERVER_H
#define LIBMSG_SERVER_H

#include <portolan/message.h>
#include <portolan/server.h>
#include <portolan/syscall.h>

struct server;

struct request {
    struct message head;  /* what was asked; copied, so nobody changes it any more */
    uint64_t badge;       /* who asks: what the server gave with the handle */
    uint64_t token;       /* names the message until it ends */
    struct message reply; /* starts as zeros; its bytes and handles lie in the message page */
    handle_t handles[MESSAGE_HANDLES_MAX];           /* that came with it and are not taken */
    struct message_range ranges[MESSAGE_RANGES_MAX]; /* copied; only those that came are valid */
};

typedef int64_t server_handler(struct server *server, struct request *request);

#define SERVER_KEPT_MAX 64u
#define SERVER_SESSIONS_MAX 256u /* given by SERVER_SESSION */

struct attachments;
struct port_set;
struct mailbox;
struct server_events;
struct server_rings;

struct server {
    handle_t port; /* RECEIVE, MANAGE */
    uint32_t first_op, op_count;
    server_handler *const *handlers; /* op_count of them, for first_op and on; NULL: -ENOSYS */
    /* Each may be NULL.  Asked for ops outside the table: */
    server_handler *other;
    /* Notification bits, NOTIFY_ABORT and NOTIFY_TIMER among them. */
    void (*notified)(struct server *server, uint64_t bits);
    /* The answer to a send of this server's, by its id: head.result, or the kernel's error. */
    void (*answered)(struct server *server, uint64_t id, const struct message *head);
    /* The kernel tells: KERNEL_DEATH, KERNEL_UNREFERENCED, KERNEL_PAGE_*. */
    void (*told)(struct server *server, const struct message *head);
    /* A thread of a task whose exception port this is has faulted; replies to request->token. */
    void (*faulted)(struct server *server, const struct request *request);
    bool stop; /* server_run returns when the message at hand is done */

    /* The rest may be left zero.  Shared: several threads serve it (then neither rings nor
     * mailbox). */
    bool shared;
    struct attachments *attachments; /* SERVER_SESSION, SERVER_ATTACH, SERVER_DETACH */
    struct server_rings *rings;      /* SERVER_RING_OPEN */
    struct mailbox *mailbox;         /* opened with this server's port: its replies come here too */
    struct server_events *events;    /* SERVER_TRACE */
    struct port_set *set;            /* SERVER_PORTS */
    /* The sender of a kept message asks for its early end: reply soon, with what there is.  Told
     * of at most SERVER_KEPT_MAX messages at a time; NULL: they run their course. */
    void (*aborted)(struct server *server, uint64_t token);
    struct server_statistics statistics; /* SERVER_STATISTICS */
    uint64_t kept[SERVER_KEPT_MAX];      /* tokens; 0: free */
    uint64_t sessions;                   /* the number of the last that was given */
    uint64_t sessions_before;            /* of the last that predecessors on this port gave */
    uint32_t sessions_open;              /* of them: at most SERVER_SESSIONS_MAX */
} __attribute__((aligned(64)));          /* those of a port set share no cache line */

/* Makes the port, if there is none yet, for `capacity` queued messages. 0, or as port_create. */
int64_t server_open(struct server *server, uint32_t capacity);

/* Serves until stop is set. 0, or what get gave. */
int64_t server_run(struct server *server);

/* The same, but a stop that came before counts. */
int64_t server_loop(struct server *server);

/* One round: waits until `deadline` for something, and answers it. 0, -ETIMEDOUT, -EDEAD. */
int64_t server_step(struct server *server, uint64_t deadline);

/*
 * A session: a handle to the server whose holder is known by `badge` (below BADGE_COUNTED), with
 * SEND, DUPLICATE and TRANSFER.  When its last copy is closed, `told` hears KERNEL_UNREFERENCED
 * with that badge as its cookie.  -ENOMEM, -EMFILE.
 */
int64_t server_session(struct server *server, uint64_t badge);

/* Answers a request that was kept. What lies in the message page goes along as head says. */
int64_t server_reply(uint64_t token, const struct message *head);

/*
 * Runs the handler for request->head, whose bytes, handles and ranges lie in the message page, and
 * counts.  True: request->reply is the answer, to be sent; false: it is kept.  What the loop, rings
 * and ports *here* have in common.
 */
bool server_serve(struct server *server, struct request *request);

/* The sender of a kept message wants it to end: tells `aborted`. */
void server_abort(struct server *server, uint64_t token);

/*
 * Bytes of range `index` that came with a request, to or from this thread's message bytes: the same
 * whether the range is a loan or, *here*, the sender's own object.  At most 4096 bytes at `offset`
 * within the range.  -EINVAL no such range, -ERANGE beyond it, or as vmo_read and vmo_write.
 */
int64_t request_range_read(const struct request *request, uint32_t index, uint64_t offset,
                           uint64_t length);
int64_t request_range_write(const struct request *request, uint32_t index, uint64_t offset,
                            uint64_t length);

/* Makes handle `index` of the request the handler's own; HANDLE_NONE: there is none. */
static inline handle_t request_take(struct request *request, uint32_t index)
{
    handle_t handle = request->handles[index];
    request->handles[index] = HANDLE_NONE;
    return handle;
}

/* The badge of a request, without BADGE_COUNTED. */
static inline uint64_t request_badge(const struct request *request)
{
    return request->badge & ~BADGE_COUNTED;
}

#endif
