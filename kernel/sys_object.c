/*
 * System calls on ports and handles.
 */
#include "message.h"
#include "port.h"
#include "session.h"
#include "sys.h"
#include "task.h"
#include "thread.h"
#include "watch.h"

#define PORT_CAPACITY_MAX 65536u

i64 sys_unknown(void)
{
    return -ENOSYS;
}

/* The message calls take their token where the others have a second argument. */
i64 sys_send(u64 deadline, u64 reply_port)
{
    (void)deadline;
    return message_send(reply_port);
}

i64 sys_reply(u64 deadline, u64 token)
{
    (void)deadline;
    return message_reply(token);
}

i64 sys_forward(u64 deadline, u64 token)
{
    (void)deadline;
    return message_forward(token);
}

static struct port *lookup_port(u64 handle, u32 right, i64 *error)
{
    struct object *object = handle_object((handle_t)handle, OBJECT_PORT, right, error);
    return object ? container_of(object, struct port, object) : NULL;
}

i64 sys_notify(u64 handle, u64 bits)
{
    i64 error;
    struct port *port = lookup_port(handle, RIGHT_SEND, &error);
    if (!port)
        return error;
    if (bits & (NOTIFY_ABORT | NOTIFY_TIMER))
        return -EINVAL;
    if (port->dead)
        return -EDEAD;
    port_notify(port, bits);
    return 0;
}

i64 sys_port_create(u64 capacity)
{
    struct task *task = current_task();
    if (capacity < 1 || capacity > PORT_CAPACITY_MAX)
        return -EINVAL;
    struct port *port = port_create((u32)capacity, task->budget);
    if (!port)
        return -ENOMEM;
    handle_t handle = handle_insert(&task->handles, &port->object, RIGHTS_ALL, 0);
    if (!handle) {
        object_put(&port->object);
        return -EMFILE;
    }
    return handle;
}

i64 sys_port_timer(u64 handle, u64 deadline)
{
    i64 error;
    struct port *port = lookup_port(handle, RIGHT_RECEIVE, &error);
    if (!port)
        return error;
    /* Under the port's lock, so that the timer is set on one CPU at a time. */
    spin_lock(&port->lock);
    if (deadline == DEADLINE_NEVER || port->dead)
        timer_cancel(&port->timer);
    else
        timer_set(&port->timer, deadline);
    spin_unlock(&port->lock);
    return 0;
}

i64 sys_handle_close(u64 handle)
{
    struct task *task = current_task();
    struct handle_entry entry;
    if (!handle_take(&task->handles, (handle_t)handle, &entry))
        return -EBADF;
    handle_release(task, &entry);
    return 0;
}

/* What a handle to a port counts for beside a reference: a receiver, one of its session. */
static int count_port_handle(struct port *port, u32 rights, u64 badge, struct budget *new_session)
{
    if (badge_is_counted(badge)) {
        int error = session_add(port, badge, new_session);
        if (error)
            return error;
    }
    if (!(rights & RIGHT_RECEIVE) || port_add_receiver(port))
        return 0;
    if (badge_is_counted(badge))
        session_remove(port, badge);
    return -EDEAD;
}

/* Enters a copy of an entry into a table.  A session that is new is charged to `new_session`. */
static i64 insert_copy(struct handle_table *table, const struct handle_entry *entry, u32 rights,
                       u64 badge, struct budget *new_session)
{
    if (!object_get_live(entry->object))
        return -EBADF;
    if (handle_type(entry) == OBJECT_PORT) {
        struct port *port = container_of(entry->object, struct port, object);
        int error = count_port_handle(port, rights, badge, new_session);
        if (error) {
            object_put(entry->object);
            return error;
        }
    }
    handle_t handle = handle_insert(table, entry->object, rights, badge);
    if (handle)
        return handle;
    struct handle_entry copy = *entry;
    copy.badge = badge;
    copy.rights_and_type = rights << 8 | handle_type(entry);
    handle_release(NULL, &copy);
    return -EMFILE;
}

i64 sys_handle_duplicate(u64 handle, u64 rights, u64 badge)
{
    struct task *task = current_task();
    struct handle_entry entry;
    u32 reduced;
    int error =
        handle_lookup(&task->handles, (handle_t)handle, OBJECT_NONE, RIGHT_DUPLICATE, &entry);
    if (error)
        return error;
    if (!handle_reduce(handle_rights(&entry), (u32)rights, &reduced) || rights >> 32)
        return -EINVAL;
    if (badge) {
        if (handle_type(&entry) != OBJECT_PORT || !(handle_rights(&entry) & RIGHT_MANAGE))
            return -EPERM;
        if ((u32)rights == RIGHTS_SAME)
            reduced &= ~(u32)(RIGHT_MANAGE | RIGHT_RECEIVE);
    } else {
        badge = entry.badge;
    }
    return insert_copy(&task->handles, &entry, reduced, badge,
                       badge == entry.badge ? NULL : task->budget);
}

i64 sys_handle_info(u64 handle)
{
    struct handle_entry entry;
    int error = handle_lookup(&current_task()->handles, (handle_t)handle, OBJECT_NONE, 0, &entry);
    if (error)
        return error;
    set_result2(handle_rights(&entry));
    set_result3(entry.object->koid);
    return handle_type(&entry);
}

i64 sys_handle_grant(u64 task_handle, u64 handle, u64 rights)
{
    i64 error;
    struct object *object = handle_object((handle_t)task_handle, OBJECT_TASK, RIGHT_MANAGE, &error);
    if (!object)
        return error;
    struct task *task = container_of(object, struct task, object);
    struct handle_entry entry;
    error = handle_lookup(&current_task()->handles, (handle_t)handle, OBJECT_NONE, RIGHT_TRANSFER,
                          &entry);
    if (error)
        return error;
    u32 reduced;
    if (!handle_reduce(handle_rights(&entry), (u32)rights, &reduced) || rights >> 32)
        return -EINVAL;
    if (task->object.dead)
        return -EDEAD;
    return insert_copy(&task->handles, &entry, reduced, entry.badge, NULL);
}

i64 sys_watch(u64 handle, u64 port_handle, u64 cookie)
{
    struct task *self = current_task();
    struct handle_entry entry;
    i64 error = handle_lookup(&self->handles, (handle_t)handle, OBJECT_NONE, 0, &entry);
    if (error)
        return error;
    struct port *port = lookup_port(port_handle, RIGHT_RECEIVE, &error);
    if (!port)
        return error;
    struct object *object = entry.object;
    struct task *task = container_of(object, struct task, object);
    struct thread *thread = container_of(object, struct thread, object);
    struct port *watched = container_of(object, struct port, object);
    switch (object->type) {
    case OBJECT_TASK:
        return watch_add(&task->watches, &task->reaped, task->status, object->koid, port, cookie,
                         self->budget);
    case OBJECT_THREAD:
        return watch_add(&thread->watches, &object->dead, thread->status, object->koid, port,
                         cookie, self->budget);
    case OBJECT_PORT:
        return watch_add(&watched->watches, &object->dead, 0, object->koid, port, cookie,
                         self->budget);
    default:
        return -ENOTSUP;
    }
}
