/*
 * See waiters.h.
 */
#include "waiters.h"

#include "string.h"
#include "syscall.h"

#define STOCK 1024u

static struct waiter stock[STOCK];
static struct waiter *first_free;
static uint32_t fresh; /* those from here on were never used */

static struct waiter *take(struct stream *stream)
{
    if (stream->waiting >= STREAM_WAITERS_MAX)
        return NULL;
    struct waiter *waiter = first_free;
    if (waiter)
        first_free = waiter->next;
    else if (fresh < STOCK)
        waiter = &stock[fresh++];
    if (waiter)
        stream->waiting++;
    return waiter;
}

struct waiter *waiters_add(struct stream *stream, struct waiters *list, struct waiter *own)
{
    struct waiter *waiter = own && !own->taken ? own : take(stream);
    if (!waiter)
        return NULL;
    *waiter = (struct waiter){.taken = true};
    if (list->last)
        list->last->next = waiter;
    else
        list->first = waiter;
    list->last = waiter;
    return waiter;
}

void waiters_remove(struct stream *stream, struct waiters *list, struct waiter *waiter)
{
    struct waiter *before = NULL;
    for (struct waiter *at = list->first; at != waiter; at = at->next)
        before = at;
    if (before)
        before->next = waiter->next;
    else
        list->first = waiter->next;
    if (list->last == waiter)
        list->last = before;
    waiter->taken = false;
    if (waiter == &stream->own_read || waiter == &stream->own_write)
        return;
    waiter->next = first_free;
    first_free = waiter;
    stream->waiting--;
}

int64_t waiter_answer(const struct waiter *waiter, int64_t result, uint64_t bytes)
{
    struct message head = {.flags = MESSAGE_FLAGS(bytes, 0, 0), .result = result};
    int64_t error = sys_reply(waiter->token, &head);
    if (error == 0 || error == -ESTALE_TOKEN)
        return error;
    /* It asked for no room for bytes: it gets none of them. */
    head = (struct message){.result = error};
    sys_reply(waiter->token, &head);
    return error;
}
