/*
 * Sessions: handles with a counted badge; the server hears when the last one is closed, whoever
 * closes it and whyever.
 */
#include "test.h"

static handle_t port;
static struct message got;
static struct receipt receipt;

static handle_t new_session(uint64_t badge)
{
    return (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER,
                                               badge | BADGE_COUNTED),
                          "session");
}

static bool ends_now(uint64_t badge)
{
    return sys_get(port, soon(), &got, &receipt) == GET_KERNEL && got.op == KERNEL_UNREFERENCED &&
           got.cookie == badge;
}

static bool goes_on(void)
{
    return sys_get(port, DEADLINE_NOW, &got, &receipt) == -ETIMEDOUT;
}

static void test_copies(void)
{
    handle_t first = new_session(7), second = new_session(7), other = new_session(8);
    handle_t copy = (handle_t)must(sys_handle_duplicate(first, RIGHT_SEND, 0), "duplicate");
    sys_handle_close(first);
    sys_handle_close(second);
    ok(goes_on(), "a session goes on while a copy is left");
    sys_handle_close(copy);
    ok(ends_now(7), "and ends with the last");
    ok(goes_on(), "once");
    sys_handle_close(other);
    ok(ends_now(8), "each by itself");
    handle_t again = new_session(7);
    sys_handle_close(again);
    ok(ends_now(7), "its badge can be given again");
}

static void hold(uint64_t argument)
{
    (void)argument;
    sys_sleep(DEADLINE_NEVER);
}

static void test_death(void)
{
    struct child child;
    handle_t session = new_session(9);
    run_child(&child, hold, 0, &session, 1, -1, CHILD_BUDGET);
    sys_handle_close(session);
    ok(goes_on(), "another task's copy keeps it");
    end_child(&child);
    ok(ends_now(9), "the task's death ends it");
}

static void test_messages(void)
{
    handle_t mailbox = (handle_t)must(sys_port_create(4), "port");
    handle_t replies = (handle_t)must(sys_port_create(4), "port");
    handle_t session = new_session(10);
    struct message message = {.flags = MESSAGE_FLAGS(0, 1, 0)};
    uint64_t id;
    message_area()->handles[0] = (struct message_handle){session, RIGHTS_SAME, 0};
    must(sys_send(mailbox, replies, &message, &id), "send");
    ok(goes_on(), "a handle on the move counts");
    is(sys_get(mailbox, soon(), &got, &receipt), GET_MESSAGE, "it arrives");
    handle_t moved = message_area()->handles[0].handle;
    ok(goes_on(), "and counts still");
    message.flags = 0;
    sys_reply(receipt.token, &message);
    sys_get(replies, soon(), &got, &receipt);
    message.flags = MESSAGE_FLAGS(0, 1, 0);
    message_area()->handles[0] = (struct message_handle){moved, RIGHTS_SAME, 0};
    must(sys_send(mailbox, replies, &message, &id), "send");
    sys_handle_close(mailbox);
    ok(ends_now(10), "a message that ends undelivered takes it along");
    sys_handle_close(replies);
}

/* Notices come in the order of what their closer does, and take no room from senders. */
static void test_room(void)
{
    handle_t small = port, sessions[20];
    handle_t replies = (handle_t)must(sys_port_create(4), "port");
    struct message message = {.op = 77};
    uint64_t id;
    port = (handle_t)must(sys_port_create(2), "port");
    for (uint32_t i = 0; i < 20; i++)
        sessions[i] = new_session(i);
    is(sys_send(sessions[19], replies, &message, &id), 0, "a message through a session");
    for (uint32_t i = 20; i > 0; i--)
        sys_handle_close(sessions[i - 1]);
    is(sys_send(port, replies, &message, &id), 0, "twenty that end leave room for a message");
    is(sys_get(port, soon(), &got, &receipt), GET_MESSAGE, "what was sent first comes first");
    bool all = true;
    for (uint32_t i = 20; i > 0; i--)
        all &= ends_now(i - 1);
    ok(all, "then the sessions' ends, in order");
    is(sys_get(port, soon(), &got, &receipt), GET_MESSAGE, "then what was sent last");
    sys_handle_close(port);
    sys_handle_close(replies);
    port = small;
}

static void one_round(void)
{
    for (uint64_t i = 0; i < 64; i++)
        sys_handle_close(new_session(i));
    for (uint64_t i = 0; i < 32; i++)
        ends_now(i);
    sys_handle_close(port); /* with notices unread, and one more to come */
    handle_t late = HANDLE_NONE;
    port = (handle_t)must(sys_port_create(16), "port");
    late = new_session(1);
    handle_t dead = port;
    sys_handle_close(dead);
    sys_handle_close(late);
    port = (handle_t)must(sys_port_create(16), "port");
}

int main(const void *found)
{
    test_begin(found);
    port = (handle_t)must(sys_port_create(16), "port");
    handle_t weak = (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE, 0), "");
    is(sys_handle_duplicate(weak, RIGHT_SEND, BADGE_COUNTED | 1), -EPERM, "a session needs MANAGE");
    sys_handle_close(weak);
    test_copies();
    test_death();
    test_messages();
    test_room();
    ok(!loses_memory(one_round), "no memory is lost");
    return test_end();
}
