/*
 * What a device reaches: with an IOMMU, the pages that are pinned in its domain, as their handles
 * allow and no longer than they are pinned; and whose interrupts it can raise.
 *
 * The device is QEMU's "edu" (docs/specs/edu): it copies between memory and a buffer of its own,
 * in a tenth of a second.  Without it the test is skipped; without an IOMMU the device reaches
 * everything, and that is seen here too.
 */
#include "test.h"

#define RW (MAP_READ | MAP_WRITE)

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc };
enum { PCI_ID = 0, PCI_COMMAND = 4, PCI_BAR0 = 0x10, PCI_CAPABILITIES = 0x34 };
enum { PCI_MEMORY = 2, PCI_BUS_MASTER = 4, CAPABILITY_MSI = 5 };
#define EDU_ID 0x11e81234u

enum { EDU_RAISE = 0x60, EDU_ACKNOWLEDGE = 0x64 };
enum { EDU_SOURCE = 0x80, EDU_DESTINATION = 0x88, EDU_COUNT = 0x90, EDU_COMMAND = 0x98 };
enum { EDU_START = 1, EDU_TO_MEMORY = 2 };
#define EDU_BUFFER 0x40000ul
#define EDU_SIZE 0x100000ul
#define BYTES 64u /* in a transfer */

static handle_t root, port, domain;
static uint32_t device = UINT32_MAX; /* bus << 8 | devfn */
static volatile uint8_t *edu;
static bool translated;

/* ---- The device ------------------------------------------------------------------------------ */

static uint32_t config_read(uint32_t at)
{
    sys_ioport_write(root, CONFIG_ADDRESS, 4, 1u << 31 | device << 8 | at);
    return (uint32_t)sys_ioport_read(root, CONFIG_DATA, 4);
}

static void config_write(uint32_t at, uint32_t value)
{
    sys_ioport_write(root, CONFIG_ADDRESS, 4, 1u << 31 | device << 8 | at);
    sys_ioport_write(root, CONFIG_DATA, 4, value);
}

static bool find_device(void)
{
    for (device = 0; device < 256; device += 8) {
        if (config_read(PCI_ID) == EDU_ID)
            return true;
    }
    return false;
}

static void open_device(void)
{
    uint64_t bar = config_read(PCI_BAR0) & ~15u;
    handle_t memory = (handle_t)must(sys_vmo_create_physical(root, bar, EDU_SIZE, VMO_UNCACHED),
                                     "vmo_create_physical");
    edu = (volatile uint8_t *)must(sys_map(0, memory, 0, EDU_SIZE, 0, RW), "map");
    config_write(PCI_COMMAND, PCI_MEMORY | PCI_BUS_MASTER);
    domain = (handle_t)must(sys_domain_create(root, device), "domain_create");
    uint64_t pinned;
    translated = must(sys_domain_info(domain, &pinned), "domain_info") & DOMAIN_TRANSLATED;
    print("# DMA is %s\n", translated ? "translated" : "not translated");
}

static void write_register(uint32_t at, uint64_t value)
{
    *(volatile uint64_t *)(edu + at) = value;
}

static void transfer(uint64_t source, uint64_t destination, uint64_t command)
{
    write_register(EDU_SOURCE, source);
    write_register(EDU_DESTINATION, destination);
    write_register(EDU_COUNT, BYTES);
    write_register(EDU_COMMAND, command | EDU_START);
    uint64_t limit = soon();
    while (*(volatile uint64_t *)(edu + EDU_COMMAND) & EDU_START) {
        sys_sleep(clock_after(10 * MILLISECOND));
        must(clock_now() < limit ? 0 : -ETIMEDOUT, "a transfer");
    }
}

/* ---- Memory ---------------------------------------------------------------------------------- */

struct memory {
    handle_t vmo;
    uint64_t pages;
    volatile uint64_t *view;
};

static struct memory memory_create(uint64_t pages)
{
    struct memory m = {.pages = pages};
    m.vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, pages * PAGE_SIZE, 0, 0), "vmo_create");
    m.view = (uint64_t *)must(sys_map(0, m.vmo, 0, pages * PAGE_SIZE, 0, RW), "map");
    return m;
}

static void memory_free(struct memory *m)
{
    sys_unmap(0, (uint64_t)m->view, m->pages * PAGE_SIZE);
    sys_handle_close(m->vmo);
}

