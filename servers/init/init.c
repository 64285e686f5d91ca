/*
 * The first task.  It has the root resource and the boot module, a cpio archive with the manifest
 * and the other programs, and starts what the words of the kernel's command line ask for:
 *
 *   test         every program of class test, one after the other; then QEMU ends with a status
 *   bench        the programs of class bench; bench-smp: those of that class
 *   only=NAME    just that one of them
 *   panic-test   makes the kernel panic
 *   (neither)    the manifest's servers, and programs on their terminals; and keeps them running
 *                (supervisor.c)
 *
 * A program's words are its name and then all of these.
 */
#include "boot.h"

#include "clock.h"
#include "cpio.h"
#include "print.h"
#include "start.h"
#include "string.h"
#include "supervisor.h"
#include "syscall.h"
#include "thread.h"

#define EXIT_GOOD 0x10u
#define EXIT_BAD 0x11u
const struct boot_info *boot;
struct manifest manifest;
char words[STARTUP_WORDS_MAX];
uint32_t word_count, words_length;
static const uint8_t *archive;

static bool has(const char *word)
{
    return words_have(words, word_count, word);
}

static bool is_measured(void)
{
    return has("test") || has("bench") || has("bench-smp");
}

static _Noreturn void leave(uint32_t status)
{
    sys_power(boot->resource, POWER_TEST_EXIT, status);
    sys_power(boot->resource, POWER_OFF, 0);
    for (;;)
        sys_sleep(DEADLINE_NEVER);
}

/* One clear line, and the end. */
static _Noreturn void cannot_boot(const char *file, uint32_t line, const char *problem)
{
    if (line)
        print("portolan: cannot boot: %s:%u: %s\n", file, line, problem);
    else
        print("portolan: cannot boot: %s: %s\n", file, problem);
    if (is_measured())
        leave(EXIT_BAD);
    for (;;)
        sys_sleep(DEADLINE_NEVER);
}

/* The command line as words with a NUL after each. */
static void split_command_line(void)
{
    size_t length = 0;
    for (const char *at = boot->command_line; *at;) {
        while (*at == ' ')
            at++;
        if (!*at)
            break;
        while (*at && *at != ' ' && length < sizeof(words) - 2)
            words[length++] = *at++;
        words[length++] = 0;
        word_count++;
    }
    words_length = (uint32_t)length;
}

