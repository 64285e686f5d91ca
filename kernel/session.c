/*
 * Counted badges; see session.h.
 */
#include "session.h"

#include "cpu.h"
#include "slab.h"
#include "thread.h"

struct session {
    struct list link; /* in its bucket */
    struct port *port;
    u64 badge, handles;
    struct envelope envelope; /* what the last handle's end will send */
    struct budget *budget;
    struct quiesce_node quiesce;
};

#define BUCKETS 256u

static struct spinlock session_lock; /* level 6: the buckets, and handles */
static struct list buckets[BUCKETS];
static struct slab_cache session_cache = SLAB_CACHE("session", sizeof(struct session), 16);

/* Its list is empty as zeros until the first session enters it. */
static struct list *bucket_of(const struct port *port, u64 badge)
{
    u64 hash = ((uintptr_t)port >> 6 ^ badge) * 0x9e3779b97f4a7c15ull;
    struct list *bucket = &buckets[hash >> 56];
    if (!bucket->next)
        list_init(bucket);
    return bucket;
}
_Static_assert(BUCKETS == 1u << 8, "the hash's top eight bits");

/* Lock held. */
static struct session *find(const struct port *port, u64 badge)
{
    struct list *bucket = bucket_of(port, badge);
    for (struct list *at = bucket->next; at != bucket; at = at->next) {
        struct session *session = container_of(at, struct session, link);
        if (session->port == port && session->badge == badge)
            return session;
    }
    return NULL;
}

static void session_free(struct quiesce_node *node)
{
    struct session *session = container_of(node, struct session, quiesce);
    struct budget *budget = session->budget;
    slab_free(&session_cache, session, budget);
    budget_put(budget);
}

/* The notice has been got, or its port has died. */
static void session_done(struct envelope *envelope)
{
    struct session *session = container_of(envelope, struct session, envelope);
    object_put(&session->port->object);
    quiesce_free(&session->quiesce, session_free);
}

static struct session *session_create(struct port *port, u64 badge, struct budget *budget)
{
    struct session *session = slab_alloc(&session_cache, budget);
    if (!session)
        return NULL;
    envelope_init_kernel(&session->envelope);
    session->envelope.got = session_done;
    session->envelope.head.op = KERNEL_UNREFERENCED;
    session->envelope.head.cookie = badge & ~BADGE_COUNTED;
    session->port = port;
    session->badge = badge;
    session->handles = 0;
    session->budget = budget;
    return session;
}

static bool count_one(struct port *port, u64 badge)
{
    spin_lock(&session_lock);
    struct session *session = find(port, badge);
    if (session)
        session->handles++;
    spin_unlock(&session_lock);
    return session;
}

int session_add(struct port *port, u64 badge, struct budget *budget)
{
    if (count_one(port, badge))
        return 0;
    if (!budget)
        return -EBADF;
    struct session *made = session_create(port, badge, budget);
    if (!made)
        return -ENOMEM;
    spin_lock(&session_lock);
    struct session *session = find(port, badge);
    if (!session) {
        session = made;
        list_append(bucket_of(port, badge), &made->link);
    }
    session->handles++;
    spin_unlock(&session_lock);
    if (session != made) { /* another thread was quicker */
        slab_free(&session_cache, made, budget);
        return 0;
    }
    object_get(&port->object);
    budget_get(budget);
    return 0;
}

/* As if who closes had sent it: behind what that thread sent before, so that the server does not
 * lose the session too early; but not behind all others, who could keep it waiting for ever. */
static void order_notice(struct envelope *envelope)
{
    const struct thread *self = current_thread();
    envelope->priority = self ? self->effective : PRIORITY_DEFAULT;
    envelope->sent_by = self ? self->object.koid : 0;
}

void session_remove(struct port *port, u64 badge)
{
    spin_lock(&session_lock);
    struct session *session = find(port, badge);
    bool last = --session->handles == 0;
    if (last)
        list_remove(&session->link);
    spin_unlock(&session_lock);
    if (last)
        order_notice(&session->envelope);
    if (last && !port_post(port, &session->envelope))
        session_done(&session->envelope);
}
