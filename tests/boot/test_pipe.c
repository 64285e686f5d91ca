/*
 * Pipes: bytes in order, who waits and who does not, the ends' ends, atomic writes, giving up.
 */
#include "job.h"

#include <portolan/pipe.h>

static struct service service;
static handle_t root, reader, writer;
static uint8_t buffer[MESSAGE_BYTES_MAX];

static int64_t make_pipe(handle_t *read_end, handle_t *write_end)
{
    int64_t result = ask(root, IO_CONTROL, "",
                         &(struct message){.flags = MESSAGE_ROOM, .arg = {PIPE_CREATE, 0, 0}});
    if (result < 0)
        return result;
    *read_end = message_area()->handles[0].handle;
    *write_end = message_area()->handles[1].handle;
    return 0;
}

static void open_pipe(void)
{
    must(make_pipe(&reader, &writer), "pipe");
}

static void close_pipe(void)
{
    sys_handle_close(reader);
    sys_handle_close(writer);
}

static uint64_t fill(void)
{
    uint64_t total = 0;
    memset(buffer, 'f', sizeof(buffer));
    while (write_bytes(writer, buffer, 4096, 0, IO_NONBLOCK) == 4096)
        total += 4096;
    return total;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_bytes(void)
{
    open_pipe();
    is(read_bytes(reader, buffer, 10, 0, IO_NONBLOCK), -EAGAIN, "an empty pipe");
    is(write_bytes(writer, "hello", 5, 0, 0), 5, "write");
    is(write_bytes(writer, " you", 4, 0, 0), 4, "and more");
    is(ask(reader, IO_CONTROL, "", &(struct message){.arg = {PIPE_READABLE}}), 9, "readable");
    is(read_bytes(reader, buffer, 7, 0, 0), 7, "read a part");
    ok(memcmp(buffer, "hello y", 7) == 0, "in order");
    is(read_bytes(reader, buffer, 100, 0, 0), 2, "the rest");
    is(write_bytes(reader, "x", 1, 0, 0), -EBADF, "no writing to the read end");
    is(read_bytes(writer, buffer, 1, 0, 0), -EBADF, "no reading of the write end");
    is(write_bytes(writer, "", 0, 0, 0), 0, "nothing");
    is(ask(writer, IO_SEEK, "", NULL), -ESPIPE, "no seeking");
    struct io_info info;
    is(get_info(reader, "", 0, &info), 0, "information");
    is(info.mode & IO_MODE_TYPE, IO_MODE_FIFO, "says what it is");
    is(ask(root, IO_READ, "", NULL), -EBADF, "the root is no end");
    is(ask(root, IO_CONTROL, "", NULL), -ENOTTY, "another request");
    is(fill(), PIPE_SIZE, "it holds so much");
    is(write_bytes(writer, "x", 1, 0, IO_NONBLOCK), -EAGAIN, "and not a byte more");
    uint64_t total = 0;
    int64_t got;
    while ((got = read_bytes(reader, buffer, 1000, 0, IO_NONBLOCK)) > 0)
        total += (uint64_t)got;
    is((int64_t)total, PIPE_SIZE, "which all comes out");
    close_pipe();
    is(read_bytes(reader, buffer, 1, 0, 0), -EBADF, "closed");
}

static void test_waiting(void)
{
    open_pipe();
    struct job read = {.session = reader, .op = IO_READ, .length = 100};
    job_start(&read);
    ok(job_waits(&read), "a reader waits");
    write_bytes(writer, "wake", 4, 0, 0);
    is(job_finish(&read), 4, "until something comes");
    is(read.byte, 'w', "which it gets");
    fill();
    struct job write = {.session = writer, .op = IO_WRITE, .length = 4096, .byte = 'w'};
    job_start(&write);
    ok(job_waits(&write), "a writer waits");
    is(read_bytes(reader, buffer, 4095, 0, 0), 4095, "not enough room");
    ok(job_waits(&write), "it waits on");
    is(read_bytes(reader, buffer, 1, 0, 0), 1, "enough");
    is(job_finish(&write), 4096, "until all fits");
    for (uint32_t i = 0; i < 15; i++)
        read_bytes(reader, buffer, 4096, 0, 0);
    is(read_bytes(reader, buffer, 4096, 0, 0), 4096, "what it wrote");
    is(buffer[0], 'w', "comes last");
    struct job readers[3];
    for (uint32_t i = 0; i < 3; i++) {
        readers[i] = (struct job){.session = reader, .op = IO_READ, .length = 1};
        job_start(&readers[i]);
        job_waits(&readers[i]);
    }
    write_bytes(writer, "abc", 3, 0, 0);
    bool all = true;
    for (uint32_t i = 0; i < 3; i++)
        all &= job_finish(&readers[i]) == 1 && readers[i].byte == 'a' + i;
    ok(all, "three readers get one each, in turn");
    close_pipe();
}

static void test_ends(void)
{
    open_pipe();
    struct job read = {.session = reader, .op = IO_READ, .length = 1};
    job_start(&read);
    job_waits(&read);
    handle_t copy = (handle_t)must(sys_handle_duplicate(writer, RIGHTS_SAME, 0), "duplicate");
    sys_handle_close(writer);
    ok(job_waits(&read), "a copy of the write end is left");
    write_bytes(copy, "last", 4, 0, 0);
    is(job_finish(&read), 1, "it can be written to");
    sys_handle_close(copy);
    sys_sleep(clock_after(10 * MILLISECOND));
    is(read_bytes(reader, buffer, 10, 0, 0), 3, "the rest comes after the end");
    is(read_bytes(reader, buffer, 10, 0, 0), 0, "and then nothing");
    sys_handle_close(reader);

    open_pipe();
    read = (struct job){.session = reader, .op = IO_READ, .length = 1};
    job_start(&read);
    job_waits(&read);
    sys_handle_close(writer);
    is(job_finish(&read), 0, "the last writer's end wakes the reader");
    sys_handle_close(reader);

    open_pipe();
    fill();
    struct job write = {.session = writer, .op = IO_WRITE, .length = 10};
    job_start(&write);
    job_waits(&write);
    sys_handle_close(reader);
    is(job_finish(&write), -EPIPE, "the last reader's end wakes the writer");
    is(write_bytes(writer, "x", 1, 0, 0), -EPIPE, "nobody reads");
    sys_handle_close(writer);
}

#define BIG (1ul << 20)

static void test_lent(void)
{
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 2 * BIG, 0, 0), "vmo");
    uint32_t *words =
        (uint32_t *)must(sys_map(HANDLE_NONE, vmo, 0, 2 * BIG, 0, MAP_READ | MAP_WRITE), "map");
    for (uint32_t i = 0; i < BIG / 4; i++)
        words[i] = i * 2654435761u;
    open_pipe();
    struct job write = {.session = writer, .vmo = vmo, .op = IO_WRITE, .length = BIG};
    job_start(&write);
    ok(job_waits(&write), "a megabyte lent waits");
    uint64_t total = 0;
    while (total < BIG) {
        int64_t got = total % 3 ? read_lent(reader, vmo, BIG + total, BIG - total, 0)
                                : read_bytes(reader, (uint8_t *)words + BIG + total, 4001, 0, 0);
        if (got <= 0)
            break;
        total += (uint64_t)got;
    }
    is((int64_t)total, BIG, "until all is read");
    is(job_finish(&write), BIG, "then it is done");
    ok(memcmp(words, words + BIG / 4, BIG) == 0, "and all is right");
    struct job read = {.session = reader, .vmo = vmo, .op = IO_READ, .length = BIG};
    job_start(&read);
    ok(job_waits(&read), "a lent reader waits");
    write_bytes(writer, "abcd", 4, 0, 0);
    is(job_finish(&read), 4, "and gets what comes");
    ok(memcmp(words, "abcd", 4) == 0, "in its memory");
    write = (struct job){
        .session = writer, .vmo = vmo, .op = IO_WRITE, .length = BIG, .flags = IO_NONBLOCK};
    job_start(&write);
    is(job_finish(&write), PIPE_SIZE, "not waiting: as much as fits");
    write = (struct job){.session = writer, .vmo = vmo, .op = IO_WRITE, .length = BIG};
    job_start(&write);
    job_waits(&write);
    read_bytes(reader, buffer, 4096, 0, 0);
    sys_handle_close(reader);
    is(job_finish(&write), 4096, "broken off: what was done is told");
    sys_handle_close(writer);
    sys_unmap(HANDLE_NONE, (uint64_t)words, 2 * BIG);
    sys_handle_close(vmo);
}

