/*
 * Handles: making, copying, granting and closing them; what a full table does; death notices.
 */
#include "test.h"

static handle_t port;
static struct message got;
static struct receipt receipt;

static handle_t new_port(uint32_t capacity)
{
    return (handle_t)must(sys_port_create(capacity), "port_create");
}

static uint64_t rights_of(handle_t handle)
{
    uint64_t rights, koid;
    sys_handle_info(handle, &rights, &koid);
    return rights;
}

static uint64_t koid_of(handle_t handle)
{
    uint64_t rights, koid;
    sys_handle_info(handle, &rights, &koid);
    return koid;
}

static uint32_t handle_count(handle_t task)
{
    must(sys_task_info(task), "task_info");
    return ((struct task_info *)message_area()->bytes)->handles;
}

static void test_ports(void)
{
    is(sys_port_create(0), -EINVAL, "a port without room is refused");
    is(sys_port_create(65537), -EINVAL, "or with too much");
    handle_t largest = new_port(65536);
    ok(largest != HANDLE_NONE, "65536 messages are room enough");
    is(sys_handle_close(largest), 0, "it can be closed");
    is(sys_handle_close(largest), -EBADF, "once");
    is(sys_handle_close(HANDLE_NONE), -EBADF, "none cannot");
    is(sys_handle_close(0xffffffff), -EBADF, "nor one that never was");
    handle_t again = new_port(1);
    ok(again != largest, "a number is not given out again at once");
    sys_handle_close(again);

    handle_t sender = (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND, 0), "duplicate");
    is(sys_get(sender, DEADLINE_NOW, &got, &receipt), -EPERM, "get needs RECEIVE");
    is(sys_port_timer(sender, DEADLINE_NOW), -EPERM, "so does the timer");
    is(sys_watch(port, sender, 0), -EPERM, "and watching");
    is(sys_get(startup->task, DEADLINE_NOW, &got, &receipt), -EBADF, "get is for ports");
    is(sys_port_timer(startup->task, DEADLINE_NOW), -EBADF, "and so is the timer");
    is(sys_notify(startup->task, 1), -EBADF, "and notify");
    sys_handle_close(sender);
    handle_t receiver = (handle_t)must(sys_handle_duplicate(port, RIGHT_RECEIVE, 0), "duplicate");
    is(sys_notify(receiver, 1), -EPERM, "notify needs SEND");
    sys_handle_close(receiver);
    is(sys_abort(12345), -ESTALE_TOKEN, "abort of what was never sent");
    is(sys_message_info(~0ull), -ESTALE_TOKEN, "message_info of no message");
}

static void test_duplicate(void)
{
    handle_t copy = (handle_t)must(sys_handle_duplicate(port, RIGHTS_SAME, 0), "duplicate");
    is((int64_t)rights_of(copy), RIGHTS_ALL, "a copy has the same rights");
    is((int64_t)koid_of(copy), (int64_t)koid_of(port), "to the same object");
    sys_handle_close(copy);
    copy = (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE, 0), "duplicate");
    is((int64_t)rights_of(copy), RIGHT_SEND | RIGHT_DUPLICATE, "or fewer");
    is(sys_handle_duplicate(copy, RIGHT_SEND | RIGHT_RECEIVE, 0), -EINVAL, "but never more");
    is(sys_handle_duplicate(copy, RIGHTS_SAME, 7), -EPERM, "a badge needs MANAGE");
    sys_handle_close(copy);
    is(sys_handle_duplicate(port, RIGHTS_ALL + 1, 0), -EINVAL, "unknown rights are refused");
    is(syscall4(SYS_HANDLE_DUPLICATE, port, 1ull << 32, 0, 0), -EINVAL, "as are bits beyond");
    copy = (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND, 0), "duplicate");
    is(sys_handle_duplicate(copy, RIGHTS_SAME, 0), -EPERM, "duplicating needs DUPLICATE");
    sys_handle_close(copy);
    is(sys_handle_duplicate(copy, RIGHTS_SAME, 0), -EBADF, "and a handle");
    is(sys_handle_duplicate(startup->task, RIGHTS_SAME, 7), -EPERM, "a badge is for ports");

    copy = (handle_t)must(sys_handle_duplicate(port, RIGHTS_SAME, 7), "duplicate");
    is((int64_t)rights_of(copy), RIGHTS_ALL & ~(RIGHT_MANAGE | RIGHT_RECEIVE),
       "a badged copy loses MANAGE and RECEIVE");
    is(sys_handle_duplicate(copy, RIGHTS_SAME, 8), -EPERM, "so its badge is for good");
    handle_t second = (handle_t)must(sys_handle_duplicate(copy, RIGHTS_SAME, 0), "duplicate");
    struct message m = head(1);
    uint64_t id;
    must(sys_send(second, port, &m, &id), "send");
    is(sys_get(port, soon(), &got, &receipt), GET_MESSAGE, "a copy of the copy sends");
    is((int64_t)receipt.badge, 7, "with the same badge");
    sys_reply(receipt.token, &m);
    sys_get(port, soon(), &got, &receipt);
    sys_handle_close(copy);
    sys_handle_close(second);
}

