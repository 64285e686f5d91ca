/*
 * Calls that may wait, each in a thread of its own.
 */
#ifndef JOB_H
#define JOB_H

#include "service.h"

struct job {
    handle_t session;
    uint32_t op; /* IO_READ, IO_WRITE, or IO_OPEN of `path` */
    const char *path;
    handle_t vmo;                     /* a loan of its first bytes, instead of bytes */
    uint64_t length, flags, deadline; /* deadline 0: soon() */
    uint8_t byte;                     /* what is written, or the first that was read */
    handle_t opened;                  /* what IO_OPEN gave */
    volatile int64_t result;          /* the reply's, or the error of do */
    volatile bool done;
    struct thread thread;
};

void job_start(struct job *job);
int64_t job_finish(struct job *job);   /* waits for it: its result */
bool job_waits(const struct job *job); /* whether it is not done after some time */

#endif
