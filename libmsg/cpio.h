/*
 * Reading a cpio archive in the "newc" format (070701), as `cpio -o -H newc` writes it and the boot
 * module is.  Nothing in the archive is trusted.  Pure: no system call.
 *
 *     struct cpio_reader reader = {archive, size, 0};
 *     struct cpio_entry entry;
 *     while ((result = cpio_next(&reader, &entry)) > 0) ...
 */
#ifndef LIBMSG_CPIO_H
#define LIBMSG_CPIO_H

#include <portolan/types.h>

struct cpio_reader {
    const uint8_t *archive;
    uint64_t size;     /* bytes */
    uint64_t position; /* of the next header */
};

struct cpio_entry {
    const char *name; /* in the archive, NUL-terminated */
    uint32_t mode;    /* as in stat */
    uint64_t offset;  /* of the contents, from the archive's start */
    uint64_t size;    /* bytes */
};

/* 1 and the next entry; 0 at the trailer; -EINVAL the archive is broken or cut off. */
int cpio_next(struct cpio_reader *reader, struct cpio_entry *entry);

/* The regular file of that name ("./" before it is ignored): 0, -ENOENT, -EINVAL broken. */
int cpio_find(const void *archive, uint64_t size, const char *name, struct cpio_entry *entry);

#endif
