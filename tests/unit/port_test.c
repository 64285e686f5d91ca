/*
 * A port's queue and waiters: order by priority and arrival, the kernel's messages, and the port's
 * end.
 */
// sources: kernel/port.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message.h"
#include "port.h"
#include "slab.h"
#include "watch.h"

static struct cpu cpu;
static u32 woken, ended, ended_error, cancelled, watches_fired, held_ended;
static struct budget budget;

/* ---- What port.c calls ----------------------------------------------------------------------- */

struct cpu *this_cpu(void)
{
    return &cpu;
}
void cpu_relax_poll(void) {}
noreturn void panic(const char *format, ...)
{
    (void)format;
    abort();
}
void *slab_alloc(struct slab_cache *cache, struct budget *b)
{
    (void)b;
    return calloc(1, cache->size);
}
void slab_free(struct slab_cache *cache, void *object, struct budget *b)
{
    (void)cache, (void)b;
    free(object);
}
void budget_get(struct budget *b)
{
    b->references++;
}
void budget_put(struct budget *b)
{
    b->references--;
}
void object_init(struct object *object, enum object_type type)
{
    object->references = 1;
    object->type = (u8)type;
}
void object_put(struct object *object)
{
    if (--object->references == 0)
        port_destroy(object);
}
void quiesce_free(struct quiesce_node *node, void (*release)(struct quiesce_node *))
{
    release(node);
}
bool timer_cancel(struct timer *timer)
{
    (void)timer;
    cancelled++;
    return false;
}
void thread_wake(struct thread *thread, i32 status)
{
    (void)status;
    thread->wait_next = NULL;
    woken++;
}
void thread_runnable(struct thread *thread)
{
    (void)thread;
    woken++;
}
void cpu_post(struct cpu *to, struct cpu_call *call)
{
    (void)to, (void)call;
    woken++;
}
void message_give_notifications(struct thread *thread, u64 bits)
{
    thread->user.r13 = bits;
}
void message_end_claimed(struct envelope *envelope, struct task *holder, int error)
{
    (void)holder;
    envelope->state = ENVELOPE_IDLE;
    ended_error = (u32)error;
    ended++;
}
void message_end(struct envelope *envelope, int error)
{
    message_end_claimed(envelope, NULL, error);
}
void message_end_held(struct port *port, struct task *task)
{
    (void)task;
    held_ended += port->held;
    port->held = 0;
}
void watch_forget(struct port *port)
{
    (void)port;
}
void watch_fire(struct list *list, i64 status, u64 koid)
{
    (void)list, (void)status, (void)koid;
    watches_fired++;
}
static struct reap *reaping;
static bool (*reap_with)(struct reap *);
void reaper_add(struct reap *reap, bool (*piece)(struct reap *))
{
    reaping = reap;
    reap_with = piece;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    woken = ended = cancelled = watches_fired = held_ended = 0;
    reaping = NULL;
    return 0;
}

static void kill(struct port *port)
{
    port_receiver_gone(port, NULL);
    while (reaping && !reap_with(reaping))
        ;
}

static void finish(struct port *port)
{
    kill(port);
    object_put(&port->object);
    assert_int_equal(budget.references, 0);
}

static void by_priority_then_by_arrival(void **state)
{
    (void)state;
    struct port *port = port_create(1000, &budget);
    static struct envelope envelopes[500];
    srandom(1);
    for (u32 i = 0; i < 500; i++) {
        envelopes[i] = (struct envelope){.priority = random() % 5, .badge = i};
        port_enqueue(port, &envelopes[i], false);
    }
    assert_int_equal(port->queued, 500);
    u32 priority = 5;
    u64 badge = 0;
    for (u32 i = 0; i < 500; i++) {
        struct envelope *first = list_first(&port->queue, struct envelope, link);
        assert_true(first->priority <= priority);
        if (first->priority == priority)
            assert_true(first->badge > badge);
        priority = first->priority;
        badge = first->badge;
        assert_int_equal(port->pending, 1);
        port_dequeue(port, first);
    }
    assert_int_equal(port->pending, 0);
    finish(port);
}

static void put_back_means_first_of_its_priority(void **state)
{
    (void)state;
    struct port *port = port_create(10, &budget);
    struct envelope a = {.priority = 3}, b = {.priority = 3}, high = {.priority = 9};
    port_enqueue(port, &a, false);
    port_enqueue(port, &high, false);
    port_enqueue(port, &b, true);
    assert_ptr_equal(list_first(&port->queue, struct envelope, link), &high);
    assert_ptr_equal(list_entry(high.link.next, struct envelope, link), &b);
    port_dequeue(port, &a);
    port_dequeue(port, &b);
    port_dequeue(port, &high);
    finish(port);
}

