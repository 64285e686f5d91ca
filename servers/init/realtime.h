/*
 * The time of day at boot.
 */
#ifndef REALTIME_H
#define REALTIME_H

#include <portolan/types.h>

/* The registers of a real-time clock as they are read; status: its register B. */
struct realtime_fields {
    uint32_t second, minute, hour, day, month, year, century, status;
};

/* Seconds since 1970, UTC; 0: the registers make no sense.  Pure. */
uint64_t realtime_of(const struct realtime_fields *raw);

/* Reads the machine's clock and sets the clock page's; resource: ROOT. */
void realtime_set(handle_t resource);

#endif
