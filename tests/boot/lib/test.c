/*
 * TAP, and second tasks; see test.h.
 */
#include "test.h"

const struct startup *startup;
handle_t child_handles[CHILD_HANDLES_MAX], child_self, child_shared;

static uint32_t tests, failures;
static struct thread_block child_block;
static void (*child_function)(uint64_t);

void test_begin(const void *found)
{
    startup = found;
    startup_open(startup);
}

int test_end(void)
{
    print("1..%u\n", tests);
    return failures ? 1 : 0;
}

bool ok(bool good, const char *name)
{
    tests++;
    failures += !good;
    print("%s %u - %s\n", good ? "ok" : "not ok", tests, name);
    return good;
}

bool is(int64_t seen, int64_t wanted, const char *name)
{
    if (!ok(seen == wanted, name))
        print("#   saw %ld (0x%lx), wanted %ld (0x%lx)\n", seen, seen, wanted, wanted);
    return seen == wanted;
}

int64_t must(int64_t value, const char *what)
{
    if (value >= 0)
        return value;
    print("not ok - %s: error %ld\n", what, -value);
    sys_task_kill(startup->task, 2);
    sys_thread_exit(2);
}

void run_thread(struct thread *thread, void (*function)(void *), void *argument, int32_t cpu,
                int32_t priority)
{
    struct thread_options options = {priority, cpu, 0};
    must(thread_create(thread, startup->task, function, argument, &options), "thread_create");
    must(sys_thread_start(thread->handle), "thread_start");
}

static _Noreturn void child_entry(uint64_t argument, struct message_area *area)
{
    child_block.self = &child_block;
    child_block.area = area;
    sys_thread_set_fs((uint64_t)&child_block);
    child_function(argument);
    sys_thread_exit(0);
}

/* Code and constants as they are; data as a copy-on-write clone. */
static void map_segments(handle_t task)
{
    for (uint32_t i = 0; i < startup->segment_count; i++) {
        const struct startup_segment *segment = &startup->segments[i];
        handle_t vmo = segment->vmo;
        if (segment->flags & MAP_WRITE)
            vmo = (handle_t)must(sys_vmo_clone(segment->vmo, 0, segment->length), "clone data");
        must(sys_map(task, vmo, 0, segment->length, segment->address, segment->flags | MAP_FIXED),
             "map segment");
        if (vmo != segment->vmo)
            sys_handle_close(vmo);
    }
    if (child_shared)
        must(sys_map(task, child_shared, 0, PAGE_SIZE, CHILD_SHARED,
                     MAP_READ | MAP_WRITE | MAP_FIXED),
             "map shared page");
    must(sys_map(task, startup->clock, 0, PAGE_SIZE, startup->clock_address, MAP_READ | MAP_FIXED),
         "map clock");
}

void prepare_child(struct child *child, void (*function)(uint64_t), uint64_t argument,
                   const handle_t *handles, uint32_t count, int32_t cpu, uint64_t budget)
{
    /* What earlier children had may be on its way back still. */
    int64_t task;
    for (uint64_t end = soon(); (task = sys_task_create(budget)) == -ENOMEM && clock_now() < end;)
        sys_sleep(clock_after(MILLISECOND));
    child->task = (handle_t)must(task, "task_create");
    for (uint32_t i = 0; i < count; i++)
        child_handles[i] =
            (handle_t)must(sys_handle_grant(child->task, handles[i], RIGHTS_SAME), "grant");
    child_self = (handle_t)must(sys_handle_grant(child->task, child->task, RIGHTS_SAME), "grant");
    child_function = function;
    map_segments(child->task);

    uint64_t size = STARTUP_STACK_SIZE + MESSAGE_AREA_SIZE, base = 0x40000000;
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, size, 0, 0), "stack");
    must(sys_map(child->task, vmo, 0, size, base, MAP_READ | MAP_WRITE | MAP_FIXED), "map stack");
    struct thread_creation plan = {.task = child->task,
                                   .entry = (uint64_t)child_entry,
                                   .stack = base + STARTUP_STACK_SIZE - 8,
                                   .arg = argument,
                                   .message_vmo = vmo,
                                   .message_offset = STARTUP_STACK_SIZE,
                                   .message_address = base + STARTUP_STACK_SIZE,
                                   .priority = PRIORITY_DEFAULT,
                                   .cpu = cpu};
    child->thread = (handle_t)must(sys_thread_create(&plan), "thread_create");
    sys_handle_close(vmo);
}

void run_child(struct child *child, void (*function)(uint64_t), uint64_t argument,
               const handle_t *handles, uint32_t count, int32_t cpu, uint64_t budget)
{
    prepare_child(child, function, argument, handles, count, cpu, budget);
    must(sys_thread_start(child->thread), "thread_start");
}

int64_t join_child(struct child *child)
{
    int64_t status = -1;
    must(wait_for_death(child->task, soon(), &status), "child ends");
    sys_handle_close(child->thread);
    sys_handle_close(child->task);
    return status;
}

void end_child(struct child *child)
{
    sys_task_kill(child->task, 0);
    join_child(child);
}

/* Each CPU frees what it took apart; system_info makes it do so. */
static void flush_all_cpus(void)
{
    for (uint32_t i = 0; i < startup->cpus; i++) {
        sys_thread_set(startup->thread, -1, (int32_t)i);
        while (clock_cpu() != i)
            sys_thread_yield();
        sys_system_info();
    }
    sys_thread_set(startup->thread, -1, -2);
}

uint64_t settled_free_memory(void)
{
    const struct system_info *info = (const struct system_info *)message_area()->bytes;
    uint64_t last = 0;
    for (uint32_t same = 0; same < 10;) {
        flush_all_cpus();
        sys_system_info();
        uint64_t now = info->memory_free;
        same = now == last ? same + 1 : 0;
        last = now;
        sys_sleep(clock_after(2 * MILLISECOND));
    }
    return last;
}

#define ROUNDS 8u
#define STOCKS (48 * PAGE_SIZE)

bool loses_memory(void (*work)(void))
{
    work();
    uint64_t first = settled_free_memory(), last = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        work();
        last = settled_free_memory();
        if (last >= first)
            return false;
    }
    print("#   %lu bytes less after %u rounds\n", first - last, ROUNDS);
    return first - last > STOCKS;
}