#define WRITERS 4u
#define ROUNDS 40u

static void write_often(void *argument)
{
    const struct job *job = argument;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        memset(message_area()->bytes, job->byte, job->length);
        struct message message = {
            .op = IO_WRITE, .flags = MESSAGE_FLAGS(job->length, 0, 0), .length = job->length};
        if (sys_do(job->session, soon(), &message) || message.result != (int64_t)job->length)
            return;
    }
}

/* Each writer writes records of its own length, full of its own byte. */
static void test_atomic(void)
{
    static const uint64_t lengths[WRITERS] = {4096, 4095, 1000, 7};
    struct job jobs[WRITERS];
    uint64_t total = 0, seen[WRITERS] = {0};
    open_pipe();
    for (uint32_t i = 0; i < WRITERS; i++) {
        jobs[i] = (struct job){.session = writer, .length = lengths[i], .byte = (uint8_t)i};
        total += lengths[i] * ROUNDS;
        run_thread(&jobs[i].thread, write_often, &jobs[i], -1, PRIORITY_DEFAULT);
    }
    bool whole = true;
    uint64_t left = 0, read = 0;
    uint8_t current = 0;
    while (read < total) {
        int64_t got = read_bytes(reader, buffer, 1 + read % 4096, 0, 0);
        if (got <= 0)
            break;
        for (int64_t i = 0; i < got; i++) {
            if (!left) {
                current = buffer[i] % WRITERS;
                left = lengths[current];
                seen[current]++;
            }
            whole &= buffer[i] == current;
            left--;
        }
        read += (uint64_t)got;
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        thread_join(&jobs[i].thread, soon(), NULL);
        whole &= seen[i] == ROUNDS;
    }
    ok(whole && read == total, "writes of up to PIPE_BUF bytes are not mixed");
    close_pipe();
}

