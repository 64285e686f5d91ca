/*
 * See stream.h.  After every step in which bytes or ends come or go, settle() answers whoever need
 * not wait any longer; it uses the message page, so an answer that lies there is sent before.
 */
#include "stream.h"

#include "answer.h"
#include "region.h"
#include "syscall.h"
#include "waiters.h"

static struct stream *streams; /* in memory of their own, stream_count of them */
static struct stream *first_free;
static uint32_t stream_count, fresh;
static struct region stream_region, rings;

/* ---- Streams --------------------------------------------------------------------------------- */

int64_t streams_open(uint32_t count)
{
    int64_t error = region_open(&stream_region, count * sizeof(*streams));
    if (error == 0)
        error = region_open(&rings, count * (uint64_t)STREAM_RING);
    streams = (struct stream *)stream_region.base;
    stream_count = error == 0 ? count : 0;
    return error;
}

struct stream *stream_create(void)
{
    struct stream *stream = first_free;
    if (stream)
        first_free = stream->next;
    else if (fresh < stream_count &&
             region_secure(&stream_region, fresh * sizeof(*stream), sizeof(*stream)))
        stream = &streams[fresh++];
    else
        return NULL;
    uint32_t index = (uint32_t)(stream - streams);
    *stream = (struct stream){
        .ring = {.bytes = rings.base + index * (uint64_t)STREAM_RING, .size = STREAM_RING},
        .index = index,
        .used = true,
    };
    return stream;
}

