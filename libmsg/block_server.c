/*
 * See block_server.h.  A request is free, waiting (a barrier is in the way), or begun: with the
 * driver.
 */
#include "block_server.h"

#include "pool.h"
#include "string.h"
#include "thread.h"

static struct block_driver *driver_of(struct server *server)
{
    return (struct block_driver *)((uint8_t *)server - offsetof(struct block_driver, server));
}

/* ---- Requests -------------------------------------------------------------------------------- */

static struct block_request *allocate(struct block_driver *driver)
{
    struct block_request *request = driver->free;
    if (request) {
        driver->free = request->next;
        *request = (struct block_request){0};
    }
    return request;
}

static void release(struct block_driver *driver, struct block_request *request)
{
    if (request->attachment)
        attachment_release(&driver->attachments, request->attachment);
    request->attachment = NULL;
    request->idle = true;
    request->next = driver->free;
    driver->free = request;
}

static int64_t name_attached(struct block_driver *driver, const struct request *from,
                             struct block_request *request, uint32_t right)
{
    struct attachment *attachment =
        attachment_find(&driver->attachments, from->badge, from->head.arg[0]);
    uint64_t offset = from->head.arg[1];
    if (!attachment)
        return -ENOENT;
    if (!(attachment->rights & right))
        return -EPERM;
    if (offset > attachment->size || request->length > attachment->size - offset)
        return -ERANGE;
    attachment_use(attachment);
    request->attachment = attachment;
    request->memory = attachment->vmo;
    request->memory_offset = offset;
    return 0;
}

/* Memory that came pinned: the addresses of its pages lie in the message page. */
static int64_t name_pinned(struct block_request *request, const struct message_range *range,
                           uint64_t offset)
{
    request->addresses = message_area()->addresses + offset / PAGE_SIZE;
    request->memory_offset = offset % PAGE_SIZE;
    request->pin = range->offset;
    request->pinned = true;
    return 0;
}

/* A message's ranges that came pinned, of a driver with a domain: the answer will unpin them, but
 * not if the sender gives up before. */
static void unpin_all(const struct block_driver *driver, const struct request *from)
{
    for (uint32_t i = 0; i < MESSAGE_FLAG_RANGES(from->head.flags) && driver->domain; i++)
        if (!from->ranges[i].vmo)
            sys_unpin(driver->domain, from->ranges[i].offset);
}

/* Where addresses are kept of a request that cannot begin yet. */
static void keep_addresses(struct block_driver *driver, struct block_request *request)
{
    if (!request->addresses)
        return;
    uint64_t *kept = driver->kept[request - driver->requests];
    uint64_t pages = (request->memory_offset + request->length + PAGE_SIZE - 1) / PAGE_SIZE;
    memcpy(kept, request->addresses, pages * sizeof(*kept));
    request->addresses = kept;
}

/* The memory that a read or write names. */
static int64_t name_memory(struct block_driver *driver, const struct request *from,
                           struct block_request *request, uint32_t right)
{
    const struct message_range *range = &from->ranges[0];
    uint64_t offset = from->head.arg[1];
    if (from->head.arg[0])
        return name_attached(driver, from, request, right);
    if (!MESSAGE_FLAG_RANGES(from->head.flags))
        return -EINVAL;
    if (!(range->rights & right))
        return -EPERM;
    if (offset > range->length || request->length > range->length - offset)
        return -ERANGE;
    if (driver->domain && MESSAGE_FLAG_RANGES(from->head.flags) > 1)
        return -EINVAL; /* there is one pin to account for */
    if (driver->domain && !range->vmo)
        return name_pinned(request, range, offset);
    request->memory = range->vmo;
    request->memory_offset = range->offset + offset;
    return 0;
}

/* ---- The driver's turn ----------------------------------------------------------------------- */

static int64_t call_driver(struct block_driver *driver, struct block_request *request)
{
    switch (request->op) {
    case BLOCK_READ:
        return driver->read(driver, request);
    case BLOCK_WRITE:
        return driver->write(driver, request);
    case BLOCK_DISCARD:
        return driver->discard(driver, request);
    default:
        return driver->flush ? driver->flush(driver, request) : 0;
    }
}

static bool is_async(int64_t result)
{
    return result == EASYNC || result == -EASYNC;
}

/* A write that was done, of a driver that cannot do FUA: its flush. */
static int64_t after_write(struct block_driver *driver, struct block_request *request,
                           int64_t result)
{
    if (result < 0 || request->flushing || request->op != BLOCK_WRITE ||
        !(request->flags & BLOCK_FUA) || driver->does_fua || !driver->flush)
        return result;
    request->flushing = true;
    return driver->flush(driver, request);
}

/* The result as the client hears it: what was asked for, or an error. */
static int64_t whole(const struct block_request *request, int64_t result)
{
    if (result < 0)
        return result;
    return request->op == BLOCK_FLUSH ? 0 : (int64_t)request->length;
}

static void ended(struct block_driver *driver, struct block_request *request)
{
    driver->begun--;
    if (request->barrier)
        driver->barrier_in_flight = false;
    release(driver, request);
}

