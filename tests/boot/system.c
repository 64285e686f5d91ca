/*
 * Resources and what they are needed for: I/O ports, physical memory, interrupts, domains, the log;
 * and the calls on the system as a whole.
 *
 * Interrupts are tried with the i8254's counter 0, which ACPI's usual override puts on line 2 of
 * the I/O APIC.
 */
#include "test.h"

#define GSI_TIMER 2u
enum {
    PIT_COUNTER_0 = 0x40,
    PIT_COMMAND = 0x43,
    PIT_RATE = 0x34,
    PIT_SQUARE = 0x36,
    PIT_ONCE = 0x30
};
enum { CMOS_INDEX = 0x70, CMOS_DATA = 0x71, CMOS_STATUS_D = 0x0d };

static handle_t root, port;
static struct message got;
static struct receipt receipt;

static handle_t part(enum resource_kind kind, uint64_t base, uint64_t length)
{
    return (handle_t)must(sys_resource_create(root, kind, base, length), "resource_create");
}

static void test_resources(void)
{
    is(sys_resource_create(root, RESOURCE_KINDS, 0, 1), -EINVAL, "an unknown kind of resource");
    is(sys_resource_create(HANDLE_NONE, RESOURCE_LOG, 0, 0), -EBADF, "a part of nothing");
    is(sys_resource_create(port, RESOURCE_LOG, 0, 0), -EBADF, "or of a port");
    handle_t ports = part(RESOURCE_IOPORT, 0x70, 8);
    is(sys_resource_create(ports, RESOURCE_IOPORT, 0x78, 1), -ERANGE, "a part beyond what is held");
    is(sys_resource_create(ports, RESOURCE_IOPORT, 0x6f, 2), -ERANGE, "or before it");
    is(sys_resource_create(ports, RESOURCE_IOPORT, 0x71, ~0ull), -ERANGE, "or that overflows");
    is(sys_resource_create(ports, RESOURCE_IRQ, 0x70, 1), -EPERM, "or of another kind");
    is(sys_resource_create(ports, RESOURCE_ROOT, 0, 0), -EPERM, "the root is nobody's part");
    int64_t smaller = sys_resource_create(ports, RESOURCE_IOPORT, 0x70, 2);
    ok(smaller > 0, "a part of a part");

    is(sys_ioport_write((handle_t)smaller, CMOS_INDEX, 1, CMOS_STATUS_D), 0,
       "an I/O port is written");
    is(sys_ioport_read((handle_t)smaller, CMOS_DATA, 1), 0x80,
       "and read: the clock's battery is good");
    is(sys_ioport_read((handle_t)smaller, 0x72, 1), -ERANGE, "but not beyond the resource");
    is(sys_ioport_read((handle_t)smaller, 0x71, 2), -ERANGE, "nor half beyond");
    is(sys_ioport_read(root, 0xffff, 2), -ERANGE, "nor beyond the last port");
    is(sys_ioport_write(root, 0x10000, 1, 0), -ERANGE, "nor beyond sixteen bits");
    is(sys_ioport_read((handle_t)smaller, 0x70, 3), -EINVAL, "nor three bytes");
    is(sys_ioport_write((handle_t)smaller, 0x70, 8, 0), -EINVAL, "nor eight");
    handle_t lines = part(RESOURCE_IRQ, 0, 1);
    is(sys_ioport_read(lines, 0x70, 1), -EPERM, "nor by another kind of resource");
    is(sys_ioport_read(port, 0x70, 1), -EBADF, "nor by a port of ours");
    is(sys_irq_create(lines, GSI_TIMER, 0), -ERANGE, "an interrupt that is not covered");
    is(sys_irq_create(ports, GSI_TIMER, 0), -EPERM, "or by another kind");
    sys_handle_close(lines);
    sys_handle_close((handle_t)smaller);
    sys_handle_close(ports);
}

