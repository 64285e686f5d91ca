/*
 * See probe.h.
 */
#include "probe.h"

enum probe_kind { PROBE_READ, PROBE_WRITE, PROBE_EXECUTE };

static handle_t exception_port;
static struct probe {
    enum probe_kind kind;
    volatile uint64_t *address;
    uint64_t value;
} probe;

#define DONE 1u

void probe_begin(void)
{
    exception_port = (handle_t)must(sys_port_create(16), "port");
    must(sys_task_set_exception_port(startup->task, exception_port), "exception port");
}

static void probe_end(void)
{
    sys_notify(exception_port, DONE);
    sys_thread_exit(0);
}

static void prober(void *argument)
{
    (void)argument;
    if (probe.kind == PROBE_READ)
        probe.value = *probe.address;
    else if (probe.kind == PROBE_WRITE)
        *probe.address = probe.value;
    else
        ((void (*)(void))probe.address)();
    probe_end();
}

/* Sends the thread that faulted to probe_end. The reason of its fault. */
static int64_t recover(handle_t thread, uint64_t token, int64_t reason)
{
    struct message reply = {0};
    struct thread_state *state = (struct thread_state *)message_area()->bytes;
    int64_t error;
    while ((error = sys_thread_read_state(thread)) == -EBUSY)
        sys_thread_yield(); /* its CPU is still about to stop it */
    must(error, "read_state");
    state->rip = (uint64_t)probe_end;
    state->rsp = (state->rsp & ~15ul) - 8;
    must(sys_thread_write_state(thread), "write_state");
    must(sys_reply(token, &reply), "reply");
    return reason;
}

static int64_t run_probe(void)
{
    struct thread thread;
    int64_t result = 0;
    run_thread(&thread, prober, NULL, -1, PRIORITY_DEFAULT);
    for (;;) {
        struct message head = {0};
        struct receipt receipt;
        int64_t kind = must(sys_get(exception_port, soon(), &head, &receipt), "probe");
        if (kind == GET_NOTIFY)
            break;
        if (kind == GET_FAULT)
            result = recover(thread.handle, receipt.token, (int64_t)head.arg[1]);
    }
    must(thread_join(&thread, soon(), NULL), "join");
    return result;
}

int64_t probe_read(uint64_t address, uint64_t *value)
{
    probe = (struct probe){PROBE_READ, (volatile uint64_t *)address, 0};
    int64_t error = run_probe();
    *value = probe.value;
    return error;
}

int64_t probe_write(uint64_t address, uint64_t value)
{
    probe = (struct probe){PROBE_WRITE, (volatile uint64_t *)address, value};
    return run_probe();
}

int64_t probe_execute(uint64_t address)
{
    probe = (struct probe){PROBE_EXECUTE, (volatile uint64_t *)address, 0};
    return run_probe();
}
