/*
 * Mapping, unmapping, protecting; anonymous, contiguous and large pages; clones.  What a page shows
 * after each, and what its faults say.
 */
#include "probe.h"

#define MiB (1ul << 20)
#define RW (MAP_READ | MAP_WRITE)

static handle_t anonymous(uint64_t size, uint32_t flags)
{
    return (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, size, 0, flags), "vmo_create");
}

static uint64_t map(handle_t vmo, uint64_t offset, uint64_t length, uint32_t flags)
{
    return (uint64_t)must(sys_map(0, vmo, offset, length, 0, flags), "map");
}

static uint64_t *at(uint64_t address)
{
    return (uint64_t *)address;
}

static uint64_t resident(handle_t vmo)
{
    struct vmo_information info;
    must(sys_vmo_info(vmo, &info), "info");
    return info.resident;
}

static uint64_t task_used(void)
{
    must(sys_task_info(startup->task), "task_info");
    return ((struct task_info *)message_area()->bytes)->used;
}

static void test_map(void)
{
    handle_t vmo = anonymous(8 * PAGE_SIZE, 0);
    uint64_t value, base = map(vmo, 0, 8 * PAGE_SIZE, RW);
    *at(base) = 1;
    *at(base + 7 * PAGE_SIZE) = 2;
    is((int64_t)resident(vmo), 2, "pages come when touched");
    uint64_t again = map(vmo, 7 * PAGE_SIZE, PAGE_SIZE, MAP_READ);
    is((int64_t)*at(again), 2, "another mapping shows the same page");
    is(probe_write(again, 9), -EFAULT, "but may not write to it");
    is(sys_protect(0, again, PAGE_SIZE, RW), 0, "unless it is allowed to");
    is(probe_write(again, 9), 0, "then it may");
    is((int64_t)*at(base + 7 * PAGE_SIZE), 9, "and both see it");
    is(sys_protect(0, base, 4 * PAGE_SIZE, MAP_READ), 0, "part of a mapping becomes read-only");
    is(probe_write(base, 5), -EFAULT, "that part cannot be written");
    is(probe_read(base, &value), 0, "but read");
    is((int64_t)value, 1, "with what was there");
    is(probe_write(base + 4 * PAGE_SIZE, 5), 0, "the other part can");
    is(probe_execute(base), -EFAULT, "data is not executed");
    is(sys_unmap(0, base + PAGE_SIZE, 2 * PAGE_SIZE), 0, "a hole in the middle");
    is(probe_read(base + PAGE_SIZE, &value), -EFAULT, "shows nothing");
    is(probe_read(base + 3 * PAGE_SIZE, &value), 0, "what is behind it does");
    is(sys_map(0, vmo, 0, PAGE_SIZE, base + PAGE_SIZE, RW | MAP_FIXED), (int64_t)(base + PAGE_SIZE),
       "the hole can be filled");
    is((int64_t)*at(base + PAGE_SIZE), 1, "with another page");
    is(sys_map(0, vmo, 0, PAGE_SIZE, base + PAGE_SIZE, RW | MAP_FIXED), -EEXIST, "but once");
    is(sys_unmap(0, base, 8 * PAGE_SIZE), 0, "all of it goes");
    is(sys_unmap(0, again, PAGE_SIZE), 0, "the other one too");
    is((int64_t)resident(vmo), 4, "the pages stay");
    is(sys_handle_close(vmo), 0, "until the object goes");
}

