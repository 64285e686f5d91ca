/*
 * See slots.h.  A badge is generation << 32 | index.
 */
#include "slots.h"

#define GENERATION_MASK 0x3fffffffu

void slots_open(struct slots *table, struct slot *slots, uint32_t capacity)
{
    *table = (struct slots){.slots = slots, .capacity = capacity, .first_free = SLOT_NONE};
}

uint32_t slots_take(struct slots *table)
{
    uint32_t index = table->first_free;
    if (index != SLOT_NONE)
        table->first_free = table->slots[index].next;
    else if (table->fresh < table->capacity)
        index = table->fresh++;
    else
        return SLOT_NONE;
    table->slots[index].generation++;
    table->used++;
    return index;
}

void slots_give_back(struct slots *table, uint32_t index)
{
    struct slot *slot = &table->slots[index];
    slot->generation = (slot->generation + 1) & GENERATION_MASK;
    slot->next = table->first_free;
    table->first_free = index;
    table->used--;
}

uint64_t slots_badge(const struct slots *table, uint32_t index)
{
    return (uint64_t)table->slots[index].generation << 32 | index;
}

uint32_t slots_find(const struct slots *table, uint64_t badge)
{
    uint32_t index = (uint32_t)badge, generation = (uint32_t)(badge >> 32);
    if (index >= table->capacity || !(generation & 1) ||
        table->slots[index].generation != generation)
        return SLOT_NONE;
    return index;
}
