/*
 * The bytes of regular files: a VM object each, made at the first write; until then a file is empty
 * or lies in the archive that the tree was loaded from.
 *
 * What files may take in all is bounded: each counts with its size, rounded up to pages, so that
 * whoever maps a file never finds the memory gone.  The message page's bytes are used by all
 * functions here, and are the data that is read or written where there is no loan.
 */
#ifndef DATA_H
#define DATA_H

#include "tree.h"

/* archive: VM object with READ (and what maps of it may need), or HANDLE_NONE.  limit: bytes. */
void data_open(handle_t archive, uint64_t limit);
uint64_t data_limit(void);
uint64_t data_used(void);

/*
 * Reads or writes at `offset`: at most `length` bytes, to or from the loan (from its start), or, if
 * that is HANDLE_NONE, the message page (then length <= MESSAGE_BYTES_MAX).  The number of bytes;
 * -EFBIG, -ENOSPC, -EIO, -EINVAL the loan does not allow it.  What could be done before an error
 * counts.
 */
int64_t data_read(const struct node *node, uint64_t offset, uint64_t length, handle_t loan);
int64_t data_write(struct node *node, uint64_t offset, uint64_t length, handle_t loan);

/* Cuts a file or makes it longer, with zeros. 0, -EFBIG, -ENOSPC. */
int64_t data_resize(struct node *node, uint64_t size);

/* A handle to the pages of the file with MAP, DUPLICATE, TRANSFER and `rights`; with EXECUTE to
 * those of the archive, if it lies there at pages.  -ENODEV it is empty; -ENOSPC, -EMFILE. */
int64_t data_map(struct node *node, uint32_t rights);

/* A node that goes: frees its VM object. */
void data_free(struct node *node);

#endif
