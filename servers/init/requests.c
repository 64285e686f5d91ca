/*
 * What comes to init's own port; see <portolan/init.h>.
 *
 * Whoever has a handle to the port may ask: it is only given by `grant init` and to who may open
 * dev/init.
 */
#include "supervisor.h"

#include "string.h"
#include "syscall.h"
#include "thread.h"

static void describe(const struct service *service, struct init_service *out)
{
    struct task_info task = {0};
    struct task_info *found = (struct task_info *)message_area()->bytes;
    if (service->made.task && sys_task_info(service->made.task) == 0)
        task = *found;
    *out = (struct init_service){.number = service->number,
                                 .state = service->state,
                                 .starts = service->starts,
                                 .console = service->plan->console,
                                 .since_ns = service->since,
                                 .budget = task.budget,
                                 .used = task.used};
    memcpy(out->name, service->plan->name, INIT_NAME_MAX);
    memcpy(out->why, service->why, INIT_WHY_MAX);
}
_Static_assert(INIT_NAME_MAX == MANIFEST_NAME_MAX, "names are copied whole");

static int64_t do_list(struct server *server, struct request *request)
{
    enum { AT_ONCE = MESSAGE_BYTES_MAX / sizeof(struct init_service) };
    (void)server;
    struct init_service list[AT_ONCE];
    uint64_t first = request->head.offset;
    uint32_t count = 0;
    while (count < AT_ONCE && first < service_count && first + count < service_count) {
        describe(&services[first + count], &list[count]);
        count++;
    }
    memcpy(message_area()->bytes, list, count * sizeof(list[0]));
    request->reply.flags = MESSAGE_FLAGS(count * sizeof(list[0]), 0, 0);
    return count;
}

static struct service *named(const struct request *request)
{
    return service_find((const char *)message_area()->bytes,
                        MESSAGE_FLAG_BYTES(request->head.flags));
}

static int64_t do_start(struct server *server, struct request *request)
{
    (void)server;
    struct service *service = named(request);
    return service ? service_start(service) : -ENOENT;
}

static int64_t do_stop(struct server *server, struct request *request)
{
    (void)server;
    struct service *service = named(request);
    return service ? service_stop(service, false) : -ENOENT;
}

static int64_t do_restart(struct server *server, struct request *request)
{
    (void)server;
    struct service *service = named(request);
    return service ? service_stop(service, true) : -ENOENT;
}

static int64_t do_kill(struct server *server, struct request *request)
{
    (void)server;
    struct service *service = named(request);
    return service ? service_kill(service) : -ENOENT;
}

server_handler *const request_handlers[REQUEST_COUNT] = {do_list, do_start, do_stop, do_restart,
                                                         do_kill};

static int64_t describe_node(struct request *request)
{
    struct io_info info = {.mode = IO_MODE_CHARACTER | 0600, .links = 1};
    memcpy(message_area()->bytes, &info, sizeof(info));
    request->reply.flags |= MESSAGE_FLAGS(sizeof(info), 0, 0);
    return 0;
}

/* The node dev/init: a session is but another handle to the port. */
static int64_t open_node(struct server *server, struct request *request)
{
    int64_t handle = server_session(server, 1);
    if (handle < 0)
        return handle;
    message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    request->reply.flags = MESSAGE_FLAGS(0, 1, 0);
    return describe_node(request);
}

int64_t request_other(struct server *server, struct request *request)
{
    if (request->head.op == IO_INFO)
        return describe_node(request);
    if (request->head.op == IO_OPEN)
        return MESSAGE_FLAG_BYTES(request->head.flags) ? -ENOTDIR : open_node(server, request);
    return -ENOSYS;
}
