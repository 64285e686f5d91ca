/*
 * What processes may do to the machine: switch it off, start it anew, set its time.
 */
#include <portolan/syscall.h>

#include "clock.h"
#include "start.h"
#include "syscall.h"
#include "table.h"

static handle_t power, real_time;

void machine_open(const struct startup *startup);
void machine_open(const struct startup *startup)
{
    power = startup_handle(startup, "power");
    real_time = startup_handle(startup, "clock");
}

int64_t do_power(struct server *at, struct request *request)
{
    (void)at;
    uint64_t action = request->head.arg[0];
    if (action != POWER_OFF && action != POWER_RESET)
        return -EINVAL;
    return power ? sys_power(power, (uint32_t)action, 0) : -EPERM;
}

int64_t do_set_time(struct server *at, struct request *request)
{
    (void)at;
    uint64_t time = request->head.arg[0], now = clock_now();
    if (time < now)
        return -EINVAL;
    return real_time ? sys_clock_set(real_time, time - now) : -EPERM;
}
