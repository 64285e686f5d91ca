/*
 * Waiting for files: poll, select and theirs.
 *
 * Each file's server is asked what is ready, and given a handle to the thread's own port, which it
 * notifies once when something may have become so.  After any notification all are asked again.
 * What a server still holds of an earlier wait costs a look more, no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>

#include <portolan/io.h>

#include "clock.h"
#include "file.h"
#include "syscall.h"

#define WAKE_POLL 2u /* the notification bit; any other only wakes as well */

/* Without signals in the program masks change nothing. */
extern int pthread_sigmask(int, const sigset_t *, sigset_t *) __attribute__((weak));

/* What is ready of `interest`; if nothing is and `watch`, the thread will be notified. */
static int64_t ask(struct open_file *file, uint32_t interest, bool watch)
{
    struct message head = {.op = IO_POLL, .arg = {interest, WAKE_POLL, 0}};
    if (file->flags & OPEN_FILE_LOG)
        return interest & (IO_READY_READ | IO_READY_WRITE);
    int64_t port = HANDLE_NONE;
    if (watch) {
        port = sys_handle_duplicate(thread_self()->port, RIGHT_SEND | RIGHT_TRANSFER, 0);
        if (port < 0)
            return -EAGAIN;
    }
    struct message_area *area = call_begin();
    head.flags = MESSAGE_FLAGS(0, watch, 0);
    area->handles[0] = (struct message_handle){.handle = (handle_t)port, .rights = RIGHTS_SAME};
    int64_t result = call_do(file->handle, &head, 0);
    call_end();
    if (watch && result < 0)
        sys_handle_close((handle_t)port); /* in case it was not sent */
    return result;
}

/* 0, or -EINTR, -ETIMEDOUT; or cancelled. */
static int64_t pause_until(uint64_t deadline)
{
    int result = __libc_sleep(deadline, WAIT_INTERRUPTIBLE | WAIT_CANCELLABLE);
    if (result == ECANCELED)
        __libc_thread_end(PTHREAD_CANCELED);
    return -result;
}

int64_t __libc_file_wait(struct open_file *file, uint32_t ready)
{
    for (;;) {
        int64_t result = ask(file, ready | IO_READY_HANGUP, true);
        if (result != 0)
            return result < 0 ? result : 0;
        result = pause_until(DEADLINE_NEVER);
        if (result < 0)
            return result;
    }
}

/* ---- poll ------------------------------------------------------------------------------------ */

static short to_events(int64_t ready, short wanted)
{
    short events = 0;
    if (ready < 0)
        return POLLERR;
    if (ready & IO_READY_READ)
        events |= POLLIN | POLLRDNORM;
    if (ready & IO_READY_WRITE)
        events |= POLLOUT | POLLWRNORM;
    events &= wanted;
    /* Who only writes learns of a reader's end as of an error. */
    if (ready & IO_READY_HANGUP)
        events |= wanted & (POLLIN | POLLRDNORM) ? POLLHUP : POLLERR;
    return events;
}

static short events_of(const struct pollfd *entry, bool watch)
{
    uint32_t interest = IO_READY_HANGUP;
    struct open_file *file = __libc_descriptor_get(entry->fd);
    if (file == NULL)
        return POLLNVAL;
    if (entry->events & (POLLIN | POLLRDNORM))
        interest |= IO_READY_READ;
    if (entry->events & (POLLOUT | POLLWRNORM))
        interest |= IO_READY_WRITE;
    short events = to_events(ask(file, interest, watch), entry->events);
    __libc_open_file_put(file);
    return events;
}

static int look(struct pollfd *entries, nfds_t count, bool watch)
{
    int ready = 0;
    for (nfds_t i = 0; i < count; i++) {
        entries[i].revents = 0;
        if (entries[i].fd >= 0)
            entries[i].revents = events_of(&entries[i], watch && ready == 0);
        ready += entries[i].revents != 0;
    }
    return ready;
}

static int64_t poll_until(struct pollfd *entries, nfds_t count, uint64_t deadline)
{
    if (count > DESCRIPTORS_MAX)
        return -EINVAL;
    pthread_testcancel();
    for (;;) {
        int ready = look(entries, count, deadline != DEADLINE_NOW);
        if (ready > 0 || deadline == DEADLINE_NOW)
            return ready;
        int64_t result = pause_until(deadline);
        if (result == -ETIMEDOUT)
            return look(entries, count, false);
        if (result < 0)
            return result;
    }
}

