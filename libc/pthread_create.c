/*
 * Creating, ending, joining and detaching threads.
 *
 * `join` of a thread says how far it is:
 *   0         runs; may be joined or detached
 *   port << 2 runs; that port's thread waits to join it
 *   DETACHED  runs; nobody will join it
 *   ENDING    as 0, but its thread will not look at this any more: who wants to detach it joins it
 *   ENDED     its thread does not touch its memory any more
 * A thread's last act is to exchange this for ENDED, wake the joiner and leave, all in
 * registers: its stack may be gone by then.
 *
 * The memory of threads that ended is kept for the next few of the same size, with its port and VM
 * object, since making these, and touching their pages first, costs most of what creating a thread
 * does.
 */
#include <errno.h>
#include <pthread.h>
#include <reent.h>
#include <stdlib.h>

#include "fork_hooks.h"
#include "lock.h"
#include "process.h"
#include "pthread_attr.h"
#include "pthread_sched.h"
#include "signal_state.h"
#include "syscall.h"

enum { ENDED = 1, DETACHED = 2, ENDING = 3 };
#define PORT_SHIFT 2
#define KEPT_MAX 16

static uint32_t living = 1;

static struct {
    struct __lock_word lock;
    struct __pthread *first; /* by next */
    uint32_t count;
} kept;

/* ---- Memory of ended threads ----------------------------------------------------------------- */

static bool has_ended(const struct __pthread *thread)
{
    return __atomic_load_n(&thread->join, __ATOMIC_ACQUIRE) == ENDED;
}

/* Takes the first kept thread out that has ended and is as wanted; NULL: none. */
static struct __pthread *take_kept(bool ordinary)
{
    struct __pthread **link, *thread = NULL;
    __libc_lock(&kept.lock);
    for (link = &kept.first; *link; link = &(*link)->next) {
        if ((*link)->ordinary != ordinary || !has_ended(*link))
            continue;
        thread = *link;
        *link = thread->next;
        kept.count--;
        break;
    }
    __libc_unlock(&kept.lock);
    return thread;
}

/* The thread has ended; or it is the caller and about to, then its memory has to be kept. */
static void keep_or_free(struct __pthread *thread)
{
    struct __pthread *unwanted;
    if (thread->is_first)
        return;
    __libc_lock(&kept.lock);
    bool keep = thread == thread_self() || (thread->ordinary && kept.count < KEPT_MAX);
    if (keep) {
        thread->next = kept.first;
        kept.first = thread;
        kept.count++;
    }
    __libc_unlock(&kept.lock);
    if (!keep)
        __libc_thread_unmake(thread);
    while ((unwanted = take_kept(false)) != NULL)
        __libc_thread_unmake(unwanted);
}

