/*
 * Runs programs made by x86_64-portolan-gcc before there is an init that can: as the first task it
 * starts each member of the boot module whose name begins with "libc_", one after the other, and
 * ends QEMU with a status.  Command line: only=NAME, or empty.
 *
 * Loads static position-independent programs, which libmsg's loader does not take yet; it trusts
 * them to be well-formed.
 */
#include <portolan/boot.h>
#include <portolan/startup.h>

#include "clock.h"
#include "cpio.h"
#include "print.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

#define EXIT_GOOD 0x10u
#define EXIT_BAD 0x11u
#define BUDGET (128ul << 20)
#define PROGRAM_BASE 0x10000000000ul
#define PATIENCE (300 * SECOND)

struct program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
enum { PT_LOAD = 1, PF_X = 1, PF_W = 2, PF_R = 4 };

static const struct boot_info *boot;

static int64_t must(int64_t value, const char *what)
{
    if (value >= 0)
        return value;
    print("carrier: %s: error %ld\n", what, -value);
    sys_power(boot->resource, POWER_TEST_EXIT, EXIT_BAD);
    for (;;)
        sys_sleep(DEADLINE_NEVER);
}

/* A fresh VM object with these bytes at `offset`, mapped in the task. */
static handle_t place(handle_t task, uint64_t address, uint64_t length, uint32_t flags,
                      const void *bytes, uint64_t offset, uint64_t size)
{
    handle_t vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, length, 0, 0), "vmo_create");
    int64_t here = must(sys_map(HANDLE_NONE, vmo, 0, length, 0, MAP_READ | MAP_WRITE), "map");
    memcpy((char *)here + offset, bytes, size);
    sys_unmap(HANDLE_NONE, (uint64_t)here, length);
    must(sys_map(task, vmo, 0, length, address, flags | MAP_FIXED), "map in the task");
    return vmo;
}

static uint64_t load(handle_t task, const uint8_t *image)
{
    uint64_t entry, table;
    uint16_t count;
    memcpy(&entry, image + 24, sizeof entry);
    memcpy(&table, image + 32, sizeof table);
    memcpy(&count, image + 56, sizeof count);
    for (uint16_t i = 0; i < count; i++) {
        struct program_header header;
        memcpy(&header, image + table + i * sizeof header, sizeof header);
        if (header.type != PT_LOAD)
            continue;
        uint64_t start = header.vaddr & ~(PAGE_SIZE - 1);
        uint64_t end = (header.vaddr + header.memsz + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
        uint32_t flags = (header.flags & PF_R ? MAP_READ : 0) |
                         (header.flags & PF_W ? MAP_WRITE : 0) |
                         (header.flags & PF_X ? MAP_EXECUTE : 0);
        sys_handle_close(place(task, PROGRAM_BASE + start, end - start, flags,
                               image + header.offset, header.vaddr - start, header.filesz));
    }
    return PROGRAM_BASE + entry;
}

static handle_t make_thread(handle_t task, uint64_t entry)
{
    sys_handle_close(place(task, STARTUP_STACK_TOP - STARTUP_STACK_SIZE, STARTUP_STACK_SIZE,
                           MAP_READ | MAP_WRITE, "", 0, 0));
    handle_t message =
        place(task, STARTUP_MESSAGE_ADDRESS, MESSAGE_AREA_SIZE, MAP_READ | MAP_WRITE, "", 0, 0);
    const struct thread_creation creation = {.task = task,
                                             .entry = entry,
                                             .stack = STARTUP_STACK_TOP,
                                             .arg = STARTUP_ADDRESS,
                                             .message_vmo = message,
                                             .message_address = STARTUP_MESSAGE_ADDRESS,
                                             .priority = PRIORITY_DEFAULT,
                                             .cpu = -1};
    handle_t thread = (handle_t)must(sys_thread_create(&creation), "thread_create");
    sys_handle_close(message);
    return thread;
}

static handle_t grant(handle_t task, handle_t handle)
{
    return (handle_t)must(sys_handle_grant(task, handle, RIGHTS_SAME), "handle_grant");
}

static void give_startup(handle_t task, handle_t thread, const char *name)
{
    struct startup page = {.cpus = boot->cpus, .clock_address = STARTUP_CLOCK_ADDRESS};
    page.task = grant(task, task);
    page.thread = grant(task, thread);
    page.clock = grant(task, boot->clock);
    must(sys_map(task, boot->clock, 0, PAGE_SIZE, STARTUP_CLOCK_ADDRESS, MAP_READ | MAP_FIXED),
         "map the clock");
    page.handles[0].handle = grant(task, boot->resource);
    memcpy(page.handles[0].name, "log", 4);
    page.handle_count = 1;
    memcpy(page.words, name, strlen(name) + 1);
    page.word_count = 1;
    sys_handle_close(place(task, STARTUP_ADDRESS, PAGE_SIZE, MAP_READ, &page, 0, sizeof page));
}

static bool run(const char *name, const uint8_t *image)
{
    int64_t status = -1;
    print("# %s\n", name);
    handle_t task = (handle_t)must(sys_task_create(BUDGET), "task_create");
    handle_t thread = make_thread(task, load(task, image));
    give_startup(task, thread, name);
    must(sys_thread_start(thread), "thread_start");
    sys_handle_close(thread);
    int64_t result = wait_for_death(task, clock_after(PATIENCE), &status);
    sys_task_kill(task, 1);
    sys_handle_close(task);
    print("# %s: %s, status %ld\n", name, result == 0 ? "ended" : "killed: too slow", status);
    return result == 0 && status == 0;
}

int main(const void *found)
{
    boot = found;
    print_open(boot->resource);
    int64_t module =
        must(sys_map(HANDLE_NONE, boot->module, 0,
                     (boot->module_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1), 0, MAP_READ),
             "map the module");
    int64_t clock = must(sys_map(HANDLE_NONE, boot->clock, 0, PAGE_SIZE, 0, MAP_READ), "map clock");
    clock_open((const struct clock_page *)clock);
    struct cpio_reader reader = {(const uint8_t *)module, boot->module_size, 0};
    struct cpio_entry entry;
    const char *only =
        string_has_prefix(boot->command_line, "only=") ? boot->command_line + 5 : NULL;
    bool good = true;
    while (cpio_next(&reader, &entry) > 0) {
        if (string_has_prefix(entry.name, "libc_") &&
            (only == NULL || strcmp(only, entry.name) == 0))
            good &= run(entry.name, (const uint8_t *)module + entry.offset);
    }
    sys_power(boot->resource, POWER_TEST_EXIT, good ? EXIT_GOOD : EXIT_BAD);
    return 1;
}
