/*
 * Where a thread's replies, wake-ups and death notices come; see port.h.
 *
 * A message in flight is named by its slot's number and generation, never by its address: a reply
 * to one that its sender has forgotten finds nobody, and harms nobody.
 */
#include "mailbox.h"
#include "string.h"
#include "thread.h"

int64_t mailbox_open(struct mailbox *mailbox, handle_t port)
{
    memset(mailbox, 0, sizeof(*mailbox));
    mailbox->port = port;
    if (port == HANDLE_NONE) {
        int64_t made = sys_port_create(MAILBOX_SLOTS);
        if (made < 0)
            return made;
        mailbox->port = (handle_t)made;
        mailbox->own = true;
    }
    for (uint32_t i = 0; i < MAILBOX_SLOTS; i++)
        mailbox->slots[i] = (struct slot){.generation = 1, .next = i + 2};
    mailbox->slots[MAILBOX_SLOTS - 1].next = 0;
    mailbox->free = 1;
    return 0;
}

void mailbox_close(struct mailbox *mailbox)
{
    while (mailbox->ports)
        port_close(mailbox->ports);
    if (mailbox->own)
        sys_handle_close(mailbox->port);
}

int64_t mailbox_name(struct mailbox *mailbox, struct msg *msg)
{
    if (!mailbox->free)
        return -EAGAIN;
    uint32_t number = mailbox->free - 1;
    struct slot *slot = &mailbox->slots[number];
    mailbox->free = slot->next;
    slot->msg = msg;
    slot->used = true;
    msg->slot = number;
    return (int64_t)((uint64_t)(slot->generation & INT32_MAX) << 32 | number);
}

struct msg *mailbox_unname(struct mailbox *mailbox, uint64_t cookie, bool *good)
{
    uint32_t number = (uint32_t)cookie;
    struct slot *slot = &mailbox->slots[number % MAILBOX_SLOTS];
    *good = number < MAILBOX_SLOTS && slot->used &&
            (slot->generation & INT32_MAX) == (uint32_t)(cookie >> 32);
    if (!*good)
        return NULL;
    struct msg *msg = slot->msg;
    slot->msg = NULL;
    slot->used = false;
    slot->generation++;
    slot->next = mailbox->free;
    mailbox->free = number + 1;
    return msg;
}

void close_handles_of(const struct message *head)
{
    for (uint32_t i = 0; i < MESSAGE_FLAG_HANDLES(head->flags); i++)
        sys_handle_close(message_area()->handles[i].handle);
}

static bool take_answer(struct mailbox *mailbox, int64_t kind, const struct message *head)
{
    bool good;
    struct msg *msg = mailbox_unname(mailbox, head->cookie, &good);
    if (!good)
        return false;
    if (msg == NULL)
        close_handles_of(head);
    else if (kind == GET_ENDED)
        msg_end_error(msg, head->result);
    else
        msg_end(msg, head);
    return true;
}

static bool take_death(struct mailbox *mailbox, const struct message *head)
{
    for (struct port *port = mailbox->ports; port; port = port->next)
        if (head->cookie == (uint64_t)port) {
            if (!port->dead && port->watched == head->arg[0])
                port_died(port);
            return true;
        }
    return false;
}

bool mailbox_take(struct mailbox *mailbox, int64_t kind, const struct message *head)
{
    switch (kind) {
    case GET_REPLY:
    case GET_ENDED:
        return take_answer(mailbox, kind, head);
    case GET_NOTIFY:
        mailbox_poll(mailbox);
        return !(head->arg[0] & ~mailbox->wake_bits);
    case GET_KERNEL:
        return head->op == KERNEL_DEATH && take_death(mailbox, head);
    default:
        return false;
    }
}

bool mailbox_poll(struct mailbox *mailbox)
{
    bool ended = false;
    struct port *next;
    for (struct port *port = mailbox->ports; port; port = next) {
        next = port->next; /* what ends may close the port that it came by */
        if (port->agent->poll)
            ended |= port->agent->poll(port);
    }
    return ended;
}

bool mailbox_sleep(struct mailbox *mailbox)
{
    for (struct port *port = mailbox->ports; port; port = port->next) {
        if (port->agent->sleep && !port->agent->sleep(port))
            return false;
    }
    return true;
}

void mailbox_wake(struct mailbox *mailbox)
{
    for (struct port *port = mailbox->ports; port; port = port->next)
        if (port->agent->wake)
            port->agent->wake(port);
}

/* Nobody sends requests here; who holds the handle anyway is told so. */
static void refuse(const struct message *head, uint64_t token)
{
    struct message reply = {.result = -ENOSYS};
    close_handles_of(head);
    sys_reply(token, &reply);
}

int64_t mailbox_wait(struct mailbox *mailbox, uint64_t deadline)
{
    struct message head;
    struct receipt receipt;
    if (mailbox_poll(mailbox))
        return 0;
    uint64_t until = mailbox_deadline(mailbox, deadline);
    if (!mailbox_sleep(mailbox)) {
        mailbox_wake(mailbox);
        mailbox_poll(mailbox);
        return 0;
    }
    int64_t kind = sys_get(mailbox->port, until, &head, &receipt);
    mailbox_wake(mailbox);
    if (kind < 0)
        return kind == -ETIMEDOUT && until != deadline ? 0 : kind;
    if (!mailbox_take(mailbox, kind, &head) && kind == GET_MESSAGE)
        refuse(&head, receipt.token);
    return 0;
}