static struct __pthread *make(const pthread_attr_t *attributes)
{
    bool ordinary = attributes->__stack == NULL && attributes->__stack_size == DEFAULT_STACK_SIZE &&
                    attributes->__guard_size == DEFAULT_GUARD_SIZE;
    struct __pthread *thread = ordinary ? take_kept(true) : NULL;
    if (thread) {
        thread = __libc_thread_remake(thread);
        thread->ordinary = true;
        return thread;
    }
    size_t stack_size = attributes->__stack ? 0 : attributes->__stack_size;
    size_t guard_size = attributes->__stack ? 0 : attributes->__guard_size;
    thread = __libc_thread_make(stack_size, guard_size, MESSAGE_AREA_SIZE);
    if (thread == NULL)
        return NULL;
    __libc_memory_enter(&thread->memory);
    thread->ordinary = ordinary;
    if (attributes->__stack) {
        thread->stack = (uintptr_t)attributes->__stack;
        thread->stack_size = attributes->__stack_size;
    }
    return thread;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

static _Noreturn void vanish(uint64_t *join)
{
    __asm__ volatile("movl %[ended], %%eax\n\t"
                     "xchgq %%rax, (%[join])\n\t"
                     "shrq %[shift], %%rax\n\t"
                     "jz 1f\n\t"
                     "movl %%eax, %%edi\n\t"
                     "movl $1, %%esi\n\t"
                     "movl %[notify], %%eax\n\t"
                     "syscall\n"
                     "1:\n\t"
                     "xorl %%edi, %%edi\n\t"
                     "movl %[exit], %%eax\n\t"
                     "syscall\n\t"
                     "ud2"
                     :
                     : [join] "r"(join), [ended] "i"(ENDED), [shift] "i"(PORT_SHIFT),
                       [notify] "i"(SYS_NOTIFY), [exit] "i"(SYS_THREAD_EXIT)
                     : "memory");
    __builtin_unreachable();
}

static _Noreturn void leave(struct __pthread *self)
{
    uint64_t state = 0;
    signals_hold(self);
    __libc_signals_thread_end(self);
    __libc_threads_lock();
    __libc_threads_note_time(self);
    __libc_threads_remove(self);
    __libc_threads_unlock();
    sys_handle_close(__atomic_exchange_n(&self->handle, HANDLE_NONE, __ATOMIC_RELAXED));
    if (!__atomic_compare_exchange_n(&self->join, &state, ENDING, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED) &&
        state == DETACHED)
        keep_or_free(self);
    vanish(&self->join);
}

_Noreturn void __libc_thread_end(void *result)
{
    struct __pthread *self = thread_self();
    self->ending = true;
    self->result = result;
    while (self->cleanup) {
        struct __cleanup *cleanup = self->cleanup;
        self->cleanup = cleanup->__outer;
        cleanup->__routine(cleanup->__argument);
    }
    __libc_keys_destroy(self);
    __libc_robust_release(self);
    if (__atomic_fetch_sub(&living, 1, __ATOMIC_ACQ_REL) == 1)
        exit(0);
    _reclaim_reent(_REENT);
    leave(self);
}

void pthread_exit(void *result)
{
    __libc_thread_end(result);
}

/* ---- Creating -------------------------------------------------------------------------------- */

static _Noreturn void begin(struct __pthread *self)
{
    __libc_thread_end(self->function(self->argument));
}

static int64_t make_kernel_thread(struct __pthread *thread, const pthread_attr_t *attributes)
{
    int error = __libc_sched_of_new(thread, attributes);
    if (error)
        return -error;
    uint64_t message_offset = thread->memory.length - MESSAGE_AREA_SIZE;
    const struct thread_creation creation = {
        .task = __libc_process.task,
        .entry = (uint64_t)begin,
        /* As a call would leave it: a multiple of 16, less 8. */
        .stack = ((thread->stack + thread->stack_size) & ~15ul) - 8,
        .arg = (uint64_t)thread,
        .message_vmo = thread->memory.vmo,
        .message_offset = message_offset,
        .message_address = thread->memory.address + message_offset,
        .priority = __libc_kernel_priority(thread->policy, thread->priority),
        .cpu = -1,
        .fs_base = (uint64_t)thread,
    };
    return sys_thread_create(&creation);
}

static void enter(struct __pthread *thread)
{
    __atomic_fetch_add(&living, 1, __ATOMIC_RELAXED);
    __libc_threads_lock();
    __libc_threads_add(thread);
    __libc_threads_unlock();
}

static void withdraw(struct __pthread *thread)
{
    __libc_threads_lock();
    __libc_threads_remove(thread);
    __libc_threads_unlock();
    __atomic_fetch_sub(&living, 1, __ATOMIC_RELAXED);
    __libc_signals_thread_end(thread);
    sys_handle_close(thread->handle);
    __libc_thread_unmake(thread);
}

int pthread_create(pthread_t *restrict out, const pthread_attr_t *restrict given,
                   void *(*function)(void *), void *restrict argument)
{
    pthread_attr_t attributes;
    if (given)
        attributes = *given;
    else
        pthread_attr_init(&attributes);
    struct __pthread *thread = make(&attributes);
    if (thread == NULL)
        return EAGAIN;
    int64_t handle = make_kernel_thread(thread, &attributes);
    if (handle < 0) {
        __libc_thread_unmake(thread);
        return handle == -EPERM || handle == -EINVAL ? (int)-handle : EAGAIN;
    }
    thread->handle = (handle_t)handle;
    if (__libc_signals_thread_begin(thread) != 0) {
        sys_handle_close(thread->handle);
        __libc_thread_unmake(thread);
        return EAGAIN;
    }
    thread->function = function;
    thread->argument = argument;
    thread->canary = thread_self()->canary;
    thread->join = attributes.__detached == PTHREAD_CREATE_DETACHED ? DETACHED : 0;
    enter(thread);
    *out = thread;
    if (sys_thread_start((handle_t)handle) < 0) {
        withdraw(thread);
        return EAGAIN;
    }
    return 0;
}

/* ---- Joining and detaching ------------------------------------------------------------------- */

/* Says on the thread that `self` waits for it.  0, ENDED, or EINVAL: it is not to be joined.
 * *before: what stood there. */
static int announce(struct __pthread *thread, const struct __pthread *self, uint64_t *before)
{
    uint64_t state = __atomic_load_n(&thread->join, __ATOMIC_ACQUIRE);
    do {
        if (state == ENDED)
            return ENDED;
        if (state != 0 && state != ENDING)
            return EINVAL;
    } while (!__atomic_compare_exchange_n(&thread->join, &state, (uint64_t)self->port << PORT_SHIFT,
                                          false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    *before = state;
    return 0;
}

/* Takes the announcement back; false: too late, the thread has ended. */
static bool renounce(struct __pthread *thread, const struct __pthread *self, uint64_t before)
{
    uint64_t state = (uint64_t)self->port << PORT_SHIFT;
    return __atomic_compare_exchange_n(&thread->join, &state, before, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* Waits until it has ended.  0, EINVAL. */
static int wait_for_end(struct __pthread *thread, uint32_t flags)
{
    struct __pthread *self = thread_self();
    uint64_t before = 0;
    int state = announce(thread, self, &before);
    if (state == EINVAL)
        return EINVAL;
    while (!has_ended(thread)) {
        if (__libc_sleep(DEADLINE_NEVER, flags) == ECANCELED && renounce(thread, self, before))
            __libc_thread_end(PTHREAD_CANCELED);
    }
    return 0;
}

int pthread_join(pthread_t thread, void **result)
{
    pthread_testcancel();
    if (thread == thread_self())
        return EDEADLK;
    int error = wait_for_end(thread, WAIT_CANCELLABLE);
    if (error)
        return error;
    if (result)
        *result = thread->result;
    keep_or_free(thread);
    return 0;
}

int pthread_detach(pthread_t thread)
{
    uint64_t state = 0;
    if (__atomic_compare_exchange_n(&thread->join, &state, DETACHED, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return 0;
    int error = wait_for_end(thread, 0);
    if (error == 0)
        keep_or_free(thread);
    return error;
}

pthread_t pthread_self(void)
{
    return thread_self();
}

int pthread_equal(pthread_t a, pthread_t b)
{
    return a == b;
}

void __libc_create_reset(void)
{
    living = 1;
    kept.lock = (struct __lock_word){0};
    kept.first = NULL;
    kept.count = 0;
}