static void open_module(void)
{
    uint64_t length = (boot->module_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    int64_t address = sys_map(HANDLE_NONE, boot->module, 0, length, 0, MAP_READ);
    if (address < 0)
        cannot_boot("boot.cpio", 0, "cannot be mapped");
    archive = (const uint8_t *)address;
    address = sys_map(HANDLE_NONE, boot->clock, 0, PAGE_SIZE, 0, MAP_READ);
    if (address > 0)
        clock_open((const struct clock_page *)address);

    struct cpio_entry entry;
    struct cpio_reader whole = {archive, boot->module_size, 0};
    int result;
    while ((result = cpio_next(&whole, &entry)) > 0)
        ;
    if (result < 0)
        cannot_boot("boot.cpio", 0, "the archive is broken or cut off");
    if (cpio_find(archive, boot->module_size, "manifest", &entry) < 0)
        cannot_boot("boot.cpio", 0, "the archive is broken, or has no manifest");
    if (!manifest_read((const char *)archive + entry.offset, entry.size, &manifest))
        cannot_boot("manifest", manifest.bad_line, manifest.problem);
}

int64_t find_binary(const char *name, struct spawn *plan)
{
    struct cpio_entry entry;
    if (cpio_find(archive, boot->module_size, name, &entry) < 0)
        return -ENOENT;
    plan->file = boot->module;
    plan->offset = entry.offset;
    plan->size = entry.size;
    return 0;
}

/* The program's name and then the command line's words, as many as fit; returns how many. */
static uint32_t make_words(const char *name, char list[STARTUP_WORDS_MAX])
{
    size_t length = strlen(name) + 1;
    const char *word = words;
    uint32_t count = 1;
    memcpy(list, name, length);
    for (; count <= word_count && length + strlen(word) + 1 <= STARTUP_WORDS_MAX; count++) {
        size_t size = strlen(word) + 1;
        memcpy(list + length, word, size);
        length += size;
        word += size;
    }
    return count;
}

/* Starts a program; 0 or an error. */
static int64_t start(const struct manifest_program *program, struct spawned *spawned)
{
    struct spawn_handle handles[3];
    char list[STARTUP_WORDS_MAX];
    struct spawn plan = {.budget = program->budget,
                         .priority = PRIORITY_DEFAULT,
                         .cpu = -1,
                         .clock = boot->clock,
                         .cpus = boot->cpus,
                         .handles = handles,
                         .words = list,
                         .word_count = make_words(program->name, list),
                         .give_segments = true};
    int64_t log = HANDLE_NONE, error = find_binary(program->name, &plan);
    if (error)
        return error;
    if (program->grants & GRANT_ROOT)
        handles[plan.handle_count++] = (struct spawn_handle){"root", boot->resource, RIGHTS_SAME};
    if (program->grants & GRANT_BOOT)
        handles[plan.handle_count++] =
            (struct spawn_handle){"boot", boot->module, BOOT_MODULE_RIGHTS};
    if (program->grants & GRANT_LOG) {
        log = sys_resource_create(boot->resource, RESOURCE_LOG, 0, 0);
        if (log < 0)
            return log;
        handles[plan.handle_count++] = (struct spawn_handle){"log", (handle_t)log, RIGHTS_SAME};
    }
    error = spawn(&plan, spawned);
    if (log > 0)
        sys_handle_close((handle_t)log);
    return error;
}

/* Runs a program to its end; whether it was a good one. */
static bool run(const struct manifest_program *program)
{
    struct spawned spawned;
    int64_t status = 0;
    print("# program %s\n", program->name);
    int64_t error = start(program, &spawned);
    if (error < 0) {
        print("not ok - %s starts (error %ld)\n", program->name, -error);
        return false;
    }
    error = wait_for_death(spawned.task, clock_after(program->timeout * SECOND), &status);
    if (error < 0) {
        print("not ok - %s ends in %lu s (error %ld)\n", program->name, program->timeout, -error);
        sys_task_kill(spawned.task, -1);
    } else if (status) {
        print("not ok - %s ends well (status %ld)\n", program->name, status);
    }
    sys_handle_close(spawned.thread);
    sys_handle_close(spawned.task);
    return !error && !status;
}

static _Noreturn void run_class(uint32_t class, const char *what)
{
    const char *only = words_option(words, word_count, "only=");
    uint32_t good = 0, bad = 0;
    for (uint32_t i = 0; i < manifest.count; i++) {
        const struct manifest_program *program = &manifest.programs[i];
        if (program->class != class || (only && strcmp(only, program->name) != 0))
            continue;
        if (run(program))
            good++;
        else
            bad++;
    }
    print("# guest %s done, %u programs passed, %u failed\n", what, good, bad);
    leave(good && !bad ? EXIT_GOOD : EXIT_BAD);
}

/* Says what there is, and keeps the servers running. */
static _Noreturn void serve(void)
{
    struct system_info *info = (struct system_info *)message_area()->bytes;
    if (sys_system_info() == 0)
        print("Portolan: %u CPUs, %lu MiB of memory, %lu MiB free.\n", info->cpus,
              info->memory_total >> 20, info->memory_free >> 20);
    int64_t error = supervise();
    if (!error)
        error = server_run(&init_server);
    print("portolan: the supervisor ended: error %ld\n", -error);
    for (;;)
        sys_sleep(DEADLINE_NEVER);
}

int main(const void *found)
{
    boot = found;
    print_open(boot->resource);
    split_command_line();
    open_module();
    print("init: ready\n");
    if (has("panic-test"))
        sys_power(boot->resource, POWER_PANIC, 0);
    if (has("test"))
        run_class(CLASS_TEST, "tests");
    if (has("bench"))
        run_class(CLASS_BENCH, "bench");
    if (has("bench-smp"))
        run_class(CLASS_BENCH_SMP, "bench");
    serve();
}
