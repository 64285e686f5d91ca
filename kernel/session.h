/*
 * Sessions: how many handles there are to a port with one counted badge (BADGE_COUNTED), so that a
 * server hears when the last of them is closed.  A handle on the move in a message counts.
 *
 * One table for all of them, a hash of port and badge, under one lock (level 6): they are counted
 * when handles are made and closed, never when a message is sent.
 */
#ifndef SESSION_H
#define SESSION_H

#include "port.h"

static inline bool badge_is_counted(u64 badge)
{
    return badge & BADGE_COUNTED;
}

/* One handle more; the first makes the session, if `budget` is given to charge it to.
 * 0; -ENOMEM; -EBADF there is no such session (its last handle has just been closed). */
int session_add(struct port *port, u64 badge, struct budget *budget);

/* One handle fewer: the last posts KERNEL_UNREFERENCED to the port.  The caller still has a
 * reference to it.  No lock held. */
void session_remove(struct port *port, u64 badge);

#endif
