/*
 * Tasks: their beginning and end, and their budgets: what runs out for one is there for the others.
 */
#include "test.h"

#define MiB (1ul << 20)

static handle_t port;
static struct message got;
static struct receipt receipt;

static struct task_info info_of(handle_t task)
{
    struct task_info info;
    must(sys_task_info(task), "task_info");
    memcpy(&info, message_area()->bytes, sizeof(info));
    return info;
}

static int64_t watched_death(handle_t task)
{
    must(sys_watch(task, port, 0), "watch");
    if (sys_get(port, soon(), &got, &receipt) != GET_KERNEL)
        return -1;
    return got.result;
}

static uint64_t settled_use(void)
{
    settled_free_memory();
    return info_of(startup->task).used;
}

/* Waits until our own budget is used as it was, give or take our own page tables. */
static bool budget_returns(uint64_t before)
{
    for (uint64_t end = clock_after(10 * SECOND); clock_now() < end; settled_free_memory()) {
        if (info_of(startup->task).used <= before + 2 * PAGE_SIZE)
            return true;
    }
    print("# %lu bytes in use, %lu before\n", info_of(startup->task).used, before);
    return false;
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

static void test_errors(void)
{
    handle_t task = (handle_t)must(sys_task_create(MiB), "task_create");
    handle_t weak = (handle_t)must(sys_handle_duplicate(task, RIGHT_SEND, 0), "duplicate");
    is(sys_task_create(1ull << 40), -ENOMEM, "a task cannot get more than its maker has");
    is(sys_task_create(~0ull), -ENOMEM, "whatever the number");
    is(sys_task_kill(weak, 0), -EPERM, "killing needs MANAGE");
    is(sys_task_info(weak), -EPERM, "asking needs READ");
    is(sys_task_add_budget(weak, 1), -EPERM, "budgets need MANAGE");
    is(sys_task_set_exception_port(weak, port), -EPERM, "and so does the exception port");
    is(sys_task_kill(port, 0), -EBADF, "a port is not killed");
    is(sys_task_info(port), -EBADF, "nor a task");
    is(sys_task_add_budget(port, 1), -EBADF, "nor has it a budget");
    is(sys_task_set_exception_port(port, port), -EBADF, "nor exceptions");
    is(sys_task_set_exception_port(task, task), -EBADF, "an exception port is a port");
    handle_t deaf = (handle_t)must(sys_handle_duplicate(port, RIGHT_RECEIVE, 0), "duplicate");
    is(sys_task_set_exception_port(task, deaf), -EPERM, "that can be sent to");
    sys_handle_close(deaf);
    is(sys_task_set_exception_port(task, port), 0, "it is set");
    is(sys_task_set_exception_port(task, HANDLE_NONE), 0, "and taken away");
    is(sys_task_kill(task, 6), 0, "a task without threads is killed");
    is(watched_death(task), 6, "and dies");
    is(sys_task_kill(task, 7), -EDEAD, "once");
    is(sys_task_set_exception_port(task, port), -EDEAD, "and has no exceptions then");
    ok(info_of(task).dead && info_of(task).status == 6, "its status stays");
    sys_handle_close(weak);
    sys_handle_close(task);
}

static void exit_with(uint64_t argument)
{
    sys_thread_exit((int32_t)argument);
}

static void kill_self(uint64_t argument)
{
    (void)argument;
    sys_task_kill(child_self, 12);
    sys_thread_exit(13); /* not reached */
}

static void spin_with_threads(uint64_t argument)
{
    (void)argument;
    sys_notify(child_handles[0], 1);
    for (;;)
        clock_now();
}

static void test_end_of(void)
{
    struct child child;
    run_child(&child, exit_with, 11, NULL, 0, -1, CHILD_BUDGET);
    is(join_child(&child), 11, "the last thread's exit ends its task");
    run_child(&child, kill_self, 0, NULL, 0, -1, CHILD_BUDGET);
    is(join_child(&child), 12, "a task kills itself");
    handle_t own = (handle_t)must(sys_port_create(1), "port_create");
    handle_t handles[] = {own};
    run_child(&child, spin_with_threads, 0, handles, 1, -1, CHILD_BUDGET);
    is(sys_get(own, soon(), &got, &receipt), GET_NOTIFY, "a task runs");
    must(sys_task_kill(child.task, -5), "kill");
    is(join_child(&child), -5, "and is killed while it does");
    sys_handle_close(own);
}

static void give_port(uint64_t argument)
{
    (void)argument;
    handle_t mine = (handle_t)sys_port_create(4);
    struct message m = {.op = 1, .flags = MESSAGE_FLAGS(0, 1, 0)};
    message_area()->handles[0] = (struct message_handle){
        (handle_t)sys_handle_duplicate(mine, RIGHT_SEND | RIGHT_TRANSFER | RIGHT_DUPLICATE, 0),
        RIGHTS_SAME, 0};
    sys_do(child_handles[0], DEADLINE_NEVER, &m);
    sys_sleep(DEADLINE_NEVER);
}

static void test_handles_close(void)
{
    struct child child;
    run_child(&child, give_port, 0, &port, 1, -1, CHILD_BUDGET);
    is(sys_get(port, soon(), &got, &receipt), GET_MESSAGE, "a task sends a handle to its port");
    handle_t its = message_area()->handles[0].handle;
    struct message m = head(0);
    must(sys_reply(receipt.token, &m), "reply");
    is(sys_notify(its, 1), 0, "which is there");
    must(sys_watch(its, port, 9), "watch");
    must(sys_task_kill(child.task, 0), "kill");
    ok(sys_get(port, soon(), &got, &receipt) == GET_KERNEL && got.cookie == 9,
       "and dies with the task");
    is(sys_notify(its, 1), -EDEAD, "for good");
    is(sys_do(its, soon(), &m), -EDEAD, "for calls too");
    join_child(&child);
    sys_handle_close(its);
}

/* ---- Budgets --------------------------------------------------------------------------------- */

/* Memory made by one task and paid for by another. */
static void test_payer(void)
{
    handle_t task = (handle_t)must(sys_task_create(2 * MiB), "task_create");
    uint64_t before = info_of(startup->task).used, theirs = info_of(task).used;
    handle_t vmo = (handle_t)must(sys_vmo_create_for(task, VMO_ANONYMOUS, MiB, 0, 0), "vmo_create");
    is(sys_vmo_commit(vmo, 0, MiB), 0, "memory is made for another task");
    ok(info_of(task).used >= theirs + MiB, "who pays for it");
    ok(info_of(startup->task).used < before + MiB / 2, "and not its maker");
    theirs = info_of(task).used;
    handle_t clone = (handle_t)must(sys_vmo_clone_for(task, vmo, 0, MiB / 2), "vmo_clone");
    ok(info_of(task).used >= theirs + MiB / 2, "a clone too");
    is(sys_vmo_create_for(task, VMO_ANONYMOUS, 4 * MiB, 0, 0) < 0, 0, "room is for who touches it");
    is(sys_vmo_clone_for(task, vmo, 0, MiB), -ENOMEM, "what the payer has not is refused");
    handle_t weak = (handle_t)must(sys_handle_duplicate(task, RIGHT_READ, 0), "duplicate");
    is(sys_vmo_create_for(weak, VMO_ANONYMOUS, MiB, 0, 0), -EPERM, "the payer needs MANAGE");
    is(sys_vmo_clone_for(vmo, vmo, 0, MiB), -EBADF, "and to be a task");
    sys_task_kill(task, 0);
    is(sys_vmo_create_for(task, VMO_ANONYMOUS, MiB, 0, 0), -EDEAD, "and to be alive");
    sys_handle_close(weak);
    sys_handle_close(clone);
    sys_handle_close(vmo);
    sys_handle_close(task);
}

static void test_budget(void)
{
    uint64_t before = settled_use();
    handle_t task = (handle_t)must(sys_task_create(2 * MiB), "task_create");
    is((int64_t)info_of(task).budget, 2 * MiB, "a task has the budget it was given");
    ok(info_of(startup->task).used >= before + 2 * MiB, "taken from its maker's");
    is(sys_task_add_budget(task, MiB), 0, "more is given");
    is((int64_t)info_of(task).budget, 3 * MiB, "and is there");
    is(sys_task_add_budget(task, -2 * (int64_t)MiB), 0, "some is taken back");
    is((int64_t)info_of(task).budget, MiB, "and gone");
    is(sys_task_add_budget(task, -(int64_t)MiB), -ENOMEM, "but not what is in use");
    is(sys_task_add_budget(task, 1ll << 40), -ENOMEM, "nor what the giver has not");
    is(sys_task_add_budget(task, INT64_MIN), -ENOMEM, "whatever the number");
    is(sys_task_add_budget(task, INT64_MAX), -ENOMEM, "either way");
    must(sys_task_kill(task, 0), "kill");
    sys_handle_close(task);
    ok(budget_returns(before), "all of it comes back at its end");
}

/* In a task of its own: uses up all memory it may; 0 if every refusal is as documented. */
static void use_all_memory(uint64_t argument)
{
    (void)argument;
    int32_t wrong = 0;
    uint64_t deadline = soon(); /* now, while there is memory to map the clock */
    handle_t vmo = (handle_t)sys_vmo_create(VMO_ANONYMOUS, 64 * MiB, 0, 0);
    wrong |= (sys_vmo_commit(vmo, 0, 64 * MiB) != -ENOMEM) << 0;
    struct vmo_information info;
    sys_vmo_info(vmo, &info);
    wrong |= (info.resident == 0 || info.resident * PAGE_SIZE > CHILD_BUDGET) << 1;
    int64_t made = 0;
    while (made >= 0) /* the last bytes, in small change */
        made = sys_port_create(1);
    wrong |= (made != -ENOMEM) << 2;
    wrong |= (sys_vmo_create(VMO_CONTIGUOUS, MiB, 0, 0) != -ENOMEM) << 3;
    wrong |= (sys_task_create(MiB) != -ENOMEM) << 4;
    struct message m = head(1);
    /* A call still works: it needs no memory. */
    wrong |= (sys_do(child_handles[0], deadline, &m) != 0 || m.result != 5) << 5;
    wrong |= (sys_vmo_decommit(vmo, 0, MiB) != 0) << 6;
    wrong |= (sys_vmo_commit(vmo, 0, MiB / 2) != 0) << 7;
    sys_thread_exit(wrong);
}

static void answer_five(void *argument)
{
    handle_t served = *(handle_t *)argument;
    struct message m = head(0);
    struct receipt r = {0, 0};
    int64_t kind = sys_get(served, DEADLINE_NEVER, &m, &r);
    while (kind == GET_MESSAGE) {
        m = (struct message){.result = 5};
        kind = sys_reply_get(served, DEADLINE_NEVER, &m, &r);
    }
}

static void test_memory_runs_out(void)
{
    uint64_t before = settled_use();
    handle_t served = (handle_t)must(sys_port_create(4), "port_create");
    struct thread server;
    struct child child;
    run_thread(&server, answer_five, &served, -1, PRIORITY_DEFAULT);
    run_child(&child, use_all_memory, 0, &served, 1, -1, CHILD_BUDGET);
    int64_t other = sys_vmo_create(VMO_CONTIGUOUS, MiB, 0, 0);
    is(join_child(&child), 0, "a task without memory is refused more, and can still call");
    ok(other > 0, "others do not notice");
    sys_handle_close((handle_t)other);
    sys_handle_close(served);
    must(thread_join(&server, soon(), NULL), "join");
    ok(budget_returns(before), "and all of it comes back");
}

/* In a task of its own: sends until there is no memory for it. */
static void send_all(uint64_t argument)
{
    (void)argument;
    handle_t replies = (handle_t)sys_port_create(1);
    struct message m = {.op = 1, .flags = MESSAGE_ROOM};
    uint64_t id, sent = 0;
    int64_t result;
    while ((result = sys_send(child_handles[0], replies, &m, &id)) == 0)
        sent++;
    struct message report = {.op = 2, .arg = {sent, (uint64_t)result}};
    sys_do(child_handles[1], DEADLINE_NEVER, &report);
}

static void test_messages_run_out(void)
{
    uint64_t before = settled_use();
    handle_t full = (handle_t)must(sys_port_create(65536), "port_create");
    handle_t handles[] = {full, port};
    struct child child;
    struct message m = head(1), reply = head(0);
    uint64_t id;
    run_child(&child, send_all, 0, handles, 2, -1, 2 * MiB);
    is(sys_get(port, soon(), &got, &receipt), GET_MESSAGE, "a task sends all that it can");
    ok(got.arg[0] > 100 && got.arg[0] < 1000 && (int64_t)got.arg[1] == -ENOMEM,
       "queued messages are the sender's memory, until it has no more");
    is(sys_send(full, port, &m, &id), 0, "another task can send there");
    uint64_t sent = got.arg[0], arrived = 0;
    must(sys_reply(receipt.token, &reply), "reply");
    join_child(&child);
    while (sys_get(full, DEADLINE_NOW, &got, &receipt) == GET_MESSAGE) {
        sys_reply(receipt.token, &reply);
        arrived++;
    }
    ok(arrived >= 1 && arrived <= sent + 1, "what its death left is got");
    sys_get(port, soon(), &got, &receipt);
    sys_handle_close(full);
    ok(budget_returns(before), "and all memory comes back");
}

/* ---- Many of them ---------------------------------------------------------------------------- */

static void test_many(void)
{
    uint64_t before = settled_use();
    struct child children[12];
    int64_t sum = 0;
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < 12; i++)
            run_child(&children[i], exit_with, i, NULL, 0, -1, MiB);
        for (uint32_t i = 0; i < 12; i++)
            sum += join_child(&children[i]);
    }
    is(sum, 660, "a hundred and twenty tasks come and go");
    ok(budget_returns(before), "and leave nothing");
}

int main(const void *found)
{
    test_begin(found);
    port = (handle_t)must(sys_port_create(16), "port_create");
    test_errors();
    test_end_of();
    test_handles_close();
    test_many(); /* first once, so that our own tables have grown */
    test_budget();
    test_payer();
    test_memory_runs_out();
    test_messages_run_out();
    return test_end();
}
