/*
 * The loop of a server; see server.h.
 */
#include "server.h"

#include "attach.h"
#include "clock.h"
#include "port.h"
#include "port_here.h"
#include "ring_server.h"
#include "server_internal.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

int64_t server_open(struct server *server, uint32_t capacity)
{
    if (server->port)
        return 0;
    int64_t port = sys_port_create(capacity);
    if (port < 0)
        return port;
    server->port = (handle_t)port;
    return 0;
}

int64_t server_session(struct server *server, uint64_t badge)
{
    return sys_handle_duplicate(server->port, RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER,
                                badge | BADGE_COUNTED);
}

int64_t server_reply(uint64_t token, const struct message *head)
{
    if (token & TOKEN_RING)
        return ring_reply(token, head);
    if (token & TOKEN_HERE)
        return here_reply(token, head);
    return sys_reply(token, head);
}

/* ---- Serving a message ----------------------------------------------------------------------- */

static void note_extras(struct request *request)
{
    const struct message_area *area = message_area();
    uint32_t handles = MESSAGE_FLAG_HANDLES(request->head.flags);
    uint32_t ranges = MESSAGE_FLAG_RANGES(request->head.flags);
    for (uint32_t i = 0; i < MESSAGE_HANDLES_MAX; i++)
        request->handles[i] = i < handles ? area->handles[i].handle : HANDLE_NONE;
    for (uint32_t i = 0; i < ranges && i < MESSAGE_RANGES_MAX; i++)
        request->ranges[i] = area->ranges[i];
}

static void close_handles(const struct request *request)
{
    for (uint32_t i = 0; i < MESSAGE_HANDLES_MAX; i++)
        if (request->handles[i])
            sys_handle_close(request->handles[i]);
}

