/*
 * Death notices: each watch holds the message that its object's death will send, so that the notice
 * needs no memory then.
 */
#ifndef WATCH_H
#define WATCH_H

#include "object.h"
#include "port.h"

/* Links a watch into an object's list, unless *dead: then the notice is posted at once. */
int watch_add(struct list *list, const u8 *dead, i64 status, u64 koid, struct port *port,
              u64 cookie, struct budget *budget);

/* The object has died (its `dead` is set): posts all notices of its list. No locks held. */
void watch_fire(struct list *list, i64 status, u64 koid);

/* The port has died: what would have told it of deaths is freed. No locks held. */
void watch_forget(struct port *port);

/* A notice has been got, or its port has died: frees the watch. */
void watch_done(struct envelope *envelope);

#endif
