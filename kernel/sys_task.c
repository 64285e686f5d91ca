/*
 * System calls on tasks and threads.
 */
#include "message_internal.h"
#include "port.h"
#include "sys.h"
#include "task.h"
#include "thread.h"
#include "vmo.h"

static struct task *lookup_task(u64 handle, u32 right, i64 *error)
{
    struct object *object = handle_object((handle_t)handle, OBJECT_TASK, right, error);
    return object ? container_of(object, struct task, object) : NULL;
}

static struct thread *lookup_thread(u64 handle, u32 right, i64 *error)
{
    struct object *object = handle_object((handle_t)handle, OBJECT_THREAD, right, error);
    return object ? container_of(object, struct thread, object) : NULL;
}

static bool canonical_user(u64 address)
{
    return address < USER_LIMIT;
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

i64 sys_task_create(u64 budget)
{
    struct task *self = current_task();
    struct task *task = task_create(self->budget, budget, self);
    if (!task)
        return -ENOMEM;
    handle_t handle = handle_insert(&self->handles, &task->object, RIGHTS_ALL, 0);
    if (!handle) {
        object_put(&task->object);
        return -EMFILE;
    }
    return handle;
}

i64 sys_task_kill(u64 handle, u64 status)
{
    i64 error;
    struct task *task = lookup_task(handle, RIGHT_MANAGE, &error);
    if (!task)
        return error;
    if (task->object.dead)
        return -EDEAD;
    task_kill(task, (i32)status);
    return 0;
}

i64 sys_task_info(u64 handle)
{
    i64 error;
    struct task *task = lookup_task(handle, RIGHT_READ, &error);
    if (!task)
        return error;
    struct task_info info = {.koid = task->object.koid,
                             .budget = (u64)task->budget->limit,
                             .used = (u64)task->budget->used,
                             .threads = task->live_threads,
                             .handles = task->reaped ? 0 : task->handles.count,
                             .dead = task->object.dead,
                             .status = (u32)task->status,
                             .messages = task->messages};
    if (!task->object.dead)
        info.mapped = aspace_mapped_bytes(task->aspace);
    memcpy(current_message_bytes(), &info, sizeof(info));
    return 0;
}

i64 sys_task_set_exception_port(u64 handle, u64 port_handle)
{
    i64 error;
    struct task *task = lookup_task(handle, RIGHT_MANAGE, &error);
    if (!task)
        return error;
    struct port *port = NULL;
    u64 badge = 0;
    if (port_handle) {
        struct handle_entry entry;
        error = handle_lookup(&current_task()->handles, (handle_t)port_handle, OBJECT_PORT,
                              RIGHT_SEND, &entry);
        if (error)
            return error;
        port = container_of(entry.object, struct port, object);
        badge = entry.badge;
        object_get(&port->object);
    }
    spin_lock(&task->lock);
    struct port *old = port;
    if (!task->reaped) {
        old = task->exception_port;
        task->exception_port = port;
        task->exception_badge = badge;
    }
    bool dead = task->reaped;
    spin_unlock(&task->lock);
    if (old)
        object_put(&old->object);
    return dead ? -EDEAD : 0;
}

i64 sys_task_add_budget(u64 handle, u64 delta)
{
    i64 error;
    struct task *self = current_task(), *task = lookup_task(handle, RIGHT_MANAGE, &error);
    if (!task)
        return error;
    i64 amount = (i64)delta;
    if (amount == INT64_MIN)
        return -ENOMEM;
    bool moved = amount >= 0 ? budget_move(self->budget, task->budget, (u64)amount)
                             : budget_move(task->budget, self->budget, (u64)-amount);
    return moved ? 0 : -ENOMEM;
}

/* ---- Threads: beginning and end -------------------------------------------------------------- */

i64 sys_thread_create(u64 task_handle, u64 entry, u64 stack, u64 arg, u64 msg_vmo, u64 msg_offset)
{
    const struct frame *more = &current_thread()->user;
    u64 msg_address = more->r12, fs_base = more->r15;
    i64 priority = (i64)more->r13, cpu = (i64)more->r14;
    i64 error;
    struct task *task = lookup_task(task_handle, RIGHT_MANAGE, &error);
    if (!task)
        return error;
    if (!canonical_user(entry) || !canonical_user(stack) || !canonical_user(fs_base) ||
        priority < 0 || priority >= PRIORITY_COUNT || cpu < -1 || cpu >= (i64)cpu_count)
        return -EINVAL;
    struct span span;
    error = span_lookup((handle_t)msg_vmo, RIGHT_READ | RIGHT_WRITE | RIGHT_PIN, &span);
    if (error)
        return error;
    if (!is_page_aligned(msg_offset))
        return -EINVAL;
    if (task->object.dead)
        return -EDEAD;
    struct message_pages pages;
    error = message_pages_pin(&span, msg_offset, &pages);
    if (error)
        return error;
    struct thread *thread = thread_create(task, &pages);
    if (!thread) {
        message_pages_unpin(&pages);
        return -ENOMEM;
    }
    thread->user.rip = entry;
    thread->user.rsp = stack;
    thread->user.rdi = arg;
    thread->user.rsi = msg_address;
    thread->fs_base = fs_base;
    thread->priority = thread->effective = (u8)priority;
    thread->affinity = (i32)cpu;
    handle_t handle = handle_insert(&current_task()->handles, &thread->object, RIGHTS_ALL, 0);
    if (!handle) {
        object_put(&thread->object);
        return -EMFILE;
    }
    return handle;
}

i64 sys_thread_start(u64 handle)
{
    i64 error;
    struct thread *thread = lookup_thread(handle, RIGHT_MANAGE, &error);
    if (!thread)
        return error;
    return thread_start(thread);
}

i64 sys_thread_exit(u64 status)
{
    thread_exit((i32)status);
}

i64 sys_thread_kill(u64 handle, u64 status)
{
    i64 error;
    struct thread *thread = lookup_thread(handle, RIGHT_MANAGE, &error);
    if (!thread)
        return error;
    if (atomic_load(&thread->object.dead) || !thread_started(thread))
        return -EDEAD;
    if (thread == current_thread())
        thread_exit((i32)status);
    thread->kill_status = (i32)status;
    thread_request(thread, REQUEST_KILL);
    return 0;
}

/* ---- Threads: control ------------------------------------------------------------------------ */

i64 sys_thread_suspend(u64 handle, u64 wait_only)
{
    i64 error;
    struct thread *thread = lookup_thread(handle, RIGHT_MANAGE, &error);
    if (!thread)
        return error;
    if (atomic_load(&thread->object.dead))
        return -EDEAD;
    if (wait_only > 1)
        return -EINVAL;
    if (!wait_only) {
        atomic_add(&thread->suspend_count, 1);
        thread_request(thread, REQUEST_SUSPEND);
    }
    /* Not the caller's own end of the call: it stops on the way out. */
    if (thread == current_thread())
        return 0;
    if (!atomic_load(&thread->suspend_count))
        return -EINVAL;
    if (thread_is_running(thread)) {
        restart_with(handle, 1, 0);
        return -RESTART;
    }
    return 0;
}

i64 sys_thread_resume(u64 handle)
{
    i64 error;
    struct thread *thread = lookup_thread(handle, RIGHT_MANAGE, &error);
    if (!thread)
        return error;
    u32 count = atomic_load(&thread->suspend_count);
    do {
        if (!count)
            return -EINVAL;
    } while (!atomic_compare_exchange(&thread->suspend_count, &count, count - 1));
    thread_request(thread, REQUEST_SUSPEND);
    return 0;
}

i64 sys_thread_interrupt(u64 handle)
{
    i64 error;
    struct thread *thread = lookup_thread(handle, RIGHT_MANAGE, &error);
    if (!thread)
        return error;
    if (atomic_load(&thread->object.dead))
        return -EDEAD;
    thread_request(thread, REQUEST_INTERRUPT);
    return 0;
}

i64 sys_thread_read_state(u64 handle)
{
    i64 error;
    struct thread *thread = lookup_thread(handle, RIGHT_MANAGE, &error);
    if (!thread)
        return error;
    if (!thread_held(thread))
        return -EBUSY;
    struct thread_state *state = current_message_bytes();
    memcpy(state, &thread->user, offsetof(struct thread_state, rip));
    state->rip = thread->user.rip;
    state->rflags = thread->user.rflags;
    state->rsp = thread->user.rsp;
    state->fs_base = thread->fs_base;
    return 0;
}

i64 sys_thread_write_state(u64 handle, u64 parts)
{
    i64 error;
    struct thread *thread = lookup_thread(handle, RIGHT_MANAGE, &error);
    if (!thread)
        return error;
    if (parts > THREAD_STATE_CONTROL)
        return -EINVAL;
    if (parts == THREAD_STATE_CONTROL ? !thread_held(thread) : !thread_stopped(thread))
        return -EBUSY;
    struct thread_state state;
    memcpy(&state, current_message_bytes(), sizeof(state));
    if (!canonical_user(state.rip) || !canonical_user(state.rsp) || !canonical_user(state.fs_base))
        return -EINVAL;
    if (parts == THREAD_STATE_ALL) {
        memcpy(&thread->user, &state, offsetof(struct thread_state, rip));
        thread->fs_base = state.fs_base;
    }
    thread->user.rip = state.rip;
    thread->user.rflags = (state.rflags & USER_RFLAGS_MASK) | USER_RFLAGS;
    thread->user.rsp = state.rsp;
    return 0;
}

i64 sys_thread_set(u64 handle, u64 priority, u64 cpu)
{
    i64 error, p = (i64)priority, c = (i64)cpu;
    struct thread *thread = lookup_thread(handle, RIGHT_MANAGE, &error);
    if (!thread)
        return error;
    if (p < -1 || p >= PRIORITY_COUNT || c < -2 || c >= (i64)cpu_count)
        return -EINVAL;
    if (atomic_load(&thread->object.dead))
        return -EDEAD;
    thread_change(thread, (i32)p, (i32)c);
    return 0;
}

i64 sys_thread_set_fs(u64 address)
{
    if (!canonical_user(address))
        return -EINVAL;
    current_thread()->fs_base = address;
    __asm__ volatile("wrfsbase %0" : : "r"(address));
    return 0;
}

i64 sys_thread_yield(void)
{
    current_thread()->user.rax = 0;
    sched_yield();
    return 0;
}

i64 sys_sleep(u64 deadline)
{
    struct thread *self = current_thread();
    if (deadline != DEADLINE_NEVER && deadline <= clock_now())
        return 0;
    self->state = THREAD_PARKED;
    self->sleeping = true;
    thread_arm(self, deadline);
    schedule();
}

i64 sys_thread_info(u64 handle)
{
    i64 error;
    struct thread *thread = lookup_thread(handle, RIGHT_READ, &error);
    if (!thread)
        return error;
    struct thread_info info = {.koid = thread->object.koid,
                               .task_koid = thread->task->object.koid,
                               .cpu_time = thread_cpu_time(thread),
                               .waits_for = thread_waits_for(thread),
                               .state = thread->state,
                               .priority = thread->priority,
                               .effective_priority = thread->effective,
                               .cpu = thread->cpu->id,
                               .suspended = thread->suspend_count,
                               .status = (u32)thread->status};
    memcpy(current_message_bytes(), &info, sizeof(info));
    return 0;
}
