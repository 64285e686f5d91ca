/*
 * A terminal: the line discipline between character devices and programs.  One server a terminal.
 *
 * Startup handles: the ports of its devices, and "process" (optional), the process server's, which
 * is told of ^C and the like.  Words:
 *   in=NAME     a device that is read from; there may be two
 *   out=NAME    the device that is written to; if it knows TTY_GET_SIZE, that is the size
 *   device=NAME both
 *   rows=N columns=N    the size otherwise
 *   name=PATH   what TTY_NAME says
 *
 * The devices are asked by messages that are sent and answered later, one to each at a time; if a
 * device's server dies meanwhile, the message is sent again and waits for its successor.
 */
#include <portolan/process.h>

#include "character.h"
#include "clock.h"
#include "line_discipline.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"
#include "words.h"

#define INPUTS_MAX 2u
#define SETS_MAX 4u
#define RETRY_AFTER SECOND

/* A device that is read from. */
struct input {
    handle_t port;
    uint64_t id;    /* of the message under way; 0: none */
    uint64_t retry; /* not to be asked before */
};

/* The device that is written to; what is under way has been taken out of the ring. */
struct output {
    handle_t port;
    uint64_t id, retry;
    uint64_t sync_id; /* of an IO_SYNC under way */
    bool synced;      /* the device has sent all that it was given */
    size_t count;
    uint8_t bytes[MESSAGE_BYTES_MAX];
};

/* A change of attributes that waits until output has been sent. */
struct late_set {
    uint64_t token;
    struct tty_attributes attributes;
    bool flush;
};

static struct character device;
static struct line_discipline discipline;
static uint8_t out_space[8192];
static struct byte_ring out_ring = {out_space, sizeof(out_space), 0, 0};
static struct input inputs[INPUTS_MAX];
static uint32_t input_count;
static struct output output;
static uint64_t size_id; /* of the TTY_GET_SIZE under way */
static struct late_set sets[SETS_MAX];
static uint32_t set_count;
static handle_t process;
static uint32_t group, session; /* foreground; 0: none */
static struct tty_size size = {24, 80, 0, 0};
static uint64_t last_input, wake_at;
static const char *name = "";

/* ---- To the devices -------------------------------------------------------------------------- */

static void ask(struct input *input)
{
    if (input->id || input->retry > clock_now())
        return;
    struct message head = {.op = IO_READ, .flags = MESSAGE_ROOM, .length = 512};
    if (sys_send(input->port, device.server.port, &head, &input->id) < 0) {
        input->id = 0;
        input->retry = clock_after(RETRY_AFTER);
    }
}

/* What lies in output.bytes is sent, for the first time or again. */
static void push(void)
{
    memcpy(message_area()->bytes, output.bytes, output.count);
    struct message head = {
        .op = IO_WRITE, .flags = MESSAGE_FLAGS(output.count, 0, 0), .length = output.count};
    output.synced = false;
    if (sys_send(output.port, device.server.port, &head, &output.id) < 0) {
        output.id = 0;
        output.retry = clock_after(RETRY_AFTER);
    }
}

static void send_output(void)
{
    if (output.id || output.retry > clock_now())
        return;
    if (!output.count && !discipline.stopped) {
        output.count = byte_ring_peek(&out_ring, output.bytes, sizeof(output.bytes));
        byte_ring_drop(&out_ring, output.count);
    }
    if (output.count)
        push();
    else if (!output.synced && !output.sync_id && (device.syncs_waiting || set_count)) {
        struct message head = {.op = IO_SYNC};
        if (sys_send(output.port, device.server.port, &head, &output.sync_id) < 0)
            output.sync_id = 0;
    }
}

static bool is_drained(struct character *character)
{
    (void)character;
    return !out_ring.count && !output.count && output.synced;
}

static void ask_size(void)
{
    struct message head = {.op = IO_CONTROL, .flags = MESSAGE_ROOM, .arg = {TTY_GET_SIZE}};
    if (sys_send(output.port, device.server.port, &head, &size_id) < 0)
        size_id = 0;
}

/* ---- Signals --------------------------------------------------------------------------------- */