static void test_physical(void)
{
    handle_t video = part(RESOURCE_PHYSICAL, 0xb8000, 0x8000);
    int64_t vmo = sys_vmo_create_physical(video, 0xb8000, PAGE_SIZE, VMO_WRITE_COMBINING);
    struct vmo_information info;
    must(sys_vmo_info((handle_t)must(vmo, "physical object"), &info), "vmo_info");
    is((int64_t)info.kind, VMO_PHYSICAL | VMO_WRITE_COMBINING << 8, "device memory as an object");
    is((int64_t)info.size, PAGE_SIZE, "of that size");
    sys_handle_close((handle_t)vmo);
    is(sys_vmo_create_physical(video, 0xb7000, PAGE_SIZE, 0), -EPERM,
       "only what the resource covers");
    is(sys_vmo_create_physical(video, 0xbf000, 2 * PAGE_SIZE, 0), -EPERM, "all of it");
    is(sys_vmo_create_physical(video, 0xb8800, PAGE_SIZE, 0), -EINVAL, "in whole pages");
    is(sys_vmo_create_physical(video, 0xb8000, 100, 0), -EINVAL, "at both ends");
    is(sys_vmo_create_physical(video, 0xb8000, 0, 0), -EINVAL, "and not nothing");
    is(sys_vmo_create_physical(video, 0xb8000, PAGE_SIZE, 3), -EINVAL, "cached in a known way");
    handle_t every = (handle_t)must(sys_resource_create(root, RESOURCE_PHYSICAL, 0, 1ull << 52),
                                    "all physical memory");
    int64_t device = sys_vmo_create_physical(every, 0xfed00000, PAGE_SIZE, VMO_UNCACHED);
    ok(device > 0, "a resource of all memory covers a device's");
    sys_handle_close((handle_t)device);
    is(sys_vmo_create_physical(every, 16ul << 20, PAGE_SIZE, 0), -EPERM, "but no RAM");
    is(sys_vmo_create_physical(every, 1ul << 20, PAGE_SIZE, 0), -EPERM, "and not the kernel");
    is(sys_vmo_create_physical(every, 0xb8000, 1ul << 20, 0), -EPERM, "not at the end, either");
    sys_handle_close(every);
    is(sys_vmo_create_physical(root, 1ull << 52, PAGE_SIZE, 0), -EINVAL, "where memory can be");
    is(sys_vmo_create_physical(root, -PAGE_SIZE, 2 * PAGE_SIZE, 0), -EINVAL, "without overflow");
    sys_handle_close(video);
}

/* ---- Interrupts ------------------------------------------------------------------------------ */

/* Sets the counter going about a thousand times a second, or once for long. */
static void set_timer(uint32_t mode)
{
    sys_ioport_write(root, PIT_COMMAND, 1, mode);
    sys_ioport_write(root, PIT_COUNTER_0, 1, mode == PIT_ONCE ? 0xff : 0xa9);
    sys_ioport_write(root, PIT_COUNTER_0, 1, mode == PIT_ONCE ? 0xff : 0x04);
}

static int64_t ticks(uint32_t most, uint64_t milliseconds)
{
    int64_t count = 0;
    uint64_t end = clock_after(milliseconds * MILLISECOND);
    while (count < most && sys_get(port, end, &got, &receipt) == GET_NOTIFY && got.arg[0] == 4)
        count++;
    return count;
}