/* The result, or EASYNC: block_done will come. */
static int64_t begin(struct block_driver *driver, struct block_request *request)
{
    request->begun = true;
    driver->begun++;
    driver->barrier_in_flight |= request->barrier;
    int64_t result = call_driver(driver, request);
    if (!is_async(result))
        result = after_write(driver, request, result);
    if (is_async(result))
        return EASYNC;
    result = whole(request, result);
    ended(driver, request);
    return result;
}

static bool must_wait(const struct block_driver *driver, const struct block_request *request)
{
    return driver->barrier_in_flight || (request->barrier && driver->begun);
}

/* The answer ends a pin that came with the request; if there is nobody to hear it, we do. */
static void finish(struct block_driver *driver, uint64_t token, int64_t result, bool pinned,
                   uint64_t pin)
{
    const struct message head = {.result = result};
    if (server_reply(token, &head) < 0 && pinned)
        sys_unpin(driver->domain, pin);
}

/* Begins what no barrier is in the way of any more. */
static void begin_waiting(struct block_driver *driver)
{
    while (driver->waiting && !must_wait(driver, driver->waiting)) {
        struct block_request *request = driver->waiting;
        uint64_t token = request->token, pin = request->pin;
        bool pinned = request->pinned;
        driver->waiting = request->next;
        int64_t result = begin(driver, request);
        if (!is_async(result))
            finish(driver, token, result, pinned, pin);
    }
}

static int64_t submit(struct block_driver *driver, struct block_request *request)
{
    if (!driver->waiting && !must_wait(driver, request))
        return begin(driver, request);
    keep_addresses(driver, request);
    request->next = NULL;
    if (driver->waiting)
        driver->last_waiting->next = request;
    else
        driver->waiting = request;
    driver->last_waiting = request;
    return EASYNC;
}

void block_done(struct block_driver *driver, struct block_request *request, int64_t result)
{
    result = after_write(driver, request, result);
    if (is_async(result))
        return;
    uint64_t token = request->token, pin = request->pin;
    bool pinned = request->pinned;
    result = whole(request, result);
    ended(driver, request);
    finish(driver, token, result, pinned, pin);
    begin_waiting(driver);
}

/* ---- Operations ------------------------------------------------------------------------------ */

static int64_t do_info(struct server *server, struct request *request)
{
    const struct block_driver *driver = driver_of(server);
    uint64_t queues = server->set ? server->set->count : 1;
    request->reply.length = driver->size;
    request->reply.offset = driver->name;
    request->reply.arg[0] = driver->block_size | (uint64_t)driver->physical_block_size << 32;
    request->reply.arg[1] = driver->is;
    request->reply.arg[2] = driver->max_transfer | queues << 32;
    return 0;
}

/* Whole blocks within the device. */
static int64_t check_range(const struct block_driver *driver, const struct message *head,
                           uint64_t most)
{
    uint64_t mask = driver->block_size - 1;
    if (head->length == 0 || (head->offset & mask) || (head->length & mask))
        return -EINVAL;
    if (head->offset > driver->size || head->length > driver->size - head->offset)
        return -ERANGE;
    return head->length > most ? -E2BIG : 0;
}

/* A request of the skeleton's for a checked one; most of its members. */
static struct block_request *make(struct block_driver *driver, const struct request *from)
{
    struct block_request *request = allocate(driver);
    if (!request)
        return NULL;
    request->op = from->head.op;
    request->flags = from->head.arg[2] & BLOCK_FUA;
    request->barrier = from->head.arg[2] & BLOCK_BARRIER;
    request->offset = from->head.offset;
    request->length = from->head.length;
    request->token = from->token;
    return request;
}

static int64_t checked_transfer(struct block_driver *driver, const struct request *from,
                                uint32_t flags, uint32_t right)
{
    if (from->head.arg[2] & ~(uint64_t)flags)
        return -EINVAL;
    int64_t error = check_range(driver, &from->head, driver->max_transfer);
    if (error < 0)
        return error;
    struct block_request *request = make(driver, from);
    if (!request)
        return -EAGAIN;
    error = name_memory(driver, from, request, right);
    if (error < 0) {
        release(driver, request);
        return error;
    }
    return submit(driver, request);
}

static int64_t transfer(struct block_driver *driver, const struct request *from, uint32_t flags,
                        uint32_t right)
{
    int64_t result = checked_transfer(driver, from, flags, right);
    if (!is_async(result))
        unpin_all(driver, from);
    return result;
}

static int64_t do_read(struct server *server, struct request *request)
{
    return transfer(driver_of(server), request, BLOCK_BARRIER, RIGHT_WRITE);
}

static int64_t do_write(struct server *server, struct request *request)
{
    struct block_driver *driver = driver_of(server);
    if ((driver->is & BLOCK_IS_READ_ONLY) || !driver->write)
        return -EROFS;
    return transfer(driver, request, BLOCK_BARRIER | BLOCK_FUA, RIGHT_READ);
}

static int64_t without_memory(struct block_driver *driver, const struct request *from)
{
    if (from->head.arg[2] & ~(uint64_t)BLOCK_BARRIER)
        return -EINVAL;
    struct block_request *request = make(driver, from);
    return request ? submit(driver, request) : -EAGAIN;
}