/* The kernel tells only that some message was aborted: these are asked about. */
static void keep_token(struct server *server, uint64_t token)
{
    for (uint32_t i = 0; i < SERVER_KEPT_MAX; i++) {
        uint64_t none = __atomic_load_n(&server->kept[i], __ATOMIC_RELAXED);
        if (none && sys_message_info(none) != -ESTALE_TOKEN)
            continue;
        if (__atomic_compare_exchange_n(&server->kept[i], &none, token, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return;
    }
}

void server_abort(struct server *server, uint64_t token)
{
    server_count(server, &server->statistics.aborted);
    if (server->aborted)
        server->aborted(server, token);
}

static void tell_aborts(struct server *server)
{
    for (uint32_t i = 0; i < SERVER_KEPT_MAX; i++) {
        uint64_t token = __atomic_load_n(&server->kept[i], __ATOMIC_RELAXED);
        int64_t info = token ? sys_message_info(token) : 0;
        if (!token || (info >= 0 && !(info & 1)))
            continue;
        if (__atomic_compare_exchange_n(&server->kept[i], &token, 0, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED) &&
            info >= 0)
            server_abort(server, token);
    }
}

bool server_serve(struct server *server, struct request *request)
{
    bool brought = request->head.flags & (MESSAGE_EXTRAS & ~0x1fffu);
    if (brought)
        note_extras(request);
    bool kept = !serve_and_note(server, request);
    if (brought)
        close_handles(request);
    if (kept && server->aborted && !(request->token & (TOKEN_RING | TOKEN_HERE)))
        keep_token(server, request->token);
    /* Another thread may have been told of its abort before it was in the table. */
    int64_t info = kept && server->shared && server->aborted ? sys_message_info(request->token) : 0;
    if (info > 0 && (info & 1))
        tell_aborts(server);
    return !kept;
}

/* ---- What came is not a message that wants an answer ----------------------------------------- */

static void tell_notified(struct server *server, uint64_t bits)
{
    if (bits & NOTIFY_ABORT)
        tell_aborts(server);
    if (server->rings || server->mailbox)
        bits &= ~RING_WAKE_BIT;
    if (bits && server->notified)
        server->notified(server, bits);
}

/* A predecessor's: what was attached in it is not here. */
static bool is_stale_session(const struct server *server, uint64_t badge)
{
    uint64_t bits = badge & ~BADGE_COUNTED;
    return bits & SERVER_SESSION_BADGE && (bits ^ SERVER_SESSION_BADGE) <= server->sessions_before;
}

/* The last handle of a session is gone, and what it held goes. */
static void tell_kernel(struct server *server, const struct message *head)
{
    if (head->op == KERNEL_UNREFERENCED) {
        if (server->rings && rings_unreferenced(server, head->cookie))
            return;
        if (server->attachments)
            attachments_end(server->attachments, head->cookie);
        if (head->cookie & SERVER_SESSION_BADGE && !is_stale_session(server, head->cookie))
            server->sessions_open--;
    }
    if (server->told)
        server->told(server, head);
}

static void tell(struct server *server, int64_t kind, const struct request *request)
{
    const struct message *head = &request->head;
    if (server->mailbox && mailbox_take(server->mailbox, kind, head) && kind != GET_NOTIFY)
        return;
    if (kind == GET_NOTIFY)
        tell_notified(server, head->arg[0]);
    else if ((kind == GET_REPLY || kind == GET_ENDED) && server->answered)
        server->answered(server, request->badge, head);
    else if (kind == GET_KERNEL)
        tell_kernel(server, head);
}

/* The client opens another session and sends its message again. */
static bool refuse_stale(struct request *request)
{
    note_extras(request);
    close_handles(request);
    request->reply = (struct message){.result = -ESESSION};
    return true;
}

/* Serves what was got; whether there is an answer to send. */
static bool take(struct server *server, int64_t kind, struct request *request,
                 const struct receipt *receipt)
{
    request->badge = receipt->badge;
    request->token = receipt->token;
    if (kind == GET_MESSAGE && is_stale_session(server, request->badge))
        return refuse_stale(request);
    if (kind == GET_MESSAGE)
        return server_serve(server, request);
    if (kind == GET_FAULT && server->faulted)
        server->faulted(server, request);
    else
        tell(server, kind, request);
    return false;
}

/* The reply was refused: its handles have stayed here, where nobody wants them; and if its message
 * has not ended already, it ends with an error. */
static void end_anyway(uint64_t token, uint32_t flags, int64_t error)
{
    struct message head = {.result = error};
    for (uint32_t i = 0; i < MESSAGE_FLAG_HANDLES(flags) && i < MESSAGE_HANDLES_MAX; i++)
        sys_handle_close(message_area()->handles[i].handle);
    if (error != -ESTALE_TOKEN)
        sys_reply(token, &head);
}

static void answer(const struct request *request)
{
    int64_t error = sys_reply(request->token, &request->reply);
    if (error < 0)
        end_anyway(request->token, request->reply.flags, error);
}

/* ---- Rings and replies beside the port ------------------------------------------------------- */

#define LOOK_AT_PORT (MILLISECOND / 2) /* how often, while rings are busy */

/* Serves them; then how long the port may be waited for: DEADLINE_NOW if there is still more. */
static uint64_t serve_others(struct server *server, uint64_t deadline)
{
    bool more = false;
    uint64_t end = 0;
    for (;;) {
        more = server->rings && rings_serve(server);
        if (server->mailbox)
            more |= mailbox_poll(server->mailbox);
        if (!more || server->stop)
            break;
        if (!end)
            end = clock_after(LOOK_AT_PORT);
        else if (clock_now() >= end)
            return DEADLINE_NOW;
    }
    if (server->stop)
        return DEADLINE_NOW;
    if (server->mailbox)
        deadline = mailbox_deadline(server->mailbox, deadline);
    if ((server->rings && !rings_sleep(server)) ||
        (server->mailbox && !mailbox_sleep(server->mailbox)))
        return DEADLINE_NOW;
    return deadline;
}

static void others_wake(struct server *server)
{
    if (server->rings)
        rings_wake(server);
    if (server->mailbox)
        mailbox_wake(server->mailbox);
}

static bool has_others(const struct server *server)
{
    return server->rings || server->mailbox;
}

int64_t server_step(struct server *server, uint64_t deadline)
{
    struct request request;
    struct receipt receipt;
    uint64_t until = has_others(server) ? serve_others(server, deadline) : deadline;
    int64_t kind = sys_get(server->port, until, &request.head, &receipt);
    if (has_others(server))
        others_wake(server);
    if (kind < 0)
        return kind == -ETIMEDOUT && until != deadline ? 0 : kind;
    if (take(server, kind, &request, &receipt))
        answer(&request);
    return 0;
}

/* As server_run, for a server that has more to look after than its port. */
static int64_t run_with_others(struct server *server)
{
    while (!server->stop) {
        int64_t error = server_step(server, DEADLINE_NEVER);
        if (error < 0 && error != -EINTR && error != -EMFILE)
            return error;
    }
    return 0;
}

int64_t server_run(struct server *server)
{
    server->stop = false;
    return server_loop(server);
}

int64_t server_loop(struct server *server)
{
    struct request request;
    struct receipt receipt = {0};
    bool answers = false;
    uint32_t flags = 0;
    if (has_others(server))
        return run_with_others(server);
    for (;;) {
        int64_t kind;
        if (answers) {
            struct message *head = &request.reply;
            flags = head->flags;
            receipt.token = request.token;
            kind = sys_reply_get(server->port, DEADLINE_NEVER, head, &receipt);
            request.head = *head;
        } else {
            kind = sys_get(server->port, DEADLINE_NEVER, &request.head, &receipt);
        }
        if (kind >= 0) {
            answers = take(server, kind, &request, &receipt);
        } else if (answers && kind != -EINTR && kind != -EDEAD) {
            end_anyway(request.token, flags, kind);
            answers = false;
        } else if (kind != -EINTR && kind != -EMFILE) {
            return kind;
        } else {
            answers = false;
        }
        if (server->stop) {
            if (answers)
                answer(&request);
            return 0;
        }
    }
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

static int64_t find_range(const struct request *request, uint32_t index, uint64_t offset,
                          uint64_t length)
{
    if (index >= MESSAGE_FLAG_RANGES(request->head.flags))
        return -EINVAL;
    uint64_t size = request->ranges[index].length;
    return offset > size || length > size - offset ? -ERANGE : 0;
}

int64_t request_range_read(const struct request *request, uint32_t index, uint64_t offset,
                           uint64_t length)
{
    const struct message_range *range = &request->ranges[index];
    int64_t error = find_range(request, index, offset, length);
    return error < 0 ? error : sys_vmo_read(range->vmo, range->offset + offset, length);
}

int64_t request_range_write(const struct request *request, uint32_t index, uint64_t offset,
                            uint64_t length)
{
    const struct message_range *range = &request->ranges[index];
    int64_t error = find_range(request, index, offset, length);
    return error < 0 ? error : sys_vmo_write(range->vmo, range->offset + offset, length);
}
