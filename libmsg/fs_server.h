/*
 * The skeleton of a filesystem server: the I/O protocol (<portolan/io.h>) as a table of functions
 * on nodes.
 *
 * A driver fills in a struct fs_driver, with its root's number, and calls fs_serve.  The skeleton
 * copies and checks paths, keeps sessions and their offsets, and sees that a session opened for
 * reading does not write.  A function of the driver's gets a struct fs_call; it returns a result,
 * -errno or IO_LINK_MET, or EASYNC: then it copies what it needs of the call and answers with
 * server_reply.
 *
 * A node's number is the driver's own.  `node` of a call is where the path starts: the session's.
 */
#ifndef LIBMSG_FS_SERVER_H
#define LIBMSG_FS_SERVER_H

#include "io_path.h"
#include "server.h"
#include "server_common.h"
#include "syscall.h"

#define FS_SESSIONS_MAX 256u

struct fs_driver;

struct fs_session {
    uint64_t node, offset;
    uint32_t flags; /* IO_OPEN_* */
    uint32_t generation;
    bool open;
};

struct fs_call {
    struct request *request;    /* its head and ranges; reply's fields are the driver's to set */
    struct fs_session *session; /* NULL: the root, by the server's own handle */
    uint64_t node;
    uint64_t offset; /* of a read or write: IO_OFFSET_CURRENT resolved; to the end: UINT64_MAX */
    struct io_path path; /* of operations that have one */
    struct io_path
        second; /* rename, link: the new one; make_link: the target's text is in `path` */
};

typedef int64_t fs_function(struct fs_driver *driver, struct fs_call *call);

struct fs_driver {
    uint64_t root;
    /* Finds, or makes, the node that the path names: call->node becomes it, reply bytes: struct
     * io_info. `closed` will be called for it once. */
    fs_function *open;
    void (*closed)(struct fs_driver *driver, uint64_t node);
    /* Bytes at call->offset of call->node, to or from range 0 or the message's bytes.  A write at
     * UINT64_MAX appends, and sets call->offset to where. */
    fs_function *read, *write;
    fs_function *info, *change, *list;
    fs_function *make_directory, *remove, *rename, *link, *make_link, *read_link, *make_node;
    fs_function *sync, *map, *control, *poll, *usage;
    /* The end of a node, for seeking: -errno. */
    int64_t (*size)(struct fs_driver *driver, uint64_t node);
    void *context;

    struct server server;

    /* The skeleton's */
    struct server_events events;
    struct fs_session sessions[FS_SESSIONS_MAX];
};

/* As the other skeletons: block_server.h. */
void fs_prepare(struct fs_driver *driver);
int64_t fs_open(struct fs_driver *driver);
int64_t fs_serve(struct fs_driver *driver);

#endif