/* Nobody waits for the answer; it is ignored. */
static void signal_group(struct line_discipline *d, int number)
{
    (void)d;
    struct message head = {.op = PROCESS_SIGNAL_GROUP, .arg = {group, (uint64_t)number, session}};
    uint64_t id;
    if (process && group)
        sys_send(process, device.server.port, &head, &id);
}

/* ---- After everything that happened ---------------------------------------------------------- */

static void set_attributes(const struct tty_attributes *attributes, bool flush)
{
    if (flush)
        discipline_flush_input(&discipline);
    discipline_set(&discipline, attributes);
    if (!attributes->c_ospeed)
        signal_group(&discipline, DISCIPLINE_SIGHUP);
}

static void apply_late_sets(void)
{
    if (!set_count || !is_drained(&device))
        return;
    for (uint32_t i = 0; i < set_count; i++) {
        set_attributes(&sets[i].attributes, sets[i].flush);
        server_reply(sets[i].token, &(struct message){0});
    }
    set_count = 0;
}

static void set_timer(void)
{
    uint64_t next = wake_at, now = clock_now();
    for (uint32_t i = 0; i < input_count; i++)
        if (inputs[i].retry > now && inputs[i].retry < next)
            next = inputs[i].retry;
    if (output.retry > now && output.retry < next)
        next = output.retry;
    sys_port_timer(device.server.port, next);
}

static void go_on(void)
{
    wake_at = DEADLINE_NEVER;
    apply_late_sets();
    character_wake(&device);
    send_output();
    for (uint32_t i = 0; i < input_count; i++)
        ask(&inputs[i]);
    set_timer();
}

/* ---- What comes ------------------------------------------------------------------------------ */

static void take_input(struct input *input, const struct message *head)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t count = MESSAGE_FLAG_BYTES(head->flags);
    input->id = 0;
    if (head->result <= 0 && head->result != -EDEAD)
        input->retry = clock_after(RETRY_AFTER);
    if (head->result <= 0)
        return;
    if ((uint64_t)head->result < count)
        count = (size_t)head->result;
    memcpy(bytes, message_area()->bytes, count);
    last_input = clock_now();
    for (size_t i = 0; i < count; i++)
        discipline_input(&discipline, bytes[i]);
}

static void take_written(const struct message *head)
{
    output.id = 0;
    if (head->result < 0) {
        if (head->result != -EDEAD)
            output.retry = clock_after(RETRY_AFTER);
        return;
    }
    size_t done = (uint64_t)head->result < output.count ? (size_t)head->result : output.count;
    output.count -= done;
    memmove(output.bytes, output.bytes + done, output.count);
}

static void change_size(const struct tty_size *to)
{
    if (memcmp(&size, to, sizeof(size)) == 0)
        return;
    size = *to;
    signal_group(&discipline, DISCIPLINE_SIGWINCH);
}

static void take_size(const struct message *head)
{
    struct tty_size found;
    size_id = 0;
    if (head->result < 0 || MESSAGE_FLAG_BYTES(head->flags) != sizeof(found))
        return;
    memcpy(&found, message_area()->bytes, sizeof(found));
    change_size(&found);
}

static void answered(struct server *server, uint64_t id, const struct message *head)
{
    (void)server;
    for (uint32_t i = 0; i < input_count; i++)
        if (id == inputs[i].id)
            take_input(&inputs[i], head);
    if (id == output.id)
        take_written(head);
    if (id == output.sync_id) {
        output.sync_id = 0;
        output.synced = head->result != -EDEAD && !output.count && !output.id;
    }
    if (id == size_id)
        take_size(head);
    go_on();
}

static void notified(struct server *server, uint64_t bits)
{
    if (bits & INIT_STOP_BIT)
        server->stop = true;
    if (bits & NOTIFY_ABORT)
        character_aborted(&device);
    go_on();
}

/* ---- What the skeleton asks ------------------------------------------------------------------ */

static int64_t peek(struct character *character, const struct character_read *read, void *to,
                    size_t length)
{
    (void)character;
    uint64_t now = clock_now(), wake;
    int64_t count =
        discipline_peek(&discipline, to, length, now - read->since, now - last_input, &wake);
    if (count == -EAGAIN && wake != DISCIPLINE_NEVER && now + wake < wake_at) {
        wake_at = now + wake;
        set_timer();
    }
    return count;
}

