/*
 * Paged objects: a server supplies their pages and writes them back.
 */
#ifndef PAGER_H
#define PAGER_H

#include "vmo_internal.h"

struct vmo *pager_create(struct port *port, u64 size, u64 key, u64 dirty_room,
                         struct budget *budget);

/* All for a paged object that is not locked; first..last are page numbers below its size. */
void pager_answered(struct vmo *vmo, u64 first, u64 last, int status);
int pager_supply_page(struct vmo *vmo, u64 index,
                      u64 physical); /* takes the page, charged by this */
int pager_declare_loaded(struct vmo *vmo, u64 index);
void pager_fail(struct vmo *vmo, u64 first, u64 last, int error);
u64 pager_dirty_query(struct vmo *vmo, u64 *first, u64 last, struct vmo_dirty_range *out, u32 room);
void pager_writeback(struct vmo *vmo, u64 first, u64 last, bool begin);
void pager_add_room(struct vmo *vmo, u64 pages);
void pager_replace(struct vmo *vmo, struct port *port, u64 key);

/* Frees clean pages of paged objects that can be locked at once; how many. */
u64 pager_reclaim(u64 wanted);

#endif
