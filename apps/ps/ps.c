/*
 * ps: all processes.  STAT: N being made, R running or waiting, T stopped, Z ended and not waited
 * for; with a number of threads behind it if there are several.  MEM and LIMIT are KiB.
 */
#include <stdio.h>
#include <sys/portolan.h>

#define AT_ONCE 16u

static const char *state_of(const struct process_entry *entry)
{
    static const char *const names[] = {"?", "N", "R", "T", "Z"};
    return names[entry->state < sizeof(names) / sizeof(names[0]) ? entry->state : 0];
}

static void show(const struct process_entry *entry)
{
    char threads[12] = "";
    unsigned long ms = entry->time_ns / 1000000;
    if (entry->threads > 1)
        snprintf(threads, sizeof(threads), "%u", (unsigned)entry->threads);
    printf("%5u %5u %5u %5u %1s%-4s %4lu:%02lu.%02lu %7lu %7lu %.*s\n", (unsigned)entry->number,
           (unsigned)entry->parent, (unsigned)entry->group, (unsigned)entry->session,
           state_of(entry), threads, ms / 60000, ms / 1000 % 60, ms / 10 % 100,
           (unsigned long)(entry->memory >> 10), (unsigned long)(entry->budget >> 10),
           (int)sizeof(entry->name), entry->name);
}

int main(void)
{
    struct process_entry list[AT_ONCE];
    uint64_t position = 0;
    printf("  PID  PPID  PGRP  SESS STAT        TIME     MEM   LIMIT COMMAND\n");
    do {
        ssize_t count = portolan_processes(&position, list, AT_ONCE);
        if (count < 0) {
            perror("ps");
            return 1;
        }
        for (ssize_t i = 0; i < count; i++)
            show(&list[i]);
    } while (position);
    return 0;
}
