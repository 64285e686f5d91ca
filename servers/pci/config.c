/*
 * See config.h.
 */
#include "config.h"

#include "syscall.h"

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc };

static handle_t ports;

void config_open(handle_t resource)
{
    ports = resource;
}

/* Chooses the register; the port that it is read and written at. */
static uint64_t choose(uint32_t device, uint32_t at)
{
    sys_ioport_write(ports, CONFIG_ADDRESS, 4, 1u << 31 | device << 8 | (at & 0xfc));
    return CONFIG_DATA + (at & 3);
}

uint32_t config_read(uint32_t device, uint32_t at, uint32_t width)
{
    return (uint32_t)sys_ioport_read(ports, choose(device, at), width);
}

void config_write(uint32_t device, uint32_t at, uint32_t width, uint32_t value)
{
    sys_ioport_write(ports, choose(device, at), width, value);
}
