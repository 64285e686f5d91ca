/*
 * See job.h.
 */
#include "job.h"

/* What is sent lies in the message page then. */
static struct message prepare(const struct job *job)
{
    struct message message = {.op = job->op, .length = job->length, .arg = {job->flags}};
    if (job->op == IO_OPEN) {
        memcpy(message_area()->bytes, job->path, strlen(job->path));
        message.flags = MESSAGE_FLAGS(strlen(job->path), 0, 0);
    } else if (job->vmo) {
        message_area()->ranges[0] = (struct message_range){
            job->vmo, job->op == IO_READ ? RIGHT_WRITE : RIGHT_READ, 0, job->length};
        message.flags = MESSAGE_FLAGS(0, 0, 1);
    } else if (job->op == IO_WRITE) {
        memset(message_area()->bytes, job->byte, job->length);
        message.flags = MESSAGE_FLAGS(job->length, 0, 0);
    }
    return message;
}

static void work(void *argument)
{
    struct job *job = argument;
    struct message message = prepare(job);
    int64_t error = sys_do(job->session, job->deadline, &message);
    if (job->op == IO_READ)
        job->byte = message_area()->bytes[0];
    if (job->op == IO_OPEN && !error && !message.result)
        job->opened = message_area()->handles[0].handle;
    job->result = error < 0 ? error : message.result;
    job->done = true;
}

void job_start(struct job *job)
{
    job->done = false;
    if (!job->deadline)
        job->deadline = soon();
    run_thread(&job->thread, work, job, -1, PRIORITY_DEFAULT);
}

int64_t job_finish(struct job *job)
{
    must(thread_join(&job->thread, soon(), NULL), "join");
    return job->result;
}

bool job_waits(const struct job *job)
{
    sys_sleep(clock_after(30 * MILLISECOND));
    return !job->done;
}