/* Pins all of it by a handle with these rights only; the address of the last page. */
static uint64_t pin(const struct memory *m, uint32_t rights, uint64_t *id)
{
    handle_t handle = (handle_t)must(sys_handle_duplicate(m->vmo, rights | RIGHT_PIN, 0), "copy");
    int64_t count = must(sys_pin(handle, 0, m->pages * PAGE_SIZE, domain, id), "pin");
    sys_handle_close(handle);
    return ((uint64_t *)message_area()->bytes)[count - 1];
}

/* ---- What it reaches ------------------------------------------------------------------------- */

static struct memory home; /* pinned all the time */
static uint64_t home_address, mark = 0x1122334455667788;

static uint64_t next_mark(void)
{
    return mark = mark * 6364136223846793005 + 1442695040888963407;
}

static void fill_device(uint64_t value)
{
    home.view[0] = value;
    transfer(home_address, EDU_BUFFER, 0);
}

/* Whether what the device writes to an address arrives in memory. */
static bool writes(uint64_t address, volatile uint64_t *view)
{
    fill_device(next_mark());
    *view = 0;
    transfer(EDU_BUFFER, address, EDU_TO_MEMORY);
    return *view == mark;
}

/* Whether the device sees what is in memory at an address. */
static bool reads(uint64_t address, volatile uint64_t *view)
{
    fill_device(0);
    *view = next_mark();
    transfer(address, EDU_BUFFER, 0);
    home.view[0] = 0;
    transfer(EDU_BUFFER, home_address, EDU_TO_MEMORY);
    return home.view[0] == mark;
}

/* A device that is not confined reaches what it should not. */
static void confined(bool reached, const char *name)
{
    ok(reached == !translated, name);
}

static void test_pin(void)
{
    struct memory m = memory_create(1);
    uint64_t id;
    uint64_t address = pin(&m, RIGHT_READ | RIGHT_WRITE, &id);
    ok(reads(address, m.view), "a pinned page is read by the device");
    ok(writes(address, m.view), "and written");
    is(sys_unpin(domain, id), 0, "unpinned");
    confined(writes(address, m.view), "it is written no more");
    confined(reads(address, m.view), "nor read");
    pin(&m, RIGHT_READ | RIGHT_WRITE, &id);
    ok(writes(address, m.view), "until it is pinned again");
    sys_unpin(domain, id);
    memory_free(&m);
}

static void test_rights(void)
{
    struct memory m = memory_create(1);
    uint64_t id, writer;
    uint64_t address = pin(&m, RIGHT_READ, &id);
    ok(reads(address, m.view), "a page pinned for reading is read");
    confined(writes(address, m.view), "and not written");
    pin(&m, RIGHT_WRITE, &writer);
    ok(writes(address, m.view), "until it is pinned for writing too");
    sys_unpin(domain, id);
    ok(writes(address, m.view), "it still is when the reader's pin is gone");
    confined(reads(address, m.view), "but not read");
    pin(&m, RIGHT_READ, &id);
    sys_unpin(domain, writer);
    confined(writes(address, m.view), "and the other way round");
    ok(reads(address, m.view), "a page that another pin keeps is still read");
    sys_unpin(domain, id);
    memory_free(&m);
}

static void test_many(void)
{
    struct memory m = memory_create(40);
    uint64_t id;
    volatile uint64_t *last = m.view + 39 * 512;
    uint64_t address = pin(&m, RIGHT_READ | RIGHT_WRITE, &id);
    ok(writes(address, last), "the last of many pages");
    sys_unpin(domain, id);
    confined(writes(address, last), "and none of them afterwards");
    memory_free(&m);
}

/* A loan of a page is pinned by a shorter way. */
static void test_loan(void)
{
    struct memory m = memory_create(1);
    struct message message = {.flags = MESSAGE_FLAGS(0, 0, 1)};
    struct receipt receipt;
    uint64_t id, sent;
    m.view[0] = 0;
    message_area()->ranges[0] =
        (struct message_range){m.vmo, RIGHT_READ | RIGHT_WRITE | RIGHT_PIN, 0, PAGE_SIZE};
    must(sys_send(port, port, &message, &sent), "send");
    must(sys_get(port, soon(), &message, &receipt), "get");
    must(sys_pin(message_area()->ranges[0].vmo, 0, PAGE_SIZE, domain, &id), "pin");
    uint64_t address = *(uint64_t *)message_area()->bytes;
    ok(writes(address, m.view), "a loan's page");
    message = head(0);
    must(sys_reply(receipt.token, &message), "reply");
    must(sys_get(port, soon(), &message, &receipt), "get");
    ok(writes(address, m.view), "that is pinned when the loan has ended");
    sys_unpin(domain, id);
    confined(writes(address, m.view), "and no longer");
    memory_free(&m);
}

