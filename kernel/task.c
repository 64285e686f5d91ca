/*
 * Tasks: making them and their end; see task.h.
 */
#include "task.h"

#include "message.h"
#include "port.h"
#include "slab.h"
#include "thread.h"
#include "trace.h"
#include "vmo.h"
#include "watch.h"
#include "x86/tlb.h"

static struct slab_cache task_cache = SLAB_CACHE("task", sizeof(struct task), 64);

/* Handles that a dying task closes at once. */
#define CLOSE_PIECE 32u

static struct spinlock unborn_lock; /* level 6 */

void task_born(struct task *task)
{
    spin_lock(&unborn_lock);
    list_remove(&task->unborn_link);
    spin_unlock(&unborn_lock);
}

/* Takes one of the tasks that a dead one made and nobody started, with a reference; or NULL. */
static struct task *take_unborn(struct task *maker)
{
    struct task *task = NULL;
    spin_lock(&unborn_lock);
    while (!task && !list_empty(&maker->unborn)) {
        task = list_first(&maker->unborn, struct task, unborn_link);
        list_remove(&task->unborn_link);
        if (!object_get_live(&task->object))
            task = NULL; /* on its way already */
    }
    spin_unlock(&unborn_lock);
    return task;
}

struct task *task_create(struct budget *parent, u64 bytes, struct task *maker)
{
    struct budget *budget = budget_create(parent, bytes);
    if (!budget)
        return NULL;
    struct task *task = slab_alloc(&task_cache, budget);
    if (!task)
        goto no_task;
    if (handle_table_init(&task->handles, budget))
        goto no_handles;
    task->aspace = aspace_create(budget);
    if (!task->aspace)
        goto no_aspace;
    object_init(&task->object, OBJECT_TASK);
    list_init(&task->threads);
    list_init(&task->watches);
    list_init(&task->unborn);
    list_init(&task->unborn_link);
    task->budget = budget;
    if (maker) {
        spin_lock(&unborn_lock);
        list_append(&maker->unborn, &task->unborn_link);
        spin_unlock(&unborn_lock);
    }
    return task;

no_aspace:
    handle_table_free(&task->handles);
no_handles:
    slab_free(&task_cache, task, budget);
no_task:
    budget_put(budget);
    return NULL;
}

/* ---- The end --------------------------------------------------------------------------------- */

enum { REAP_MESSAGES, REAP_HANDLES, REAP_LEAVE, REAP_ASPACE };

static bool reap_piece(struct reap *reap)
{
    struct task *task = container_of(reap, struct task, reap);
    switch (task->reap_stage) {
    case REAP_MESSAGES:
        for (struct task *unborn; (unborn = take_unborn(task));) {
            task_kill(unborn, -1);
            object_put(&unborn->object);
        }
        if (task->messaged)
            message_end_held(NULL, task);
        task->reap_stage = REAP_HANDLES;
        return false;
    case REAP_HANDLES:
        if (handle_table_clear(&task->handles, task, CLOSE_PIECE))
            task->reap_stage = REAP_LEAVE;
        return false;
    case REAP_LEAVE:
        tlb_leave(task->aspace);
        task->reap_stage = REAP_ASPACE;
        return false;
    default:
        if (!aspace_destroy_piece(task->aspace))
            return false;
    }
    task->aspace = NULL;
    /* What it did not use goes back now; the rest when the last object that is charged to it is
     * gone. */
    struct budget *budget = task->budget;
    if (budget->parent)
        budget_move(budget, budget->parent, (u64)(budget->limit - budget->used));
    object_put(&task->object); /* taken for this */
    return true;
}

/* No thread runs in it any more: tells who watches, and hands the rest to the reaper. */
void task_threads_gone(struct task *task)
{
    spin_lock(&task->lock);
    bool first = !task->reaped;
    task->reaped = true;
    atomic_store(&task->object.dead, 1);
    struct port *port = task->exception_port;
    task->exception_port = NULL;
    spin_unlock(&task->lock);
    if (!first)
        return;
    if (port)
        object_put(&port->object);
    watch_fire(&task->watches, task->status, task->object.koid);
    object_get(&task->object);
    reaper_add(&task->reap, reap_piece);
}

void task_forget_handle(struct task *task, handle_t handle)
{
    spin_lock(&task->lock);
    list_for_each (node, &task->threads) {
        struct thread *thread = list_entry(node, struct thread, task_link);
        if (atomic_load(&thread->get_handle) == handle)
            atomic_store(&thread->get_handle, GET_HANDLE_NONE);
    }
    spin_unlock(&task->lock);
}

void task_kill(struct task *task, i32 status)
{
    trace(TRACE_KILL, task->object.koid, (u64)status);
    spin_lock(&task->lock);
    bool first = !task->object.dead;
    if (first) {
        task->status = status;
        atomic_store(&task->object.dead, 1);
    }
    bool empty = task->live_threads == 0;
    list_for_each (node, &task->threads) {
        struct thread *thread = list_entry(node, struct thread, task_link);
        if (first)
            thread->kill_status = status;
        thread_request(thread, REQUEST_KILL);
    }
    spin_unlock(&task->lock);
    if (empty)
        task_threads_gone(task);
}

static void task_free(struct quiesce_node *node)
{
    struct task *task = container_of(node, struct task, quiesce);
    struct budget *budget = task->budget;
    handle_table_free(&task->handles);
    slab_free(&task_cache, task, budget);
    budget_put(budget);
}

void task_destroy(struct object *object)
{
    struct task *task = container_of(object, struct task, object);
    task_born(task);
    if (!task->reaped) {
        /* Never had a thread, and nobody can name it any more. */
        task_threads_gone(task);
        return;
    }
    quiesce_free(&task->quiesce, task_free);
}
