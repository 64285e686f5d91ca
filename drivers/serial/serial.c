/*
 * A 16550 serial port (Texas Instruments TL16C550C data sheet) as a character device.
 *
 * Startup handles: "ioport" its eight registers, "irq", "log" (optional: the kernel's console on it
 * is switched off).  Words: base=PORT, irq=N (those of the grants; default 0x3f8 and 4).
 *
 * Interrupts both ways.  Input that nobody reads in time is dropped and counted; output is never
 * lost: who writes waits for room.  The line is edge-triggered, so an interrupt is over only when
 * the identification register says that nothing is pending (section "Interrupt identification").
 */
#include "character.h"
#include "clock.h"
#include "print.h"
#include "byte_ring.h"
#include "start.h"
#include "syscall.h"
#include "thread.h"
#include "words.h"

enum {
    DATA = 0,
    INTERRUPT_ENABLE = 1,
    IDENTIFICATION = 2,
    FIFO_CONTROL = 2,
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5,
    MODEM_STATUS = 6,
    SCRATCH = 7
};
enum { ENABLE_RECEIVED = 1, ENABLE_EMPTY = 2, ENABLE_STATUS = 4 };
enum { NOT_PENDING = 1, CAUSE = 0xe };
enum { FIFO_ON = 1, FIFO_TRIGGER_8 = 0x80, FIFO_SIZE = 16 };
enum { EIGHT_BITS = 3, DIVISOR_LATCH = 0x80 };
enum { DTR = 1, RTS = 2, OUT2 = 8 /* lets the interrupt through */ };
enum { DATA_READY = 1, OVERRUN = 2, TRANSMIT_EMPTY = 0x20, ALL_SENT = 0x40 };

#define IRQ_BIT 1ull
#define IRQ_PATIENCE (2 * SECOND)

static struct character device;
static handle_t ports, irq;
static uint64_t base;
static uint8_t in_space[4096], out_space[16384];
static struct byte_ring in = {in_space, sizeof(in_space), 0, 0};
static struct byte_ring out = {out_space, sizeof(out_space), 0, 0};
static uint64_t lost;   /* bytes that came and found no room */
static bool is_sending; /* an interrupt will come when the FIFO is empty */

static uint8_t get(uint32_t which)
{
    int64_t value = sys_ioport_read(ports, base + which, 1);
    return value < 0 ? 0 : (uint8_t)value;
}

static void set(uint32_t which, uint8_t value)
{
    sys_ioport_write(ports, base + which, 1, value);
}

/* ---- Both ways ------------------------------------------------------------------------------- */

static void receive(void)
{
    uint8_t status;
    while ((status = get(LINE_STATUS)) & DATA_READY) {
        uint8_t byte = get(DATA);
        if (!byte_ring_put(&in, &byte, 1) || status & OVERRUN)
            lost++;
    }
}

/* Fills the FIFO, which is empty. */
static void transmit(void)
{
    uint8_t bytes[FIFO_SIZE];
    size_t count = byte_ring_peek(&out, bytes, sizeof(bytes));
    for (size_t i = 0; i < count; i++)
        set(DATA, bytes[i]);
    byte_ring_drop(&out, count);
    is_sending = count != 0;
}

static void start_sending(void)
{
    if (!is_sending && get(LINE_STATUS) & TRANSMIT_EMPTY)
        transmit();
}

static void interrupt(void)
{
    uint8_t cause;
    while (!((cause = get(IDENTIFICATION)) & NOT_PENDING)) {
        receive();
        get(MODEM_STATUS);
        if (get(LINE_STATUS) & TRANSMIT_EMPTY)
            transmit();
    }
    sys_irq_ack(irq);
    start_sending();
}

static void notified(struct server *server, uint64_t bits)
{
    if (bits & IRQ_BIT)
        interrupt();
    if (bits & INIT_STOP_BIT)
        server->stop = true;
    if (bits & NOTIFY_ABORT)
        character_aborted(&device);
    character_wake(&device);
}

