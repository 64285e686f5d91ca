/*
 * The table of envelopes: a token leads to its envelope and to nothing after that is gone.
 */
// sources: kernel/envelope.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "envelope.h"
#include "page.h"

#define MANY (ENVELOPE_LEAF * ENVELOPE_LEAVES)

static bool no_memory;

void cpu_relax_poll(void) {}
noreturn void panic(const char *format, ...)
{
    (void)format;
    abort();
}
u64 page_alloc(u32 order, enum page_kind kind)
{
    (void)kind;
    if (no_memory)
        return 0;
    return virt_to_phys(aligned_alloc(PAGE_SIZE, PAGE_SIZE << order));
}

static void tokens_name_their_envelopes(void **state)
{
    (void)state;
    struct task *holder = (struct task *)8;
    static struct envelope some[1000];
    for (u32 i = 0; i < 1000; i++) {
        assert_true(envelope_register(&some[i]));
        some[i].holder = holder;
        assert_ptr_equal(envelope_of(some[i].token), &some[i]);
    }
    u64 stale = some[500].token;
    envelope_unregister(&some[500]);
    assert_null(envelope_of(stale)->holder);
    assert_true(envelope_register(&some[500]));
    assert_ptr_equal(envelope_of(stale), &some[500]);
    assert_int_not_equal(some[500].token, stale);
    for (u32 i = 0; i < 1000; i++)
        envelope_unregister(&some[i]);
}

static void forged_tokens_find_nobody(void **state)
{
    (void)state;
    for (u64 i = 0; i < 10000000; i++) {
        u64 token = i * 0x9e3779b97f4a7c15ull;
        struct envelope *found = envelope_of(token);
        assert_non_null(found);
        assert_null(found->holder);
    }
}

static void a_walk_sees_each_once(void **state)
{
    (void)state;
    static struct envelope some[700];
    u32 seen = 0, next = 0;
    for (u32 i = 0; i < 700; i++) {
        assert_true(envelope_register(&some[i]));
        some[i].reserved2 = 0;
    }
    for (struct envelope *envelope; (envelope = envelope_next(&next)); seen++)
        assert_int_equal(envelope->reserved2++, 0);
    assert_int_equal(seen, 700);
    for (u32 i = 0; i < 700; i++)
        envelope_unregister(&some[i]);
}

static void the_table_is_bounded_and_reports_no_memory(void **state)
{
    (void)state;
    struct envelope *all = calloc(MANY, sizeof(*all));
    u32 count = 0;
    while (count < MANY && envelope_register(&all[count]))
        count++;
    assert_int_equal(count, MANY - 1);
    for (u32 i = 0; i < count; i++)
        envelope_unregister(&all[i]);
    free(all);
}

static int set_up(void **state)
{
    (void)state;
    static bool done;
    if (!done) {
        envelope_init();
        struct envelope envelope = {0};
        no_memory = true;
        assert_false(envelope_register(&envelope));
        no_memory = false;
    }
    done = true;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tokens_name_their_envelopes, set_up),
        cmocka_unit_test_setup(forged_tokens_find_nobody, set_up),
        cmocka_unit_test_setup(a_walk_sees_each_once, set_up),
        cmocka_unit_test_setup(the_table_is_bounded_and_reports_no_memory, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
