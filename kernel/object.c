/*
 * Reference counts and the destructors of each type.
 */
#include "object.h"

#include "irq.h"
#include "port.h"
#include "resource.h"
#include "task.h"
#include "thread.h"
#include "vmo.h"

static u64 last_koid;

static void (*const destructors[OBJECT_TYPES])(struct object *) = {
    [OBJECT_TASK] = task_destroy,     [OBJECT_THREAD] = thread_destroy,
    [OBJECT_PORT] = port_destroy,     [OBJECT_VMO] = vmo_destroy,
    [OBJECT_LOAN] = loan_destroy,     [OBJECT_IRQ] = irq_destroy,
    [OBJECT_DOMAIN] = domain_destroy, [OBJECT_RESOURCE] = resource_destroy,
};

void object_init(struct object *object, enum object_type type)
{
    object->references = 1;
    object->type = (u8)type;
    object->dead = 0;
    object->koid = atomic_add(&last_koid, 1);
}

bool object_get_live(struct object *object)
{
    u32 references = atomic_load(&object->references);
    while (references)
        if (atomic_compare_exchange(&object->references, &references, references + 1))
            return true;
    return false;
}

void object_put(struct object *object)
{
    if (atomic_sub(&object->references, 1) == 0)
        destructors[object->type](object);
}
