/*
 * Handle tables: every handle names what was entered under it and nothing after it is closed.
 */
// sources: kernel/handle.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handle.h"
#include "session.h"
#include "page.h"
#include "port.h"
#include "task.h"
#include "thread.h"

static struct task task;
static struct thread thread = {.task = &task};
static struct cpu cpu = {.current = &thread};
static struct budget budget = {.limit = 1 << 30};
static u32 pages_out, refuse_after = UINT32_MAX, receivers_gone, puts_seen, forgotten;

/* ---- What handle.c calls --------------------------------------------------------------------- */

struct cpu *this_cpu(void)
{
    return &cpu;
}
struct task *current_task(void)
{
    return &task;
}
void cpu_relax_poll(void) {}
void fill_words(void *to, u64 word, size_t words)
{
    for (size_t i = 0; i < words; i++)
        ((u64 *)to)[i] = word;
}
void session_remove(struct port *port, u64 badge)
{
    (void)port, (void)badge;
    abort(); /* no handle here has a counted badge */
}
noreturn void panic(const char *format, ...)
{
    (void)format;
    abort();
}
bool budget_charge(struct budget *b, u64 bytes)
{
    b->used += (i64)bytes;
    return true;
}
void budget_uncharge(struct budget *b, u64 bytes)
{
    b->used -= (i64)bytes;
}
u64 page_alloc(u32 order, enum page_kind kind)
{
    (void)order, (void)kind;
    if (refuse_after == 0)
        return 0;
    refuse_after--;
    pages_out++;
    void *page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    memset(page, 0xa5, PAGE_SIZE);
    return virt_to_phys(page);
}
void page_free(u64 physical, u32 order)
{
    (void)order;
    pages_out--;
    free(phys_to_virt(physical));
}
void object_put(struct object *object)
{
    object->references--;
    puts_seen++;
}
void port_receiver_gone(struct port *port, struct task *t)
{
    (void)port, (void)t;
    receivers_gone++;
}
void task_forget_handle(struct task *t, handle_t handle)
{
    (void)t;
    forgotten = handle;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    memset(&task, 0, sizeof(task));
    refuse_after = UINT32_MAX;
    puts_seen = receivers_gone = forgotten = 0;
    int error = handle_table_init(&task.handles, &budget);
    thread.leaves = task.handles.leaves;
    return error;
}

static int tear_down(void **state)
{
    (void)state;
    while (!handle_table_clear(&task.handles, &task, 100))
        ;
    handle_table_free(&task.handles);
    assert_int_equal(pages_out, 0);
    assert_int_equal(budget.used, 0);
    return 0;
}

static void names_what_was_entered(void **state)
{
    (void)state;
    struct object object = {.references = 1, .type = OBJECT_VMO};
    struct handle_entry entry;
    handle_t handle = handle_insert(&task.handles, &object, RIGHT_READ, 77);
    assert_int_not_equal(handle, HANDLE_NONE);
    assert_int_equal(handle_lookup(&task.handles, handle, OBJECT_VMO, RIGHT_READ, &entry), 0);
    assert_ptr_equal(entry.object, &object);
    assert_int_equal(entry.badge, 77);
    assert_int_equal(handle_lookup(&task.handles, handle, OBJECT_PORT, 0, &entry), -EBADF);
    assert_int_equal(handle_lookup(&task.handles, handle, OBJECT_NONE, RIGHT_WRITE, &entry),
                     -EPERM);
    i64 error;
    assert_null(handle_object(handle, OBJECT_VMO, RIGHT_WRITE, &error));
    assert_int_equal(error, -EPERM);
    assert_ptr_equal(handle_object(handle, OBJECT_VMO, RIGHT_READ, &error), &object);
}

static void stale_handles_are_refused_for_65534_reuses(void **state)
{
    (void)state;
    struct object object = {.references = 1, .type = OBJECT_VMO};
    struct handle_entry entry;
    handle_t first = handle_insert(&task.handles, &object, RIGHTS_ALL, 0);
    assert_true(handle_take(&task.handles, first, &entry));
    for (u32 i = 0; i < 65533; i++) {
        handle_t next = handle_insert(&task.handles, &object, RIGHTS_ALL, 0);
        assert_int_not_equal(next, first);
        assert_int_not_equal(next, HANDLE_NONE);
        assert_int_equal(handle_lookup(&task.handles, first, OBJECT_NONE, 0, &entry), -EBADF);
        assert_true(handle_take(&task.handles, next, &entry));
        assert_false(handle_take(&task.handles, next, &entry));
    }
}

static void any_number_is_safe_to_look_up(void **state)
{
    (void)state;
    struct object object = {.references = 1, .type = OBJECT_PORT};
    struct handle_entry entry;
    handle_t handle = handle_insert(&task.handles, &object, RIGHTS_ALL, 0);
    u32 found = 0;
    for (u64 number = 0; number <= UINT32_MAX; number += 31) {
        u32 probe = (u32)number;
        if (!handle_lookup(&task.handles, probe, OBJECT_NONE, 0, &entry))
            found += probe != handle;
    }
    assert_int_equal(found, 0);
}

