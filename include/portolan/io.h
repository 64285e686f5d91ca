/*
 * The I/O protocol: what files, directories, pipes, terminals and character devices answer.
 *
 * A *session* is a handle with SEND to the server's port, whose badge tells the server what was
 * opened.  Copies of the handle (dup, fork, a handle in a message) are the same session: they share
 * its offset.  The badge is counted (BADGE_COUNTED in <portolan/types.h>), so the kernel tells
 * the server when the last copy is closed, by whatever end; there is no close operation.
 *
 * A *tree* is where paths are looked up: the name server, or the root session of a filesystem.  A
 * path is UTF-8 bytes without NUL, at most IO_PATH_MAX of them, in the message's bytes, relative to
 * the session it is sent to; "" is that session's own node.  "." and "..", and repeated or leading
 * slashes, have been taken out by the sender; a server refuses them (-EINVAL).  The name server
 * forwards a message to the server mounted there, with the mount's prefix removed.
 *
 * Badges.  Whoever makes a server's port (init) gives the server the handle "port" with RECEIVE and
 * MANAGE, and makes root sessions by copying it: their badges are not counted, and 0 is the root of
 * the tree with all rights.  IO_ROOT_READ_ONLY: nothing can be changed through it (-EROFS).
 *
 * What a session was opened for is checked at each use: -EBADF a read of one that was not opened
 * with IO_OPEN_READ, a write of one without IO_OPEN_WRITE.
 *
 * In every reply head.result is >= 0 or -errno.  Any operation may give -EINVAL (malformed),
 * -ENOSYS (not one that this server knows), -EIO; those on paths -ENOENT, -ENOTDIR, -EACCES,
 * -ENAMETOOLONG, and IO_LINK_MET.
 */
#ifndef PORTOLAN_IO_H
#define PORTOLAN_IO_H

#include <portolan/message.h>

#define IO_PATH_MAX 1024u
#define IO_NAME_MAX 255u
/* head.offset: use the session's own offset, and move it on. */
#define IO_OFFSET_CURRENT UINT64_MAX
/* A root session's badge: bits. */
#define IO_ROOT_READ_ONLY 1ull
/*
 * head.result: a symbolic link was met on the way.  Bytes: its target; arg[0]: how many bytes at
 * the path's end lie behind the link and the slash after it; arg[1]: which path, of an operation
 * with two, 0 or 1 (IO_MAKE_LINK's is its second).  The sender puts the new path together and asks
 * again, at most IO_LINKS_MAX times (then ELOOP).
 */
#define IO_LINK_MET 0x40000000l
#define IO_LINKS_MAX 40u

enum io_op {
    /* arg[0]: IO_OPEN_*; arg[1]: permission bits for a new file.  Needs MESSAGE_ROOM.
     * Reply: handle 0: the session; bytes: struct io_info. -EEXIST, -EISDIR, -ENOSPC, -EROFS;
     * -ENFILE too many sessions.  A FIFO's opening waits for the other side unless IO_OPEN_NONBLOCK
     * is given: then -ENXIO, if for writing alone. */
    IO_OPEN = 0x100,
    /*
     * Reads head.length bytes at head.offset: into range 0 if there is one (lent with WRITE), else
     * up to 4096 into the reply's bytes.  Result: bytes read, 0 at the end.  Of a terminal or pipe
     * it waits, unless arg[0] has IO_NONBLOCK (-EAGAIN).  -EISDIR.
     */
    IO_READ,
    /*
     * Writes head.length bytes: from range 0 (READ), else from the message's bytes.  Result: bytes
     * written.  -EPIPE, -ENOSPC, -EAGAIN with IO_NONBLOCK; without it -EAGAIN says that the server
     * cannot keep another writer: ask again when IO_POLL says so.
     */
    IO_WRITE,
    /* Sets the session's offset: head.offset (signed) from arg[0]: 0 start, 1 current, 2 end.
     * Result: the new one.  -ESPIPE, -EINVAL before the start. */
    IO_SEEK,
    IO_INFO,   /* path (or ""); arg[0]: IO_OPEN_NOFOLLOW.  Reply bytes: struct io_info. */
    IO_CHANGE, /* path; arg[0]: IO_CHANGE_* which; arg[1] mode, or uid | gid << 32 (UINT32_MAX: as
                * it is); offset: size or access time, length: modification time, nanoseconds. */
    /* Directory entries from position head.offset (0: the first) on, without "." and "..": struct
     * io_entry, one after the other, in the reply's bytes.  Result: bytes of them, 0 at the end;
     * reply offset: position.  What stays in the directory is listed once, whatever else comes and
     * goes meanwhile. */
    IO_LIST,
    IO_MAKE_DIRECTORY, /* path; arg[1] mode.  -EEXIST. */
    IO_REMOVE,         /* path; arg[0]: 1 a directory is meant.  -ENOTEMPTY, -EISDIR, -EBUSY. */
    /* Two paths: the bytes are arg[2] bytes of the old one, then the new. -EXDEV across servers. */
    IO_RENAME,
    IO_LINK,
    IO_MAKE_LINK, /* symbolic: arg[2] bytes of the target's text, then the path */
    IO_READ_LINK, /* path.  Reply bytes: the target; result: their number. -EINVAL not a link. */
    IO_MAKE_NODE, /* path; arg[1] mode with its type: a FIFO */
    IO_SYNC,      /* what was written is on the disk */
    /* A VM object of the file's bytes, to map: arg[0] RIGHT_READ | WRITE | EXECUTE wanted.  Reply:
     * handle 0 (with MAP, DUPLICATE and TRANSFER); length: the file's size.  The object ends with
     * the page in which the file ended at that time.  With EXECUTE it may be memory that cannot be
     * cloned, and there may be anything behind the file's end.  -ENODEV cannot be mapped (empty,
     * too), -EACCES not opened for that. */
    IO_MAP,
    /* arg[0]: a request; its bytes both ways.  -ENOTTY. */
    IO_CONTROL,
    /*
     * arg[0]: IO_READY_* of interest.  Result: those that are so now.  If none are and there is a
     * handle 0 (SEND to a port of the sender's), that is notified with the bits arg[1] as soon as
     * one may be so: once, and then forgotten.  Handle given but ready now: it is closed.
     */
    IO_POLL,
    IO_USAGE, /* path.  Reply bytes: struct io_usage, of the filesystem. */
};

