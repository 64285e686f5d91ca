/*
 * What handlers of <portolan/io.h> do again and again: take the path out of a request, put bytes or
 * a session into its reply.
 */
#ifndef SERVERS_ANSWER_H
#define SERVERS_ANSWER_H

#include "path.h"
#include "server.h"
#include "string.h"
#include "thread.h"

/* The path in a request's bytes. 0, or as path_take. */
static inline int request_path(const struct request *request, struct path *path)
{
    return path_take(path, message_area()->bytes, MESSAGE_FLAG_BYTES(request->head.flags));
}

/* Both paths of a request that has two: the first is arg[2] bytes. 0, or as path_take. */
static inline int request_two_paths(const struct request *request, struct path *first,
                                    struct path *second)
{
    uint64_t length = MESSAGE_FLAG_BYTES(request->head.flags), cut = request->head.arg[2];
    if (cut > length)
        return -EINVAL;
    int error = path_take(first, message_area()->bytes, cut);
    return error ? error : path_take(second, message_area()->bytes + cut, length - cut);
}

/* The reply carries `length` bytes of the message page, at most MESSAGE_BYTES_MAX. */
static inline void answer_length(struct request *request, uint64_t length)
{
    request->reply.flags = MESSAGE_FLAGS(length, 0, 0) | (request->reply.flags & (0xfu << 13));
}

static inline void answer_bytes(struct request *request, const void *bytes, uint64_t length)
{
    memcpy(message_area()->bytes, bytes, length);
    answer_length(request, length);
}

/* The reply carries one handle, which leaves this task. */
static inline void answer_handle(struct request *request, handle_t handle)
{
    message_area()->handles[0] = (struct message_handle){handle, RIGHTS_SAME, 0};
    request->reply.flags = MESSAGE_FLAGS(MESSAGE_FLAG_BYTES(request->reply.flags), 1, 0);
}

/* The loan that came as range 0, or HANDLE_NONE. *length: how long it is. */
static inline handle_t request_loan(const struct request *request, uint64_t *length)
{
    if (MESSAGE_FLAG_RANGES(request->head.flags) == 0)
        return HANDLE_NONE;
    *length = message_area()->ranges[0].length;
    return message_area()->ranges[0].vmo;
}

#endif
