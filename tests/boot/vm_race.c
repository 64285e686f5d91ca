/*
 * Several CPUs at the same memory: a clone is one moment of its original; pages that go are gone
 * for all; mappings come and go; nothing is lost.
 */
#include "probe.h"

#define RW (MAP_READ | MAP_WRITE)
#define WORKERS 3u

static volatile bool stop;
static volatile uint64_t *shared; /* the object's pages */
static uint64_t shared_pages;
static uint32_t cpus;

static handle_t new_vmo(uint64_t pages, uint64_t address)
{
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, pages * PAGE_SIZE, 0, 0), "vmo");
    shared = (volatile uint64_t *)must(sys_map(0, vmo, 0, pages * PAGE_SIZE, address, RW), "map");
    shared_pages = pages;
    return vmo;
}

static void free_vmo(handle_t vmo)
{
    sys_unmap(0, (uint64_t)shared, shared_pages * PAGE_SIZE);
    sys_handle_close(vmo);
}

static void start_workers(struct thread *threads, void (*function)(void *), uint32_t count)
{
    static uint32_t numbers[WORKERS] = {0, 1, 2};
    stop = false;
    for (uint32_t i = 0; i < count; i++)
        run_thread(&threads[i], function, &numbers[i], cpus > 1 ? (int32_t)(1 + i % (cpus - 1)) : 0,
                   PRIORITY_DEFAULT);
}

static void end_workers(struct thread *threads, uint32_t count)
{
    stop = true;
    for (uint32_t i = 0; i < count; i++)
        must(thread_join(&threads[i], soon(), NULL), "join");
}

/* ---- Clones ---------------------------------------------------------------------------------- */

/* Writes the same number to each page, in order, then the next. */
static void write_in_order(void *argument)
{
    (void)argument;
    for (uint64_t number = 1; !stop; number++)
        for (uint64_t i = 0; i < shared_pages; i++)
            shared[i * 512] = number;
}

/* A snapshot has one number up to some page, and the one before it from there on. */
static bool is_one_moment(handle_t clone)
{
    volatile uint64_t *pages = (volatile uint64_t *)must(
        sys_map(0, clone, 0, shared_pages * PAGE_SIZE, 0x900000000, MAP_READ), "map");
    uint64_t steps = 0, wrong = 0;
    for (uint64_t i = 1; i < shared_pages; i++) {
        steps += pages[i * 512] + 1 == pages[(i - 1) * 512];
        wrong +=
            pages[i * 512] + 1 != pages[(i - 1) * 512] && pages[i * 512] != pages[(i - 1) * 512];
    }
    if (wrong || steps > 1)
        for (uint64_t i = 1; i < shared_pages; i++)
            if (pages[i * 512] != pages[(i - 1) * 512])
                print("# page %lu: %lu, before it %lu\n", i, pages[i * 512], pages[(i - 1) * 512]);
    sys_unmap(0, (uint64_t)pages, shared_pages * PAGE_SIZE);
    return steps <= 1 && !wrong;
}

static void test_moment(uint64_t pages, uint32_t rounds)
{
    struct thread writer;
    handle_t vmo = new_vmo(pages, 0xa00000000);
    uint32_t good = 0;
    start_workers(&writer, write_in_order, 1);
    for (uint32_t i = 0; i < rounds; i++) {
        handle_t clone = (handle_t)must(sys_vmo_clone(vmo, 0, pages * PAGE_SIZE), "clone");
        good += is_one_moment(clone);
        sys_handle_close(clone);
    }
    end_workers(&writer, 1);
    is(good, rounds, "each clone shows one moment");
    free_vmo(vmo);
}

/* Several at once clone what one of them writes. */
static handle_t cloned;
static volatile uint32_t cloned_well, cloned_badly;

static void clone_all_the_time(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < 30 && !stop; i++) {
        int64_t clone = sys_vmo_clone(cloned, 0, shared_pages * PAGE_SIZE);
        if (clone < 0) {
            cloned_badly++;
            continue;
        }
        must(sys_vmo_read((handle_t)clone, (shared_pages - 1) * PAGE_SIZE, 8), "read");
        __sync_fetch_and_add(&cloned_well, 1);
        sys_handle_close((handle_t)clone);
    }
}

static void test_cloning_at_once(void)
{
    struct thread threads[WORKERS];
    cloned = new_vmo(200, 0xa00000000);
    for (uint64_t i = 0; i < 200; i++)
        shared[i * 512] = i;
    cloned_well = cloned_badly = 0;
    start_workers(threads, clone_all_the_time, WORKERS);
    for (uint32_t round = 0; round < 200; round++)
        for (uint64_t i = 0; i < 200; i += 7)
            shared[i * 512]++;
    for (uint32_t i = 0; i < WORKERS; i++)
        must(thread_join(&threads[i], soon(), NULL), "join");
    is(cloned_badly, 0, "no clone is refused");
    is(cloned_well, 30 * WORKERS, "several clone at once");
    free_vmo(cloned);
}

