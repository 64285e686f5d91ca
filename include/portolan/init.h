/*
 * The first task as a supervisor: what its servers find, and what can be asked of it.
 *
 * A server finds its port as the startup handle "port" (all rights); init keeps another RECEIVE
 * handle to it, so the port outlives the server.  When a server dies, the messages it holds end
 * with EDEAD; those that are queued, and those that come, wait for its successor, which is handed
 * the same port.  So clients keep their handles, and see no more of a restart than an EDEAD.
 *
 * A session of the dead server's is no longer known to its successor: it answers messages with such
 * a badge with -EIO, and does not mind KERNEL_UNREFERENCED of it.  To tell them apart a server puts
 * its life, the number in the startup word "life=", into the badges of its sessions
 * (SESSION_BADGE).
 *
 * A handle to a server's port that init gave has the badge that the manifest names, or 0.  Only the
 * log server's has INIT_BADGE and the number of who it was given to instead; nobody else can make
 * such a badge.  init itself is number 0.
 *
 * init is mounted as a node, "dev/init", in the name server: a session of it serves for these
 * operations too.
 */
#ifndef PORTOLAN_INIT_H
#define PORTOLAN_INIT_H

#include <portolan/io.h>

/* Without BADGE_COUNTED: never the badge of a session. */
#define INIT_BADGE(number) (1ull << 62 | (uint64_t)(number) << 32)
#define INIT_BADGE_NUMBER(badge) ((uint32_t)((badge) >> 32) & 0x3fffffffu)
#define INIT_BADGE_IS(badge) ((badge) >> 62 == 1)

/* A session's badge: unique over the lives of a server. */
#define SESSION_BADGE(life, number) ((uint64_t)(life) << 32 | (uint32_t)(number))

/* The notification bit by which init asks a server to end: INIT_STOP_PATIENCE_NS later it is
 * killed. */
#define INIT_STOP_BIT (1ull << 61)
#define INIT_STOP_PATIENCE_NS 2000000000ull

#define INIT_NAME_MAX 32u
#define INIT_WHY_MAX 80u

enum init_op {
    /* Services from number head.offset on: struct init_service in the reply's bytes; result: how
     * many, 0 at the end. */
    INIT_LIST = 0x600,
    /* Of these the bytes are a service's name.  -ENOENT no such service.  The answer comes at once,
     * not when what was asked for is done. */
    INIT_START,   /* -EALREADY it is running */
    INIT_STOP,    /* and is not restarted */
    INIT_RESTART, /* stop, then start */
    INIT_KILL,    /* without asking it; what follows is the manifest's policy */
};

enum init_state {
    INIT_STOPPED = 0, /* not to be started but by INIT_START */
    INIT_WAITING,     /* for those it needs, or for its turn after a failure */
    INIT_RUNNING,
    INIT_STOPPING,
};

struct init_service {
    char name[INIT_NAME_MAX];
    uint32_t number, state;
    uint32_t starts,
        console;            /* how often it was started; it is no server but a console's program */
    uint64_t since_ns;      /* when it came to be in this state */
    uint64_t budget, used;  /* bytes; 0 if it is not running */
    char why[INIT_WHY_MAX]; /* how it ended last, or "" */
};

#endif
