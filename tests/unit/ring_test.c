/*
 * The ring of a pipe, against a plain array; and the heap of small things.
 */
// sources: servers/lib/ring.c servers/lib/heap.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../servers/lib/heap.h"
#include "../../servers/lib/ring.h"

#define SIZE 64u

static void test_order(void **state)
{
    (void)state;
    srand(1);
    uint8_t *memory = malloc(SIZE), out[SIZE], bytes[SIZE];
    struct ring ring = {.bytes = memory, .size = SIZE};
    uint8_t in = 0, expected = 0;
    for (int round = 0; round < 20000; round++) {
        uint64_t length = (uint64_t)rand() % (SIZE - ring_used(&ring) + 1);
        for (uint64_t i = 0; i < length; i++)
            bytes[i] = in++;
        ring_put(&ring, bytes, length);
        uint64_t used = ring_used(&ring), want = (uint64_t)rand() % (SIZE + 1);
        uint64_t got = ring_copy(&ring, out, want);
        assert_int_equal(got, want < used ? want : used);
        for (uint64_t i = 0; i < got; i++)
            assert_int_equal(out[i], (uint8_t)(expected + i));
        assert_int_equal(ring_used(&ring), used);
        ring_skip(&ring, got);
        expected = (uint8_t)(expected + got);
        assert_int_equal(ring_used(&ring), used - got);
    }
    free(memory);
}

/* An empty ring starts over, so that small traffic touches little memory; positions only grow. */
static void test_small_traffic(void **state)
{
    (void)state;
    uint8_t memory[SIZE] = {0}, byte = 1;
    struct ring ring = {.bytes = memory, .size = SIZE};
    uint64_t before = 0;
    for (int i = 0; i < 1000; i++) {
        ring_put(&ring, &byte, 1);
        assert_true(ring.head > before);
        before = ring.head;
        ring_skip(&ring, 1);
        assert_true(ring.tail >= before);
    }
    assert_int_equal(memory[0], 1);
    assert_int_equal(memory[1], 0);
}

static void test_heap(void **state)
{
    (void)state;
    size_t total = 1 << 20;
    uint8_t *memory = aligned_alloc(16, total);
    static struct {
        uint8_t *at;
        size_t size;
    } pieces[300];
    struct heap heap;
    heap_open(&heap, memory, total, NULL);
    srand(2);
    for (int round = 0; round < 100000; round++) {
        unsigned i = (unsigned)rand() % 300;
        if (pieces[i].at) {
            for (size_t j = 0; j < pieces[i].size; j++)
                assert_int_equal(pieces[i].at[j], (uint8_t)i);
            heap_give_back(&heap, pieces[i].at, pieces[i].size);
            pieces[i].at = NULL;
            continue;
        }
        pieces[i].size = (unsigned)rand() % (HEAP_SIZE_MAX + 1);
        pieces[i].at = heap_take(&heap, pieces[i].size);
        assert_non_null(pieces[i].at);
        assert_int_equal((uintptr_t)pieces[i].at % 16, 0);
        assert_true(pieces[i].at >= memory && pieces[i].at + pieces[i].size <= memory + total);
        memset(pieces[i].at, (int)i, pieces[i].size);
    }
    assert_null(heap_take(&heap, HEAP_SIZE_MAX + 1));
    assert_null(heap_take(&heap, SIZE_MAX));
    free(memory);
}

static void test_heap_is_bounded(void **state)
{
    (void)state;
    uint8_t *memory = aligned_alloc(16, 1024);
    struct heap heap;
    heap_open(&heap, memory, 1024, NULL);
    int count = 0;
    void *last = NULL;
    for (void *piece; (piece = heap_take(&heap, 100)); count++)
        last = piece;
    assert_int_equal(count, 1024 / 112);
    heap_give_back(&heap, last, 100);
    assert_ptr_equal(heap_take(&heap, 112), last);
    heap_give_back(&heap, NULL, 100);
    free(memory);
}

static uint64_t secured, refuse_at;

static bool secure(uint64_t offset, uint64_t length)
{
    assert_int_equal(offset, secured);
    if (offset + length > refuse_at)
        return false;
    secured += length;
    return true;
}

/* It stays within what was secured, and a refusal is one answer: later it may go on. */
static void test_heap_asks_first(void **state)
{
    (void)state;
    size_t total = 100000;
    uint8_t *memory = aligned_alloc(16, total), *last = memory;
    struct heap heap;
    heap_open(&heap, memory, total, secure);
    refuse_at = 50000;
    for (uint8_t *piece; (piece = heap_take(&heap, 1000)); last = piece)
        assert_true(piece + 1000 <= memory + secured);
    assert_true(secured <= 50000 && last + 2 * 1024 > memory + secured - 1024);
    refuse_at = total;
    int more = 0;
    while (heap_take(&heap, 1000))
        more++;
    assert_true(more > 40);
    assert_int_equal(secured, total);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_small_traffic),
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_heap_is_bounded),
        cmocka_unit_test(test_heap_asks_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
