/*
 * Slabs: objects do not overlap, come zeroed, are charged, and their pages go back when all are
 * free.
 */
// sources: kernel/slab.c kernel/budget.c
#include "fake_pages.h"

#include "slab.h"

static struct slab_cache small = SLAB_CACHE("small", 24, 16), large = SLAB_CACHE("large", 1300, 64);

/* Everything each CPU keeps in stock goes back. */
static void drain(struct slab_cache *cache)
{
    for (fake_cpu = 0; fake_cpu < ARRAY_SIZE(fake_cpus); fake_cpu++)
        slab_drain(cache);
    fake_cpu = 0;
}

static void objects_are_zeroed_and_aligned(void **state)
{
    (void)state;
    u8 *objects[300];
    for (u32 round = 0; round < 2; round++) {
        for (u32 i = 0; i < ARRAY_SIZE(objects); i++) {
            objects[i] = slab_alloc(&large, NULL);
            assert_non_null(objects[i]);
            assert_int_equal((u64)objects[i] % 64, 0);
            for (u32 byte = 0; byte < 1300; byte++)
                assert_int_equal(objects[i][byte], 0);
            memset(objects[i], 0xff, 1300);
        }
        for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
            slab_free(&large, objects[i], NULL);
    }
    drain(&large);
    assert_int_equal(fake_pages_out, 0);
}

static void random_use_on_several_cpus(void **state)
{
    (void)state;
    static u64 *objects[2000];
    for (u32 round = 0; round < 200000; round++) {
        u32 i = (u32)random_below(ARRAY_SIZE(objects));
        fake_cpu = (u32)random_below(ARRAY_SIZE(fake_cpus));
        if (objects[i]) {
            assert_int_equal(objects[i][0], i);
            assert_int_equal(objects[i][2], ~(u64)i);
            slab_free(&small, objects[i], NULL);
            objects[i] = NULL;
        } else {
            objects[i] = slab_alloc(&small, NULL);
            objects[i][0] = i;
            objects[i][2] = ~(u64)i;
        }
    }
    for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
        if (objects[i])
            slab_free(&small, objects[i], NULL), objects[i] = NULL;
    drain(&small);
    assert_int_equal(fake_pages_out, 0);
}

static void allocation_fails_cleanly_at_each_page(void **state)
{
    (void)state;
    struct budget budget = {.references = 1, .limit = 1 << 30};
    for (u64 pages = 0; pages < 8; pages++) {
        void *objects[64];
        u32 count = 0;
        fake_pages_refuse_after = pages;
        while ((objects[count] = slab_alloc(&large, &budget)))
            count++;
        assert_int_equal(count, pages * 3); /* three to a page */
        assert_int_equal(budget.used, count * large.size);
        while (count)
            slab_free(&large, objects[--count], &budget);
        drain(&large);
        assert_int_equal(budget.used, 0);
        assert_int_equal(fake_pages_out, 0);
    }
    fake_pages_refuse_after = UINT64_MAX;
}

static void an_empty_budget_is_refused(void **state)
{
    (void)state;
    struct budget budget = {.references = 1, .limit = 3 * 32 + 31};
    void *objects[4];
    for (u32 i = 0; i < 3; i++)
        assert_non_null(objects[i] = slab_alloc(&small, &budget));
    assert_null(slab_alloc(&small, &budget));
    assert_int_equal(budget.used, 3 * 32);
    slab_free(&small, objects[0], &budget);
    assert_non_null(objects[0] = slab_alloc(&small, &budget));
    for (u32 i = 0; i < 3; i++)
        slab_free(&small, objects[i], &budget);
    assert_int_equal(budget.used, 0);
    drain(&small);
    assert_int_equal(fake_pages_out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_zeroed_and_aligned),
        cmocka_unit_test(random_use_on_several_cpus),
        cmocka_unit_test(allocation_fails_cleanly_at_each_page),
        cmocka_unit_test(an_empty_budget_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
