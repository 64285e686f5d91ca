/*
 * Interrupts as objects; see irq.h.
 *
 * A vector (48..239) belongs to one irq, on whichever CPU it arrives.  The table of vectors, the
 * I/O APICs and bindings change under irq_lock.  irq_dispatch, which must be quick, reads
 * the table and the binding without it: both are cleared before what they name is let go, and
 * memory of objects stays good until this CPU has left the kernel (object.h).  So a vector that
 * arrives while its irq is being bound anew may notify the port of before, once.
 *
 * A line is unmasked while it is bound, except that one triggered by level is masked from its
 * arrival to irq_ack.  Vectors are given out in turn, so that a straggling MSI of a device that was
 * let go is not soon taken for another's.
 *
 * With interrupt remapping (vtd.h) a vector's entry is written when its irq is made, and is gone
 * before the vector is another's.  An MSI that is made without a domain has an entry that any
 * device may use: it can be forged, at the cost of him alone who asked for it.
 */
#include "../irq.h"

#include <portolan/syscall.h>

#include "../cpu.h"
#include "../port.h"
#include "../slab.h"
#include "../trace.h"
#include "domain.h"
#include "ioapic.h"
#include "platform.h"

#define VECTORS (VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1)
#define MSI_ADDRESS 0xfee00000ul /* SDM vol. 3, 10.11.1 */
#define GSI_NONE UINT32_MAX

struct irq {
    struct object object;
    u32 gsi; /* GSI_NONE: an MSI */
    u32 vector;
    bool level;
    u64 bits;          /* changes only while port is NULL */
    struct port *port; /* a reference, or NULL: not bound */
    struct budget *budget;
    struct quiesce_node quiesce;
};

static struct slab_cache irq_cache = SLAB_CACHE("irq", sizeof(struct irq), 16);
static struct irq *by_vector[VECTORS];
static u32 next_vector;          /* where to look first */
static struct spinlock irq_lock; /* level 6 */

static struct irq *irq_of(struct object *object)
{
    return container_of(object, struct irq, object);
}

/* The first of `count` free vectors, a multiple of count; -1: none.  irq_lock held. */
static i32 find_vectors(u32 count)
{
    u32 start = (next_vector + count - 1) / count * count;
    for (u32 tried = 0; tried < VECTORS + count; tried += count, start += count) {
        if (start + count > VECTORS)
            start = 0;
        u32 free = 0;
        while (free < count && !by_vector[start + free])
            free++;
        if (free < count)
            continue;
        next_vector = (start + count) % VECTORS;
        return (i32)start;
    }
    return -1;
}
_Static_assert(VECTOR_DEVICE_FIRST % 16 == 0, "MSI data of a group differ in the low bits only");

static struct irq *irq_alloc(u32 gsi, struct budget *budget)
{
    struct irq *irq = slab_alloc(&irq_cache, budget);
    if (!irq)
        return NULL;
    object_init(&irq->object, OBJECT_IRQ);
    irq->gsi = gsi;
    irq->budget = budget;
    budget_get(budget);
    return irq;
}

static void irq_free(struct quiesce_node *node)
{
    struct irq *irq = container_of(node, struct irq, quiesce);
    struct budget *budget = irq->budget;
    slab_free(&irq_cache, irq, budget);
    budget_put(budget);
}

static bool gsi_taken(u32 gsi)
{
    for (u32 i = 0; i < VECTORS; i++) {
        if (by_vector[i] && by_vector[i]->gsi == gsi)
            return true;
    }
    return false;
}

