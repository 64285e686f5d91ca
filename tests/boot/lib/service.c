/*
 * See service.h.
 */
#include "service.h"

#include "cpio.h"

struct message reply;

#define SERVER_BUDGET (48ul << 20)
#define QUEUE 64u

struct cpio_entry service_program(const char *name)
{
    handle_t boot = startup_handle(startup, "boot");
    static const uint8_t *archive;
    static struct vmo_information info;
    struct cpio_entry entry;
    if (!archive) {
        must(sys_vmo_info(boot, &info), "boot module");
        archive =
            (const uint8_t *)must(sys_map(HANDLE_NONE, boot, 0, info.size, 0, MAP_READ), "map");
    }
    must(cpio_find(archive, info.size, name, &entry), name);
    return entry;
}

static void start(struct service *service, const char *program, const char *handle_name,
                  handle_t handle, const char *word, uint64_t budget)
{
    handle_t boot = startup_handle(startup, "boot");
    struct cpio_entry entry = service_program(program);
    service->port = (handle_t)must(sys_port_create(QUEUE), "port");
    struct spawn_handle handles[] = {
        {"port", service->port, RIGHTS_SAME},
        {"log", startup_handle(startup, "log"), RIGHTS_SAME},
        {handle_name, handle, RIGHTS_SAME},
    };
    const struct spawn plan = {.file = boot,
                               .offset = entry.offset,
                               .size = entry.size,
                               .budget = budget,
                               .priority = PRIORITY_DEFAULT,
                               .cpu = -1,
                               .clock = startup->clock,
                               .cpus = startup->cpus,
                               .handles = handles,
                               .handle_count = handle_name ? 3 : 2,
                               .words = word ? word : "",
                               .word_count = word ? 1 : 0};
    /* What an earlier one had may be on its way back still. */
    int64_t error;
    for (uint64_t end = soon(); (error = spawn(&plan, &service->made)) == -ENOMEM;) {
        if (clock_now() > end)
            break;
        sys_sleep(clock_after(MILLISECOND));
    }
    must(error, "spawn");
}

void service_start(struct service *service, const char *program, const char *handle_name,
                   handle_t handle, const char *word)
{
    start(service, program, handle_name, handle, word, SERVER_BUDGET);
}

void service_start_with(struct service *service, const char *program, const char *handle_name,
                        handle_t handle, uint64_t budget)
{
    start(service, program, handle_name, handle, NULL, budget);
}

void service_end(struct service *service)
{
    sys_task_kill(service->made.task, 0);
    wait_for_death(service->made.task, soon(), NULL);
    sys_handle_close(service->made.thread);
    sys_handle_close(service->made.task);
    sys_handle_close(service->port);
}

handle_t badged(handle_t port, uint64_t badge)
{
    return (handle_t)must(
        sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER, badge), "badge");
}

/* Sends what the message page has. */
static int64_t call(handle_t to, const struct message *message)
{
    reply = *message;
    int64_t error = sys_do(to, soon(), &reply);
    return error < 0 ? error : reply.result;
}

int64_t ask(handle_t tree, uint32_t op, const char *path, const struct message *message)
{
    struct message head = message ? *message : (struct message){0};
    head.op = op;
    head.flags |= MESSAGE_FLAGS(strlen(path), 0, 0);
    memcpy(message_area()->bytes, path, strlen(path));
    return call(tree, &head);
}

int64_t ask_two(handle_t tree, uint32_t op, const char *first, const char *second)
{
    uint64_t length = strlen(first), other = strlen(second);
    memcpy(message_area()->bytes, first, length);
    memcpy(message_area()->bytes + length, second, other);
    return call(tree, &(struct message){.op = op,
                                        .flags = MESSAGE_FLAGS(length + other, 0, 0),
                                        .arg = {0, 0, length}});
}

int64_t open_path(handle_t tree, const char *path, uint64_t flags)
{
    struct message message = {.flags = MESSAGE_ROOM, .arg = {flags, 0644, 0}};
    int64_t result = ask(tree, IO_OPEN, path, &message);
    if (result < 0 || result == IO_LINK_MET)
        return result;
    return message_area()->handles[0].handle;
}

int64_t read_bytes(handle_t session, void *to, uint64_t length, uint64_t offset, uint64_t flags)
{
    int64_t result = call(session, &(struct message){.op = IO_READ,
                                                     .flags = MESSAGE_ROOM,
                                                     .offset = offset,
                                                     .length = length,
                                                     .arg = {flags}});
    if (result > 0)
        memcpy(to, message_area()->bytes, (uint64_t)result);
    return result;
}

int64_t write_bytes(handle_t session, const void *from, uint64_t length, uint64_t offset,
                    uint64_t flags)
{
    memcpy(message_area()->bytes, from, length);
    return call(session, &(struct message){.op = IO_WRITE,
                                           .flags = MESSAGE_FLAGS(length, 0, 0),
                                           .offset = offset,
                                           .length = length,
                                           .arg = {flags}});
}

static int64_t lend(handle_t session, uint32_t op, handle_t vmo, uint32_t rights, uint64_t at,
                    uint64_t length, uint64_t offset)
{
    message_area()->ranges[0] = (struct message_range){vmo, rights, at, length};
    return call(session,
                &(struct message){
                    .op = op, .flags = MESSAGE_FLAGS(0, 0, 1), .offset = offset, .length = length});
}

int64_t read_lent(handle_t session, handle_t vmo, uint64_t at, uint64_t length, uint64_t offset)
{
    return lend(session, IO_READ, vmo, RIGHT_WRITE, at, length, offset);
}

int64_t write_lent(handle_t session, handle_t vmo, uint64_t at, uint64_t length, uint64_t offset)
{
    return lend(session, IO_WRITE, vmo, RIGHT_READ, at, length, offset);
}

int64_t get_info(handle_t tree, const char *path, uint64_t flags, struct io_info *info)
{
    struct message message = {.flags = MESSAGE_ROOM, .arg = {flags}};
    int64_t result = ask(tree, IO_INFO, path, &message);
    if (result == 0)
        memcpy(info, message_area()->bytes, sizeof(*info));
    return result;
}