/* A thread that is killed while its clone is being made leaves nothing behind. */
static void test_killed_cloner(void)
{
    struct thread threads[WORKERS];
    cloned = new_vmo(400, 0xa00000000);
    for (uint64_t i = 0; i < 400; i++)
        shared[i * 512] = i;
    for (uint32_t round = 0; round < 20; round++) {
        start_workers(threads, clone_all_the_time, WORKERS);
        sys_sleep(clock_after(300000 * round));
        for (uint32_t i = 0; i < WORKERS; i++)
            sys_thread_kill(threads[i].handle, 0);
        for (uint32_t i = 0; i < WORKERS; i++)
            must(thread_join(&threads[i], soon(), NULL), "join");
    }
    is(probe_write((uint64_t)shared, 5), 0, "what was being cloned can be written to");
    int64_t clone = sys_vmo_clone(cloned, 0, PAGE_SIZE);
    ok(clone > 0, "and cloned");
    sys_handle_close((handle_t)clone);
    free_vmo(cloned);
}

/* ---- Pages that go --------------------------------------------------------------------------- */

/* Each worker has a word in every page, and checks that it has its last value or zero. */
static volatile uint64_t surprises;

static void use_pages(void *argument)
{
    uint32_t number = *(uint32_t *)argument;
    uint64_t round = 1;
    while (!stop) {
        for (uint64_t i = 0; i < shared_pages && !stop; i++) {
            volatile uint64_t *word = &shared[i * 512 + number];
            uint64_t seen = *word;
            if (seen && seen >> 8 != i)
                surprises++;
            *word = i << 8 | (round & 0xff);
        }
        round++;
    }
}

static void test_decommit(void)
{
    struct thread threads[WORKERS];
    handle_t vmo = new_vmo(100, 0xa00000000);
    surprises = 0;
    start_workers(threads, use_pages, WORKERS);
    uint64_t end = clock_after(700 * MILLISECOND), rounds = 0;
    while (clock_now() < end) {
        must(sys_vmo_decommit(vmo, (rounds % 50) * PAGE_SIZE, 50 * PAGE_SIZE), "decommit");
        rounds++;
    }
    end_workers(threads, WORKERS);
    is((int64_t)surprises, 0, "pages that are decommitted under several CPUs are theirs or empty");
    free_vmo(vmo);
}

/* Pages that were decommitted are used by others at once: does anybody still write to them? */
static void test_reuse(void)
{
    struct thread threads[WORKERS];
    handle_t vmo = new_vmo(16, 0xa00000000),
             other = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 16 * PAGE_SIZE, 0, 0), "vmo");
    start_workers(threads, use_pages, WORKERS);
    uint64_t wrong = 0;
    for (uint32_t round = 0; round < 500; round++) {
        must(sys_vmo_decommit(vmo, 0, 16 * PAGE_SIZE), "decommit");
        must(sys_vmo_commit(other, 0, 16 * PAGE_SIZE), "commit");
        for (uint64_t i = 0; i < 16; i++) {
            must(sys_vmo_read(other, i * PAGE_SIZE, 64), "read");
            for (uint32_t word = 0; word < 8; word++)
                wrong += ((uint64_t *)message_area()->bytes)[word] != 0;
        }
        must(sys_vmo_decommit(other, 0, 16 * PAGE_SIZE), "decommit");
    }
    end_workers(threads, WORKERS);
    is((int64_t)wrong, 0, "nobody writes to a page that is another's now");
    sys_handle_close(other);
    free_vmo(vmo);
}

/* ---- Mappings that come and go --------------------------------------------------------------- */

static handle_t mapped;
static volatile uint64_t mapping_errors;

static void map_and_unmap(void *argument)
{
    uint32_t number = *(uint32_t *)argument;
    while (!stop) {
        int64_t place = sys_map(0, mapped, number * PAGE_SIZE, 2 * PAGE_SIZE, 0xb00000000, RW);
        if (place < 0) {
            mapping_errors++;
            continue;
        }
        volatile uint64_t *page = (volatile uint64_t *)place;
        page[1] = page[0];
        if (page[0] != number + 1)
            mapping_errors++;
        if (sys_protect(0, (uint64_t)place, PAGE_SIZE, MAP_READ) || page[1] != number + 1)
            mapping_errors++;
        if (sys_unmap(0, (uint64_t)place, 2 * PAGE_SIZE))
            mapping_errors++;
    }
}

static void test_mapping(void)
{
    struct thread threads[WORKERS];
    mapped = new_vmo(WORKERS + 1, 0xa00000000);
    for (uint64_t i = 0; i <= WORKERS; i++)
        shared[i * 512] = i + 1;
    mapping_errors = 0;
    start_workers(threads, map_and_unmap, WORKERS);
    sys_sleep(clock_after(SECOND));
    end_workers(threads, WORKERS);
    is((int64_t)mapping_errors, 0, "several CPUs map, protect and unmap");
    free_vmo(mapped);
}

int main(const void *found)
{
    test_begin(found);
    probe_begin();
    must(sys_system_info(), "system_info");
    cpus = ((struct system_info *)message_area()->bytes)->cpus;
    uint64_t before = 0;
    for (int round = 0; round < 2; round++) {
        test_moment(20, 100);
        test_moment(300, 40);
        test_cloning_at_once();
        /* The handles of clones that were finished all the same stay in this task's table. */
        if (round == 0)
            test_killed_cloner();
        test_decommit();
        test_reuse();
        test_mapping();
        if (round == 0)
            before = settled_free_memory();
    }
    uint64_t after = settled_free_memory();
    if (!ok(after + 64 * PAGE_SIZE >= before, "no memory is lost"))
        print("#   %ld pages\n", (int64_t)(before - after) / 4096);
    return test_end();
}
