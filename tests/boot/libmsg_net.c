/*
 * The network skeleton, with a card that sends everything to itself, by ring and here.
 */
#include "net_server.h"
#include "port.h"
#include "test.h"

#define FRAME 1514u

/* ---- The card -------------------------------------------------------------------------------- */

static struct net_frame *buffers[64];
static uint32_t buffer_count, stopped;

static void copy(const struct net_frame *to, const struct net_frame *from)
{
    sys_vmo_read(from->memory, from->offset, from->length);
    sys_vmo_write(to->memory, to->offset, from->length);
}

static int64_t loop_send(struct net_driver *driver, struct net_frame *frame)
{
    if (!buffer_count)
        return -EAGAIN;
    struct net_frame *buffer = buffers[--buffer_count];
    uint64_t length = frame->length;
    copy(buffer, frame);
    net_done(driver, buffer, (int64_t)length, NETWORK_GOT_SUM_GOOD);
    net_done(driver, frame, (int64_t)length, 0);
    return 0;
}

static int64_t loop_receive(struct net_driver *driver, struct net_frame *frame)
{
    (void)driver;
    if (buffer_count == 64)
        return -EAGAIN;
    buffers[buffer_count++] = frame;
    return 0;
}

static void loop_stop(struct net_driver *driver)
{
    stopped++;
    while (buffer_count)
        net_done(driver, buffers[--buffer_count], -ENODEV, 0);
    net_changed(driver, 0);
}

static struct net_driver loop = {.address = 0x563412005452,
                                 .can = NETWORK_CAN_SUM_SENT | NETWORK_CAN_SUM_RECEIVED,
                                 .frame_max = FRAME,
                                 .is = NETWORK_IS_UP,
                                 .send = loop_send,
                                 .receive = loop_receive,
                                 .stop = loop_stop};

static void serve(void *argument)
{
    (void)argument;
    server_run(&loop.server);
}

/* ---- A client -------------------------------------------------------------------------------- */

static struct mailbox box;
static struct port port;
static const char *way;
static handle_t memory;
static uint8_t *bytes;
#define MEMORY (16 * PAGE_SIZE)

static bool gives(int64_t seen, int64_t wanted, const char *name)
{
    char text[100];
    format_text(text, sizeof(text), "%s: %s", way, name);
    return is(seen, wanted, text);
}

static struct msg message(uint32_t op, uint64_t length, uint64_t number, uint64_t at, uint64_t what)
{
    return (struct msg){.head = {.op = op, .length = length, .arg = {number, at, what}}};
}

static int64_t ask(uint32_t op, uint64_t length, uint64_t number, uint64_t at, uint64_t what)
{
    struct msg m = message(op, length, number, at, what);
    return msg_do(&port, &m, soon());
}

static void test_refusals(void)
{
    gives(ask(NETWORK_SEND, 60, 1, 0, 0), -ENODEV, "nothing is sent before it is started");
    gives(ask(NETWORK_START, 0, NETWORK_CAN_SUM_SENT | NETWORK_CAN_SEGMENT, 0, 0),
          NETWORK_CAN_SUM_SENT, "start, with the features that both have");
    gives(ask(NETWORK_START, 0, 0, 0, 0), -EBUSY, "once");
    gives(ask(NETWORK_SEND, 13, 1, 0, 0), -EINVAL, "less than a frame");
    gives(ask(NETWORK_SEND, FRAME + 1, 1, 0, 0), -EINVAL, "more than a frame");
    gives(ask(NETWORK_SEND, 60, 1, MEMORY - 59, 0), -ERANGE, "beyond the memory");
    gives(ask(NETWORK_SEND, 60, 1, UINT64_MAX, 0), -ERANGE, "around it");
    gives(ask(NETWORK_SEND, 60, 2, 0, 0), -ENOENT, "nothing attached");
    gives(ask(NETWORK_SEND, 60, 1, 0, NETWORK_SEND_CHECKSUM | 50ul << 16 | 9ul << 32), -EINVAL,
          "a checksum outside the frame");
    gives(ask(NETWORK_SEND, 60, 1, 0, NETWORK_SEND_CHECKSUM | NETWORK_SEND_SEGMENT | 1000ul << 48),
          -EINVAL, "a feature that is not in force");
    gives(ask(NETWORK_SEND, 60, 1, 0, 8), -EINVAL, "an unknown flag");
    gives(ask(NETWORK_RECEIVE, FRAME - 1, 1, 0, 0), -EINVAL, "a buffer that is too small");
}

static void test_frames(void)
{
    struct msg got[8], watch = message(NETWORK_WATCH, 0, NETWORK_IS_UP, 0, 0);
    uint32_t right = 0;
    for (uint32_t i = 0; i < 8; i++) {
        got[i] = message(NETWORK_RECEIVE, 2048, 1, (8 + i) * 2048, 0);
        gives(msg_begin(&port, &got[i]), -EASYNC, "give a buffer");
    }
    gives(msg_begin(&port, &watch), -EASYNC, "watch the link");
    for (uint32_t i = 0; i < 7; i++) {
        memset(bytes, (int)i + 1, 100 + i);
        gives(ask(NETWORK_SEND, 100 + i, 1, 0, NETWORK_SEND_CHECKSUM | 14ul << 16), 100 + i,
              "send");
    }
    for (uint32_t i = 0; i < 7; i++) { /* the last buffer given is used first */
        int64_t length = msg_wait(&got[7 - i], soon());
        right += length == 100 + i && bytes[(15 - i) * 2048] == i + 1 &&
                 bytes[(15 - i) * 2048 + 99 + i] == i + 1 &&
                 got[7 - i].head.arg[2] == NETWORK_GOT_SUM_GOOD;
    }
    gives(right, 7, "every frame was received");
    gives(port_detach(&port, 1), -EBUSY, "memory with the card is not detached");
    gives(ask(NETWORK_STOP, 0, 0, 0, 0), 0, "stop");
    gives(msg_wait(&got[0], soon()), -ENODEV, "gives the buffers back");
    gives(msg_wait(&watch, soon()), 0, "and the link is down");
}

static void suite(const char *name)
{
    struct msg m = message(NETWORK_INFO, 0, 0, 0, 0);
    way = name;
    loop.is = NETWORK_IS_UP;
    gives(port_attach(&port, 1, memory, RIGHT_READ | RIGHT_WRITE), 0, "attach");
    gives(msg_do(&port, &m, soon()), 0, "info");
    gives((int64_t)m.head.arg[0], (int64_t)loop.address, "the address");
    test_refusals();
    test_frames();
    gives(port_detach(&port, 1), 0, "detach");
}

int main(const void *found)
{
    struct thread thread;
    test_begin(found);
    must(mailbox_open(&box, HANDLE_NONE), "mailbox");
    memory = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, MEMORY, 0, 0), "memory");
    bytes =
        (uint8_t *)must(sys_map(HANDLE_NONE, memory, 0, MEMORY, 0, MAP_READ | MAP_WRITE), "map");
    must(net_prepare(&loop), "prepare");
    port_here(&port, &box, &loop.server);
    suite("here");
    port_close(&port);
    must(net_open(&loop), "open");
    run_thread(&thread, serve, NULL, -1, PRIORITY_DEFAULT);
    int64_t handle = sys_handle_duplicate(loop.server.port, RIGHT_SEND | RIGHT_DUPLICATE, 0);
    port_across(&port, &box, (handle_t)must(handle, "copy"));
    suite("across");
    must(port_ring(&port, 64), "ring");
    suite("ring");
    mailbox_close(&box);
    return test_end();
}
