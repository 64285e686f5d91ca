/*
 * See net_server.h.
 */
#include "net_server.h"

#include "pool.h"

static struct net_driver *driver_of(struct server *server)
{
    return (struct net_driver *)((uint8_t *)server - offsetof(struct net_driver, server));
}

static struct net_frame *allocate(struct net_driver *driver, const struct request *request)
{
    struct net_frame *frame = driver->free;
    if (!frame)
        return NULL;
    driver->free = frame->next;
    *frame =
        (struct net_frame){.token = request->token, .length = request->head.length, .busy = true};
    return frame;
}

static void release(struct net_driver *driver, struct net_frame *frame)
{
    if (frame->attachment)
        attachment_release(&driver->attachments, frame->attachment);
    *frame = (struct net_frame){.next = driver->free};
    driver->free = frame;
}

void net_done(struct net_driver *driver, struct net_frame *frame, int64_t result, uint32_t got)
{
    const struct message head = {.result = result, .arg = {0, 0, got}};
    uint64_t token = frame->token;
    release(driver, frame);
    server_reply(token, &head);
}

void net_changed(struct net_driver *driver, uint32_t is)
{
    driver->is = is;
    for (uint32_t i = 0; i < NET_FRAMES_MAX; i++) {
        struct net_frame *frame = &driver->frames[i];
        if (frame->busy && frame->watches && frame->heard != is)
            net_done(driver, frame, is, 0);
    }
}

/* The memory that a frame or buffer lies in. */
static int64_t name_memory(struct net_driver *driver, const struct request *request,
                           struct net_frame *frame, uint32_t right)
{
    struct attachment *attachment =
        attachment_find(&driver->attachments, request->badge, request->head.arg[0]);
    uint64_t offset = request->head.arg[1];
    if (!attachment)
        return -ENOENT;
    if (!(attachment->rights & right))
        return -EPERM;
    if (offset > attachment->size || frame->length > attachment->size - offset)
        return -ERANGE;
    attachment_use(attachment);
    frame->attachment = attachment;
    frame->memory = attachment->vmo;
    frame->offset = offset;
    return 0;
}

/* What is asked of the device with a frame is in force, and lies within the frame. */
static int64_t check_offload(const struct net_driver *driver, struct net_frame *frame,
                             uint64_t wanted)
{
    frame->flags = wanted & 0xffff;
    frame->sum_start = (uint16_t)(wanted >> 16);
    frame->sum_offset = (uint16_t)(wanted >> 32);
    frame->segment = (uint16_t)(wanted >> 48);
    bool sums = frame->flags & NETWORK_SEND_CHECKSUM;
    bool cuts = frame->flags & NETWORK_SEND_SEGMENT;
    if ((frame->flags & ~(uint32_t)(NETWORK_SEND_CHECKSUM | NETWORK_SEND_SEGMENT)) ||
        (sums && !(driver->in_force & NETWORK_CAN_SUM_SENT)) ||
        (cuts && (!sums || !frame->segment || !(driver->in_force & NETWORK_CAN_SEGMENT))))
        return -EINVAL;
    if (sums && frame->sum_start + frame->sum_offset + 2ul > frame->length)
        return -EINVAL;
    uint64_t most = cuts ? NETWORK_SEGMENT_FRAME_MAX : driver->frame_max;
    return frame->length < NETWORK_FRAME_MIN || frame->length > most ? -EINVAL : 0;
}

static int64_t begin(struct net_driver *driver, struct request *request, bool receives)
{
    if (!driver->started)
        return -ENODEV;
    struct net_frame *frame = allocate(driver, request);
    if (!frame)
        return -EAGAIN;
    int64_t error = 0;
    frame->receives = receives;
    if (!receives)
        error = check_offload(driver, frame, request->head.arg[2]);
    else if (request->head.length < driver->frame_max || request->head.arg[2])
        error = -EINVAL;
    if (error == 0)
        error = name_memory(driver, request, frame, receives ? RIGHT_WRITE : RIGHT_READ);
    if (error == 0)
        error = receives ? driver->receive(driver, frame) : driver->send(driver, frame);
    if (error == 0)
        return EASYNC;
    release(driver, frame);
    return error;
}

static int64_t do_send(struct server *server, struct request *request)
{
    return begin(driver_of(server), request, false);
}

static int64_t do_receive(struct server *server, struct request *request)
{
    return begin(driver_of(server), request, true);
}

static int64_t do_info(struct server *server, struct request *request)
{
    const struct net_driver *driver = driver_of(server);
    uint64_t queues = server->set ? server->set->count : 1;
    request->reply.arg[0] = driver->address;
    request->reply.arg[1] = driver->can;
    request->reply.arg[2] = driver->frame_max | queues << 32;
    request->reply.offset = driver->is;
    return 0;
}

static int64_t do_start(struct server *server, struct request *request)
{
    struct net_driver *driver = driver_of(server);
    if (driver->started)
        return -EBUSY;
    driver->in_force = driver->can & (uint32_t)request->head.arg[0];
    driver->started = true;
    if (driver->start)
        driver->start(driver, driver->in_force);
    return driver->in_force;
}

/* The driver makes the device quiet and gives its frames back, with -ENODEV. */
static int64_t do_stop(struct server *server, struct request *request)
{
    struct net_driver *driver = driver_of(server);
    (void)request;
    if (driver->started) {
        driver->started = false;
        driver->stop(driver);
    }
    return 0;
}

static int64_t do_watch(struct server *server, struct request *request)
{
    struct net_driver *driver = driver_of(server);
    if (request->head.arg[0] != driver->is)
        return driver->is;
    struct net_frame *frame = allocate(driver, request);
    if (!frame)
        return -EAGAIN;
    frame->watches = true;
    frame->heard = driver->is;
    return EASYNC;
}

/* Only watching is given up: frames are the device's until it is done, or stopped. */
static void aborted(struct server *server, uint64_t token)
{
    struct net_driver *driver = driver_of(server);
    for (uint32_t i = 0; i < NET_FRAMES_MAX; i++) {
        struct net_frame *frame = &driver->frames[i];
        if (frame->busy && frame->watches && frame->token == token)
            net_done(driver, frame, -EINTR, 0);
    }
}

static server_handler *const handlers[NETWORK_OPS_END - NETWORK_INFO] = {
    do_info, do_start, do_stop, do_send, do_receive, do_watch};

int64_t net_prepare(struct net_driver *driver)
{
    struct server *server = &driver->server;
    if (!driver->send || !driver->receive || !driver->stop || driver->frame_max < NETWORK_FRAME_MIN)
        return -EINVAL;
    server->first_op = NETWORK_INFO;
    server->op_count = NETWORK_OPS_END - NETWORK_INFO;
    server->handlers = handlers;
    server->attachments = &driver->attachments;
    server->rings = &driver->rings;
    server->events = &driver->events;
    server->aborted = aborted;
    driver->free = NULL;
    for (uint32_t i = 0; i < NET_FRAMES_MAX; i++)
        release(driver, &driver->frames[i]);
    return 0;
}

int64_t net_open(struct net_driver *driver)
{
    int64_t error = net_prepare(driver);
    return error < 0 ? error : server_open(&driver->server, NET_FRAMES_MAX);
}

int64_t net_serve(struct net_driver *driver)
{
    int64_t error = net_open(driver);
    return error < 0 ? error : server_run(&driver->server);
}
