/*
 * IO_POLL of streams: who asked to be told is in the stream's list until it is so, once.
 */
#include "stream.h"

#include "syscall.h"
#include "waiters.h"

static uint64_t ready(const struct stream *stream, bool reading, bool writing)
{
    uint64_t bits = 0;
    if (reading && (ring_used(&stream->ring) || !stream->writers))
        bits |= IO_READY_READ;
    if (reading && !stream->writers)
        bits |= IO_READY_HANGUP;
    if (writing && (stream_room(stream) >= PIPE_BUFFER_ATOMIC || !stream->readers))
        bits |= IO_READY_WRITE;
    if (writing && !stream->readers)
        bits |= IO_READY_HANGUP;
    return bits;
}

void pollers_forget(struct stream *stream)
{
    struct waiter *waiter;
    while ((waiter = stream->polls.first)) {
        sys_handle_close(waiter->handle);
        waiters_remove(stream, &stream->polls, waiter);
    }
}

void pollers_answer(struct stream *stream)
{
    struct waiter *next;
    for (struct waiter *poller = stream->polls.first; poller; poller = next) {
        next = poller->next;
        if (!(ready(stream, !poller->writing, poller->writing) & poller->length))
            continue;
        sys_notify(poller->handle, poller->token);
        sys_handle_close(poller->handle);
        waiters_remove(stream, &stream->polls, poller);
    }
}

/* One that polls again, with the same port and bits, keeps its place. */
static struct waiter *find_poller(const struct stream *stream, uint64_t koid, uint64_t bits,
                                  bool writing)
{
    for (struct waiter *poller = stream->polls.first; poller; poller = poller->next)
        if (poller->koid == koid && poller->token == bits && poller->writing == writing)
            return poller;
    return NULL;
}

/* Those whose port has died make room. */
static void drop_dead_pollers(struct stream *stream)
{
    struct waiter *next;
    for (struct waiter *poller = stream->polls.first; poller; poller = next) {
        next = poller->next;
        if (sys_notify(poller->handle, 0) == 0)
            continue;
        sys_handle_close(poller->handle);
        waiters_remove(stream, &stream->polls, poller);
    }
}

int64_t stream_poll(struct stream *stream, struct request *request, bool reading, bool writing)
{
    uint64_t interest = request->head.arg[0], bits = request->head.arg[1], rights, koid;
    uint64_t now = ready(stream, reading, writing) & interest;
    if (now || MESSAGE_FLAG_HANDLES(request->head.flags) == 0)
        return (int64_t)now;
    handle_t port = request->handles[0];
    if (sys_handle_info(port, &rights, &koid) != OBJECT_PORT || !(rights & RIGHT_SEND) ||
        bits & (NOTIFY_ABORT | NOTIFY_TIMER))
        return -EINVAL;
    struct waiter *poller = find_poller(stream, koid, bits, writing);
    if (poller) {
        poller->length = interest;
        return 0;
    }
    poller = waiters_add(stream, &stream->polls, NULL);
    if (!poller) {
        drop_dead_pollers(stream);
        poller = waiters_add(stream, &stream->polls, NULL);
    }
    if (!poller)
        return -EAGAIN;
    poller->token = bits;
    poller->length = interest;
    poller->koid = koid;
    poller->handle = request_take(request, 0);
    poller->writing = writing;
    return 0;
}