static void test_giving_up(void)
{
    open_pipe();
    struct job read = {.session = reader, .op = IO_READ, .length = 1};
    read.deadline = clock_after(20 * MILLISECOND);
    job_start(&read);
    is(job_finish(&read), -ETIMEDOUT, "a reader gives up");
    is(write_bytes(writer, "x", 1, 0, 0), 1, "a write");
    is(read_bytes(reader, buffer, 1, 0, IO_NONBLOCK), 1, "is not lost with it");
    handle_t replies = (handle_t)must(sys_port_create(4), "port");
    uint64_t id = 0;
    struct message message = {.op = IO_READ, .flags = MESSAGE_ROOM, .length = 5};
    struct receipt receipt;
    must(sys_send(reader, replies, &message, &id), "send");
    is(sys_get(replies, clock_after(20 * MILLISECOND), &message, &receipt), -ETIMEDOUT, "waits");
    must(sys_abort(id), "abort");
    is(sys_get(replies, soon(), &message, &receipt), GET_REPLY, "an aborted read ends");
    is(message.result, -EINTR, "with EINTR");
    message = (struct message){.op = IO_READ, .length = 5};
    must(sys_send(reader, replies, &message, &id), "send");
    write_bytes(writer, "y", 1, 0, 0);
    sys_get(replies, soon(), &message, &receipt);
    is(message.result, -EMSGSIZE, "a read without room for bytes");
    is(read_bytes(reader, buffer, 9, 0, IO_NONBLOCK), 1, "loses none of them");
    fill();
    struct job write = {.session = writer, .op = IO_WRITE, .length = 10};
    write.deadline = clock_after(20 * MILLISECOND);
    job_start(&write);
    is(job_finish(&write), -ETIMEDOUT, "a writer gives up");
    struct job again = {.session = writer, .op = IO_WRITE, .length = 10};
    job_start(&again);
    job_waits(&again);
    for (uint32_t i = 0; i < 20; i++)
        read_bytes(reader, buffer, 4096, 0, IO_NONBLOCK);
    is(job_finish(&again), 10, "another does not");
    sys_handle_close(replies);
    close_pipe();
}

