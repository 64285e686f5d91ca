/*
 * Messages: do, send, get, reply, reply+get, forward, abort; what they carry; how they end.
 */
#include "test.h"

static handle_t port, reply_port;
static struct thread server_thread;

static struct message got;
static struct receipt receipt;

/* ---- A server in a thread of its own: does what op says -------------------------------------- */

enum { ECHO, SLOW, BYTES, HANDLES, TAKE, QUIT };

static void serve(void *argument)
{
    handle_t from = *(handle_t *)argument;
    struct message m = head(0);
    struct receipt r;
    int64_t kind = sys_get(from, DEADLINE_NEVER, &m, &r);
    while (kind == GET_MESSAGE && m.op != QUIT) {
        uint32_t op = m.op, flags = m.flags;
        m.flags = 0;
        m.result = m.arg[0] + m.arg[1] + m.arg[2] + m.offset + m.length + r.badge;
        if (op == BYTES) {
            uint8_t *bytes = message_area()->bytes;
            uint32_t count = MESSAGE_FLAG_BYTES(flags);
            for (uint32_t i = 0; i < count; i++)
                bytes[i] ^= 0xff;
            m.flags = MESSAGE_FLAGS(count, 0, 0);
        } else if (op == HANDLES) {
            /* Sends back what came. */
            uint32_t count = MESSAGE_FLAG_HANDLES(flags);
            for (uint32_t i = 0; i < count; i++)
                message_area()->handles[i].rights = RIGHTS_SAME;
            m.flags = MESSAGE_FLAGS(0, count, 0);
        } else if (op == SLOW) {
            sys_sleep(clock_after(20 * MILLISECOND));
        }
        kind = sys_reply_get(from, DEADLINE_NEVER, &m, &r);
    }
    if (kind == GET_MESSAGE) {
        m.flags = 0;
        sys_reply(r.token, &m);
    }
}

static void test_do(void)
{
    struct message m = {ECHO, 0, 77, 0, 1, 2, {3, 4, 5}};
    is(sys_do(port, soon(), &m), 0, "do is answered");
    is(m.result, 15, "all words of the head arrive");
    is(m.cookie, 77, "and come back");
    handle_t badged = (handle_t)must(sys_handle_duplicate(port, RIGHTS_SAME, 1000), "badge");
    m = (struct message){ECHO, 0, 0, 0, 0, 0, {0, 0, 0}};
    sys_do(badged, soon(), &m);
    is(m.result, 1000, "the receiver sees the badge");
    is(sys_get(badged, DEADLINE_NOW, &got, &receipt), -EPERM, "a badged copy cannot receive");
    sys_handle_close(badged);
    is(sys_do(badged, soon(), &m), -EBADF, "a closed handle cannot send");
    is(sys_do(0, soon(), &m), -EBADF, "nor can none");
    is(sys_do(startup->task, soon(), &m), -EBADF, "nor one to a task");
    handle_t mute = (handle_t)must(sys_handle_duplicate(port, RIGHT_RECEIVE, 0), "duplicate");
    is(sys_do(mute, soon(), &m), -EPERM, "nor one without SEND");
    sys_handle_close(mute);
    m.flags = 4097;
    is(sys_do(port, soon(), &m), -EINVAL, "more than 4096 bytes are refused");
    m.flags = MESSAGE_FLAGS(0, 9, 0);
    is(sys_do(port, soon(), &m), -EINVAL, "more than 8 handles are refused");
    m.flags = MESSAGE_FLAGS(0, 0, 9);
    is(sys_do(port, soon(), &m), -EINVAL, "more than 8 ranges are refused");
    m.flags = 0;
    is(sys_do(port, 1, &m), -ETIMEDOUT, "a deadline that has passed");
}

static void test_bytes(void)
{
    static const uint32_t sizes[] = {1, 7, 8, 63, 480, 4095, 4096};
    uint8_t *bytes = message_area()->bytes;
    bool good = true;
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint32_t j = 0; j < sizes[i]; j++)
            bytes[j] = (uint8_t)(j * 7 + i);
        struct message m = head(BYTES);
        m.flags = sizes[i];
        good &= sys_do(port, soon(), &m) == 0 && MESSAGE_FLAG_BYTES(m.flags) == sizes[i];
        for (uint32_t j = 0; j < sizes[i]; j++)
            good &= bytes[j] == (uint8_t) ~(j * 7 + i);
    }
    ok(good, "bytes of every size go there and back");
}

