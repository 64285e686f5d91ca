/*
 * Pins that a message brings to a port with a domain: a range of whole pages lent to the device
 * alone.  Made and charged when the message is sent, open to the device from the message's delivery
 * to its end.  If the message ends other than by a reply, the device may still be at it: the pin
 * stays in the domain until the driver unpins it or the domain is reset.  pin.c has the others too.
 */
#ifndef PIN_H
#define PIN_H

#include "budget.h"
#include "kernel.h"

struct domain;
struct pin;
struct span;

/* Whole pages of an object.  0; -ENOMEM, -EBADF, -ERANGE, -ENOTSUP, or -PARKED. */
int pin_lend(const struct span *span, u64 offset, u64 length, u32 rights, struct budget *budget,
             struct pin **out);
u64 pin_pages(const struct pin *pin);

/* Opens it to the device: an address for each page, and the number to unpin it by.  An error:
 * nothing done. */
int pin_deliver(struct pin *pin, struct domain *domain, u64 *addresses, u64 *id);
/* Undoes that. */
void pin_recall(struct pin *pin, struct domain *domain);
/* The message has been answered, or never got to a driver (domain NULL). */
void pin_end(struct pin *pin, struct domain *domain);
/* The message has ended while a driver held it. */
void pin_leave(struct pin *pin, struct domain *domain);

#endif