static void no_number_passes_for_a_port_that_is_not_there(void **state)
{
    (void)state;
    struct object object = {.references = 1, .type = OBJECT_PORT};
    handle_t handles[300];
    struct handle_entry entry;
    for (u32 i = 0; i < 300; i++)
        handles[i] = handle_insert(&task.handles, &object, RIGHT_DUPLICATE, 0);
    for (u32 i = 0; i < 300; i += 2)
        handle_take(&task.handles, handles[i], &entry);
    for (u64 number = 0; number <= UINT32_MAX; number += 17) {
        u32 probes[] = {(u32)number, handles[number % 300], ~(u32)number};
        for (u32 i = 0; i < 3; i++) {
            struct handle_entry *slot = handle_slot(&task.handles, probes[i]);
            assert_true(slot->send_tag != probes[i] && slot->receive_tag != probes[i]);
        }
    }
    assert_true(handle_slot(&task.handles, UINT32_MAX)->send_tag != UINT32_MAX);
    assert_true(handle_slot(&task.handles, 0)->send_tag != 0);
}

static void table_fills_and_is_used_again(void **state)
{
    (void)state;
    static handle_t handles[HANDLE_LEAVES * HANDLE_LEAF_ENTRIES];
    static struct object object = {.type = OBJECT_IRQ};
    u32 count = 0;
    while ((handles[count] = handle_insert(&task.handles, &object, RIGHTS_ALL, count)))
        count++;
    assert_int_equal(count, HANDLE_LEAVES * HANDLE_LEAF_ENTRIES - 1);
    struct handle_entry entry;
    for (u32 i = 0; i < count; i++) {
        assert_int_equal(handle_lookup(&task.handles, handles[i], OBJECT_IRQ, 0, &entry), 0);
        assert_int_equal(entry.badge, i);
    }
    assert_true(handle_take(&task.handles, handles[1234], &entry));
    assert_int_not_equal(handle_insert(&task.handles, &object, RIGHTS_ALL, 0), HANDLE_NONE);
    assert_int_equal(handle_insert(&task.handles, &object, RIGHTS_ALL, 0), HANDLE_NONE);
}

static void without_memory_the_table_stays_as_it_is(void **state)
{
    (void)state;
    static struct object object = {.type = OBJECT_IRQ};
    refuse_after = 0;
    assert_int_equal(handle_insert(&task.handles, &object, RIGHTS_ALL, 0), HANDLE_NONE);
    refuse_after = 1;
    assert_int_not_equal(handle_insert(&task.handles, &object, RIGHTS_ALL, 0), HANDLE_NONE);
}

static void moves_take_all_or_nothing(void **state)
{
    (void)state;
    struct object a = {.type = OBJECT_VMO}, b = {.type = OBJECT_PORT};
    handle_t first = handle_insert(&task.handles, &a, RIGHT_READ | RIGHT_TRANSFER, 1);
    handle_t second = handle_insert(&task.handles, &b, RIGHTS_ALL, 2);
    handle_t stuck = handle_insert(&task.handles, &a, RIGHT_READ, 3);
    struct handle_entry out[3];
    u32 which;
    struct message_handle bad[] = {{first, RIGHTS_SAME, 0}, {stuck, RIGHTS_SAME, 0}};
    assert_int_equal(handle_take_moves(&task.handles, bad, 2, out, &which), -EPERM);
    assert_int_equal(which, 1);
    struct message_handle more[] = {{first, RIGHT_READ | RIGHT_WRITE, 0}};
    assert_int_equal(handle_take_moves(&task.handles, more, 1, out, &which), -EINVAL);
    struct message_handle twice[] = {{first, RIGHTS_SAME, 0}, {first, RIGHTS_SAME, 0}};
    assert_int_equal(handle_take_moves(&task.handles, twice, 2, out, &which), -EINVAL);
    assert_int_equal(task.handles.count, 3);
    struct message_handle orphan[] = {{second, RIGHT_SEND, 0}};
    assert_int_equal(handle_take_moves(&task.handles, orphan, 1, out, &which), -EINVAL);
    struct message_handle good[] = {{first, RIGHT_READ, 0}, {second, RIGHT_RECEIVE, 0}};
    assert_int_equal(handle_take_moves(&task.handles, good, 2, out, &which), 0);
    assert_int_equal(handle_rights(&out[0]), RIGHT_READ);
    assert_int_equal(handle_rights(&out[1]), RIGHT_RECEIVE);
    assert_int_equal(out[1].badge, 2);
    assert_int_equal(receivers_gone, 0);
    /* Threads that got by it shall not go on. */
    assert_int_equal(forgotten, second);
    assert_int_equal(task.handles.count, 1);
}

static void clearing_gives_up_everything_in_pieces(void **state)
{
    (void)state;
    static struct object object = {.type = OBJECT_PORT};
    for (u32 i = 0; i < 300; i++)
        handle_insert(&task.handles, &object, RIGHT_RECEIVE, 0);
    u32 pieces = 1;
    while (!handle_table_clear(&task.handles, &task, 32))
        pieces++;
    assert_int_equal(puts_seen, 300);
    assert_int_equal(receivers_gone, 300);
    assert_in_range(pieces, 9, 11);
    /* Nothing can be entered into a table that is gone. */
    assert_int_equal(handle_insert(&task.handles, &object, RIGHT_RECEIVE, 0), HANDLE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_what_was_entered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stale_handles_are_refused_for_65534_reuses, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(any_number_is_safe_to_look_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_number_passes_for_a_port_that_is_not_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(table_fills_and_is_used_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory_the_table_stays_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moves_take_all_or_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clearing_gives_up_everything_in_pieces, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
