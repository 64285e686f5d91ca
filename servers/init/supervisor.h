/*
 * The servers of the manifest, kept running.
 *
 * A service is a stanza `server` or `console` and what became of it.  Its number is its index + 1.
 * It runs, waits (for those it needs, or for its turn after a failure), is being stopped, or is
 * stopped.  A server's port is made once and lives as long as init, which keeps a RECEIVE handle.
 *
 * When a service ends, the manifest says whether it comes again: after BACK_OFF_FIRST, and twice as
 * long each time up to BACK_OFF_MOST, until it has lived for GOOD_LIFE.
 *
 * Everything here runs in init's only thread; nothing waits.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include <portolan/init.h>

#include "boot.h"
#include "server.h"

#define BACK_OFF_FIRST 100000000ull
#define BACK_OFF_MOST 10000000000ull
#define GOOD_LIFE 10000000000ull

struct service {
    const struct manifest_server *plan;
    uint32_t number;
    handle_t port;             /* RECEIVE; HANDLE_NONE for a console's program */
    uint64_t process, wait_id; /* its number, and the message that waits for its end; or 0 */
    struct spawned made;       /* while it runs or is being stopped */
    handle_t domain;           /* of its device, once it has been started; kept over its lives */
    enum init_state state;
    bool again;             /* being stopped to be started */
    uint32_t starts;        /* its present life, or its last */
    uint64_t since;         /* in this state from then on */
    uint64_t due;           /* waiting: not before; stopping: killed then */
    uint64_t back_off;      /* before the next start; 0: it has not failed lately */
    bool explained;         /* `why` says already how this life ends */
    char why[INIT_WHY_MAX]; /* how it ended last */
};

extern struct service services[MANIFEST_SERVERS_MAX];
extern uint32_t service_count;
extern struct server init_server;

/* Makes the ports and starts what needs nobody.  Afterwards server_run(&init_server). */
int64_t supervise(void);

/* What can be asked for a service; -EALREADY it is so already. */
int64_t service_start(struct service *service);
int64_t service_stop(struct service *service, bool again);
int64_t service_kill(struct service *service);

/* The service of that name (length bytes), or NULL. */
struct service *service_find(const char *name, size_t length);

/* Sends to a server's port, with a badge, what lies in the message page; the answer comes to init's
 * port.  Handles sent with it are gone, but not after an error. */
int64_t service_send(const struct service *service, uint64_t badge, const struct message *head,
                     uint64_t *id);

/* A line about a service to the log server or, before there is one, to the kernel's log. */
void init_log(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether it is running, as a task of init's or as a process. */
static inline bool service_lives(const struct service *service)
{
    return service->made.task || service->process;
}

/* ---- grants.c ------------------------------------------------------------------------ */

#define GRANTS_MAX (MANIFEST_GRANTS_MAX + 4u) /* its port, its device's two, its process */

/* The handles and words that a service is started with; closed by grants_close. */
struct grants {
    struct spawn_handle handles[GRANTS_MAX];
    char names[GRANTS_MAX][STARTUP_NAME_MAX];
    uint32_t count, kept; /* the last `kept` of them are not closed: they are init's own */
    char words[STARTUP_WORDS_MAX];
    uint32_t word_count, words_length;
};
int64_t grants_make(struct service *service, struct grants *grants);
void grants_close(const struct grants *grants);

/* Another handle, closed with the others whatever comes of this. */
int64_t grants_add(struct grants *grants, const char *name, int64_t handle);

/* ---- devices.c: what the pci server finds ------------------------------------------------ */

/* The pci server was started: it is asked what there is. */
void devices_ask(void);
/* The answer to a message of devices_ask's: true. */
bool devices_answered(uint64_t id, const struct message *head);
/* Whether the device that a service is to drive is there, or it is to drive none. */
bool devices_has(const struct service *service);
/* Whether all have been found, and it is not among them. */
bool devices_is_missing(const struct service *service);
/* Assigns the service's device to its next life, and grants it "pci" and "domain".  -EPERM it is
 * not trusted, and there is no IOMMU. */
int64_t devices_give(struct service *service, struct grants *grants);

/* ---- process.c: services that are POSIX processes ----------------------------------------- */

bool process_is_wanted(const struct service *service);
/* Starts it; `plan` as for spawn.  Its end is told by the answer to service->wait_id: arg[0] is its
 * status if the result is above 0. */
int64_t process_launch(struct service *service, const struct spawn *plan,
                       const struct grants *grants);
int64_t process_kill(const struct service *service);

/* ---- requests.c: what comes to init's own port --------------------------------------- */

extern server_handler *const request_handlers[];
#define REQUEST_COUNT 5u
int64_t request_other(struct server *server, struct request *request);

#endif
