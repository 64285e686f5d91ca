/*
 * See publish.h.
 */
#include "publish.h"

#include <portolan/names.h>

#include "clock.h"
#include "start.h"
#include "string.h"
#include "thread.h"
#include "words.h"

static int64_t mount(handle_t names, handle_t port, const char *path)
{
    size_t length = strlen(path);
    uint32_t flags = NAMES_NODE;
    if (length > 1 && path[length - 1] == '/')
        flags = 0, length--;
    if (length > IO_PATH_MAX)
        return -EINVAL;
    int64_t copy = sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER, 0);
    if (copy < 0)
        return copy;
    memcpy(message_area()->bytes, path, length);
    message_area()->handles[0] = (struct message_handle){(handle_t)copy, RIGHTS_SAME, 0};
    struct message head = {.op = NAMES_MOUNT, .flags = MESSAGE_FLAGS(length, 1, 0), .arg = {flags}};
    int64_t error = sys_do(names, clock_after(30 * SECOND), &head);
    if (error < 0)
        sys_handle_close((handle_t)copy); /* if it never left */
    return error < 0 ? error : head.result;
}

int64_t server_publish(struct server *server, const struct startup *startup)
{
    handle_t names = startup_handle(startup, "names");
    const char *path = startup_option(startup, "name=");
    const char *life = startup_option(startup, "life=");
    uint64_t number;
    if (life && string_to_number(life, &number))
        server->sessions = server->sessions_before = number << 32;
    if (!server->port)
        server->port = startup_handle(startup, "port");
    int64_t error = server_open(server, PUBLISH_CAPACITY);
    if (error < 0 || !names || !path)
        return error;
    return mount(names, server->port, path);
}
