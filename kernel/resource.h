/*
 * Resources: rights to name hardware.  The root resource, given to the first task, covers all kinds
 * and ranges; parts of it are made with resource_create.  Immutable once made.
 */
#ifndef RESOURCE_H
#define RESOURCE_H

#include <portolan/syscall.h>

#include "budget.h"
#include "object.h"

struct resource {
    struct object object;
    u32 kind; /* enum resource_kind */
    u64 base, length;
    struct budget *budget;
    struct quiesce_node quiesce;
};

struct resource *resource_create(u32 kind, u64 base, u64 length, struct budget *budget);
void resource_destroy(struct object *object);

/* The current task's handle names a resource of this kind (or the root) that covers the range.
 * 0, -EBADF, -EPERM (other kind), -ERANGE (not covered). */
i64 resource_check(handle_t handle, u32 kind, u64 base, u64 length);

#endif
