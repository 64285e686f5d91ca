/*
 * The loop of a server; see server.h.
 */
#include "server.h"

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
    return sys_reply(token, head);
}

static int64_t dispatch(struct server *server, struct request *request)
{
    uint32_t index = request->head.op - server->first_op;
    server_handler *handler = index < server->op_count ? server->handlers[index] : server->other;
    return handler ? handler(server, request) : -ENOSYS;
}

static void note_handles(struct request *request)
{
    uint32_t count = MESSAGE_FLAG_HANDLES(request->head.flags);
    for (uint32_t i = 0; i < MESSAGE_HANDLES_MAX; i++)
        request->handles[i] = i < count ? message_area()->handles[i].handle : HANDLE_NONE;
}

static void close_handles(const struct request *request)
{
    for (uint32_t i = 0; i < MESSAGE_HANDLES_MAX; i++)
        if (request->handles[i])
            sys_handle_close(request->handles[i]);
}

/* True: request->reply is to be sent. */
static bool serve(struct server *server, struct request *request)
{
    bool brought = MESSAGE_FLAG_HANDLES(request->head.flags);
    note_handles(request);
    memset(&request->reply, 0, sizeof(request->reply));
    int64_t result = dispatch(server, request);
    if (brought)
        close_handles(request);
    request->reply.result = result;
    return result != EASYNC;
}

/* What came is not a message that wants an answer. */
static void tell(struct server *server, int64_t kind, const struct request *request)
{
    const struct message *head = &request->head;
    if (kind == GET_NOTIFY && server->notified)
        server->notified(server, head->arg[0]);
    else if ((kind == GET_REPLY || kind == GET_ENDED) && server->answered)
        server->answered(server, request->badge, head);
    else if (kind == GET_KERNEL && server->told)
        server->told(server, head);
}

/* Serves what was got; whether there is an answer to send. */
static bool take(struct server *server, int64_t kind, struct request *request,
                 const struct receipt *receipt)
{
    request->badge = receipt->badge;
    request->token = receipt->token;
    if (kind == GET_MESSAGE)
        return serve(server, request);
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

int64_t server_step(struct server *server, uint64_t deadline)
{
    struct request request;
    struct receipt receipt;
    int64_t kind = sys_get(server->port, deadline, &request.head, &receipt);
    if (kind < 0)
        return kind;
    if (!take(server, kind, &request, &receipt))
        return 0;
    int64_t error = sys_reply(request.token, &request.reply);
    if (error < 0)
        end_anyway(request.token, request.reply.flags, error);
    return 0;
}

int64_t server_run(struct server *server)
{
    struct request request;
    struct receipt receipt = {0};
    bool answer = false;
    uint32_t flags = 0;
    server->stop = false;
    for (;;) {
        int64_t kind;
        if (answer) {
            struct message *head = &request.reply;
            flags = head->flags;
            receipt.token = request.token;
            kind = sys_reply_get(server->port, DEADLINE_NEVER, head, &receipt);
            request.head = *head;
        } else {
            kind = sys_get(server->port, DEADLINE_NEVER, &request.head, &receipt);
        }
        if (kind >= 0) {
            answer = take(server, kind, &request, &receipt);
        } else if (answer && kind != -EINTR && kind != -EDEAD) {
            end_anyway(request.token, flags, kind);
            answer = false;
        } else if (kind != -EINTR && kind != -EMFILE) {
            return kind;
        } else {
            answer = false;
        }
        if (server->stop) {
            if (answer && sys_reply(request.token, &request.reply) < 0)
                end_anyway(request.token, request.reply.flags, -EIO);
            return 0;
        }
    }
}