static void test_handles(void)
{
    struct message_handle *list = message_area()->handles;
    handle_t moved = (handle_t)must(sys_port_create(1), "port");
    uint64_t rights, koid, koid_back;
    sys_handle_info(moved, &rights, &koid);
    struct message m = head(HANDLES);
    m.flags = MESSAGE_FLAGS(0, 1, 0);
    list[0] = (struct message_handle){moved, RIGHTS_SAME, 0};
    is(sys_do(port, soon(), &m), 0, "a handle goes there and back");
    is(sys_handle_info(moved, &rights, &koid_back), -EBADF, "it was moved, not copied");
    is(sys_handle_info(list[0].handle, &rights, &koid_back), OBJECT_PORT, "it came back");
    is(koid_back, koid, "as the same object");
    handle_t held = list[0].handle;

    m.flags = MESSAGE_FLAGS(0, 1, 0);
    list[0] = (struct message_handle){0xdead, RIGHTS_SAME, 0};
    is(sys_do(port, soon(), &m), -EBADF, "a handle that is none is not sent");
    handle_t stuck = (handle_t)must(sys_handle_duplicate(held, RIGHT_SEND, 0), "duplicate");
    list[0] = (struct message_handle){stuck, RIGHTS_SAME, 0};
    is(sys_do(port, soon(), &m), -EPERM, "nor one without TRANSFER");
    list[0] = (struct message_handle){held, RIGHTS_ALL + 1, 0};
    is(sys_do(port, soon(), &m), -EINVAL, "nor with rights it does not have");
    m.flags = MESSAGE_FLAGS(0, 2, 0);
    list[0] = list[1] = (struct message_handle){held, RIGHTS_SAME, 0};
    is(sys_do(port, soon(), &m), -EINVAL, "nor twice in one message");
    is(sys_handle_info(held, &rights, &koid), OBJECT_PORT, "and after an error it is still there");
    sys_handle_close(stuck);
    sys_handle_close(held);
}

static void test_send(void)
{
    uint64_t ids[4];
    for (uint32_t i = 0; i < 4; i++) {
        struct message m = {ECHO, 0, 100 + i, 0, 0, 0, {i, 0, 0}};
        must(sys_send(port, reply_port, &m, &ids[i]), "send");
    }
    bool good = true;
    for (uint32_t i = 0; i < 4; i++) {
        good &= sys_get(reply_port, soon(), &got, &receipt) == GET_REPLY;
        good &= got.cookie == 100 + i && receipt.badge == ids[i] && got.result == i;
    }
    ok(good, "four sends are answered in order, with cookie and id");
    struct message m = head(BYTES);
    m.flags = 8;
    must(sys_send(port, reply_port, &m, &ids[0]), "send");
    is(sys_get(reply_port, soon(), &got, &receipt), GET_REPLY, "a send with bytes is answered");
    is(MESSAGE_FLAG_BYTES(got.flags), 8, "with bytes, since it had room for them");
    handle_t deaf = (handle_t)must(sys_handle_duplicate(reply_port, RIGHT_SEND, 0), "duplicate");
    is(sys_send(port, deaf, &m, &ids[0]), -EPERM, "a reply port has to be one's own");
    sys_handle_close(deaf);
}

