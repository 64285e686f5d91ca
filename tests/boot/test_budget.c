/*
 * File servers whose memory is used up by their clients: each refusal is an answer, no server dies,
 * and what was given back can be used again.
 */
#include "service.h"

#include <portolan/pipe.h>

#define BUDGET (3ul << 20)
#define MANY 20000u

static struct service service;
static handle_t root;
static uint8_t buffer[MESSAGE_BYTES_MAX];
static handle_t ends[MANY];

static bool lives(void)
{
    return wait_for_death(service.made.task, DEADLINE_NOW, NULL) == -ETIMEDOUT;
}

static bool is_refusal(int64_t result)
{
    return result == -ENOSPC || result == -ENOMEM || result == -ENFILE || result == -EAGAIN;
}

/* A name of the longest kind. */
static const char *long_name(uint32_t number)
{
    static char name[IO_NAME_MAX + 1];
    memset(name, 'n', IO_NAME_MAX);
    for (uint32_t i = 0; i < 8; i++)
        name[i] = (char)('a' + (number >> 4 * i & 15));
    return name;
}

static void fill_with_names(void)
{
    uint32_t count = 0;
    int64_t result = 0;
    for (; count < MANY && result == 0; count++)
        result = ask(root, IO_MAKE_DIRECTORY, long_name(count), NULL);
    ok(is_refusal(result), "names until there is no memory");
    ok(lives(), "the server goes on");
    print("# %u names\n", count);
    for (uint32_t i = 0; i + 1 < count; i++)
        ask(root, IO_REMOVE, long_name(i), &(struct message){.arg = {1, 0, 0}});
}

static void fill_with_files(void)
{
    uint32_t count = 0;
    int64_t result = 1;
    for (; count < MANY && result > 0; count++) {
        int64_t file = open_path(root, long_name(count), IO_OPEN_CREATE | IO_OPEN_WRITE);
        result = file < 0 ? file : write_bytes((handle_t)file, buffer, 4096, 0, 0);
        if (file > 0)
            sys_handle_close((handle_t)file);
    }
    ok(is_refusal(result), "files until there is no memory");
    ok(lives(), "the server goes on");
    print("# %u files\n", count);
    for (uint32_t i = 0; i < count; i++)
        ask(root, IO_REMOVE, long_name(i), NULL);
}

static void fill_with_sessions(void)
{
    uint32_t count = 0;
    int64_t result = 0;
    for (; count < MANY; count++) {
        result = open_path(root, "", IO_OPEN_READ);
        if (result < 0)
            break;
        ends[count] = (handle_t)result;
    }
    ok(is_refusal(result), "sessions until there are no more");
    ok(lives(), "the server goes on");
    print("# %u sessions\n", count);
    while (count)
        sys_handle_close(ends[--count]);
}

/* A proper use, as soon as what was closed has come back. */
static bool works(void)
{
    int64_t result;
    for (uint64_t end = soon(); clock_now() < end; sys_sleep(clock_after(MILLISECOND))) {
        result = open_path(root, "proper", IO_OPEN_CREATE | IO_OPEN_WRITE);
        if (result < 0)
            continue;
        int64_t written = write_bytes((handle_t)result, "x", 1, 0, 0);
        sys_handle_close((handle_t)result);
        if (written == 1)
            return true;
    }
    return false;
}

static void test_tmpfs(void)
{
    service_start(&service, "tmpfs", NULL, HANDLE_NONE, NULL);
    root = badged(service.port, 0);
    fill_with_names();
    ok(works(), "and can be used again");
    fill_with_files();
    ok(works(), "and can be used again");
    fill_with_sessions();
    ok(works(), "and can be used again");
    service_end(&service);
}

static uint32_t make_pipes(int64_t *result)
{
    uint32_t count = 0;
    for (; count + 2 <= MANY; count += 2) {
        struct message message = {.flags = MESSAGE_ROOM, .arg = {PIPE_CREATE, 0, 0}};
        *result = ask(root, IO_CONTROL, "", &message);
        if (*result < 0)
            break;
        ends[count] = message_area()->handles[0].handle;
        ends[count + 1] = message_area()->handles[1].handle;
        while (write_bytes(ends[count + 1], buffer, 4096, 0, IO_NONBLOCK) == 4096)
            continue;
    }
    return count;
}

static void test_pipe(void)
{
    int64_t result = 0;
    service_start(&service, "pipe", NULL, HANDLE_NONE, NULL);
    root = badged(service.port, 0);
    uint32_t count = make_pipes(&result);
    ok(is_refusal(result), "full pipes until there is no memory");
    ok(lives(), "the server goes on");
    print("# %u pipes\n", count / 2);
    is(read_bytes(ends[0], buffer, 4096, 0, 0), 4096, "what was written is there");
    for (uint32_t i = 0; i < count; i++)
        sys_handle_close(ends[i]);
    uint32_t again = 0;
    for (uint64_t end = soon(); clock_now() < end; sys_sleep(clock_after(MILLISECOND))) {
        again = make_pipes(&result);
        for (uint32_t i = 0; i < again; i++)
            sys_handle_close(ends[i]);
        if (again + 8 >= count)
            break;
    }
    ok(again + 8 >= count, "and as many fit again");
    service_end(&service);
}

int main(const void *found)
{
    test_begin(found);
    service_budget = BUDGET;
    test_tmpfs();
    test_pipe();
    return test_end();
}
