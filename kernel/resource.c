/*
 * Resources; see resource.h.
 */
#include "resource.h"

#include "handle.h"
#include "slab.h"

static struct slab_cache resource_cache = SLAB_CACHE("resource", sizeof(struct resource), 16);

struct resource *resource_create(u32 kind, u64 base, u64 length, struct budget *budget)
{
    struct resource *resource = slab_alloc(&resource_cache, budget);
    if (!resource)
        return NULL;
    object_init(&resource->object, OBJECT_RESOURCE);
    resource->kind = kind;
    resource->base = base;
    resource->length = length;
    resource->budget = budget;
    budget_get(budget);
    return resource;
}

static void resource_free(struct quiesce_node *node)
{
    struct resource *resource = container_of(node, struct resource, quiesce);
    struct budget *budget = resource->budget;
    slab_free(&resource_cache, resource, budget);
    budget_put(budget);
}

void resource_destroy(struct object *object)
{
    struct resource *resource = container_of(object, struct resource, object);
    quiesce_free(&resource->quiesce, resource_free);
}

i64 resource_check(handle_t handle, u32 kind, u64 base, u64 length)
{
    i64 error;
    struct object *object = handle_object(handle, OBJECT_RESOURCE, 0, &error);
    if (!object)
        return error;
    struct resource *resource = container_of(object, struct resource, object);
    if (resource->kind == RESOURCE_ROOT)
        return 0;
    if (resource->kind != kind)
        return -EPERM;
    if (base < resource->base || range_exceeds(base - resource->base, length, resource->length))
        return -ERANGE;
    return 0;
}