static void test_without_server(void)
{
    handle_t lonely = (handle_t)must(sys_port_create(2), "port");
    struct message m = head(1);
    uint64_t id, second;
    is(sys_do(lonely, clock_after(5 * MILLISECOND), &m), -ETIMEDOUT,
       "nobody answers: the deadline ends it");
    is(sys_get(lonely, DEADLINE_NOW, &got, &receipt), -ETIMEDOUT,
       "and it is not in the queue any more");
    must(sys_send(lonely, reply_port, &m, &id), "send");
    must(sys_send(lonely, reply_port, &m, &second), "send");
    uint64_t none;
    is(sys_send(lonely, reply_port, &m, &none), -EAGAIN, "a full queue refuses");
    is(sys_do(lonely, soon(), &m), -EAGAIN, "do as well");
    is(sys_abort(id), 0, "a queued message can be aborted");
    is(sys_get(reply_port, soon(), &got, &receipt), GET_ENDED, "its sender is told");
    is(got.result, -EABORTED, "that it was aborted");
    is(receipt.badge, id, "and which");
    is(sys_abort(id), -ESTALE_TOKEN, "it cannot be aborted twice");
    is(sys_get(lonely, soon(), &got, &receipt), GET_MESSAGE, "the other is got");
    is(sys_message_info(receipt.token), 0, "nothing was asked of it");
    is(sys_abort(second), 0, "aborting it now");
    is(sys_message_info(receipt.token), 1, "asks the receiver");
    struct receipt notice;
    is(sys_get(lonely, soon(), &got, &notice), GET_NOTIFY, "who is notified");
    is(got.arg[0], NOTIFY_ABORT, "of it");
    struct message answer = head(0);
    is(sys_reply(receipt.token, &answer), 0, "it can still be answered");
    is(sys_reply(receipt.token, &answer), -ESTALE_TOKEN, "once");
    is(sys_message_info(receipt.token), -ESTALE_TOKEN, "and then its token is dead");
    is(sys_get(reply_port, soon(), &got, &receipt), GET_REPLY, "its sender has the answer");
    must(sys_send(lonely, reply_port, &m, &id), "send");
    must(sys_get(lonely, soon(), &got, &receipt), "get");
    uint64_t token = receipt.token;
    sys_handle_close(lonely);
    is(sys_get(reply_port, soon(), &got, &receipt), GET_ENDED, "the port's end is the message's");
    is(got.result, -EDEAD, "with EDEAD");
    is(sys_reply(token, &answer), -ESTALE_TOKEN, "and it cannot be answered then");
    is(sys_reply(0, &answer), -ESTALE_TOKEN, "nor can none");
    is(sys_reply(token + (1ull << 32), &answer), -ESTALE_TOKEN, "nor a guess");
}

static void test_order(void)
{
    handle_t queue = (handle_t)must(sys_port_create(64), "port");
    uint64_t id;
    for (uint32_t i = 0; i < 50; i++) {
        struct message m = {1, 0, i, 0, 0, 0, {0, 0, 0}};
        must(sys_send(queue, reply_port, &m, &id), "send");
    }
    bool good = true;
    for (uint32_t i = 0; i < 50; i++)
        good &= sys_get(queue, soon(), &got, &receipt) == GET_MESSAGE && got.cookie == i;
    ok(good, "messages arrive in the order sent");
    sys_handle_close(queue);
    uint32_t ended = 0;
    while (ended < 50 && sys_get(reply_port, soon(), &got, &receipt) == GET_ENDED)
        ended++;
    is(ended, 50, "all that were held end with their port");
}

static void test_notifications(void)
{
    handle_t p = (handle_t)must(sys_port_create(1), "port");
    is(sys_notify(p, 5), 0, "notify");
    is(sys_notify(p, 8), 0, "bits gather");
    is(sys_get(p, soon(), &got, &receipt), GET_NOTIFY, "get tells of them");
    is(got.arg[0], 13, "all at once");
    is(sys_get(p, DEADLINE_NOW, &got, &receipt), -ETIMEDOUT, "and then they are gone");
    is(sys_notify(p, NOTIFY_TIMER), -EINVAL, "the kernel's bits are the kernel's");
    is(sys_port_timer(p, clock_after(3 * MILLISECOND)), 0, "a port's timer");
    is(sys_get(p, soon(), &got, &receipt), GET_NOTIFY, "notifies");
    is(got.arg[0], NOTIFY_TIMER, "with its bit");
    sys_port_timer(p, clock_after(3 * MILLISECOND));
    sys_port_timer(p, DEADLINE_NEVER);
    is(sys_get(p, clock_after(10 * MILLISECOND), &got, &receipt), -ETIMEDOUT,
       "unless it is stopped");
    sys_handle_close(p);
}

/* ---- Forwarding ------------------------------------------------------------------------------ */

static handle_t second_port;

static void forwarder(void *argument)
{
    (void)argument;
    struct message m = head(0);
    struct receipt r;
    handle_t from = second_port;
    while (sys_get(from, DEADLINE_NEVER, &m, &r) == GET_MESSAGE) {
        m.arg[2] += 10;
        m.flags &= ~(uint32_t)MESSAGE_EXTRAS;
        if (sys_forward(port, r.token, &m) != 0)
            sys_reply(r.token, &m);
    }
}