static void test_root(void)
{
    struct io_info info;
    is(get_info(root, "", 0, &info), 0, "the root has information");
    is(info.mode & IO_MODE_TYPE, IO_MODE_CHARACTER, "and is a device");
    is(open_path(root, "x", IO_OPEN_READ), -ENOTDIR, "not a directory");
    handle_t again = (handle_t)must(open_path(root, "", IO_OPEN_READ), "open");
    handle_t kept = root;
    root = again;
    open_pipe();
    is(write_bytes(writer, "x", 1, 0, 0), 1, "opened, it makes pipes too");
    is(open_path(reader, "", IO_OPEN_READ), -ENOTDIR, "an end is not opened again");
    close_pipe();
    sys_handle_close(again);
    root = kept;
}

#define CROWD 20u
#define FITS ((PIPE_SIZE + PIPE_SIZE) / 4096)

/* More writers than can be kept: the last are refused, and nothing is lost or overwritten. */
static void test_crowd(void)
{
    static struct job jobs[CROWD];
    uint32_t refused = 0, seen[CROWD] = {0};
    open_pipe();
    uint64_t before = fill() / 4096;
    for (uint32_t i = 0; i < CROWD; i++) {
        jobs[i] = (struct job){
            .session = writer, .op = IO_WRITE, .length = 4096, .byte = (uint8_t)(100 + i)};
        job_start(&jobs[i]);
        job_waits(&jobs[i]);
        refused += jobs[i].done;
    }
    is(refused, (int64_t)(CROWD - (FITS - before)), "writers that cannot be kept are refused");
    for (uint64_t i = 0; i < before; i++)
        read_bytes(reader, buffer, 4096, 0, IO_NONBLOCK);
    bool whole = true;
    while (read_bytes(reader, buffer, 4096, 0, IO_NONBLOCK) == 4096) {
        for (uint32_t i = 1; i < 4096; i++)
            whole &= buffer[i] == buffer[0];
        seen[(buffer[0] - 100u) % CROWD]++;
    }
    for (uint32_t i = 0; i < CROWD; i++) {
        int64_t result = job_finish(&jobs[i]);
        whole &= result == (seen[i] ? 4096 : -EAGAIN) && seen[i] <= 1;
    }
    ok(whole, "the others' bytes come out, once and whole");
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 4096, 0, 0), "vmo");
    fill();
    read_bytes(reader, buffer, 100, 0, 0);
    struct job lent = {
        .session = writer, .vmo = vmo, .op = IO_WRITE, .length = 4096, .flags = IO_NONBLOCK};
    job_start(&lent);
    is(job_finish(&lent), -EAGAIN, "a small loan is written whole or not at all");
    sys_handle_close(vmo);
    close_pipe();
}

static void block_on(uint64_t op)
{
    struct message message = {.op = (uint32_t)op, .length = 10};
    if (op == IO_WRITE)
        message.flags = MESSAGE_FLAGS(10, 0, 0);
    sys_do(child_handles[0], DEADLINE_NEVER, &message);
}

static void test_death(void)
{
    struct child child;
    open_pipe();
    run_child(&child, block_on, IO_READ, &reader, 1, -1, CHILD_BUDGET);
    sys_sleep(clock_after(30 * MILLISECOND));
    end_child(&child);
    is(write_bytes(writer, "z", 1, 0, 0), 1, "a reader that died waiting");
    is(read_bytes(reader, buffer, 10, 0, IO_NONBLOCK), 1, "takes nothing with it");
    run_child(&child, block_on, IO_READ, &reader, 1, -1, CHILD_BUDGET);
    sys_sleep(clock_after(30 * MILLISECOND));
    sys_handle_close(reader);
    is(write_bytes(writer, "z", 1, 0, 0), 1, "another task's read end keeps the pipe");
    end_child(&child);
    int64_t result;
    for (uint64_t end = soon(); (result = write_bytes(writer, "z", 1, 0, 0)) == 1;)
        if (clock_now() > end)
            break;
    is(result, -EPIPE, "until it dies");
    sys_handle_close(writer);
}

