/*
 * Paged objects: a server, their pager, supplies their pages and writes them back.
 */
#ifndef PAGER_H
#define PAGER_H

#include "vmo_internal.h"

/* NULL: no memory. */
struct vmo *pager_create(struct port *port, u64 size, u64 key, u64 dirty_room,
                         struct budget *budget);

/*
 * What SYS_VMO_* ask for; page numbers are below the object's size.  Those on ranges do a piece and
 * say in *done how many pages that was.
 */
i64 pager_supply(struct vmo *vmo, u64 first, u64 pages, struct vmo *source, u64 source_first,
                 u64 *done);
i64 pager_declare_loaded(struct vmo *vmo, u64 first, u64 pages, u64 *done);
i64 pager_fail(struct vmo *vmo, u64 first, u64 pages, int error, u64 *done);
i64 pager_writeback_begin(struct vmo *vmo, u64 first, u64 pages, u64 *done);
i64 pager_writeback_end(struct vmo *vmo, u64 first, u64 pages, u64 *done);
/* The number of ranges found in pages [first, first + pages), of which *done were looked at. */
u64 pager_dirty_query(struct vmo *vmo, u64 first, u64 pages, struct vmo_dirty_range *out, u32 room,
                      u64 *done);
void pager_add_room(struct vmo *vmo, u64 pages);
/* A successor. 0, or -RESTART: a piece is done. */
i64 pager_replace(struct vmo *vmo, struct port *port, u64 key);

#endif