int irq_create(u32 gsi, u32 flags, struct budget *budget, struct object **out)
{
    if (flags & ~(u32)(IRQ_LEVEL | IRQ_ACTIVE_LOW | IRQ_DEFAULT) || !ioapic_has(gsi))
        return -EINVAL;
    if (flags & IRQ_DEFAULT)
        flags = ioapic_default_flags(gsi);
    struct irq *irq = irq_alloc(gsi, budget);
    if (!irq)
        return -ENOMEM;
    irq->level = flags & IRQ_LEVEL;
    int error = 0;
    spin_lock(&irq_lock);
    i32 vector = find_vectors(1);
    if (gsi_taken(gsi)) {
        error = -EBUSY;
    } else if (vector < 0) {
        error = -EAGAIN;
    } else {
        irq->vector = VECTOR_DEVICE_FIRST + (u32)vector;
        by_vector[vector] = irq;
        ioapic_route(gsi, irq->vector, cpus[0].apic_id, flags);
    }
    spin_unlock(&irq_lock);
    if (error) {
        irq_free(&irq->quiesce);
        return error;
    }
    if (vtd.remaps)
        vtd_route_interrupt(irq->vector, cpus[0].apic_id, irq->level, ioapic_source(gsi));
    *out = &irq->object;
    return 0;
}

int irq_create_msi(u32 count, struct domain *domain, i32 cpu, struct budget *budget,
                   struct object **out, u64 *address, u32 *data)
{
    struct irq *made[32];
    if (!count || count > ARRAY_SIZE(made) || count & (count - 1) || cpu < -1 ||
        cpu >= (i32)cpu_count)
        return -EINVAL;
    u32 done = 0;
    while (done < count && (made[done] = irq_alloc(GSI_NONE, budget)))
        done++;
    int error = done < count ? -ENOMEM : 0;
    spin_lock(&irq_lock);
    i32 vector = error ? -1 : find_vectors(count);
    if (!error && vector < 0)
        error = -EAGAIN;
    for (u32 i = 0; !error && i < count; i++) {
        made[i]->vector = VECTOR_DEVICE_FIRST + (u32)vector + i;
        by_vector[vector + (i32)i] = made[i];
        out[i] = &made[i]->object;
    }
    spin_unlock(&irq_lock);
    if (error) {
        while (done)
            irq_free(&made[--done]->quiesce);
        return error;
    }
    const struct cpu *target = cpu < 0 ? this_cpu() : &cpus[cpu];
    u32 source = domain ? domain->device : VTD_SOURCE_ANY;
    for (u32 i = 0; vtd.remaps && i < count; i++)
        vtd_route_interrupt(made[i]->vector, target->apic_id, false, source);
    *address = vtd.remaps ? vtd_message_address(made[0]->vector)
                          : MSI_ADDRESS | (u64)target->apic_id << 12;
    *data = vtd.remaps ? 0 : made[0]->vector;
    return 0;
}

int irq_bind(struct object *object, struct port *port, u64 bits)
{
    struct irq *irq = irq_of(object);
    if (port)
        object_get(port_object(port));
    spin_lock(&irq_lock);
    struct port *old = irq->port;
    atomic_store(&irq->port, NULL);
    irq->bits = bits;
    atomic_store(&irq->port, port);
    if (irq->gsi != GSI_NONE)
        ioapic_mask(irq->gsi, !port);
    spin_unlock(&irq_lock);
    if (old)
        object_put(port_object(old));
    return 0;
}

int irq_ack(struct object *object)
{
    struct irq *irq = irq_of(object);
    if (!irq->level)
        return 0;
    spin_lock(&irq_lock);
    if (irq->port)
        ioapic_mask(irq->gsi, false);
    spin_unlock(&irq_lock);
    return 0;
}

void irq_destroy(struct object *object)
{
    struct irq *irq = irq_of(object);
    irq_bind(object, NULL, 0);
    if (vtd.remaps)
        vtd_forget_interrupt(irq->vector);
    spin_lock(&irq_lock);
    atomic_store(&by_vector[irq->vector - VECTOR_DEVICE_FIRST], NULL);
    spin_unlock(&irq_lock);
    quiesce_free(&irq->quiesce, irq_free);
}

void irq_dispatch(u32 vector)
{
    struct irq *irq = atomic_load(&by_vector[vector - VECTOR_DEVICE_FIRST]);
    if (irq && irq->level) {
        spin_lock(&irq_lock);
        ioapic_mask(irq->gsi, true);
        spin_unlock(&irq_lock);
    }
    platform_end_of_interrupt();
    struct port *port = irq ? atomic_load(&irq->port) : NULL;
    trace(TRACE_INTERRUPT, vector, 0);
    if (port)
        port_notify(port, irq->bits);
}