static void one_senders_messages_keep_their_order(void **state)
{
    (void)state;
    struct port *port = port_create(10, &budget);
    struct envelope early = {.priority = 3, .sent_by = 1}, late = {.priority = 9, .sent_by = 1};
    struct envelope other = {.priority = 5, .sent_by = 2};
    port_enqueue(port, &early, false);
    port_enqueue(port, &late, false);
    port_enqueue(port, &other, false);
    /* late is more urgent than early, but was sent after it. */
    struct envelope *order[3];
    for (u32 i = 0; i < 3; i++) {
        order[i] = list_first(&port->queue, struct envelope, link);
        port_dequeue(port, order[i]);
    }
    assert_ptr_equal(order[0], &early);
    assert_ptr_equal(order[1], &late);
    assert_ptr_equal(order[2], &other);
    finish(port);
}

static void waiters_are_a_stack_and_can_leave_it(void **state)
{
    (void)state;
    struct port *port = port_create(1, &budget);
    static struct thread a, b, c;
    c.wait_next = NULL, b.wait_next = &c, a.wait_next = &b;
    port->waiter = &a;
    assert_true(port_remove_waiter(port, &b));
    assert_false(port_remove_waiter(port, &b));
    assert_ptr_equal(a.wait_next, &c);
    assert_true(port_remove_waiter(port, &c));
    assert_true(port_remove_waiter(port, &a));
    assert_null(port->waiter);
    finish(port);
}

static void notifications_gather_or_go_to_a_waiter(void **state)
{
    (void)state;
    struct port *port = port_create(1, &budget);
    static struct thread thread;
    thread.cpu = &cpu;
    port_notify(port, 1);
    port_notify(port, 4);
    assert_int_equal(port->notifications, 5);
    assert_int_equal(port->pending, 1);
    port->waiter = &thread;
    thread.wait_next = NULL;
    port_notify(port, 2);
    assert_int_equal(thread.user.r13, 7);
    assert_int_equal(port->pending, 0);
    assert_int_equal(woken, 1);
    finish(port);
}

static void kernel_messages_are_posted_once(void **state)
{
    (void)state;
    struct port *port = port_create(1, &budget);
    struct envelope envelope = {0};
    envelope_init_kernel(&envelope);
    assert_true(port_post(port, &envelope));
    assert_true(port_post(port, &envelope));
    assert_ptr_equal(port->queue.next, &envelope.link);
    assert_ptr_equal(envelope.link.next, &port->queue); /* once */
    assert_int_equal(port->queued, 0);                  /* in nobody's way */
    port_unpost(&envelope);
    port_unpost(&envelope);
    assert_ptr_equal(port->queue.next, &port->queue);
    assert_int_equal(port->queued, 0);
    assert_int_equal(envelope.state, ENVELOPE_IDLE);
    finish(port);
}

static void its_end_is_the_end_of_all_in_it(void **state)
{
    (void)state;
    struct port *port = port_create(1000, &budget);
    static struct envelope queued[100], awaited[40];
    static struct thread waiting[2];
    for (u32 i = 0; i < 100; i++) {
        queued[i] = (struct envelope){.origin = ENVELOPE_CALL};
        port_enqueue(port, &queued[i], false);
    }
    for (u32 i = 0; i < 40; i++)
        list_append(&port->awaiting, &awaited[i].await_link);
    struct envelope kernel = {0};
    envelope_init_kernel(&kernel);
    port_post(port, &kernel);
    port->held = 7;
    waiting[0].wait_next = &waiting[1];
    port->waiter = &waiting[0];
    woken = 0;
    kill(port);
    assert_int_equal(ended, 140);
    assert_int_equal(held_ended, 7);
    assert_int_equal(woken, 2);
    assert_int_equal(watches_fired, 1);
    assert_int_equal(kernel.state, ENVELOPE_IDLE);
    assert_false(port_post(port, &kernel));
    object_put(&port->object);
    assert_int_equal(budget.references, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(by_priority_then_by_arrival, set_up),
        cmocka_unit_test_setup(put_back_means_first_of_its_priority, set_up),
        cmocka_unit_test_setup(one_senders_messages_keep_their_order, set_up),
        cmocka_unit_test_setup(waiters_are_a_stack_and_can_leave_it, set_up),
        cmocka_unit_test_setup(notifications_gather_or_go_to_a_waiter, set_up),
        cmocka_unit_test_setup(kernel_messages_are_posted_once, set_up),
        cmocka_unit_test_setup(its_end_is_the_end_of_all_in_it, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