static void test_types(void)
{
    uint64_t rights, koid;
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "vmo");
    handle_t slice = (handle_t)must(sys_vmo_slice(vmo, 0, PAGE_SIZE), "slice");
    is(sys_handle_info(startup->task, &rights, &koid), OBJECT_TASK, "a task's type");
    is(sys_handle_info(startup->thread, &rights, &koid), OBJECT_THREAD, "a thread's");
    is(sys_handle_info(port, &rights, &koid), OBJECT_PORT, "a port's");
    is(sys_handle_info(vmo, &rights, &koid), OBJECT_VMO, "a VM object's");
    is(sys_handle_info(slice, &rights, &koid), OBJECT_LOAN, "a slice's");
    is(sys_handle_info(HANDLE_NONE, &rights, &koid), -EBADF, "none has a type");
    ok(koid_of(vmo) != koid_of(slice) && koid_of(vmo) != koid_of(port) && koid_of(vmo) != 0,
       "koids differ");
    sys_handle_close(slice);
    sys_handle_close(vmo);
}

static void test_grant(void)
{
    handle_t task = (handle_t)must(sys_task_create(1 << 20), "task_create");
    int64_t there = sys_handle_grant(task, port, RIGHT_SEND);
    ok(there > 0, "a handle is granted to a task");
    is(handle_count(task), 1, "which then has it");
    is((int64_t)rights_of(port), RIGHTS_ALL, "and so has the granter");
    is(sys_handle_grant(port, port, RIGHTS_SAME), -EBADF, "granting is to a task");
    handle_t plain = (handle_t)must(sys_handle_duplicate(task, RIGHT_READ, 0), "duplicate");
    is(sys_handle_grant(plain, port, RIGHTS_SAME), -EPERM, "that one may MANAGE");
    sys_handle_close(plain);
    plain = (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND, 0), "duplicate");
    is(sys_handle_grant(task, plain, RIGHTS_SAME), -EPERM, "of handles with TRANSFER");
    sys_handle_close(plain);
    is(sys_handle_grant(task, plain, RIGHTS_SAME), -EBADF, "that there are");
    is(sys_handle_grant(task, port, RIGHTS_ALL + 1), -EINVAL, "with rights that there are");
    must(sys_task_kill(task, 0), "kill");
    is(sys_handle_grant(task, port, RIGHTS_SAME), -EDEAD, "a dead task takes nothing");
    sys_handle_close(task);
}

/* ---- Death notices --------------------------------------------------------------------------- */

static void expect_death(uint64_t cookie, int64_t status, uint64_t koid, const char *name)
{
    int64_t kind = sys_get(port, soon(), &got, &receipt);
    ok(kind == GET_KERNEL && got.op == KERNEL_DEATH && got.cookie == cookie &&
           got.result == status && got.arg[0] == koid,
       name);
}

static void exit_with_nine(void *argument)
{
    (void)argument;
    sys_thread_exit(9);
}

static void test_watch(void)
{
    handle_t task = (handle_t)must(sys_task_create(1 << 20), "task_create");
    is(sys_watch(task, port, 1), 0, "a task is watched");
    is(sys_watch(task, port, 2), 0, "twice");
    is(sys_get(port, DEADLINE_NOW, &got, &receipt), -ETIMEDOUT, "nothing comes while it lives");
    must(sys_task_kill(task, 5), "kill");
    expect_death(1, 5, koid_of(task), "its death is told with status and koid");
    expect_death(2, 5, koid_of(task), "to each watcher");
    is(sys_watch(task, port, 3), 0, "a dead one can be watched");
    expect_death(3, 5, koid_of(task), "which tells at once");
    sys_handle_close(task);

    handle_t other = new_port(1);
    uint64_t koid = koid_of(other);
    must(sys_watch(other, port, 4), "watch");
    sys_handle_close(other);
    expect_death(4, 0, koid, "a port's end is told");

    struct thread thread;
    run_thread(&thread, exit_with_nine, NULL, -1, PRIORITY_DEFAULT);
    must(sys_watch(thread.handle, port, 5), "watch");
    expect_death(5, 9, koid_of(thread.handle), "a thread's with its status");
    thread_free(&thread);

    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, PAGE_SIZE, 0, 0), "vmo");
    is(sys_watch(vmo, port, 6), -ENOTSUP, "memory does not die");
    is(sys_watch(HANDLE_NONE, port, 6), -EBADF, "none cannot be watched");
    is(sys_watch(port, vmo, 6), -EBADF, "nor told to memory");
    sys_handle_close(vmo);
}

