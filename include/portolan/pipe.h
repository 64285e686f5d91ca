/*
 * The pipe server: what its root session answers.  The ends of a pipe are sessions of
 * <portolan/io.h>: IO_READ, IO_WRITE, IO_POLL, IO_INFO.
 *
 * A write of at most PIPE_BUFFER_ATOMIC bytes is not mixed with others.  A read gives what is
 * there, and waits only if nothing is; 0 when nothing is left and no copy of the write end is.  A
 * write gives -EPIPE when no copy of the read end is left.
 */
#ifndef PORTOLAN_PIPE_H
#define PORTOLAN_PIPE_H

#include <portolan/io.h>

#define PIPE_SIZE 65536u         /* bytes that a pipe holds */
#define PIPE_BUFFER_ATOMIC 4096u /* PIPE_BUF */

/* arg[0] of IO_CONTROL. */
enum pipe_request {
    /* To the root session, with MESSAGE_ROOM.  Reply: handle 0 the read end, handle 1 the write
     * end.  -ENFILE too many pipes. */
    PIPE_CREATE = 0x5600,
    /* To an end.  Result: bytes that a read would give now. */
    PIPE_READABLE,
};

#endif