static void took(struct character *character, size_t count)
{
    (void)character;
    discipline_took(&discipline, count);
    send_output();
}

static int64_t put(struct character *character, const uint8_t *from, size_t length)
{
    (void)character;
    size_t count = discipline_write(&discipline, from, length);
    send_output();
    return (int64_t)count;
}

static uint32_t ready(struct character *character)
{
    (void)character;
    char byte;
    uint64_t wake;
    bool readable = discipline_peek(&discipline, &byte, 1, 0, 0, &wake) >= 0 &&
                    (discipline.attributes.c_lflag & TTY_ICANON || discipline.count);
    return (readable ? IO_READY_READ : 0u) |
           (byte_ring_room(&out_ring) > DISCIPLINE_ECHO_ROOM ? IO_READY_WRITE : 0u);
}

/* Whether a process that says that it is of this group may do what it asks for (see tty.h). */
static bool is_background(uint64_t of)
{
    return of && session && group && of != group;
}

static bool is_change(uint64_t request)
{
    return request == TTY_SET_ATTRIBUTES || request == TTY_SET_SIZE || request == TTY_SET_GROUP ||
           request == TTY_FLUSH || request == TTY_DRAIN || request == TTY_FLOW ||
           request == TTY_BREAK;
}

static int64_t permit(struct character *character, const struct request *request)
{
    (void)character;
    const struct message *head = &request->head;
    bool stops = discipline.attributes.c_lflag & TTY_TOSTOP;
    if (head->op == IO_READ || (head->op == IO_WRITE && stops))
        return is_background(head->arg[1]) ? -EBUSY : 0;
    if (head->op == IO_CONTROL && is_change(head->arg[0]))
        return is_background(head->arg[2]) ? -EBUSY : 0;
    return 0;
}

/* The next user finds the terminal as the first one did. */
static void closed(struct character *character)
{
    (void)character;
    struct line_discipline fresh;
    discipline_open(&fresh, NULL);
    discipline_set(&discipline, &fresh.attributes);
    group = session = 0;
}

/* ---- IO_CONTROL ------------------------------------------------------------------------------ */

static int64_t give(struct request *request, const void *bytes, size_t length)
{
    memcpy(message_area()->bytes, bytes, length);
    request->reply.flags = MESSAGE_FLAGS(length, 0, 0);
    return 0;
}

/* Copies what came with a request; false: it is not of that length. */
static bool fetch(const struct request *request, void *to, size_t length)
{
    if (MESSAGE_FLAG_BYTES(request->head.flags) != length)
        return false;
    memcpy(to, message_area()->bytes, length);
    return true;
}

static int64_t control_set(struct request *request)
{
    struct late_set set = {.token = request->token, .flush = request->head.arg[1] == TTY_FLUSHED};
    struct line_discipline trial;
    if (request->head.arg[1] > TTY_FLUSHED ||
        !fetch(request, &set.attributes, sizeof(set.attributes)))
        return -EINVAL;
    discipline_open(&trial, NULL);
    if (discipline_set(&trial, &set.attributes) < 0)
        return -EINVAL;
    if (request->head.arg[1] == TTY_NOW || is_drained(&device)) {
        set_attributes(&set.attributes, set.flush);
        go_on();
        return 0;
    }
    if (set_count == SETS_MAX)
        return -EAGAIN;
    sets[set_count++] = set;
    send_output();
    return EASYNC;
}

static int64_t control_size(struct request *request)
{
    struct tty_size to;
    if (!fetch(request, &to, sizeof(to)))
        return -EINVAL;
    change_size(&to);
    return 0;
}

static int64_t control_group(uint64_t to)
{
    if (!session)
        return -ENOTTY;
    if (!to || to > INT32_MAX)
        return -EINVAL;
    group = (uint32_t)to;
    return 0;
}

static int64_t control_session(uint64_t to)
{
    if (to > INT32_MAX)
        return -EINVAL;
    if (to && session && to != session)
        return -EBUSY;
    if (to != session)
        group = (uint32_t)to; /* its leader's group has the same number */
    session = (uint32_t)to;
    return 0;
}

