/*
 * Tokens: how server_reply knows where a message came from.  The kernel's have their low three bits
 * clear.  Shared by the server's loop and the agents.
 */
#ifndef LIBMSG_PORT_HERE_H
#define LIBMSG_PORT_HERE_H

#include <portolan/message.h>

#define TOKEN_RING 1ull
#define TOKEN_HERE 2ull

/* Ends a message of a port *here* that its handler kept.  Any thread of this task.  What follows
 * the head is copied to the message's keep (-EMSGSIZE without one).  -ESTALE_TOKEN. */
int64_t here_reply(uint64_t token, const struct message *head);

#endif
