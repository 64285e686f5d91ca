/*
 * A PS/2 keyboard behind an 8042 controller (IBM PS/2 Hardware Interface Technical Reference,
 * "Keyboard and auxiliary device controller") as a character device: what is read is what its keys
 * send (keyboard.c).
 *
 * Startup handles: "ioport" ports 0x60 to 0x64, "irq" line 1.
 *
 * The controller is told to translate scan codes to set 1; if it does not keep that setting, they
 * are taken as set 2.  Keys that nobody reads in time are dropped.
 */
#include "character.h"
#include "clock.h"
#include "keyboard.h"
#include "print.h"
#include "byte_ring.h"
#include "start.h"
#include "syscall.h"
#include "thread.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64 };
enum { OUTPUT_FULL = 1, INPUT_FULL = 2, FROM_MOUSE = 0x20 };
enum {
    READ_CONFIGURATION = 0x20,
    WRITE_CONFIGURATION = 0x60,
    MOUSE_OFF = 0xa7,
    KEYBOARD_OFF = 0xad,
    KEYBOARD_ON = 0xae
};
enum { KEYBOARD_INTERRUPT = 1, MOUSE_INTERRUPT = 2, KEYBOARD_DISABLED = 0x10, TRANSLATE = 0x40 };
enum { SET_LEDS = 0xed, SCAN_ON = 0xf4, ACKNOWLEDGE = 0xfa, RESEND = 0xfe };

#define IRQ_BIT 1ull
#define KEYBOARD_IRQ 1
#define IRQ_PATIENCE (2 * SECOND)
#define CONTROLLER_PATIENCE (100 * MILLISECOND)

static struct character device;
static struct keyboard keyboard;
static handle_t ports, irq;
static uint8_t in_space[1024];
static struct byte_ring in = {in_space, sizeof(in_space), 0, 0};
static uint8_t to_send[4]; /* bytes for the keyboard; each waits until the last is acknowledged */
static uint32_t to_send_count;

/* ---- The controller -------------------------------------------------------------------------- */

static uint8_t get(uint32_t port)
{
    int64_t value = sys_ioport_read(ports, port, 1);
    return value < 0 ? 0 : (uint8_t)value;
}

/* Waits until the controller's status is as wanted. */
static bool wait_status(uint8_t mask, uint8_t value)
{
    uint64_t limit = clock_after(CONTROLLER_PATIENCE);
    while ((get(STATUS) & mask) != value) {
        if (clock_now() > limit)
            return false;
        sys_sleep(clock_after(MILLISECOND / 10));
    }
    return true;
}

static bool put(uint32_t port, uint8_t value)
{
    if (!wait_status(INPUT_FULL, 0))
        return false;
    return sys_ioport_write(ports, port, 1, value) == 0;
}

static bool read_configuration(uint8_t *value)
{
    if (!put(COMMAND, READ_CONFIGURATION) || !wait_status(OUTPUT_FULL, OUTPUT_FULL))
        return false;
    *value = get(DATA);
    return true;
}

static bool write_configuration(uint8_t value)
{
    return put(COMMAND, WRITE_CONFIGURATION) && put(DATA, value);
}

static void drain(void)
{
    for (uint32_t i = 0; i < 64 && get(STATUS) & OUTPUT_FULL; i++)
        get(DATA);
}

/* Whether there is a controller; afterwards its keyboard speaks and interrupts. */
static bool set_up(void)
{
    uint8_t configuration;
    if (get(STATUS) == 0xff)
        return false;
    put(COMMAND, KEYBOARD_OFF);
    put(COMMAND, MOUSE_OFF);
    drain();
    if (!read_configuration(&configuration))
        return false;
    configuration |= KEYBOARD_INTERRUPT | TRANSLATE;
    configuration &= (uint8_t) ~(MOUSE_INTERRUPT | KEYBOARD_DISABLED);
    if (!write_configuration(configuration) || !read_configuration(&configuration))
        return false;
    keyboard.set2 = !(configuration & TRANSLATE);
    return put(COMMAND, KEYBOARD_ON);
}

/* ---- The keyboard ---------------------------------------------------------------------------- */

static void send_next(void)
{
    if (to_send_count && !put(DATA, to_send[0]))
        to_send_count = 0;
}

static void tell_keyboard(uint8_t command, uint8_t value)
{
    bool idle = !to_send_count;
    if (to_send_count + 2 > sizeof(to_send))
        return;
    to_send[to_send_count++] = command;
    if (command == SET_LEDS)
        to_send[to_send_count++] = value;
    if (idle)
        send_next();
}

static void take_acknowledge(void)
{
    if (!to_send_count)
        return;
    to_send_count--;
    for (uint32_t i = 0; i < to_send_count; i++)
        to_send[i] = to_send[i + 1];
    send_next();
}

static void take(uint8_t byte)
{
    char bytes[KEYBOARD_BYTES_MAX];
    if (byte == ACKNOWLEDGE) {
        take_acknowledge();
        return;
    }
    if (byte == RESEND) {
        send_next();
        return;
    }
    size_t count = keyboard_take(&keyboard, byte, bytes);
    if (count <= byte_ring_room(&in))
        byte_ring_put(&in, bytes, count);
    if (keyboard.leds_changed) {
        keyboard.leds_changed = false;
        tell_keyboard(SET_LEDS, (uint8_t)keyboard.leds);
    }
}

static void interrupt(void)
{
    uint8_t status;
    while ((status = get(STATUS)) & OUTPUT_FULL) {
        uint8_t byte = get(DATA);
        if (!(status & FROM_MOUSE))
            take(byte);
    }
    sys_irq_ack(irq);
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

static uint32_t ready(struct character *character)
{
    (void)character;
    return in.count ? IO_READY_READ : 0u;
}

static const struct character_operations operations = {.peek = peek, .took = took, .ready = ready};

/* A predecessor's interrupt may be on its way back still. */
static int64_t take_irq(handle_t resource)
{
    uint64_t limit = clock_after(IRQ_PATIENCE);
    int64_t handle;
    while ((handle = sys_irq_create(resource, KEYBOARD_IRQ, IRQ_DEFAULT)) == -EBUSY &&
           clock_now() < limit)
        sys_sleep(clock_after(10 * MILLISECOND));
    if (handle < 0)
        return handle;
    irq = (handle_t)handle;
    return sys_irq_bind(irq, device.server.port, IRQ_BIT);
}

int main(const void *found)
{
    const struct startup *startup = found;
    startup_open(startup);
    ports = startup_handle(startup, "ioport");
    device.operations = &operations;
    device.server.notified = notified;
    if (character_open(&device, startup) < 0)
        return 1;
    if (!set_up()) {
        print("ps2: there is no keyboard controller\n");
        return 0;
    }
    int64_t error = take_irq(startup_handle(startup, "irq"));
    if (error < 0) {
        print("ps2: no interrupt: error %ld\n", -error);
        return 1;
    }
    tell_keyboard(SCAN_ON, 0);
    interrupt();
    return server_run(&device.server) < 0;
}