static void test_line(void)
{
    is(sys_irq_create(root, GSI_TIMER, 8), -EINVAL, "an interrupt with unknown flags");
    is(sys_irq_create(root, 5000, 0), -EINVAL, "a line that there is not");
    is(sys_irq_create(root, 1ull << 32, 0), -EINVAL, "nor could be");
    handle_t irq = (handle_t)must(sys_irq_create(root, GSI_TIMER, 0), "irq_create");
    is(sys_irq_create(root, GSI_TIMER, 0), -EBUSY, "a line has one owner");
    is(sys_irq_bind(irq, port, 0), -EINVAL, "it is bound to bits");
    is(sys_irq_bind(irq, port, NOTIFY_TIMER), -EINVAL, "but not the kernel's");
    is(sys_irq_bind(irq, root, 4), -EBADF, "of a port");
    is(sys_irq_bind(port, port, 4), -EBADF, "and is an interrupt");
    is(sys_irq_ack(port), -EBADF, "ack is for interrupts");
    handle_t sender = (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND, 0), "duplicate");
    is(sys_irq_bind(irq, sender, 4), -EPERM, "the port is to be one's own");
    sys_handle_close(sender);
    handle_t weak = (handle_t)must(sys_handle_duplicate(irq, RIGHT_READ, 0), "duplicate");
    is(sys_irq_bind(weak, port, 4), -EPERM, "binding needs MANAGE");
    is(sys_irq_ack(weak), -EPERM, "and so does ack");
    sys_handle_close(weak);

    is(sys_irq_bind(irq, port, 4), 0, "bound");
    set_timer(PIT_RATE);
    is(ticks(5, 10000), 5, "interrupts come as notifications");
    is(sys_irq_ack(irq), 0, "they can be acknowledged");
    is(sys_irq_bind(irq, HANDLE_NONE, 0), 0, "unbound");
    ticks(1000, 0);
    is(ticks(1, 20), 0, "nothing comes any more");
    must(sys_irq_bind(irq, port, 4), "bind");
    is(ticks(2, 10000), 2, "until it is bound again");
    sys_handle_close(irq);
    ticks(1000, 0);
    is(ticks(1, 20), 0, "or closed");
    set_timer(PIT_ONCE);
}

static void test_level(void)
{
    handle_t irq = (handle_t)must(sys_irq_create(root, GSI_TIMER, IRQ_LEVEL), "irq_create");
    must(sys_irq_bind(irq, port, 4), "bind");
    set_timer(PIT_SQUARE);
    is(ticks(1, 10000), 1, "a level-triggered line");
    ticks(1000, 0);
    is(ticks(1, 20), 0, "is masked when it has come");
    must(sys_irq_ack(irq), "ack");
    is(ticks(1, 10000), 1, "until it is acknowledged");
    sys_handle_close(irq);
    set_timer(PIT_ONCE);
    ticks(1000, 0);
}

static void test_msi(void)
{
    uint64_t address = 0, data = 0, address2, data2;
    int64_t irq = sys_irq_create_msi(root, 4, HANDLE_NONE, 0, &address, &data);
    /* With interrupt remapping the address names an entry, to which the data is added (VT-d 4.0,
     * 5.1.2.2). */
    bool remapped = address & 16;
    uint64_t first = remapped ? address >> 5 & 0x7fff : data;
    ok(irq > 0 && address >> 20 == 0xfee && first >= 32 && first < 256 && first % 4 == 0 &&
           data == (remapped ? 0 : first),
       "four vectors of a message-signalled interrupt");
    uint32_t others[4];
    memcpy(others, message_area()->bytes, sizeof(others));
    uint64_t rights, koid;
    bool good = others[0] == (handle_t)irq;
    for (uint32_t i = 0; i < 4; i++)
        good &= sys_handle_info(others[i], &rights, &koid) == OBJECT_IRQ;
    ok(good, "each has a handle");
    ok(sys_irq_create_msi(root, 1, HANDLE_NONE, -1, &address2, &data2) > 0 &&
           (remapped ? (address2 >> 5 & 0x7fff) : data2) - first > 3,
       "another vector is another");
    for (uint32_t i = 0; i < 4; i++)
        sys_handle_close(others[i]);
    is(sys_irq_create_msi(root, 0, HANDLE_NONE, 0, &address, &data), -EINVAL, "no vectors");
    is(sys_irq_create_msi(root, 3, HANDLE_NONE, 0, &address, &data), -EINVAL, "three");
    is(sys_irq_create_msi(root, 64, HANDLE_NONE, 0, &address, &data), -EINVAL, "sixty-four");
    is(sys_irq_create_msi(root, 1, HANDLE_NONE, 99, &address, &data), -EINVAL, "no such CPU");
    is(sys_irq_create_msi(root, 1, port, 0, &address, &data), -EBADF, "a port for a domain");
    is(sys_irq_create_msi(port, 1, HANDLE_NONE, 0, &address, &data), -EBADF,
       "a port for a resource");
}

