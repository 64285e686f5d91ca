/*
 * See pool.h.
 */
#include "pool.h"

#include "clock.h"
#include "mailbox.h"
#include "syscall.h"

#define STOP_BIT (1ull << 60) /* a notification that only wakes, so that `stop` is seen */

static void run(void *argument)
{
    server_loop(argument);
}

static int64_t start_thread(struct thread *thread, struct server *server, handle_t task,
                            int32_t priority, int32_t cpu)
{
    const struct thread_options options = {priority, cpu, 0};
    int64_t error = thread_create(thread, task, run, server, &options);
    if (error < 0)
        return error;
    return sys_thread_start(thread->handle);
}

/* Joins a thread that is to see stop.  A notification wakes one getter, which need not be this
 * one. */
static int64_t stop_thread(struct thread *thread, struct server *server, uint64_t deadline)
{
    for (;;) {
        uint64_t until = clock_after(MILLISECOND);
        sys_notify(server->port, STOP_BIT);
        int64_t error = thread_join(thread, until < deadline ? until : deadline, NULL);
        if (error != -ETIMEDOUT || clock_now() >= deadline)
            return error;
    }
}

int64_t pool_start(struct pool *pool, struct server *server, handle_t task, uint32_t count,
                   int32_t priority)
{
    *pool = (struct pool){.server = server};
    if (count == 0 || count > POOL_THREADS_MAX || server->rings || server->mailbox ||
        server->attachments)
        return -EINVAL;
    server->shared = true;
    server->stop = false;
    for (; pool->count < count; pool->count++) {
        int64_t error = start_thread(&pool->threads[pool->count], server, task, priority, -1);
        if (error < 0) {
            pool_stop(pool, DEADLINE_NEVER);
            return error;
        }
    }
    return 0;
}

int64_t pool_stop(struct pool *pool, uint64_t deadline)
{
    __atomic_store_n(&pool->server->stop, true, __ATOMIC_RELEASE);
    for (; pool->count; pool->count--) {
        int64_t error = stop_thread(&pool->threads[pool->count - 1], pool->server, deadline);
        if (error < 0)
            return error;
    }
    return 0;
}

int64_t port_set_start(struct port_set *set, struct server *servers, uint32_t count, handle_t task,
                       uint32_t cpus, int32_t priority)
{
    *set = (struct port_set){.servers = servers};
    if (count == 0 || count > PORT_SET_MAX || cpus == 0)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        int64_t error = server_open(&servers[i], MAILBOX_SLOTS);
        if (error < 0)
            return error;
        servers[i].set = set;
        servers[i].stop = false;
    }
    for (; set->count < count; set->count++) {
        uint32_t i = set->count;
        int64_t error =
            start_thread(&set->threads[i], &servers[i], task, priority, (int32_t)(i % cpus));
        if (error < 0) {
            port_set_stop(set, DEADLINE_NEVER);
            return error;
        }
    }
    return 0;
}

int64_t port_set_stop(struct port_set *set, uint64_t deadline)
{
    for (; set->count; set->count--) {
        struct server *server = &set->servers[set->count - 1];
        __atomic_store_n(&server->stop, true, __ATOMIC_RELEASE);
        int64_t error = stop_thread(&set->threads[set->count - 1], server, deadline);
        if (error < 0)
            return error;
    }
    return 0;
}

/* ---- A client's side ------------------------------------------------------------------------- */

/* Opens the ports whose handles came with a reply. */
static void open_some(struct port_group *group, struct mailbox *mailbox, const struct message *head)
{
    const struct message_handle *handles = message_area()->handles;
    for (uint32_t i = 0; i < MESSAGE_FLAG_HANDLES(head->flags); i++) {
        if (group->count == PORT_SET_MAX)
            sys_handle_close(handles[i].handle);
        else
            port_across(&group->ports[group->count++], mailbox, handles[i].handle);
    }
}

static int64_t open_one(struct port_group *group, struct mailbox *mailbox, handle_t handle)
{
    int64_t copy = sys_handle_duplicate(handle, RIGHTS_SAME, 0);
    if (copy < 0)
        return copy;
    return port_across(&group->ports[group->count++], mailbox, (handle_t)copy);
}

int64_t port_group_open(struct port_group *group, struct mailbox *mailbox, handle_t handle)
{
    group->count = 0;
    for (;;) {
        struct message head = {.op = SERVER_PORTS, .flags = MESSAGE_ROOM, .arg = {group->count}};
        uint32_t before = group->count;
        int64_t result = sys_do(handle, clock_after(CONTROL_PATIENCE), &head);
        if (result >= 0)
            result = msg_heard(head.result);
        if (result == -ENOSYS && before == 0)
            return open_one(group, mailbox, handle);
        if (result >= 0)
            open_some(group, mailbox, &head);
        if (result >= 0 && group->count == before)
            result = -EPROTO;
        if (result < 0) {
            port_group_close(group);
            return result;
        }
        if (group->count >= result || group->count == PORT_SET_MAX)
            return 0;
    }
}

void port_group_close(struct port_group *group)
{
    while (group->count)
        port_close(&group->ports[--group->count]);
}

struct port *port_of_cpu(struct port_group *group)
{
    return port_of_key(group, clock_cpu());
}