/* ---- What the skeleton asks ------------------------------------------------------------------ */

static int64_t peek(struct character *character, const struct character_read *read, void *to,
                    size_t length)
{
    (void)character, (void)read;
    return in.count ? (int64_t)byte_ring_peek(&in, to, length) : -EAGAIN;
}

static void took(struct character *character, size_t count)
{
    (void)character;
    byte_ring_drop(&in, count);
}

static int64_t put(struct character *character, const uint8_t *from, size_t length)
{
    (void)character;
    size_t count = byte_ring_put(&out, from, length);
    start_sending();
    return (int64_t)count;
}

static bool drained(struct character *character)
{
    (void)character;
    return !out.count && get(LINE_STATUS) & ALL_SENT;
}

static uint32_t ready(struct character *character)
{
    (void)character;
    return (in.count ? IO_READY_READ : 0u) | (byte_ring_room(&out) ? IO_READY_WRITE : 0u);
}

static const struct character_operations operations = {
    .peek = peek, .took = took, .put = put, .drained = drained, .ready = ready};

/* ---- Starting -------------------------------------------------------------------------------- */

static bool is_present(void)
{
    set(SCRATCH, 0x5a);
    return get(SCRATCH) == 0x5a && get(LINE_STATUS) != 0xff;
}

/* What was written to it before, by the kernel or a predecessor, goes out first. */
static void take_over(handle_t log)
{
    uint64_t unseen;
    if (log)
        sys_debug_console(log, CONSOLE_SERIAL, 0, &unseen);
    uint64_t limit = clock_after(SECOND);
    while (!(get(LINE_STATUS) & ALL_SENT) && clock_now() < limit)
        sys_sleep(clock_after(MILLISECOND));
    set(INTERRUPT_ENABLE, 0);
    set(LINE_CONTROL, DIVISOR_LATCH);
    set(DATA, 1); /* 115200 bits a second */
    set(INTERRUPT_ENABLE, 0);
    set(LINE_CONTROL, EIGHT_BITS);
    set(FIFO_CONTROL, FIFO_ON | FIFO_TRIGGER_8);
    set(MODEM_CONTROL, DTR | RTS | OUT2);
}

/* A predecessor's interrupt may be on its way back still. */
static int64_t take_irq(handle_t resource, uint64_t line)
{
    uint64_t limit = clock_after(IRQ_PATIENCE);
    int64_t handle;
    while ((handle = sys_irq_create(resource, line, IRQ_DEFAULT)) == -EBUSY && clock_now() < limit)
        sys_sleep(clock_after(10 * MILLISECOND));
    if (handle < 0)
        return handle;
    irq = (handle_t)handle;
    return sys_irq_bind(irq, device.server.port, IRQ_BIT);
}

static uint64_t number_option(const struct startup *startup, const char *prefix, uint64_t otherwise)
{
    const char *text = startup_option(startup, prefix);
    uint64_t value;
    return text && string_to_number(text, &value) ? value : otherwise;
}

int main(const void *found)
{
    const struct startup *startup = found;
    startup_open(startup);
    ports = startup_handle(startup, "ioport");
    base = number_option(startup, "base=", 0x3f8);
    device.operations = &operations;
    device.server.notified = notified;
    int64_t error = character_open(&device, startup);
    if (error < 0)
        return 1;
    if (!is_present()) {
        print("serial: there is no port at %lx\n", base);
        return 0;
    }
    take_over(startup_handle(startup, "log"));
    error = take_irq(startup_handle(startup, "irq"), number_option(startup, "irq=", 4));
    if (error < 0) {
        print("serial: no interrupt: error %ld\n", -error);
        return 1;
    }
    set(INTERRUPT_ENABLE, ENABLE_RECEIVED | ENABLE_EMPTY | ENABLE_STATUS);
    interrupt();
    return server_run(&device.server) < 0;
}