static void test_forward(void)
{
    struct thread thread;
    second_port = (handle_t)must(sys_port_create(8), "port");
    run_thread(&thread, forwarder, NULL, -1, PRIORITY_DEFAULT);
    struct message m = {ECHO, 0, 9, 0, 0, 0, {1, 2, 3}};
    is(sys_do(second_port, soon(), &m), 0, "a forwarded call is answered");
    is(m.result, 16, "by the second server, with the head as the first changed it");
    uint64_t id;
    m = (struct message){ECHO, 0, 9, 0, 0, 0, {1, 2, 3}};
    must(sys_send(second_port, reply_port, &m, &id), "send");
    is(sys_get(reply_port, soon(), &got, &receipt), GET_REPLY, "a forwarded send too");
    is(got.cookie, 9, "with its sender's cookie");
    is(sys_forward(port, 12345, &m), -ESTALE_TOKEN, "a token that is none cannot be forwarded");
    sys_handle_close(second_port);
    is(thread_join(&thread, soon(), NULL), 0, "a getter ends when its port is closed");
}

/* ---- Deaths ---------------------------------------------------------------------------------- */

static void hold_for_ever(uint64_t argument)
{
    (void)argument;
    struct message m = head(0);
    struct receipt r;
    sys_get(child_handles[0], DEADLINE_NEVER, &m, &r);
    sys_notify(child_handles[1], 1);
    sys_sleep(DEADLINE_NEVER);
}

static handle_t shared, ready_port;

static void kill_when_held(void *argument)
{
    struct child *child = argument;
    struct message m = head(0);
    struct receipt r;
    sys_get(ready_port, DEADLINE_NEVER, &m, &r);
    sys_task_kill(child->task, 3);
}

static void test_receiver_dies(void)
{
    struct child child;
    struct thread killer;
    shared = (handle_t)must(sys_port_create(8), "port");
    ready_port = (handle_t)must(sys_port_create(8), "port");
    handle_t handles[] = {shared, ready_port};
    run_child(&child, hold_for_ever, 0, handles, 2, -1, CHILD_BUDGET);
    run_thread(&killer, kill_when_held, &child, -1, PRIORITY_DEFAULT);
    struct message m = head(1);
    is(sys_do(shared, soon(), &m), -EDEAD, "the death of who holds a call ends it");
    thread_join(&killer, soon(), NULL);
    join_child(&child);
    sys_handle_close(shared);
}

static void call_for_ever(uint64_t argument)
{
    (void)argument;
    struct message m = head(1);
    sys_do(child_handles[0], DEADLINE_NEVER, &m);
}

static void test_sender_dies(void)
{
    struct child child;
    shared = (handle_t)must(sys_port_create(8), "port");
    handle_t handles[] = {shared};
    run_child(&child, call_for_ever, 0, handles, 1, -1, CHILD_BUDGET);
    is(sys_get(shared, soon(), &got, &receipt), GET_MESSAGE, "a call from another task");
    struct receipt notice;
    end_child(&child);
    is(sys_get(shared, soon(), &got, &notice), GET_NOTIFY, "its sender's death is told");
    is(got.arg[0], NOTIFY_ABORT, "as an abort");
    struct message m = head(0);
    is(sys_reply(receipt.token, &m), -ESTALE_TOKEN, "and there is nobody to answer");
    run_child(&child, call_for_ever, 0, handles, 1, -1, CHILD_BUDGET);
    sys_sleep(clock_after(20 * MILLISECOND));
    end_child(&child);
    is(sys_get(shared, DEADLINE_NOW, &got, &receipt), -ETIMEDOUT,
       "a dead sender's queued call is gone");
    sys_handle_close(shared);
}

static void interrupt_later(void *argument)
{
    sys_sleep(clock_after(10 * MILLISECOND));
    sys_thread_interrupt(*(handle_t *)argument);
}

