/*
 * The agent *across*: the kernel's ports.
 *
 * msg_do is one system call.  msg_begin is send; the reply comes to the mailbox, where the kernel
 * gives back the cookie that names the message there.  The kernel ends every message by itself when
 * the server dies.
 */
#include "mailbox.h"

static int64_t across_begin(struct port *port, struct msg *msg)
{
    struct message head = msg->head;
    int64_t cookie = mailbox_name(port->mailbox, msg);
    if (cookie < 0)
        return cookie;
    head.cookie = (uint64_t)cookie;
    int64_t error = sys_send(port->handle, port->mailbox->port, &head, &msg->id);
    if (error == 0)
        return -EASYNC;
    bool good;
    mailbox_unname(port->mailbox, (uint64_t)cookie, &good);
    return error;
}

static int64_t across_call(struct port *port, struct msg *msg, uint64_t deadline)
{
    msg->sent = true;
    int64_t error = sys_do(port->handle, deadline, &msg->head);
    if (error == 0 && msg->head.result == -ESESSION) {
        msg->sent = false;
        return -EDEAD;
    }
    return error < 0 ? error : msg_heard(msg->head.result);
}

static void across_abort(struct port *port, struct msg *msg)
{
    (void)port;
    sys_abort(msg->id);
}

static void across_forget(struct port *port, struct msg *msg)
{
    port->mailbox->slots[msg->slot].msg = NULL;
}

/* The replies that are still to come will find nobody. */
static void across_fail(struct port *port, int64_t error)
{
    for (uint32_t i = 0; i < MAILBOX_SLOTS; i++) {
        struct msg *msg = port->mailbox->slots[i].msg;
        if (msg == NULL || msg->port != port)
            continue;
        sys_abort(msg->id);
        across_forget(port, msg);
        msg_end_error(msg, error);
    }
}

const struct port_agent agent_across = {
    .begin = across_begin,
    .call = across_call,
    .abort = across_abort,
    .forget = across_forget,
    .fail = across_fail,
};

int64_t port_across(struct port *port, struct mailbox *mailbox, handle_t handle)
{
    port_link(port, mailbox, &agent_across);
    port->handle = handle;
    return 0;
}
