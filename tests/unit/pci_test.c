/*
 * What a PCI function says of itself is believed by nobody: BARs, capabilities, and noise.
 */
// sources: servers/pci/identify.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../servers/pci/config.h"
#include "../../servers/pci/device.h"

/* A function's registers, and which of its BARs' bits can be written. */
static uint8_t space[CONFIG_SIZE];
static uint32_t bar_mask[PCI_BARS];

uint32_t config_read(uint32_t device, uint32_t at, uint32_t width)
{
    uint32_t value = 0;
    (void)device;
    assert_true((width == 1 || width == 2 || width == 4) && at % width == 0);
    assert_true(at + width <= CONFIG_SIZE);
    memcpy(&value, space + at, width);
    return value;
}

void config_write(uint32_t device, uint32_t at, uint32_t width, uint32_t value)
{
    (void)device;
    assert_true(at % width == 0 && at + width <= CONFIG_SIZE);
    if (at >= CONFIG_BARS && at < CONFIG_BARS + 4 * PCI_BARS) {
        uint32_t old, mask = bar_mask[(at - CONFIG_BARS) / 4];
        memcpy(&old, space + at, 4);
        value = (value & mask) | (old & ~mask);
    }
    memcpy(space + at, &value, width);
}

static void put(uint32_t at, uint32_t width, uint32_t value)
{
    memcpy(space + at, &value, width);
}

static void begin(void)
{
    memset(space, 0, sizeof(space));
    memset(bar_mask, 0, sizeof(bar_mask));
    put(CONFIG_VENDOR, 4, 0x10421af4);
    put(CONFIG_CLASS, 4, 0x01000001);
    put(CONFIG_COMMAND, 2, COMMAND_MEMORY);
    put(CONFIG_STATUS, 2, STATUS_CAPABILITIES);
}

static struct device device;

static bool read_all(uint32_t address)
{
    if (!device_find(&device, address))
        return false;
    device_identify(&device);
    return true;
}

static void test_bars(void **state)
{
    (void)state;
    begin();
    put(0x10, 4, 0xfebd0000);
    bar_mask[0] = 0xffff0000;
    put(0x14, 4, 0xc041);
    bar_mask[1] = 0xffffffc0;
    put(0x18, 4, 0x0000000c);
    put(0x1c, 4, 0x38);
    bar_mask[2] = 0xffffc000;
    bar_mask[3] = 0xffffffff;
    put(0x24, 4, 0xfec00000); /* where interrupt controllers are */
    bar_mask[5] = 0xfffff000;
    assert_true(read_all(0x18));
    assert_int_equal(device.bar[0], 0xfebd0000);
    assert_int_equal(device.is.bar_size[0], 0x10000);
    assert_int_equal(device.is.bar_kind[1], PCI_BAR_PORTS);
    assert_int_equal(device.is.bar_size[1], 64);
    assert_int_equal(device.bar[2], 0x3800000000);
    assert_int_equal(device.is.bar_size[2], 0x4000);
    assert_int_equal(device.is.bar_kind[3], PCI_BAR_NONE);
    assert_int_equal(device.is.bar_kind[4], PCI_BAR_NONE);
    assert_int_equal(device.is.bar_kind[5], PCI_BAR_MEMORY);
    assert_int_equal(device.bar[5], 0);
    assert_int_equal(config_read(0, 0x10, 4), 0xfebd0000); /* as it was */
    assert_int_equal(config_read(0, CONFIG_COMMAND, 2), COMMAND_MEMORY);
}

static void test_capabilities(void **state)
{
    (void)state;
    begin();
    put(0x10, 4, 0xfebd0000);
    bar_mask[0] = 0xfffff000;
    put(CONFIG_CAPABILITIES, 1, 0x40);
    put(0x40, 4, 0x00025011); /* MSI-X, 3 entries in BAR 0 at 0x800 */
    put(0x44, 4, 0x800);
    put(0x50, 2, 0x6009);
    put(0x60, 2, 0x4010); /* and round again */
    put(0x64, 4, 1u << 28);
    assert_true(read_all(0));
    assert_int_equal(device.is.capability_count, 3);
    assert_int_equal(device.msi_x, 0x40);
    assert_int_equal(device.is.interrupts, 3);
    assert_int_equal(device.express, 0x60);
    put(0x44, 4, 0xff0); /* a table that does not fit */
    assert_true(read_all(0));
    assert_int_equal(device.msi_x, 0);
    assert_int_equal(device.is.interrupts, 0);
    put(0x44, 4, 6); /* in no BAR */
    assert_true(read_all(0));
    assert_int_equal(device.msi_x, 0);
    put(CONFIG_CAPABILITIES, 1, 0xfc); /* at the very end */
    put(0xfc, 2, 0x0011);
    assert_true(read_all(0));
    assert_int_equal(device.msi_x, 0);
    put(CONFIG_VENDOR, 2, 0xffff);
    assert_false(read_all(0));
}

/* Noise in every register: nothing is read beyond, and what comes out makes sense. */
static void test_noise(void **state)
{
    (void)state;
    srand(7);
    for (uint32_t round = 0; round < 200000; round++) {
        for (uint32_t i = 0; i < CONFIG_SIZE; i++)
            space[i] = (uint8_t)rand();
        for (uint32_t i = 0; i < PCI_BARS; i++)
            bar_mask[i] = (uint32_t)rand() << (rand() % 32);
        space[CONFIG_HEADER] &= 0x80;
        if (!read_all(0))
            continue;
        assert_true(device.is.capability_count <= PCI_CAPABILITIES_MAX);
        assert_true(device.is.interrupts <= PCI_INTERRUPTS_MAX);
        for (uint32_t i = 0; i < PCI_BARS; i++)
            assert_true(device.bar[i] % (device.is.bar_size[i] ? device.is.bar_size[i] : 1) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
