/*
 * The first task.  It has the root resource and the boot module, a cpio archive with the manifest
 * and the other programs, and starts what the words of the kernel's command line ask for:
 *
 *   test         every program of class test, one after the other; then QEMU ends with a status
 *   bench        the programs of class bench; bench-smp: those of that class
 *   only=NAME    just that one of them
 *   panic-test   makes the kernel panic
 *   (neither)    says what there is, and watches
 *
 * A program's words are its name and then all of these.
 */
#include <portolan/boot.h>

#include "clock.h"
#include "cpio.h"
#include "manifest.h"
#include "print.h"
#include "spawn.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

#define EXIT_GOOD 0x10u
#define EXIT_BAD 0x11u
/* Programs may read and run what is in the boot module, and pass it on. */
#define BOOT_MODULE_RIGHTS                                                                         \
    (RIGHT_READ | RIGHT_EXECUTE | RIGHT_MAP | RIGHT_DUPLICATE | RIGHT_TRANSFER)

static const struct boot_info *boot;
static struct manifest manifest;
static const uint8_t *archive;
static char words[STARTUP_WORDS_MAX];
static uint32_t word_count;

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
    if (cpio_find(archive, boot->module_size, "manifest", &entry) < 0)
        cannot_boot("boot.cpio", 0, "the archive is broken, or has no manifest");
    if (!manifest_read((const char *)archive + entry.offset, entry.size, &manifest))
        cannot_boot("manifest", manifest.bad_line, manifest.problem);
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
    struct cpio_entry entry;
    char list[STARTUP_WORDS_MAX];
    if (cpio_find(archive, boot->module_size, program->name, &entry) < 0)
        return -ENOENT;
    uint32_t list_count = make_words(program->name, list);
    struct spawn_handle handles[3];
    uint32_t count = 0;
    int64_t log = HANDLE_NONE;
    if (program->grants & GRANT_ROOT)
        handles[count++] = (struct spawn_handle){"root", boot->resource, RIGHTS_SAME};
    if (program->grants & GRANT_BOOT)
        handles[count++] = (struct spawn_handle){"boot", boot->module, BOOT_MODULE_RIGHTS};
    if (program->grants & GRANT_LOG) {
        log = sys_resource_create(boot->resource, RESOURCE_LOG, 0, 0);
        if (log < 0)
            return log;
        handles[count++] = (struct spawn_handle){"log", (handle_t)log, RIGHTS_SAME};
    }
    int64_t error = spawn(&(struct spawn){.file = boot->module,
                                          .offset = entry.offset,
                                          .size = entry.size,
                                          .budget = program->budget,
                                          .priority = PRIORITY_DEFAULT,
                                          .cpu = -1,
                                          .clock = boot->clock,
                                          .cpus = boot->cpus,
                                          .handles = handles,
                                          .handle_count = count,
                                          .words = list,
                                          .word_count = list_count,
                                          .give_segments = true},
                          spawned);
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

/* Says what there is, and stays: there must be somebody to hold the root resource. */
static _Noreturn void watch(void)
{
    struct system_info *info = (struct system_info *)message_area()->bytes;
    if (sys_system_info() == 0)
        print("Portolan: %u CPUs, %lu MiB of memory, %lu MiB free.\n", info->cpus,
              info->memory_total >> 20, info->memory_free >> 20);
    print("Boot the entry \"test\" to run the tests, or see the README.\n");
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
    watch();
}
