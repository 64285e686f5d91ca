/*
 * What the files of libmsg that make up a client's ports share.  Programs use port.h.
 */
#ifndef LIBMSG_MAILBOX_H
#define LIBMSG_MAILBOX_H

#include "port.h"
#include "syscall.h"

/* Ends a message in flight; head: its reply.  What follows it lies in the message page. */
void msg_end(struct msg *msg, const struct message *head);
/* The same; what followed it has been kept already. */
void msg_end_kept(struct msg *msg, const struct message *head);
/* The same; its head is the reply's already. */
void msg_end_here(struct msg *msg, int64_t result);
/* The same, by the kernel or libmsg.  -EDEAD may have it sent again. */
void msg_end_error(struct msg *msg, int64_t error);

/* A server's result, unless it is one that only the kernel and libmsg may say: that is -EIO. */
int64_t msg_heard(int64_t result);

/* Names msg in the mailbox: a cookie.  -EAGAIN all are in use. */
int64_t mailbox_name(struct mailbox *mailbox, struct msg *msg);
/* Frees the name; its message, or NULL: forgotten.  *good: it was in use. */
struct msg *mailbox_unname(struct mailbox *mailbox, uint64_t cookie, bool *good);

/* The port's server is dead: what is in flight ends or is parked. */
void port_died(struct port *port);
/* A new port of the mailbox, with nothing but an agent. */
void port_link(struct port *port, struct mailbox *mailbox, const struct port_agent *agent);

/* Closes the handles that lie in the message page. */
void close_handles_of(const struct message *head);

/* For the calls that libmsg makes itself. */
#define CONTROL_PATIENCE (30ul * 1000000000ul)

extern const struct port_agent agent_here, agent_across, agent_ring;

#endif
