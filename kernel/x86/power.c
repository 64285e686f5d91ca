/*
 * Switching off, starting again, leaving QEMU; and random numbers.
 */
#include <portolan/syscall.h>

#include "../log.h"
#include "acpi.h"
#include "apic.h"
#include "boot.h"
#include "instructions.h"
#include "memory.h"
#include "platform.h"

enum { TEST_EXIT = 0xf4, TEST_FAILED = 0x7f }; /* QEMU's isa-debug-exit, where the tests put it */
enum { RESET_CONTROL = 0xcf9, KEYBOARD_COMMAND = 0x64 };
enum { PM1_SCI_ENABLE = 1u << 0, PM1_SLEEP_ENABLE = 1u << 13, PM1_SLEEP_TYPE = 10 };

noreturn void boot_stop(void)
{
    if (boot_has_word("test"))
        outl(TEST_EXIT, TEST_FAILED);
    halt();
}

/* ACPI 6.4, 4.8.3.2.1 and 16.1.6: to S5, from ACPI mode. */
static void power_off(void)
{
    if (!acpi.can_sleep)
        return;
    if (acpi.smi_command && acpi.acpi_enable && !(inw(acpi.pm1a_control) & PM1_SCI_ENABLE)) {
        outb((u16)acpi.smi_command, acpi.acpi_enable);
        for (u32 i = 0; i < 1000000 && !(inw(acpi.pm1a_control) & PM1_SCI_ENABLE); i++)
            pause();
    }
    u32 type_a = acpi.sleep_type_a, type_b = acpi.sleep_type_b;
    outw(acpi.pm1a_control, (u16)(type_a << PM1_SLEEP_TYPE | PM1_SLEEP_ENABLE));
    if (acpi.pm1b_control)
        outw(acpi.pm1b_control, (u16)(type_b << PM1_SLEEP_TYPE | PM1_SLEEP_ENABLE));
    clock_delay(1000000000); /* it takes a moment */
}

/* By ACPI (4.8.3.6), the chipset, the keyboard controller, and at last a triple fault. */
static noreturn void reset(void)
{
    if (acpi.can_reset && acpi.reset_space == 1)
        outb((u16)acpi.reset_address, acpi.reset_value);
    outb(RESET_CONTROL, 2);
    outb(RESET_CONTROL, 6);
    for (u32 i = 0; i < 100000; i++)
        pause();
    outb(KEYBOARD_COMMAND, 0xfe);
    for (u32 i = 0; i < 100000; i++)
        pause();
    struct {
        u16 limit;
        u64 base;
    } __attribute__((packed)) none = {0, 0};
    __asm__ volatile("lidt %0; int3" : : "m"(none));
    halt();
}

noreturn void platform_power(u32 action, u64 argument)
{
    switch (action) {
    case POWER_OFF:
        power_off();
        break;
    case POWER_RESET:
        reset();
    case POWER_PANIC:
        panic("asked for");
    case POWER_TEST_EXIT:
        outl(TEST_EXIT, (u32)argument);
        halt();
    }
    log_print("portolan: it is now safe to switch off\n");
    halt();
}

/* ---- Random numbers -------------------------------------------------------------------------- */

/* A word from RDRAND (SDM vol. 1, 7.3.17.1: ten tries); 0 if it has none. */
static u64 hardware_random(void)
{
    static i32 present = -1;
    if (present < 0)
        present = cpuid(1, 0).ecx >> 30 & 1;
    u64 value = 0;
    u8 valid = 0;
    for (u32 tries = 0; present && !valid && tries < 10; tries++)
        __asm__ volatile("rdrand %0; setc %1" : "=r"(value), "=qm"(valid));
    return valid ? value : 0;
}

/* Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (2014), figure 16. */
static u64 mix(u64 z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
    z = (z ^ z >> 27) * 0x94d049bb133111ebul;
    return z ^ z >> 31;
}

void platform_random(void *to, size_t length)
{
    static u64 pool; /* gathers the timing of all calls */
    for (size_t done = 0; done < length;) {
        u64 state = atomic_add(&pool, mix(rdtsc()) | 1);
        u64 value = mix(state) ^ hardware_random();
        size_t some = min(length - done, sizeof value);
        memcpy((u8 *)to + done, &value, some);
        done += some;
    }
}