enum {
    IO_OPEN_READ = 1u << 0,
    IO_OPEN_WRITE = 1u << 1,
    IO_OPEN_CREATE = 1u << 2,
    IO_OPEN_EXCLUSIVE = 1u << 3, /* with CREATE: -EEXIST if it is there, a link too */
    IO_OPEN_TRUNCATE = 1u << 4,
    IO_OPEN_APPEND = 1u << 5, /* writes at IO_OFFSET_CURRENT go to the end */
    IO_OPEN_DIRECTORY = 1u << 6,
    IO_OPEN_NOFOLLOW = 1u << 7, /* a link as the last name: -ELOOP; in IO_INFO: the link itself */
    IO_OPEN_EXECUTE = 1u << 8,  /* IO_MAP may ask for RIGHT_EXECUTE; -EACCES no x bit is set */
    IO_OPEN_NONBLOCK = 1u << 9, /* of a FIFO: do not wait for the other side */
};
#define IO_OPEN_ALL ((1u << 10) - 1)

#define IO_NONBLOCK 1u /* arg[0] of IO_READ and IO_WRITE */

enum { IO_READY_READ = 1u << 0, IO_READY_WRITE = 1u << 1, IO_READY_HANGUP = 1u << 2 };

enum {
    IO_CHANGE_MODE = 1u << 0,
    IO_CHANGE_OWNER = 1u << 1,
    IO_CHANGE_SIZE = 1u << 2,
    IO_CHANGE_TIMES = 1u << 3, /* IO_TIME_NOW, IO_TIME_KEEP are special */
    /* One of those above, and: */
    IO_CHANGE_NOFOLLOW = 1u << 4, /* a link as the last name is what is meant */
};
#define IO_TIME_NOW UINT64_MAX
#define IO_TIME_KEEP (UINT64_MAX - 1)

/* Types in io_info.mode: the bits that POSIX systems use. */
enum {
    IO_MODE_TYPE = 0170000,
    IO_MODE_FIFO = 0010000,
    IO_MODE_CHARACTER = 0020000,
    IO_MODE_DIRECTORY = 0040000,
    IO_MODE_BLOCK = 0060000,
    IO_MODE_REGULAR = 0100000,
    IO_MODE_LINK = 0120000,
    IO_MODE_SOCKET = 0140000,
};

struct io_info {
    uint64_t size, node, device;              /* bytes; numbers of the node */
    uint64_t access_ns, modify_ns, change_ns; /* since 1970 */
    uint32_t mode, links, uid, gid;
    uint64_t blocks;               /* of 512 bytes, in use */
    uint32_t block_size, terminal; /* terminal: IO_CONTROL knows TTY_* */
};

/* Followed by name_length bytes of the name and padding to a multiple of 8. */
struct io_entry {
    uint64_t node, next; /* next: the position behind this one */
    uint16_t name_length;
    uint8_t type; /* mode >> 12 */
    uint8_t reserved[5];
};

struct io_usage {
    uint64_t block_size, blocks, blocks_free, nodes, nodes_free;
    uint32_t read_only, name_max;
    char type[16]; /* "tmpfs" */
};

#endif