static void test_sizes(void)
{
    handle_t vmo = anonymous(3 * PAGE_SIZE, 0);
    uint64_t value, base = map(vmo, 0, 3 * PAGE_SIZE, RW);
    *at(base + 2 * PAGE_SIZE) = 7;
    is(sys_vmo_resize(vmo, PAGE_SIZE), 0, "an object shrinks");
    is(probe_read(base + 2 * PAGE_SIZE, &value), -ERANGE, "what was cut is out of reach");
    is(sys_vmo_resize(vmo, 300 * PAGE_SIZE), 0, "and grows");
    is(probe_read(base + 2 * PAGE_SIZE, &value), 0, "what was cut is there again");
    is((int64_t)value, 0, "and empty");
    sys_unmap(0, base, 3 * PAGE_SIZE);
    base = map(vmo, 0, 300 * PAGE_SIZE, RW);
    for (uint64_t i = 0; i < 300; i++)
        *at(base + i * PAGE_SIZE) = i;
    is((int64_t)resident(vmo), 300, "three hundred pages");
    is(sys_protect(0, base, 300 * PAGE_SIZE, MAP_READ), 0, "become read-only");
    is(probe_write(base + 299 * PAGE_SIZE, 1), -EFAULT, "to the last");
    is(sys_vmo_decommit(vmo, 10 * PAGE_SIZE, 280 * PAGE_SIZE), 0, "most are decommitted");
    is((int64_t)resident(vmo), 20, "twenty stay");
    is((int64_t)*at(base + 150 * PAGE_SIZE), 0, "the others read as zeros");
    is((int64_t)*at(base + 295 * PAGE_SIZE), 295, "those as they were");
    is(sys_vmo_commit(vmo, 0, 300 * PAGE_SIZE), 0, "all are committed");
    is((int64_t)resident(vmo), 300, "all are there");
    is(sys_vmo_resize(vmo, PAGE_SIZE), 0, "and go in pieces");
    is((int64_t)resident(vmo), 1, "but one");
    is(sys_unmap(0, base, 300 * PAGE_SIZE), 0, "unmapped in pieces");
    sys_handle_close(vmo);
}

static void test_clone(uint64_t pages)
{
    handle_t vmo = anonymous(pages * PAGE_SIZE, 0);
    uint64_t base = map(vmo, 0, pages * PAGE_SIZE, RW);
    for (uint64_t i = 0; i < pages; i++)
        *at(base + i * PAGE_SIZE) = i + 1;
    int64_t clone = sys_vmo_clone(vmo, 0, pages * PAGE_SIZE);
    ok(clone > 0, "a clone");
    is((int64_t)resident((handle_t)clone), (int64_t)pages, "has every page");
    uint64_t copy = map((handle_t)clone, 0, pages * PAGE_SIZE, RW);
    *at(base) = 100;
    *at(copy + (pages - 1) * PAGE_SIZE) = 200;
    is((int64_t)*at(copy), 1, "the clone does not see the original's writes");
    is((int64_t)*at(base + (pages - 1) * PAGE_SIZE), (int64_t)pages, "nor the original its");
    is((int64_t)*at(copy + (pages - 1) * PAGE_SIZE), 200, "which are there");
    uint64_t good = 0;
    for (uint64_t i = 1; i < pages - 1; i++) {
        good += *at(copy + i * PAGE_SIZE) == i + 1;
        *at(base + i * PAGE_SIZE) = 0;
        good += *at(copy + i * PAGE_SIZE) == i + 1;
    }
    is((int64_t)good, 2 * ((int64_t)pages - 2), "nor any other page");
    int64_t second = must(sys_vmo_clone((handle_t)clone, PAGE_SIZE, PAGE_SIZE), "clone of a clone");
    must(sys_vmo_read((handle_t)second, 0, 8), "read");
    is((int64_t) * (uint64_t *)message_area()->bytes, 2, "a clone of a part of a clone");
    sys_handle_close(vmo);
    sys_unmap(0, base, pages * PAGE_SIZE);
    is((int64_t)*at(copy + PAGE_SIZE), 2, "the clone outlives the original");
    sys_unmap(0, copy, pages * PAGE_SIZE);
    sys_handle_close((handle_t)clone);
    sys_handle_close((handle_t)second);
}