static int64_t control_flush(uint64_t what)
{
    if (!what || what & ~(uint64_t)(TTY_INPUT | TTY_OUTPUT))
        return -EINVAL;
    if (what & TTY_INPUT)
        discipline_flush_input(&discipline);
    if (what & TTY_OUTPUT)
        byte_ring_drop(&out_ring, out_ring.count);
    go_on();
    return 0;
}

static int64_t control_flow(uint64_t action)
{
    if (action > TTY_INPUT_GO)
        return -EINVAL;
    if (action == TTY_OUTPUT_STOP || action == TTY_OUTPUT_GO)
        discipline.stopped = action == TTY_OUTPUT_STOP;
    else
        discipline_send(&discipline, action == TTY_INPUT_STOP ? TTY_VSTOP : TTY_VSTART);
    go_on();
    return 0;
}

static int64_t control_name(struct request *request)
{
    size_t length = strlen(name);
    give(request, name, length);
    return (int64_t)length;
}

static int64_t control(struct character *character, struct request *request)
{
    uint64_t value = request->head.arg[1];
    switch (request->head.arg[0]) {
    case TTY_GET_ATTRIBUTES:
        return give(request, &discipline.attributes, sizeof(discipline.attributes));
    case TTY_SET_ATTRIBUTES:
        return control_set(request);
    case TTY_GET_SIZE:
        return give(request, &size, sizeof(size));
    case TTY_SET_SIZE:
        return control_size(request);
    case TTY_GET_GROUP:
        return session ? (int64_t)group : -ENOTTY;
    case TTY_SET_GROUP:
        return control_group(value);
    case TTY_GET_SESSION:
        return session ? (int64_t)session : -ENOTTY;
    case TTY_SET_SESSION:
        return control_session(value);
    case TTY_FLUSH:
        return control_flush(value);
    case TTY_DRAIN: {
        int64_t result = character_drain(character, request);
        send_output();
        return result;
    }
    case TTY_FLOW:
        return control_flow(value);
    case TTY_BREAK:
        return 0;
    case TTY_READABLE:
        return (int64_t)discipline_readable(&discipline);
    case TTY_NAME:
        return control_name(request);
    }
    return -ENOTTY;
}

static const struct character_operations operations = {.peek = peek,
                                                       .took = took,
                                                       .put = put,
                                                       .drained = is_drained,
                                                       .permit = permit,
                                                       .control = control,
                                                       .ready = ready,
                                                       .closed = closed};

/* ---- Starting -------------------------------------------------------------------------------- */

/* Words in=, out= and device= name startup handles.  False: one is missing. */
static bool find_devices(const struct startup *startup)
{
    const char *word = startup->words;
    for (uint32_t i = 0; i < startup->word_count; i++, word += strlen(word) + 1) {
        bool both = string_has_prefix(word, "device="), in = both || string_has_prefix(word, "in="),
             out = both || string_has_prefix(word, "out=");
        if (!in && !out)
            continue;
        handle_t port = startup_handle(startup, strchr(word, '=') + 1);
        if (!port || (in && input_count == INPUTS_MAX))
            return false;
        if (in)
            inputs[input_count++].port = port;
        if (out)
            output.port = port;
    }
    return output.port != HANDLE_NONE;
}

static void find_size(const struct startup *startup)
{
    const char *rows = startup_option(startup, "rows="),
               *columns = startup_option(startup, "columns=");
    uint64_t value;
    if (rows && string_to_number(rows, &value) && value <= UINT16_MAX)
        size.rows = (uint16_t)value;
    if (columns && string_to_number(columns, &value) && value <= UINT16_MAX)
        size.columns = (uint16_t)value;
}

int main(const void *found)
{
    const struct startup *startup = found;
    startup_open(startup);
    if (!find_devices(startup))
        return 1;
    find_size(startup);
    process = startup_handle(startup, "process");
    const char *path = startup_option(startup, "name=");
    if (path)
        name = path;
    discipline_open(&discipline, &out_ring);
    discipline.signal = signal_group;
    output.synced = true;
    device.operations = &operations;
    device.terminal = true;
    device.server.notified = notified;
    device.server.answered = answered;
    if (character_open(&device, startup) < 0)
        return 1;
    ask_size();
    go_on();
    return server_run(&device.server) < 0;
}
