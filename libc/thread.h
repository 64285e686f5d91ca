/*
 * A thread as libc sees it: struct __pthread, to which FS points and pthread_t is a pointer.
 *
 * Thread-local data lies directly below it (x86-64 ABI, TLS variant II), so that `errno` is one
 * instruction.  The first two words are libmsg's: its message_area() finds the message page at
 * FS:8.
 *
 * A thread's memory is one mapping of one VM object, from the bottom: guard (not accessible),
 * stack, thread-local data, struct __pthread, message page (the first thread's lies elsewhere:
 * it is there before libc is).  Memory of ended threads is kept for the next (pthread_create.c).
 *
 * Who may touch what: members are the thread's own unless marked.
 *   [any]   any thread, atomically
 *   [list]  under the lock of the list of threads (threads.c)
 *   [create] written before the thread runs, constant after
 */
#ifndef LIBC_THREAD_H
#define LIBC_THREAD_H

#include <limits.h>
#include <pthread.h>
#include <stdint.h>

#include <portolan/types.h>

#include "memory.h"

struct message_area;

struct __pthread {
    struct __pthread *self;    /* [create] FS:0, what the ABI wants there */
    struct message_area *area; /* [create] FS:8 */
    uint32_t signals_due; /* FS:16, kernel_call.S looks: a handler waits for signals_held to be 0 */
    uint32_t signal_slot; /* [create] its number at the process server */
    void *unused[2];
    uintptr_t canary; /* FS:0x28, where -fstack-protector looks */

    handle_t handle;            /* [any] of the kernel's thread; HANDLE_NONE: not known any more */
    handle_t port;              /* [create] where it waits: see wait.h */
    uint32_t signals_held;      /* while not 0, no signal handler may run: see lock.h */
    uint32_t waits_cancellable; /* [any] it is, or is about to be, in a wait that cancel ends */

    uint32_t cancel_asked; /* [any] */
    uint8_t cancel_disabled, cancel_asynchronous, ending;
    uint8_t is_first, ordinary; /* [create] of the usual size: its memory is used again */
    uint32_t signals_handled;   /* counts handlers run */
    uint32_t signals_cut;       /* one has run without SA_RESTART: see __libc_signals_restart */
    struct __cleanup *cleanup;
    uint32_t read_locks; /* held, of any rwlock */
    void *held_mutexes;  /* robust ones: see pthread_mutex.c */

    uint64_t join;            /* [any] see pthread_create.c */
    uint32_t detached;        /* [any] */
    int32_t policy, priority; /* [list] */
    void *result;
    void *(*function)(void *); /* [create] */
    void *argument;            /* [create] */

    struct __pthread *next, *previous; /* [list] */
    struct memory_region memory;       /* [create] */
    uintptr_t stack;                   /* [create] its lowest byte */
    size_t stack_size, guard_size;     /* [create] */
    char name[32];                     /* [list] */

    uint32_t keys_used; /* entries of values[] that may be other than null */
    void *values[PTHREAD_KEYS_MAX];
};

static inline struct __pthread *thread_self(void)
{
    struct __pthread *self;
    __asm__("movq %%fs:0, %0" : "=r"(self));
    return self;
}

/* ---- Thread-local data (tls.c) -------------------------------------------------------------- */

/* Bytes that thread-local data and the struct take, and their alignment. */
size_t __libc_tls_size(void);
size_t __libc_tls_alignment(void);
/* Lays both out in [block, block + __libc_tls_size()), aligned: initial data copied, zeros behind,
 * the struct zeroed but for self.  Only after the program has been relocated. */
struct __pthread *__libc_tls_make(void *block);

/* A thread that does not run yet: its memory mapped but not entered in the list of regions (that is
 * for the caller, &thread->memory, once it can), its port made.  message_size: bytes for a message
 * page at its end, or 0.  NULL: no memory, or no room for handles. */
struct __pthread *__libc_thread_make(size_t stack_size, size_t guard_size, size_t message_size);
/* Lays a thread that has ended out anew in the same memory, with the same port. */
struct __pthread *__libc_thread_remake(struct __pthread *old);
/* Gives all of it back. */
void __libc_thread_unmake(struct __pthread *thread);
#define FIRST_STACK_SIZE (8ul << 20)

/* The lowest numbers that a policy or priority can have are valid, so: not asked for yet. */
#define PRIORITY_UNKNOWN (-1)

/* ---- The list of threads (threads.c) --------------------------------------------------------- */

void __libc_threads_lock(void);
void __libc_threads_unlock(void);
/* The callers of the next four hold the lock. */
void __libc_threads_add(struct __pthread *thread);
void __libc_threads_remove(struct __pthread *thread);
struct __pthread *__libc_threads_first(void);
/* A thread is about to leave: its processor time counts on. */
void __libc_threads_note_time(const struct __pthread *thread);
/* Takes the lock itself.  ns of processor time of all there are and were. */
uint64_t __libc_threads_time(void);
/* In the child of a fork, where only the caller lives: empties the list and renews its lock. */
void __libc_threads_reset(void);

/* ---- Ends ------------------------------------------------------------------------------------ */

/* pthread_exit without its frames: cleanup handlers, keys, robust mutexes, then the thread. */
_Noreturn void __libc_thread_end(void *result);
void __libc_keys_destroy(struct __pthread *self);
void __libc_robust_release(struct __pthread *self);

/* Acts on a cancellation that was asked for, if it is enabled.  For cancellation points. */
static inline int thread_cancel_due(const struct __pthread *self)
{
    return __atomic_load_n(&self->cancel_asked, __ATOMIC_ACQUIRE) && !self->cancel_disabled &&
           !self->ending;
}

#endif
