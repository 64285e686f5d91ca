/*
 * Death notices; see watch.h.
 */
#include "watch.h"

#include "slab.h"

struct watch {
    struct list link;      /* in the watched object's list */
    struct list port_link; /* in port->watching */
    struct port *port;     /* a reference */
    struct envelope envelope;
    struct budget *budget;
    struct quiesce_node quiesce;
};

/* Both lists of all watches: they are rare. Level 6. */
static struct spinlock watch_lock;

static struct slab_cache watch_cache = SLAB_CACHE("watch", sizeof(struct watch), 16);

static void watch_free(struct quiesce_node *node)
{
    struct watch *watch = container_of(node, struct watch, quiesce);
    struct budget *budget = watch->budget;
    slab_free(&watch_cache, watch, budget);
    budget_put(budget);
}

void watch_done(struct envelope *envelope)
{
    struct watch *watch = container_of(envelope, struct watch, envelope);
    object_put(&watch->port->object);
    quiesce_free(&watch->quiesce, watch_free);
}

static void post(struct watch *watch, i64 status, u64 koid)
{
    watch->envelope.head.result = status;
    watch->envelope.head.arg[0] = koid;
    if (!port_post(watch->port, &watch->envelope))
        watch_done(&watch->envelope);
}

int watch_add(struct list *list, const u8 *dead, i64 status, u64 koid, struct port *port,
              u64 cookie, struct budget *budget)
{
    struct watch *watch = slab_alloc(&watch_cache, budget);
    if (!watch)
        return -ENOMEM;
    envelope_init_kernel(&watch->envelope);
    watch->envelope.got = watch_done;
    watch->envelope.head.op = KERNEL_DEATH;
    watch->envelope.head.cookie = cookie;
    list_init(&watch->link);
    list_init(&watch->port_link);
    watch->port = port;
    object_get(&port->object);
    watch->budget = budget;
    budget_get(budget);
    spin_lock(&watch_lock);
    bool late = atomic_load(dead);
    if (!late) {
        list_append(list, &watch->link);
        list_append(&port->watching, &watch->port_link);
    }
    spin_unlock(&watch_lock);
    if (late)
        post(watch, status, koid);
    else if (atomic_load(&port->dead))
        watch_forget(port); /* it died in between */
    return 0;
}

/* Takes the first watch of a list out of both that it is in; NULL: none. */
static struct watch *take(struct list *list, size_t link_offset)
{
    struct watch *watch = NULL;
    spin_lock(&watch_lock);
    if (!list_empty(list)) {
        watch = (struct watch *)((u8 *)list->next - link_offset);
        list_remove(&watch->link);
        list_remove(&watch->port_link);
    }
    spin_unlock(&watch_lock);
    return watch;
}

void watch_fire(struct list *list, i64 status, u64 koid)
{
    for (struct watch *watch; (watch = take(list, offsetof(struct watch, link)));)
        post(watch, status, koid);
}

void watch_forget(struct port *port)
{
    for (struct watch *watch; (watch = take(&port->watching, offsetof(struct watch, port_link)));)
        watch_done(&watch->envelope);
}