static int64_t poll(handle_t session, uint64_t interest, handle_t port)
{
    struct message message = {.arg = {interest, 1, 0}};
    if (port) {
        message_area()->handles[0] = (struct message_handle){badged(port, 0), RIGHTS_SAME, 0};
        message.flags = MESSAGE_FLAGS(0, 1, 0);
    }
    return ask(session, IO_POLL, "", &message);
}

static bool notified(handle_t port)
{
    struct message message;
    struct receipt receipt;
    return sys_get(port, clock_after(30 * MILLISECOND), &message, &receipt) == GET_NOTIFY &&
           message.arg[0] == 1;
}

static void test_poll(void)
{
    const uint64_t all = IO_READY_READ | IO_READY_WRITE | IO_READY_HANGUP;
    handle_t port = (handle_t)must(sys_port_create(4), "port");
    open_pipe();
    is(poll(reader, all, HANDLE_NONE), 0, "nothing to read");
    is(poll(writer, all, HANDLE_NONE), IO_READY_WRITE, "room to write");
    is(poll(reader, all, port), 0, "asked to be told");
    ok(!notified(port), "nothing yet");
    write_bytes(writer, "x", 1, 0, 0);
    ok(notified(port), "something came");
    write_bytes(writer, "x", 1, 0, 0);
    ok(!notified(port), "told once");
    is(poll(reader, all, port), IO_READY_READ, "ready now");
    is(poll(reader, IO_READY_HANGUP, port), 0, "only interested in the end");
    write_bytes(writer, "x", 1, 0, 0);
    ok(!notified(port), "more is not the end");
    fill();
    is(poll(writer, all, port), 0, "full");
    read_bytes(reader, buffer, 2, 0, 0);
    ok(!notified(port), "not room enough");
    read_bytes(reader, buffer, 4096, 0, 0);
    ok(notified(port), "room");
    sys_handle_close(writer);
    ok(notified(port), "the end");
    is(poll(reader, all, port), IO_READY_READ | IO_READY_HANGUP, "hung up");
    sys_handle_close(reader);
    open_pipe();
    for (uint32_t i = 0; i < 500; i++)
        if (poll(reader, all, port))
            break;
    is(poll(reader, all, port), 0, "polling again and again takes one place");
    sys_handle_close(reader);
    is(poll(writer, all, HANDLE_NONE) & IO_READY_HANGUP, IO_READY_HANGUP, "nobody reads");
    sys_handle_close(writer);
    sys_handle_close(port);
}

#define MANY 300u

static void test_many(void)
{
    static handle_t ends[MANY][2];
    uint32_t made = 0;
    for (; made < MANY; made++)
        if (make_pipe(&ends[made][0], &ends[made][1]))
            break;
    is(made, MANY, "many pipes");
    for (uint32_t i = 0; i < made; i++)
        write_bytes(ends[i][1], &i, 4, 0, 0);
    bool right = true;
    for (uint32_t i = 0; i < made; i++) {
        uint32_t value = 0;
        right &= read_bytes(ends[i][0], &value, 4, 0, 0) == 4 && value == i;
        sys_handle_close(ends[i][0]);
        sys_handle_close(ends[i][1]);
    }
    ok(right, "do not mix");
}

static void one_round(void)
{
    open_pipe();
    fill();
    close_pipe();
}

int main(const void *found)
{
    test_begin(found);
    service_start(&service, "pipe", NULL, HANDLE_NONE, NULL);
    root = badged(service.port, 0);
    test_bytes();
    test_waiting();
    test_ends();
    test_lent();
    test_atomic();
    test_root();
    test_crowd();
    test_giving_up();
    test_death();
    test_poll();
    test_many();
    ok(!loses_memory(one_round), "no memory is lost");
    service_end(&service);
    return test_end();
}
