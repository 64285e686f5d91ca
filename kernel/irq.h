/*
 * Interrupts as objects: a line of an I/O APIC or an MSI vector, bound to a port's bits.
 * Table of vectors and I/O APIC registers: one lock (level 6).
 */
#ifndef IRQ_H
#define IRQ_H

#include "object.h"

struct budget;
struct domain;
struct port;
struct irq;

/* All give 0 or an object through *out, or a negative error as SYS_IRQ_* document. */
int irq_create(u32 gsi, u32 flags, struct budget *budget, struct object **out);
int irq_create_msi(u32 count, struct domain *domain, i32 cpu, struct budget *budget,
                   struct object **out /* [count] */, u64 *address, u32 *data);
int irq_bind(struct object *irq, struct port *port, u64 bits); /* port NULL: unbind */
int irq_ack(struct object *irq);
void irq_destroy(struct object *object);

/* A device vector arrived on this CPU: masks a level line, signals end of interrupt, notifies. */
void irq_dispatch(u32 vector);

/* A DMA domain; address translation and pins.  See x86/domain.c. */
int domain_create(u32 device, struct budget *budget, struct object **out);
int domain_reset(struct object *domain, u32 flags);
void domain_info(struct object *domain, u64 *flags, u64 *pinned);
void domain_destroy(struct object *object);

#endif
