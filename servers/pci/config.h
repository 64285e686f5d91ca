/*
 * PCI configuration space, by the ports 0xcf8 and 0xcfc (PCI 3.0, 3.2.2.3.2): 256 bytes a function.
 *
 * What it holds is the device's to say: no value is believed.
 */
#ifndef PCI_CONFIG_H
#define PCI_CONFIG_H

#include <portolan/types.h>

#define CONFIG_SIZE 256u

/* Registers of every function (PCI 3.0, 6.1 and 6.2), and of bridges. */
enum {
    CONFIG_VENDOR = 0x00,
    CONFIG_ID = 0x02,
    CONFIG_COMMAND = 0x04,
    CONFIG_STATUS = 0x06,
    CONFIG_REVISION = 0x08,
    CONFIG_CLASS = 0x08, /* in the upper three bytes */
    CONFIG_HEADER = 0x0e,
    CONFIG_BARS = 0x10,
    CONFIG_SECONDARY_BUS = 0x19,
    CONFIG_SUBSYSTEM_VENDOR = 0x2c,
    CONFIG_SUBSYSTEM_ID = 0x2e,
    CONFIG_CAPABILITIES = 0x34,
    CONFIG_FIRST_CAPABILITY = 0x40,
};
enum { COMMAND_PORTS = 1, COMMAND_MEMORY = 2, COMMAND_MASTER = 4, COMMAND_NO_LINE = 1 << 10 };
enum { STATUS_CAPABILITIES = 1 << 4 };
enum { HEADER_TYPE = 0x7f, HEADER_BRIDGE = 1, HEADER_FUNCTIONS = 0x80 };
enum {
    CAPABILITY_MSI = 0x05,
    CAPABILITY_VENDOR = 0x09,
    CAPABILITY_EXPRESS = 0x10,
    CAPABILITY_MSI_X = 0x11,
    CAPABILITY_FEATURES = 0x13,
};

/* The resource of the eight ports from 0xcf8 on. */
void config_open(handle_t ports);

/* width: 1, 2, 4; at: aligned to it, below CONFIG_SIZE.  All ones: there is nothing. */
uint32_t config_read(uint32_t device, uint32_t at, uint32_t width);
void config_write(uint32_t device, uint32_t at, uint32_t width, uint32_t value);

#endif