/* ns from now as a deadline; nothing: now. */
static uint64_t deadline_after(uint64_t seconds, uint64_t ns)
{
    uint64_t sum;
    if (seconds == 0 && ns == 0)
        return DEADLINE_NOW;
    if (__builtin_mul_overflow(seconds, (uint64_t)NANOSECONDS, &sum) ||
        __builtin_add_overflow(sum, ns, &sum) || __builtin_add_overflow(sum, __libc_now(), &sum))
        return DEADLINE_NEVER;
    return sum;
}

int poll(struct pollfd entries[], nfds_t count, int timeout)
{
    uint64_t ms = timeout < 0 ? 0 : (uint64_t)timeout;
    uint64_t deadline =
        timeout < 0 ? DEADLINE_NEVER : deadline_after(ms / 1000, ms % 1000 * 1000000);
    return (int)call_return(poll_until(entries, count, deadline));
}

/* A time span as a deadline; false: it is none. */
static bool span_to_deadline(const struct timespec *span, uint64_t *deadline)
{
    *deadline = DEADLINE_NEVER;
    if (span == NULL)
        return true;
    if (span->tv_sec < 0 || span->tv_nsec < 0 || span->tv_nsec >= NANOSECONDS)
        return false;
    *deadline = deadline_after((uint64_t)span->tv_sec, (uint64_t)span->tv_nsec);
    return true;
}

static int64_t poll_masked(struct pollfd *entries, nfds_t count, uint64_t deadline,
                           const sigset_t *mask)
{
    sigset_t before;
    if (mask == NULL || !pthread_sigmask)
        return poll_until(entries, count, deadline);
    pthread_sigmask(SIG_SETMASK, mask, &before);
    int64_t result = poll_until(entries, count, deadline);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int ppoll(struct pollfd entries[], nfds_t count, const struct timespec *restrict span,
          const sigset_t *restrict mask)
{
    uint64_t deadline;
    if (!span_to_deadline(span, &deadline))
        return (int)call_return(-EINVAL);
    return (int)call_return(poll_masked(entries, count, deadline, mask));
}

/* ---- select: as poll ------------------------------------------------------------------------- */

static bool has(const fd_set *set, int descriptor)
{
    return set && FD_ISSET(descriptor, set);
}

static nfds_t to_entries(struct pollfd *entries, int count, const fd_set *reads,
                         const fd_set *writes, const fd_set *errors)
{
    nfds_t used = 0;
    for (int i = 0; i < count; i++) {
        short events = (short)((has(reads, i) ? POLLIN : 0) | (has(writes, i) ? POLLOUT : 0));
        if (events || has(errors, i))
            entries[used++] = (struct pollfd){.fd = i, .events = events};
    }
    return used;
}

static bool keep(fd_set *set, int descriptor, bool ready)
{
    if (!has(set, descriptor))
        return false;
    if (!ready)
        FD_CLR(descriptor, set);
    return ready;
}

/* How many bits are left set; -EBADF: one was no descriptor. */
static int64_t from_entries(const struct pollfd *entries, nfds_t used, fd_set *reads,
                            fd_set *writes, fd_set *errors)
{
    int64_t ready = 0;
    for (nfds_t i = 0; i < used; i++) {
        if (entries[i].revents & POLLNVAL)
            return -EBADF;
    }
    for (nfds_t i = 0; i < used; i++) {
        short events = entries[i].revents;
        ready += keep(reads, entries[i].fd, events & (POLLIN | POLLHUP | POLLERR));
        ready += keep(writes, entries[i].fd, events & (POLLOUT | POLLERR));
        ready += keep(errors, entries[i].fd, events & POLLPRI);
    }
    return ready;
}

int pselect(int count, fd_set *restrict reads, fd_set *restrict writes, fd_set *restrict errors,
            const struct timespec *restrict span, const sigset_t *restrict mask)
{
    struct pollfd entries[FD_SETSIZE];
    uint64_t deadline;
    if (count < 0 || count > FD_SETSIZE || !span_to_deadline(span, &deadline))
        return (int)call_return(-EINVAL);
    nfds_t used = to_entries(entries, count, reads, writes, errors);
    int64_t result = poll_masked(entries, used, deadline, mask);
    if (result >= 0)
        result = from_entries(entries, used, reads, writes, errors);
    return (int)call_return(result);
}

int select(int count, fd_set *restrict reads, fd_set *restrict writes, fd_set *restrict errors,
           struct timeval *restrict span)
{
    struct timespec exact;
    if (span == NULL)
        return pselect(count, reads, writes, errors, NULL, NULL);
    if (span->tv_usec < 0 || span->tv_usec >= 1000000)
        return (int)call_return(-EINVAL);
    exact = (struct timespec){span->tv_sec, span->tv_usec * 1000};
    return pselect(count, reads, writes, errors, &exact, NULL);
}