static void test_interrupt(void)
{
    struct thread thread;
    handle_t self = startup->thread, lonely = (handle_t)must(sys_port_create(2), "port");
    struct message m = head(1);
    run_thread(&thread, interrupt_later, &self, -1, PRIORITY_DEFAULT);
    is(sys_do(lonely, soon(), &m), -EABORTED, "thread_interrupt ends a call");
    thread_join(&thread, soon(), NULL);
    run_thread(&thread, interrupt_later, &self, -1, PRIORITY_DEFAULT);
    is(sys_get(lonely, soon(), &got, &receipt), -EINTR, "and a get");
    thread_join(&thread, soon(), NULL);
    run_thread(&thread, interrupt_later, &self, -1, PRIORITY_DEFAULT);
    is(sys_sleep(soon()), -EINTR, "and a sleep");
    thread_join(&thread, soon(), NULL);
    sys_handle_close(lonely);
}

/* ---- Priority inheritance -------------------------------------------------------------------- */

static handle_t low_port, chain_port;
static volatile uint32_t seen_priority, chain_priority;
static handle_t low_handle, chain_handle;

static uint32_t effective(handle_t thread)
{
    sys_thread_info(thread);
    return ((struct thread_info *)message_area()->bytes)->effective_priority;
}

static void low_server(void *argument)
{
    (void)argument;
    struct message m = head(0);
    struct receipt r;
    while (sys_get(low_port, DEADLINE_NEVER, &m, &r) == GET_MESSAGE) {
        seen_priority = effective(low_handle);
        sys_reply(r.token, &m);
    }
}

static void chain_server(void *argument)
{
    (void)argument;
    struct message m = head(0);
    struct receipt r;
    while (sys_get(chain_port, DEADLINE_NEVER, &m, &r) == GET_MESSAGE) {
        chain_priority = effective(chain_handle);
        struct message inner = head(1);
        sys_do(low_port, DEADLINE_NEVER, &inner);
        sys_reply(r.token, &m);
    }
}

static void test_inheritance(void)
{
    struct thread low, chain;
    low_port = (handle_t)must(sys_port_create(4), "port");
    chain_port = (handle_t)must(sys_port_create(4), "port");
    struct thread_options options = {3, -1, 0};
    must(thread_create(&low, startup->task, low_server, NULL, &options), "thread");
    must(thread_create(&chain, startup->task, chain_server, NULL, &options), "thread");
    low_handle = low.handle;
    chain_handle = chain.handle;
    sys_thread_start(low.handle);
    sys_thread_start(chain.handle);
    struct message m = head(1);
    is(sys_do(low_port, soon(), &m), 0, "a low server answers");
    is(seen_priority, PRIORITY_DEFAULT, "at its caller's priority");
    is(sys_do(chain_port, soon(), &m), 0, "two servers in a row");
    is(chain_priority, PRIORITY_DEFAULT, "the first inherits");
    is(seen_priority, PRIORITY_DEFAULT, "and the second");
    sys_handle_close(low_port);
    sys_handle_close(chain_port);
    thread_join(&low, soon(), NULL);
    thread_join(&chain, soon(), NULL);
}

static void test_room(void)
{
    handle_t p = (handle_t)must(sys_port_create(4), "port");
    uint64_t id;
    struct message m = head(1);
    must(sys_send(p, reply_port, &m, &id), "send");
    must(sys_get(p, soon(), &got, &receipt), "get");
    struct message answer = head(0);
    answer.flags = 4;
    is(sys_reply(receipt.token, &answer), -EMSGSIZE, "a reply with bytes to a send without room");
    answer.flags = MESSAGE_FLAGS(0, 0, 1);
    is(sys_reply(receipt.token, &answer), -EINVAL, "a reply with ranges");
    answer.flags = 0;
    is(sys_reply(receipt.token, &answer), 0, "after errors it can still be answered");
    is(sys_get(reply_port, soon(), &got, &receipt), GET_REPLY, "and arrives");
    sys_handle_close(p);
}

int main(const void *found)
{
    test_begin(found);
    port = (handle_t)must(sys_port_create(64), "port");
    reply_port = (handle_t)must(sys_port_create(64), "port");
    run_thread(&server_thread, serve, &port, -1, PRIORITY_DEFAULT);
    test_do();
    test_bytes();
    test_handles();
    test_send();
    test_without_server();
    test_order();
    test_notifications();
    test_forward();
    test_room();
    test_receiver_dies();
    test_sender_dies();
    test_interrupt();
    test_inheritance();
    struct message m = head(QUIT);
    sys_do(port, soon(), &m);
    is(thread_join(&server_thread, soon(), NULL), 0, "the server ends");
    return test_end();
}