/* ---- A full table ---------------------------------------------------------------------------- */

/* In a task of its own: fills its handle table; the exit status has a bit for each thing gone
 * wrong. */
static void fill_table(uint64_t argument)
{
    (void)argument;
    handle_t service = child_handles[0], inbox = child_handles[1];
    struct message m = head(0);
    int32_t wrong = 0;
    int64_t copy, last = 0, count = 0;
    while ((copy = sys_handle_duplicate(service, RIGHT_SEND, 0)) > 0)
        last = copy, count++;
    wrong |= (copy != -EMFILE || count < 65000) << 0;
    wrong |= (sys_port_create(1) != -EMFILE) << 1;
    wrong |= (sys_vmo_create(VMO_ANONYMOUS, 1, 0, 0) != -EMFILE) << 2;
    wrong |= (sys_task_create(65536) != -EMFILE) << 3;
    wrong |= (sys_handle_grant(child_self, child_self, RIGHTS_SAME) != -EMFILE) << 4;
    /* A reply's handle finds no room and is closed; the reply is there all the same. */
    wrong |= (sys_do(service, soon(), &m) != -EMFILE || m.result != 77) << 5;
    /* A message with a handle stays where it is until there is room. */
    wrong |= (sys_get(inbox, soon(), &got, &receipt) != -EMFILE) << 6;
    wrong |= (sys_get(inbox, soon(), &got, &receipt) != -EMFILE) << 7;
    sys_handle_close((handle_t)last);
    wrong |= (sys_get(inbox, soon(), &got, &receipt) != GET_MESSAGE || got.op != 5) << 8;
    wrong |= (sys_handle_duplicate(service, RIGHT_SEND, 0) != -EMFILE) << 9;
    sys_thread_exit(wrong);
}

/* Answers every message with a new port. */
static void give_ports(void *argument)
{
    handle_t service = *(handle_t *)argument;
    struct message m;
    struct receipt r = {0, 0};
    while (sys_get(service, DEADLINE_NEVER, &m, &r) == GET_MESSAGE) {
        m = (struct message){.flags = MESSAGE_FLAGS(0, 1, 0), .result = 77};
        message_area()->handles[0] = (struct message_handle){new_port(1), RIGHTS_SAME, 0};
        sys_reply(r.token, &m);
    }
}

static void test_full_table(void)
{
    handle_t service = new_port(4), inbox = new_port(4), gift = new_port(1);
    struct thread server;
    run_thread(&server, give_ports, &service, -1, PRIORITY_DEFAULT);
    must(sys_watch(gift, port, 8), "watch");
    uint64_t id, koid = koid_of(gift);
    struct message m = {.op = 5, .flags = MESSAGE_FLAGS(0, 1, 0)};
    message_area()->handles[0] = (struct message_handle){gift, RIGHTS_SAME, 0};
    must(sys_send(inbox, port, &m, &id), "send");

    struct child child;
    handle_t handles[] = {service, inbox};
    run_child(&child, fill_table, 0, handles, 2, -1, CHILD_BUDGET);
    is(join_child(&child), 0, "a task with a full table gets -EMFILE and loses nothing");
    is(sys_get(port, soon(), &got, &receipt), GET_ENDED, "the message it held ends with it");
    expect_death(8, 0, koid, "and so does what was in it");
    sys_handle_close(inbox);
    sys_handle_close(service);
    thread_join(&server, soon(), NULL);
}

int main(const void *found)
{
    test_begin(found);
    port = new_port(16);
    uint32_t before = handle_count(startup->task);
    test_ports();
    test_duplicate();
    test_types();
    test_grant();
    test_watch();
    test_full_table();
    is(handle_count(startup->task), before, "no handle is left over");
    return test_end();
}
