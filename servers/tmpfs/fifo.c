/*
 * FIFOs: see tmpfs.h.  Who opens one side waits until somebody opens the other (POSIX.1-2017,
 * open); such openings are kept in a small table, each with the session's handle, which goes out
 * when it is answered.
 */
#include "syscall.h"
#include "tmpfs.h"

#define OPENINGS_MAX 64u

static struct opening {
    struct session *session; /* NULL: free */
    handle_t handle;
    uint64_t token;
} openings[OPENINGS_MAX];
static uint32_t opening_count;

static bool reads(const struct session *session)
{
    return session->flags & IO_OPEN_READ;
}

static bool writes(const struct session *session)
{
    return session->flags & IO_OPEN_WRITE;
}

/* ---- Openings -------------------------------------------------------------------------------- */

static void forget(struct opening *opening)
{
    opening->session = NULL;
    opening_count--;
}

/* The opener gets its session; if it is gone, so is the session. */
static void answer_opening(struct opening *opening)
{
    struct message head = {.flags = MESSAGE_FLAGS(sizeof(struct io_info), 1, 0)};
    fill_info(opening->session->node, (struct io_info *)message_area()->bytes);
    message_area()->handles[0] = (struct message_handle){opening->handle, RIGHTS_SAME, 0};
    if (sys_reply(opening->token, &head) < 0)
        sys_handle_close(opening->handle);
    forget(opening);
}

/* Those of this node that wait for what is there now. */
static void answer_openings(const struct node *node)
{
    for (uint32_t i = 0; i < OPENINGS_MAX && opening_count; i++) {
        struct opening *opening = &openings[i];
        if (!opening->session || opening->session->node != node)
            continue;
        if (reads(opening->session) ? node->stream->writers : node->stream->readers)
            answer_opening(opening);
    }
}

static int64_t keep_opening(struct session *session, handle_t handle, uint64_t token)
{
    for (uint32_t i = 0; i < OPENINGS_MAX; i++) {
        if (openings[i].session)
            continue;
        openings[i] = (struct opening){session, handle, token};
        opening_count++;
        return EASYNC;
    }
    return -ENFILE;
}

void fifos_aborted(void)
{
    streams_aborted();
    for (uint32_t i = 0; i < OPENINGS_MAX && opening_count; i++) {
        struct opening *opening = &openings[i];
        int64_t info = opening->session ? sys_message_info(opening->token) : 0;
        if (!opening->session || (info >= 0 && !(info & 1)))
            continue;
        if (info >= 0)
            sys_reply(opening->token, &(struct message){.result = -EINTR});
        sys_handle_close(opening->handle);
        forget(opening);
    }
}

/* ---- Ends ------------------------------------------------------------------------------------ */

int64_t fifo_open(struct session *session, handle_t handle, const struct request *request)
{
    struct node *node = session->node;
    bool wait = !(session->flags & IO_OPEN_NONBLOCK);
    if (!reads(session) && !writes(session))
        return 0;
    if (!reads(session) && !wait && !(node->stream && node->stream->readers)) {
        session->flags = 0; /* it counts for nothing when it ends */
        return -ENXIO;
    }
    if (!node->stream)
        node->stream = stream_create();
    if (!node->stream) {
        session->flags = 0;
        return -ENFILE;
    }
    if (reads(session))
        stream_opened(node->stream, false);
    if (writes(session))
        stream_opened(node->stream, true);
    answer_openings(node);
    bool alone = reads(session) ? !node->stream->writers : !node->stream->readers;
    return wait && alone ? keep_opening(session, handle, request->token) : 0;
}

void fifo_close(struct session *session)
{
    struct stream *stream = session->node->stream;
    if (!stream)
        return;
    if (reads(session))
        stream_closed(stream, false);
    if (writes(session))
        stream_closed(stream, true);
    if (stream->readers || stream->writers)
        return;
    stream_destroy(stream);
    session->node->stream = NULL;
}

int64_t fifo_read(struct session *session, struct request *request)
{
    return stream_read(session->node->stream, request);
}

int64_t fifo_write(struct session *session, struct request *request)
{
    return stream_write(session->node->stream, request);
}

int64_t fifo_poll(struct session *session, struct request *request)
{
    if (!reads(session) && !writes(session))
        return 0;
    return stream_poll(session->node->stream, request, reads(session), writes(session));
}
