/*
 * FIFOs of tmpfs: opening waits for the other side; what a pipe does they do.
 */
#include "job.h"

static struct service service;
static handle_t root;
static uint8_t buffer[MESSAGE_BYTES_MAX];

static int64_t make_fifo(const char *path)
{
    return ask(root, IO_MAKE_NODE, path, &(struct message){.arg = {0, IO_MODE_FIFO | 0600, 0}});
}

static struct job opening(uint64_t flags)
{
    return (struct job){.session = root, .op = IO_OPEN, .path = "fifo", .flags = flags};
}

static void test_opening(void)
{
    struct io_info info;
    is(make_fifo("fifo"), 0, "make a FIFO");
    is(make_fifo("fifo"), -EEXIST, "once");
    is(ask(root, IO_MAKE_NODE, "x", &(struct message){.arg = {0, IO_MODE_BLOCK, 0}}), -EINVAL,
       "no block devices");
    is(get_info(root, "fifo", 0, &info), 0, "information");
    is(info.mode, IO_MODE_FIFO | 0600, "its mode");
    is(open_path(root, "fifo", IO_OPEN_WRITE | IO_OPEN_NONBLOCK), -ENXIO, "nobody reads");
    struct job read = opening(IO_OPEN_READ), write = opening(IO_OPEN_WRITE);
    job_start(&read);
    ok(job_waits(&read), "the reader waits for a writer");
    job_start(&write);
    is(job_finish(&write), 0, "the writer finds the reader");
    is(job_finish(&read), 0, "and the reader the writer");
    is(write_bytes(write.opened, "through", 7, 0, 0), 7, "write");
    is(read_bytes(read.opened, buffer, 100, IO_OFFSET_CURRENT, 0), 7, "read");
    is(read_bytes(write.opened, buffer, 100, 0, 0), -EBADF, "not the other way round");
    is(ask(read.opened, IO_SEEK, "", NULL), -ESPIPE, "no seeking");
    sys_handle_close(write.opened);
    is(read_bytes(read.opened, buffer, 100, 0, 0), 0, "the end");
    write = opening(IO_OPEN_WRITE);
    job_start(&write);
    is(job_finish(&write), 0, "another writer");
    struct job wait = {.session = read.opened, .op = IO_READ, .length = 10};
    job_start(&wait);
    ok(job_waits(&wait), "the reader waits again");
    write_bytes(write.opened, "again", 5, 0, 0);
    is(job_finish(&wait), 5, "and gets more");
    sys_handle_close(read.opened);
    int64_t result;
    for (uint64_t end = soon(); (result = write_bytes(write.opened, "x", 1, 0, 0)) == 1;)
        if (clock_now() > end)
            break;
    is(result, -EPIPE, "no reader is left");
    sys_handle_close(write.opened);
}

static void test_without_waiting(void)
{
    handle_t reader =
        (handle_t)must(open_path(root, "fifo", IO_OPEN_READ | IO_OPEN_NONBLOCK), "open");
    is(read_bytes(reader, buffer, 1, 0, 0), 0, "without a writer: the end");
    handle_t writer =
        (handle_t)must(open_path(root, "fifo", IO_OPEN_WRITE | IO_OPEN_NONBLOCK), "open");
    is(read_bytes(reader, buffer, 1, 0, IO_NONBLOCK), -EAGAIN, "with one: nothing yet");
    sys_handle_close(reader);
    sys_handle_close(writer);
    handle_t both = (handle_t)must(open_path(root, "fifo", IO_OPEN_READ | IO_OPEN_WRITE), "open");
    is(write_bytes(both, "self", 4, 0, 0), 4, "opened both ways");
    is(read_bytes(both, buffer, 10, 0, 0), 4, "it waits for nobody");
    is(ask(both, IO_POLL, "", &(struct message){.arg = {IO_READY_READ | IO_READY_WRITE}}),
       IO_READY_WRITE, "poll");
    is(ask(root, IO_REMOVE, "fifo", NULL), 0, "removed while it is open");
    is(write_bytes(both, "on", 2, 0, 0), 2, "it goes on");
    is(read_bytes(both, buffer, 10, 0, 0), 2, "and on");
    sys_handle_close(both);
    is(open_path(root, "fifo", IO_OPEN_READ), -ENOENT, "and is gone");
}

static void open_and_wait(uint64_t argument)
{
    (void)argument;
    open_path(child_handles[0], "fifo", IO_OPEN_READ);
}

static void test_giving_up(void)
{
    struct child child;
    make_fifo("fifo");
    struct job read = opening(IO_OPEN_READ);
    read.deadline = clock_after(20 * MILLISECOND);
    job_start(&read);
    is(job_finish(&read), -ETIMEDOUT, "an opener gives up");
    run_child(&child, open_and_wait, 0, &root, 1, -1, CHILD_BUDGET);
    sys_sleep(clock_after(30 * MILLISECOND));
    end_child(&child);
    int64_t result;
    for (uint64_t end = soon();
         (result = open_path(root, "fifo", IO_OPEN_WRITE | IO_OPEN_NONBLOCK)) > 0;) {
        sys_handle_close((handle_t)result);
        if (clock_now() > end)
            break;
    }
    is(result, -ENXIO, "neither they nor those that died count as readers");
    handle_t replies = (handle_t)must(sys_port_create(4), "port");
    uint64_t id = 0;
    struct message message = {
        .op = IO_OPEN, .flags = MESSAGE_FLAGS(4, 0, 0) | MESSAGE_ROOM, .arg = {IO_OPEN_WRITE}};
    struct receipt receipt;
    memcpy(message_area()->bytes, "fifo", 4);
    must(sys_send(root, replies, &message, &id), "send");
    sys_sleep(clock_after(20 * MILLISECOND));
    must(sys_abort(id), "abort");
    is(sys_get(replies, soon(), &message, &receipt), GET_REPLY, "an aborted opening ends");
    is(message.result, -EINTR, "with EINTR");
    sys_handle_close(replies);
    ask(root, IO_REMOVE, "fifo", NULL);
}

int main(const void *found)
{
    test_begin(found);
    service_start(&service, "tmpfs", NULL, HANDLE_NONE, NULL);
    root = badged(service.port, 0);
    test_opening();
    test_without_waiting();
    test_giving_up();
    service_end(&service);
    return test_end();
}