static void test_large(void)
{
    handle_t vmo = anonymous(8 * MiB, VMO_LARGE_PAGES);
    uint64_t value,
        base = (uint64_t)must(sys_map(0, vmo, 0, 8 * MiB, 0x200000000, RW | MAP_FIXED), "map");
    *at(base + 3 * MiB) = 5;
    is((int64_t)resident(vmo), 512, "a large page comes as a whole");
    *at(base + 2 * MiB) = 6;
    *at(base + 4 * MiB - 8) = 7;
    is((int64_t)resident(vmo), 512, "and is one");
    is(sys_protect(0, base + 3 * MiB, PAGE_SIZE, MAP_READ), 0, "a page within becomes read-only");
    is(probe_write(base + 3 * MiB, 1), -EFAULT, "and is");
    is(probe_write(base + 3 * MiB + PAGE_SIZE, 1), 0, "the next one not");
    is(sys_unmap(0, base + 2 * MiB, PAGE_SIZE), 0, "its first page is unmapped");
    is(probe_read(base + 2 * MiB, &value), -EFAULT, "and shows nothing");
    is((int64_t)*at(base + 4 * MiB - 8), 7, "the rest is there");
    handle_t clone = (handle_t)must(sys_vmo_clone(vmo, 2 * MiB, 2 * MiB), "clone");
    *at(base + 4 * MiB - 8) = 8;
    must(sys_vmo_read(clone, 2 * MiB - 8, 8), "read");
    is((int64_t) * (uint64_t *)message_area()->bytes, 7, "a clone of a large page");
    is(sys_vmo_decommit(vmo, 2 * MiB, PAGE_SIZE), 0, "decommits a page of it");
    is((int64_t)resident(vmo), 511, "one less");
    must(sys_vmo_read(clone, 0, 8), "read");
    is((int64_t) * (uint64_t *)message_area()->bytes, 6, "which the clone still has");
    sys_handle_close(clone);
    sys_unmap(0, base, 8 * MiB);
    sys_handle_close(vmo);
}

static void test_contiguous(void)
{
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_CONTIGUOUS, 2 * MiB, 0, 0), "contiguous");
    uint64_t base = (uint64_t)must(sys_map(0, vmo, 0, 2 * MiB, 0x300000000, RW | MAP_FIXED), "map");
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 2 * MiB; i += PAGE_SIZE) {
        sum += *at(base + i);
        *at(base + i) = i;
    }
    is((int64_t)sum, 0, "contiguous memory is zero");
    must(sys_vmo_read(vmo, 2 * MiB - PAGE_SIZE, 8), "read");
    is((int64_t) * (uint64_t *)message_area()->bytes, 2 * MiB - PAGE_SIZE,
       "and holds what is written");
    is(sys_vmo_create(VMO_CONTIGUOUS, 4 * MiB + 1, 0, 0), -EINVAL, "no more than 4 MiB");
    is(sys_vmo_decommit(vmo, 0, PAGE_SIZE), -ENOTSUP, "it is not decommitted");
    sys_unmap(0, base, 2 * MiB);
    sys_handle_close(vmo);
}

/* A mapping of almost everything with little in it goes quickly. */
static void test_sparse(void)
{
    handle_t vmo = anonymous(1ul << 45, 0);
    uint64_t base =
        (uint64_t)must(sys_map(0, vmo, 0, 1ul << 45, 0x100000000000, RW | MAP_FIXED), "map");
    *at(base + (1ul << 44)) = 1;
    *at(base + (1ul << 45) - PAGE_SIZE) = 1;
    uint64_t start = clock_now();
    is(sys_protect(0, base, 1ul << 45, MAP_READ), 0, "a vast mapping is protected");
    is(sys_unmap(0, base, 1ul << 45), 0, "and unmapped");
    ok(clock_now() - start < 2 * SECOND, "without a long walk");
    sys_handle_close(vmo);
}

static void test_budget(void)
{
    settled_free_memory();
    uint64_t before = task_used();
    handle_t vmo = anonymous(1ul << 40, 0);
    int64_t error = sys_vmo_commit(vmo, 0, 1ul << 40);
    is(error, -ENOMEM, "a commitment beyond the budget is refused");
    sys_handle_close(vmo);
    settled_free_memory();
    is((int64_t)task_used(), (int64_t)before, "and all comes back");
}

int main(const void *found)
{
    test_begin(found);
    probe_begin();
    uint64_t before = settled_free_memory();
    for (int round = 0; round < 2; round++) {
        test_map();
        test_sizes();
        test_clone(20);
        test_clone(500);
        test_large();
        test_contiguous();
        test_sparse();
        test_budget();
        if (round == 0)
            before = settled_free_memory();
    }
    uint64_t after = settled_free_memory();
    if (!ok(after + 32 * PAGE_SIZE >= before, "no memory is lost"))
        print("#   %ld pages\n", (int64_t)(before - after) / 4096);
    return test_end();
}