static void test_fence(void)
{
    struct memory m = memory_create(1);
    uint64_t id, pinned;
    uint64_t address = pin(&m, RIGHT_READ | RIGHT_WRITE, &id);
    is(sys_domain_reset(domain, DOMAIN_FENCE), 0, "the domain is fenced");
    must(sys_domain_info(domain, &pinned), "domain_info");
    is((int64_t)pinned, 0, "it has no pins");
    pin(&m, RIGHT_READ | RIGHT_WRITE, &id);
    m.view[0] = 0;
    transfer(EDU_BUFFER, address, EDU_TO_MEMORY);
    confined(m.view[0] != 0, "and is not reached by what is pinned now");
    is(sys_domain_reset(domain, 0), 0, "opened again");
    pin(&m, RIGHT_READ | RIGHT_WRITE, &id);
    home_address = pin(&home, RIGHT_READ | RIGHT_WRITE, &id);
    ok(writes(address, m.view), "it is");
    is(sys_domain_reset(domain, 0), 0, "reset once more");
    home_address = pin(&home, RIGHT_READ | RIGHT_WRITE, &id);
    confined(writes(address, m.view), "what was pinned is reached no more");
    memory_free(&m);
}

static void test_death(void)
{
    struct memory m = memory_create(1);
    uint64_t id;
    uint64_t address = pin(&m, RIGHT_READ | RIGHT_WRITE, &id);
    fill_device(next_mark());
    sys_handle_close(domain);
    m.view[0] = 0;
    transfer(EDU_BUFFER, address, EDU_TO_MEMORY);
    confined(m.view[0] == mark, "a device whose domain is gone reaches nothing");
    int64_t again = sys_domain_create(root, device);
    ok(again > 0, "it is given another");
    domain = (handle_t)again;
    home_address = pin(&home, RIGHT_READ | RIGHT_WRITE, &id);
    confined(writes(address, m.view), "in which nothing is left of the first");
    ok(writes(home_address, home.view), "and which works");
    memory_free(&m);
}

/* The memory of a dead domain's page tables becomes ours, full of entries that all lead to one
 * page: the device must not look there any more. */
static void test_forgery(void)
{
    struct memory m = memory_create(1);
    uint64_t id;
    uint64_t address = pin(&m, RIGHT_READ | RIGHT_WRITE, &id);
    fill_device(next_mark());
    sys_handle_close(domain);
    settled_free_memory();
    struct memory all = memory_create(4096);
    for (uint64_t i = 0; i < 512; i++)
        m.view[i] = address | 3;
    for (uint64_t i = 0; i < all.pages * 512; i++)
        all.view[i] = address | 3;
    transfer(EDU_BUFFER, address, EDU_TO_MEMORY);
    confined(m.view[0] == mark, "nor by page tables of our own making");
    memory_free(&all);
    memory_free(&m);
    domain = (handle_t)must(sys_domain_create(root, device), "domain_create");
    home_address = pin(&home, RIGHT_READ | RIGHT_WRITE, &id);
}

static void use_domain(void)
{
    handle_t device_domain = domain;
    domain = (handle_t)must(sys_domain_create(root, 0x1234), "domain_create");
    struct memory m = memory_create(100);
    uint64_t id;
    pin(&m, RIGHT_READ | RIGHT_WRITE, &id);
    sys_handle_close(domain);
    memory_free(&m);
    domain = device_domain;
}

/* ---- Interrupts ------------------------------------------------------------------------------ */

static uint32_t msi; /* its capability (PCI 3.0, 6.8.1) */