static void test_domains(void)
{
    uint64_t pinned = 99;
    handle_t domain = (handle_t)must(sys_domain_create(root, 0xff10), "domain_create");
    is(sys_domain_create(root, 0xff10), -EBUSY, "a device has one domain");
    is(sys_domain_create(root, 0x10000), -EINVAL, "and a number of sixteen bits");
    is(sys_domain_create(port, 1), -EBADF, "given by a resource");
    ok(sys_domain_info(domain, &pinned) >= 0, "domain_info");
    is((int64_t)pinned, 0, "nothing is pinned at first");
    is(sys_domain_info(port, &pinned), -EBADF, "of a domain");
    is(sys_domain_reset(domain, 2), -EINVAL, "reset with unknown flags");
    is(sys_domain_reset(domain, DOMAIN_FENCE), 0, "fenced");
    is(sys_domain_reset(domain, 0), 0, "and open again");
    is(sys_domain_reset(port, 0), -EBADF, "a domain");
    handle_t weak = (handle_t)must(sys_handle_duplicate(domain, RIGHT_READ, 0), "duplicate");
    is(sys_domain_reset(weak, 0), -EPERM, "with MANAGE");
    is(sys_unpin(weak, 0), -EPERM, "unpin too");
    is(sys_unpin(domain, 12345), -ENOENT, "of what is pinned");
    sys_handle_close(weak);
    sys_handle_close(domain);
    int64_t again = sys_domain_create(root, 0xff10);
    ok(again > 0, "after the last handle another may be made");
    sys_handle_close((handle_t)again);
}

/* ---- The system ------------------------------------------------------------------------------ */

static void test_consoles(void)
{
    uint64_t unseen, end = ~0ull;
    handle_t log = part(RESOURCE_LOG, 0, 0);
    const uint32_t both = CONSOLE_SERIAL | CONSOLE_SCREEN;
    is(sys_debug_console(log, 0, 0, &unseen), both, "the kernel's log goes to both consoles");
    sys_debug_read(log, &end);
    /* Nothing may be printed while the serial one is off. */
    int64_t off = sys_debug_console(log, CONSOLE_SERIAL, 0, &unseen);
    memcpy(message_area()->bytes, "# nobody sees this\n", 19);
    sys_debug_write(log, 19);
    uint64_t later;
    int64_t on = sys_debug_console(log, 0, CONSOLE_SERIAL, &later);
    is(off, CONSOLE_SCREEN, "one can be switched off");
    is((int64_t)unseen, (int64_t)end, "from here on");
    is(on, both, "and on again");
    is((int64_t)later, (int64_t)end, "which tells what has not been printed");
    is(sys_debug_console(log, 4, 0, &unseen), -EINVAL, "there is no third");
    is(sys_debug_console(port, 0, 0, &unseen), -EBADF, "only by a resource");
    handle_t ports = part(RESOURCE_IOPORT, 0, 1);
    is(sys_debug_console(ports, 0, 0, &unseen), -EPERM, "for the log");
    sys_handle_close(ports);
    sys_handle_close(log);
}