static int64_t do_flush(struct server *server, struct request *request)
{
    return without_memory(driver_of(server), request);
}

static int64_t do_discard(struct server *server, struct request *request)
{
    struct block_driver *driver = driver_of(server);
    if (driver->is & BLOCK_IS_READ_ONLY)
        return -EROFS;
    if (!driver->discard)
        return -ENOTSUP;
    int64_t error = check_range(driver, &request->head, UINT64_MAX);
    return error < 0 ? error : without_memory(driver, request);
}

static server_handler *const handlers[BLOCK_OPS_END - BLOCK_INFO] = {
    [BLOCK_INFO - BLOCK_INFO] = do_info,       [BLOCK_READ - BLOCK_INFO] = do_read,
    [BLOCK_WRITE - BLOCK_INFO] = do_write,     [BLOCK_FLUSH - BLOCK_INFO] = do_flush,
    [BLOCK_DISCARD - BLOCK_INFO] = do_discard,
};

/* ---- Aborts ---------------------------------------------------------------------------------- */

/* One that waits for a barrier has not been begun and ends now. */
static bool abort_waiting(struct block_driver *driver, uint64_t token)
{
    struct block_request *before = NULL;
    for (struct block_request *request = driver->waiting; request; request = request->next) {
        if (request->token != token) {
            before = request;
            continue;
        }
        if (before)
            before->next = request->next;
        else
            driver->waiting = request->next;
        if (driver->last_waiting == request)
            driver->last_waiting = before;
        uint64_t pin = request->pin;
        bool pinned = request->pinned;
        release(driver, request);
        finish(driver, token, -EINTR, pinned, pin);
        begin_waiting(driver);
        return true;
    }
    return false;
}

static void aborted(struct server *server, uint64_t token)
{
    struct block_driver *driver = driver_of(server);
    if (abort_waiting(driver, token) || !driver->abort)
        return;
    for (uint32_t i = 0; i < BLOCK_REQUESTS_MAX; i++) {
        struct block_request *request = &driver->requests[i];
        if (request->begun && !request->idle && request->token == token)
            driver->abort(driver, request);
    }
}

/* ---- Opening --------------------------------------------------------------------------------- */

int64_t block_prepare(struct block_driver *driver)
{
    uint32_t block = driver->block_size;
    if (block < BLOCK_SIZE_MIN || block > BLOCK_SIZE_MAX || (block & (block - 1)) ||
        !driver->read || driver->size % block || driver->max_transfer % block)
        return -EINVAL;
    if (!driver->physical_block_size)
        driver->physical_block_size = block;
    if (!driver->max_transfer)
        driver->max_transfer = LOAN_BYTES_MAX;
    if (driver->domain &&
        (!driver->kept || driver->max_transfer > (BLOCK_ADDRESSES_MAX - 1) * PAGE_SIZE))
        return -EINVAL;
    if (driver->discard)
        driver->is |= BLOCK_IS_DISCARDABLE;
    driver->server.first_op = BLOCK_INFO;
    driver->server.op_count = BLOCK_OPS_END - BLOCK_INFO;
    driver->server.handlers = handlers;
    driver->server.attachments = &driver->attachments;
    driver->server.rings = &driver->rings;
    driver->server.events = &driver->events;
    driver->server.aborted = aborted;
    driver->free = NULL;
    for (uint32_t i = 0; i < BLOCK_REQUESTS_MAX; i++) {
        driver->requests[i].idle = true;
        driver->requests[i].next = driver->free;
        driver->free = &driver->requests[i];
    }
    return 0;
}

int64_t block_open(struct block_driver *driver)
{
    int64_t error = block_prepare(driver);
    return error < 0 ? error : server_open(&driver->server, BLOCK_REQUESTS_MAX);
}

int64_t block_serve(struct block_driver *driver)
{
    int64_t error = block_open(driver);
    return error < 0 ? error : server_run(&driver->server);
}

/* ---- Copies ---------------------------------------------------------------------------------- */

static uint64_t piece(uint64_t length)
{
    return length < MESSAGE_BYTES_MAX ? length : MESSAGE_BYTES_MAX;
}

int64_t block_to_memory(const struct block_request *request, uint64_t offset, const void *from,
                        uint64_t length)
{
    const uint8_t *bytes = from;
    for (uint64_t done = 0; done < length; done += piece(length - done)) {
        uint64_t now = piece(length - done);
        memcpy(message_area()->bytes, bytes + done, now);
        int64_t error = sys_vmo_write(request->memory, request->memory_offset + offset + done, now);
        if (error < 0)
            return error;
    }
    return 0;
}

int64_t block_from_memory(const struct block_request *request, uint64_t offset, void *to,
                          uint64_t length)
{
    uint8_t *bytes = to;
    for (uint64_t done = 0; done < length; done += piece(length - done)) {
        uint64_t now = piece(length - done);
        int64_t error = sys_vmo_read(request->memory, request->memory_offset + offset + done, now);
        if (error < 0)
            return error;
        memcpy(bytes + done, message_area()->bytes, now);
    }
    return 0;
}
