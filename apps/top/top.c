/*
 * top [-n ROUNDS] [-d SECONDS]: what the machine is doing: processes by the processor time they
 * used since the last look, and messages, switches and interrupts a second.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/portolan.h>
#include <termios.h>
#include <unistd.h>

#define PROCESSES_MAX 512u

struct look {
    struct system_info system;
    size_t count;
    struct process_entry processes[PROCESSES_MAX];
};

static int take(struct look *look)
{
    uint64_t position = 0;
    if (portolan_system(&look->system) < 0)
        return -1;
    look->count = 0;
    do {
        ssize_t got = portolan_processes(&position, &look->processes[look->count],
                                         PROCESSES_MAX - look->count);
        if (got < 0)
            return -1;
        look->count += (size_t)got;
    } while (position && look->count < PROCESSES_MAX);
    return 0;
}

/* Processor time since the last look; a number may have become another process's. */
static uint64_t used(const struct process_entry *now, const struct look *before)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct process_entry *then = &before->processes[i];
        if (then->number == now->number && then->koid == now->koid)
            return now->time_ns - then->time_ns;
    }
    return now->time_ns;
}

static const struct look *compare_with;

static int by_use(const void *a, const void *b)
{
    uint64_t x = used(a, compare_with), y = used(b, compare_with);
    return x < y ? 1 : x > y ? -1 : 0;
}

static unsigned lines_of_terminal(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 6 ? size.ws_row : 24;
}

static void show(struct look *now, const struct look *before)
{
    const struct system_info *s = &now->system, *b = &before->system;
    double seconds = (double)(s->uptime - b->uptime) / 1e9;
    if (seconds <= 0)
        seconds = 1;
    unsigned room = lines_of_terminal() - 5;
    if (isatty(STDOUT_FILENO))
        printf("\033[H\033[2J");
    printf("up %lu s, %u CPUs, %zu processes; memory %lu of %lu KiB free\n",
           (unsigned long)(s->uptime / 1000000000), (unsigned)s->cpus, now->count,
           (unsigned long)(s->memory_free >> 10), (unsigned long)(s->memory_total >> 10));
    printf("a second: %.0f messages, %.0f switches, %.0f interrupts\n\n",
           (double)(s->messages - b->messages) / seconds,
           (double)(s->switches - b->switches) / seconds,
           (double)(s->interrupts - b->interrupts) / seconds);
    printf("  PID  PPID  CPU%%     MEM COMMAND\n");
    compare_with = before;
    qsort(now->processes, now->count, sizeof(now->processes[0]), by_use);
    for (size_t i = 0; i < now->count && i < room; i++) {
        const struct process_entry *p = &now->processes[i];
        printf("%5u %5u %5.1f %7lu %.*s\n", (unsigned)p->number, (unsigned)p->parent,
               (double)used(p, before) / (seconds * 1e7), (unsigned long)(p->memory >> 10),
               (int)sizeof(p->name), p->name);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct look looks[2];
    unsigned long rounds = 0, delay = 2;
    for (int option; (option = getopt(argc, argv, "n:d:")) != -1;) {
        if (option == 'n')
            rounds = strtoul(optarg, NULL, 10);
        else if (option == 'd')
            delay = strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    for (unsigned long i = 0; rounds == 0 || i < rounds; i++) {
        if (i > 0)
            sleep((unsigned)delay);
        if (take(&looks[i % 2]) < 0) {
            perror("top");
            return 1;
        }
        show(&looks[i % 2], &looks[(i + 1) % 2]);
    }
    return 0;
}