static void test_log(void)
{
    static const char text[] = "# written by a test\n";
    uint8_t *bytes = message_area()->bytes;
    handle_t log = part(RESOURCE_LOG, 0, 0);
    /* Nothing is printed in between, since that is written to the log too. */
    uint64_t position = ~0ull;
    int64_t length = sys_debug_read(log, &position);
    uint64_t end = position;
    memcpy(bytes, text, sizeof(text) - 1);
    int64_t written = sys_debug_write(log, sizeof(text) - 1);
    memset(bytes, 0, sizeof(text));
    int64_t back = sys_debug_read(log, &position);
    bool same = memcmp(bytes, text, sizeof(text) - 1) == 0;
    is(length, 0, "beyond the log's end there is nothing");
    is(written, 0, "it is written to");
    ok(back == (int64_t)sizeof(text) - 1 && same, "and that is read");
    is((int64_t)(position - end), back, "by positions that count bytes");
    position = 0;
    length = sys_debug_read(log, &position);
    ok(length > 0 && position >= (uint64_t)length, "from its beginning or the oldest there is");
    is(sys_debug_write(log, 4097), -E2BIG, "not more than 4096 bytes at once");
    is(sys_debug_write(port, 1), -EBADF, "only by a resource");
    is(sys_debug_read(port, &position), -EBADF, "both");
    handle_t ports = part(RESOURCE_IOPORT, 0, 1);
    is(sys_debug_write(ports, 1), -EPERM, "for the log");
    is(sys_debug_read(ports, &position), -EPERM, "both");
    is(sys_power(log, POWER_OFF, 0), -EPERM, "which does not switch off");
    is(sys_power(port, POWER_OFF, 0), -EBADF, "nor does a port");
    is(sys_power(root, 4, 0), -EINVAL, "in no unknown way");
    sys_handle_close(ports);

    position = 0;
    is(sys_trace(log, 3, &position), -EINVAL, "no such thing to do with the trace");
    is(sys_trace(port, 2, &position), -EBADF, "nor by a port");
    must(sys_trace(log, 0, &position), "trace off");
    must(sys_trace(log, 1, &position), "trace on");
    sys_sleep(clock_after(MILLISECOND));
    position = 0;
    int64_t count = sys_trace(log, 2, &position);
    const struct trace_event *event = (const struct trace_event *)bytes;
    ok(count > 0 && event->kind != 0 && event->cpu < startup->cpus, "trace events are read");
    sys_handle_close(log);
}

static void test_random(void)
{
    uint8_t first[64], *bytes = message_area()->bytes;
    memset(bytes, 0, 4096);
    is(sys_random(64), 0, "random bytes");
    memcpy(first, bytes, 64);
    is(sys_random(4096), 0, "as many as fit");
    ok(memcmp(first, bytes, 64) != 0, "are others each time");
    uint32_t zeros = 0;
    for (uint32_t i = 0; i < 4096; i++)
        zeros += bytes[i] == 0;
    ok(zeros < 64, "and of all kinds");
    is(sys_random(4097), -E2BIG, "but not more");
    is(sys_random(0), 0, "or none");
}

static void test_info(void)
{
    struct system_info info;
    must(sys_system_info(), "system_info");
    memcpy(&info, message_area()->bytes, sizeof(info));
    is(info.cpus, startup->cpus, "CPUs are counted");
    ok(info.memory_free > 0 && info.memory_free < info.memory_total, "some memory is free");
    ok(info.kernel_text > 4096, "the kernel knows its size");
    ok(info.tsc_hz > 1000000, "the counter's rate is known");
    uint64_t now = clock_now();
    must(sys_system_info(), "system_info");
    memcpy(&info, message_area()->bytes, sizeof(info));
    ok(info.uptime >= now && info.uptime <= clock_now(), "the clock page tells the kernel's time");
    ok(clock_cpu() < startup->cpus, "the CPU's number is readable");
}

static void test_unknown(void)
{
    static const uint8_t gaps[] = {0, 10, 15, 24, 31, 51, 63, 67, 79, 93, 103, 111, 122, 127};
    bool good = true;
    for (uint32_t i = 0; i < sizeof(gaps); i++)
        good &= syscall1(gaps[i], 0) == -ENOSYS;
    for (uint32_t i = SYS_COUNT; i < 256; i++)
        good &= syscall1(i, 0) == -ENOSYS;
    ok(good, "numbers that are no call give -ENOSYS");
    is(sys_null(), 0, "null does nothing");
}

int main(const void *found)
{
    test_begin(found);
    root = startup_handle(startup, "root");
    port = (handle_t)must(sys_port_create(16), "port_create");
    test_resources();
    test_physical();
    test_line();
    test_level();
    test_msi();
    test_domains();
    test_log();
    test_consoles();
    test_random();
    test_info();
    test_unknown();
    return test_end();
}
