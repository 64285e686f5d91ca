/*
 * Rings, the server's side.
 *
 * A server that offers rings points server->rings at a zeroed struct server_rings; its loop then
 * serves them beside its port, in one thread, and its handlers do not see the difference but that
 * nothing follows the head.  A client that breaks the rules loses its session and nobody else
 * anything; its place is free again when it has closed its side.
 */
#ifndef LIBMSG_RING_SERVER_H
#define LIBMSG_RING_SERVER_H

#include "port_here.h"
#include "ring.h"
#include "server.h"

#define RING_SESSIONS_MAX 16u   /* of a server */
#define RING_SESSIONS_OF_ONE 4u /* with the same badge, if that is not 0 */
#define RING_SERVERS_MAX 32u    /* of a task */

enum ring_session_state { RING_FREE = 0, RING_OPEN, RING_ENDED };

/* Belongs to the server's thread; only what `shared` and the slots point at is the client's too. */
struct ring_session {
    enum ring_session_state state;
    uint32_t generation, depth;
    uint32_t in_flight; /* kept */
    uint64_t badge;     /* of who opened it */
    struct ring_receiver requests;
    struct ring_sender replies;
    struct ring_shared *shared;
    handle_t client;    /* its port, to wake it */
    uint64_t wake_bits; /* the client's */
    struct server *server;
    uint32_t sequence
        [RING_DEPTH_MAX]; /* of each number: counts its messages' begins and ends, so that old
                                        * tokens name nothing */
};

struct server_rings {
    uint32_t number; /* in the task's table, + 1 */
    uint32_t open;   /* sessions below this number have been used */
    uint32_t generation;
    struct ring_session sessions[RING_SESSIONS_MAX];
};

/* SERVER_RING_OPEN. */
int64_t ring_open(struct server *server, struct request *request);
/* Serves what has come, at most `depth` of each; whether there was anything. */
bool rings_serve(struct server *server);
/* About to wait for the port: false, something has come. */
bool rings_sleep(struct server *server);
void rings_wake(struct server *server);
/* The last handle with this badge is gone: whether it was a ring's. */
bool rings_unreferenced(struct server *server, uint64_t badge);
/* Ends a message that came by a ring and was kept. -ESTALE_TOKEN, -EMSGSIZE. */
int64_t ring_reply(uint64_t token, const struct message *head);

#endif