void stream_destroy(struct stream *stream)
{
    pollers_forget(stream);
    /* The first page is kept: the next pipe will need it. */
    if (stream->most > PAGE_SIZE)
        region_release(&rings, stream->index * (uint64_t)STREAM_RING + PAGE_SIZE,
                       STREAM_RING - PAGE_SIZE);
    stream->used = false;
    stream->next = first_free;
    first_free = stream;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* The ring's pages that the next `length` bytes need are there; false: there is no memory. */
static bool secure(struct stream *stream, uint64_t length)
{
    uint64_t start = stream->ring.head & (STREAM_RING - 1), end = start + length;
    end = end < STREAM_RING ? end : STREAM_RING; /* behind the end come pages that it has had */
    if (end <= stream->most)
        return true;
    end = (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    if (!region_secure(&rings, stream->index * (uint64_t)STREAM_RING + stream->most,
                       end - stream->most))
        return false;
    stream->most = end;
    return true;
}

/* ---- Those that wait ------------------------------------------------------------------------- */

/* What is in the ring, to the reader that waits longest. */
static void answer_reader(struct stream *stream)
{
    struct waiter *reader = stream->reads.first;
    struct ring rest = stream->ring; /* becomes so if the reader gets it */
    uint8_t *bytes = message_area()->bytes;
    uint64_t done = 0, inline_bytes = 0;
    int64_t error = 0;
    do {
        uint64_t want = reader->length - done;
        uint64_t piece = ring_copy(&rest, bytes, want < PAGE_SIZE ? want : PAGE_SIZE);
        if (reader->handle)
            error = sys_vmo_write(reader->handle, done, piece);
        else
            inline_bytes = piece;
        if (error < 0)
            break;
        ring_skip(&rest, piece);
        done += piece;
    } while (reader->handle && done < reader->length && ring_used(&rest));
    if (error < 0)
        waiter_answer(reader, -EINVAL, 0);
    else if (waiter_answer(reader, (int64_t)done, inline_bytes) == 0)
        stream->ring = rest;
    waiters_remove(stream, &stream->reads, reader);
}

/* A lent write goes on as far as there is room: true if there is nothing left to wait for. */
static bool advance(struct stream *stream, struct waiter *writer, int64_t *error)
{
    uint8_t *bytes = message_area()->bytes;
    uint64_t left;
    *error = 0;
    while ((left = writer->length - writer->done)) {
        uint64_t piece = left < PAGE_SIZE ? left : PAGE_SIZE, free = stream_room(stream);
        if (free < piece) {
            /* All or nothing, if it is as small as that. */
            if (writer->length <= PIPE_BUFFER_ATOMIC || !free)
                return false;
            piece = free;
        }
        *error =
            secure(stream, piece) ? sys_vmo_read(writer->handle, writer->done, piece) : -ENOMEM;
        if (*error < 0)
            return true;
        ring_put(&stream->ring, bytes, piece);
        writer->done += piece;
    }
    return true;
}

/* Whether the writer has nothing to wait for any more; it is answered then. */
static bool answer_writer(struct stream *stream, struct waiter *writer)
{
    int64_t error = 0;
    if (writer->handle && !advance(stream, writer, &error))
        return false;
    if (!writer->handle && stream->ring.tail + PIPE_SIZE < writer->end)
        return false;
    uint64_t done = writer->handle ? writer->done : writer->length;
    if (error < 0 && !done)
        waiter_answer(writer, error == -ENOMEM ? -ENOMEM : -EINVAL, 0);
    else
        waiter_answer(writer, (int64_t)done, 0);
    return true;
}

/* Nobody is left at the other side. */
static void give_up_all(struct stream *stream)
{
    struct waiter *waiter;
    while (!stream->writers && !ring_used(&stream->ring) && (waiter = stream->reads.first)) {
        waiter_answer(waiter, 0, 0);
        waiters_remove(stream, &stream->reads, waiter);
    }
    while (!stream->readers && (waiter = stream->writes.first)) {
        waiter_answer(waiter, waiter->done ? (int64_t)waiter->done : -EPIPE, 0);
        waiters_remove(stream, &stream->writes, waiter);
    }
}

static void settle(struct stream *stream)
{
    bool moved = true;
    while (moved) {
        moved = false;
        while (stream->reads.first && ring_used(&stream->ring))
            answer_reader(stream);
        struct waiter *next;
        for (struct waiter *writer = stream->writes.first; writer; writer = next) {
            uint64_t before = ring_used(&stream->ring);
            next = writer->next;
            if (answer_writer(stream, writer))
                waiters_remove(stream, &stream->writes, writer);
            moved |= stream->reads.first && ring_used(&stream->ring) != before;
        }
    }
    give_up_all(stream);
    if (stream->polls.first)
        pollers_answer(stream);
}

static inline bool anybody_waits(const struct stream *stream)
{
    return stream->reads.first || stream->writes.first || stream->polls.first;
}

/* ---- Ends ------------------------------------------------------------------------------------ */

void stream_opened(struct stream *stream, bool writing)
{
    if (writing)
        stream->writers++;
    else
        stream->readers++;
}

void stream_closed(struct stream *stream, bool writing)
{
    if (writing)
        stream->writers--;
    else
        stream->readers--;
    settle(stream);
    if (!stream->readers)
        ring_skip(&stream->ring, ring_used(&stream->ring));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int64_t keep_reader(struct stream *stream, const struct request *request, handle_t loan,
                           uint64_t length)
{
    struct waiter *reader = waiters_add(stream, &stream->reads, &stream->own_read);
    if (!reader)
        return -EAGAIN;
    reader->token = request->token;
    reader->length = length;
    reader->handle = loan;
    return EASYNC;
}

int64_t stream_read(struct stream *stream, struct request *request)
{
    uint64_t most = MESSAGE_BYTES_MAX, length = request->head.length;
    handle_t loan = request_loan(request, &most);
    if (length > most) {
        if (loan)
            return -EINVAL;
        length = most;
    }
    if (!length)
        return 0;
    if (!ring_used(&stream->ring)) {
        if (!stream->writers)
            return 0;
        if (request->head.arg[0] & IO_NONBLOCK)
            return -EAGAIN;
        return keep_reader(stream, request, loan, length);
    }
    if (loan || anybody_waits(stream)) {
        int64_t kept = keep_reader(stream, request, loan, length);
        if (kept == EASYNC)
            settle(stream);
        return kept;
    }
    length = ring_copy(&stream->ring, message_area()->bytes, length);
    ring_skip(&stream->ring, length);
    answer_length(request, length);
    return (int64_t)length;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int64_t write_loan(struct stream *stream, const struct request *request, handle_t loan)
{
    bool wait = !(request->head.arg[0] & IO_NONBLOCK);
    struct waiter *writer, now = {.handle = loan, .length = request->head.length};
    int64_t error;
    if (!wait) {
        advance(stream, &now, &error);
        if (error < 0 && !now.done)
            return error == -ENOMEM ? -ENOMEM : -EINVAL;
        settle(stream);
        return now.done ? (int64_t)now.done : -EAGAIN;
    }
    writer = waiters_add(stream, &stream->writes, &stream->own_write);
    if (!writer)
        return -EAGAIN;
    writer->token = request->token;
    writer->length = request->head.length;
    writer->handle = loan;
    settle(stream);
    return EASYNC;
}

/* More than fits: it goes in, but the writer waits. */
static int64_t write_over(struct stream *stream, const struct request *request, uint64_t length)
{
    if (request->head.arg[0] & IO_NONBLOCK)
        return -EAGAIN;
    if (ring_used(&stream->ring) + length > PIPE_SIZE + STREAM_OVERFLOW || !secure(stream, length))
        return -EAGAIN;
    struct waiter *writer = waiters_add(stream, &stream->writes, &stream->own_write);
    if (!writer)
        return -EAGAIN;
    ring_put(&stream->ring, message_area()->bytes, length);
    writer->token = request->token;
    writer->length = length;
    writer->end = stream->ring.head;
    return EASYNC;
}

/* The commonest case: one byte or some to a reader that waits, as they lie in the message page. */
static bool hand_over(struct stream *stream, uint64_t length)
{
    struct waiter *reader = stream->reads.first;
    if (!reader || reader->handle || reader->length < length)
        return false;
    bool done = waiter_answer(reader, (int64_t)length, length) == 0;
    waiters_remove(stream, &stream->reads, reader);
    return done;
}

int64_t stream_write(struct stream *stream, struct request *request)
{
    uint64_t most = MESSAGE_FLAG_BYTES(request->head.flags), length = request->head.length;
    handle_t loan = request_loan(request, &most);
    if (length > most)
        return -EINVAL;
    if (!stream->readers)
        return -EPIPE;
    if (!length)
        return 0;
    if (loan)
        return write_loan(stream, request, loan);
    if (hand_over(stream, length))
        return (int64_t)length;
    if (stream_room(stream) < length)
        return write_over(stream, request, length);
    if (!secure(stream, length))
        return -ENOMEM;
    ring_put(&stream->ring, message_area()->bytes, length);
    if (anybody_waits(stream))
        settle(stream);
    return (int64_t)length;
}

/* ---- Those that give up ---------------------------------------------------------------------- */

/* Bytes that are in the ring stay there: such a write has been done. */
static void drop_aborted(struct stream *stream, struct waiters *list)
{
    struct waiter *next;
    for (struct waiter *waiter = list->first; waiter; waiter = next) {
        next = waiter->next;
        int64_t info = sys_message_info(waiter->token);
        if (info >= 0 && !(info & 1))
            continue;
        uint64_t done = waiter->end ? waiter->length : waiter->done;
        if (info >= 0)
            waiter_answer(waiter, done ? (int64_t)done : -EINTR, 0);
        waiters_remove(stream, list, waiter);
    }
}

void streams_aborted(void)
{
    for (uint32_t i = 0; i < fresh; i++) {
        struct stream *stream = &streams[i];
        if (!stream->used)
            continue;
        drop_aborted(stream, &stream->reads);
        drop_aborted(stream, &stream->writes);
    }
}