static bool find_msi(void)
{
    msi = config_read(PCI_CAPABILITIES) & 0xfc;
    for (uint32_t i = 0; msi && i < 48; i++) {
        uint32_t capability = config_read(msi);
        if ((capability & 0xff) == CAPABILITY_MSI)
            return true;
        msi = capability >> 8 & 0xfc;
    }
    return false;
}

/* Whether an interrupt arrives when the device raises one. */
static bool raises(uint64_t milliseconds)
{
    struct message m;
    struct receipt receipt;
    *(volatile uint32_t *)(edu + EDU_RAISE) = 1;
    int64_t kind = sys_get(port, clock_after(milliseconds * MILLISECOND), &m, &receipt);
    *(volatile uint32_t *)(edu + EDU_ACKNOWLEDGE) = 1;
    return kind == GET_NOTIFY && m.arg[0] == 2;
}

/* An MSI for a domain, which the device is told of. */
static handle_t open_msi(handle_t whose)
{
    uint64_t address, data;
    handle_t irq =
        (handle_t)must(sys_irq_create_msi(root, 1, whose, 0, &address, &data), "irq_create_msi");
    must(sys_irq_bind(irq, port, 2), "irq_bind");
    uint32_t control = config_read(msi);
    config_write(msi, control & ~(1u << 16));
    config_write(msi + 4, (uint32_t)address);
    config_write(msi + 8, (uint32_t)(address >> 32));
    config_write(msi + (control >> 23 & 1 ? 12 : 8), (uint32_t)data);
    config_write(msi, control | 1u << 16);
    return irq;
}

static void test_interrupts(void)
{
    if (!ok(find_msi(), "the device sends messages"))
        return;
    handle_t irq = open_msi(domain);
    ok(raises(10000), "an interrupt of the device arrives");
    ok(raises(10000), "and another");
    sys_handle_close(irq);
    ok(!raises(200), "but none that was given up");
    irq = open_msi(HANDLE_NONE);
    ok(raises(10000), "one that is no domain's arrives");
    sys_handle_close(irq);
    handle_t other = (handle_t)must(sys_domain_create(root, 0x1234), "domain_create");
    irq = open_msi(other);
    confined(raises(translated ? 200 : 10000), "another device's cannot be raised");
    sys_handle_close(irq);
    sys_handle_close(other);
    irq = open_msi(domain);
    ok(raises(10000), "its own still can");
    sys_handle_close(irq);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static char log_text[65536];

/* How often the log says that this device was refused something. */
static uint32_t lines_in_log(void)
{
    char wanted[40];
    format_text(wanted, sizeof(wanted), "iommu: %02x:%02x.%u: ", device >> 8, device >> 3 & 31,
                device & 7);
    uint64_t position = 0;
    size_t length = 0, size = strlen(wanted);
    int64_t count = 1;
    while (count > 0 && length + 4096 <= sizeof(log_text)) {
        count = must(sys_debug_read(root, &position), "debug_read");
        memcpy(log_text + length, message_area()->bytes, (size_t)count);
        length += (size_t)count;
    }
    uint32_t lines = 0;
    for (size_t at = 0; at + size <= length; at++)
        lines += memcmp(log_text + at, wanted, size) == 0;
    return lines;
}

static void test_faults(void)
{
    if (!translated) {
        ok(true, "faults are logged # skip no IOMMU");
        return;
    }
    uint32_t before = lines_in_log();
    ok(before > 0, "what was refused is in the log");
    for (uint32_t i = 0; i < 15; i++)
        transfer(0x1000, EDU_BUFFER, 0);
    sys_sleep(clock_after(300 * MILLISECOND));
    uint32_t lines = lines_in_log() - before;
    print("# %u lines for 15 faults\n", lines);
    ok(lines <= 7, "but not every one");
}

int main(const void *found)
{
    test_begin(found);
    root = startup_handle(startup, "root");
    port = (handle_t)must(sys_port_create(16), "port_create");
    if (!find_device()) {
        ok(true, "DMA # skip no edu device");
        return test_end();
    }
    open_device();
    home = memory_create(1);
    uint64_t id;
    home_address = pin(&home, RIGHT_READ | RIGHT_WRITE, &id);
    test_pin();
    test_rights();
    test_many();
    test_loan();
    test_fence();
    test_death();
    test_forgery();
    ok(!loses_memory(use_domain), "domains that come and go lose no memory");
    test_interrupts();
    test_faults();
    return test_end();
}
