/*
 * See region.h.
 *
 * Touching a page may need page tables too, which are charged to the same budget.  That there is
 * room for them is found out by taking as many pages and giving them back: a server has one thread,
 * so nobody takes them between that and the touch.
 */
#include "region.h"

#include "syscall.h"

#define TABLE_LEVELS 3u
#define STACK_NEEDED 24576u

extern uint8_t program_data[], program_data_end[]; /* user.ld */
static handle_t spare;                             /* TABLE_LEVELS pages, none resident */

static uint64_t page_start(uint64_t offset)
{
    return offset & ~(PAGE_SIZE - 1);
}

static uint64_t page_end(uint64_t offset)
{
    return page_start(offset + PAGE_SIZE - 1);
}

int64_t region_open(struct region *region, uint64_t size)
{
    size = page_end(size);
    if (!spare) {
        int64_t made = sys_vmo_create(VMO_ANONYMOUS, TABLE_LEVELS * PAGE_SIZE, 0, 0);
        if (made < 0)
            return made;
        spare = (handle_t)made;
    }
    int64_t vmo = sys_vmo_create(VMO_ANONYMOUS, size, 0, 0);
    if (vmo < 0)
        return vmo;
    int64_t address = sys_map(HANDLE_NONE, (handle_t)vmo, 0, size, 0, MAP_READ | MAP_WRITE);
    if (address < 0) {
        sys_handle_close((handle_t)vmo);
        return address;
    }
    *region = (struct region){(handle_t)vmo, (uint8_t *)address, size};
    return 0;
}

static bool room_for_tables(void)
{
    bool room = sys_vmo_commit(spare, 0, TABLE_LEVELS * PAGE_SIZE) == 0;
    sys_vmo_decommit(spare, 0, TABLE_LEVELS * PAGE_SIZE);
    return room;
}

bool region_secure(const struct region *region, uint64_t offset, uint64_t length)
{
    uint64_t start = page_start(offset), end = page_end(offset + length);
    for (; start < end; start += PAGE_SIZE) {
        if (sys_vmo_commit(region->vmo, start, PAGE_SIZE) < 0 || !room_for_tables())
            return false;
        *(volatile uint8_t *)(region->base + start) = region->base[start];
    }
    return true;
}

void region_release(const struct region *region, uint64_t offset, uint64_t length)
{
    uint64_t start = page_end(offset), end = page_start(offset + length);
    if (start < end)
        sys_vmo_decommit(region->vmo, start, end - start);
}

static __attribute__((noinline)) void touch_stack(void)
{
    uint8_t bytes[STACK_NEEDED];
    volatile uint8_t *at = bytes;
    for (uint32_t i = 0; i < STACK_NEEDED; i += PAGE_SIZE)
        at[STACK_NEEDED - 1 - i] = 0;
}

void touch_program(void)
{
    for (volatile uint8_t *at = program_data; at < program_data_end; at += PAGE_SIZE)
        *at = *at;
    touch_stack();
}
