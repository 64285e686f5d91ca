/*
 * Memory of a server's own that it takes as it needs it, and that it never touches before the
 * kernel has given it: a fault that finds the budget used up would end the server, and with it all
 * its clients' files.  So what a client can make a server use is secured first, and a refusal is an
 * answer to that client.
 */
#ifndef SERVERS_REGION_H
#define SERVERS_REGION_H

#include <portolan/types.h>

struct region {
    handle_t vmo;
    uint8_t *base; /* where it is mapped; zeros at first */
    uint64_t size; /* bytes, whole pages */
};

/* Address space of `size` bytes. 0, -ENOMEM, -EMFILE. */
int64_t region_open(struct region *region, uint64_t size);

/* Makes the bytes [offset, offset + length) safe to touch; false: there is no memory. */
bool region_secure(const struct region *region, uint64_t offset, uint64_t length);

/* Gives the whole pages in [offset, offset + length) back; they are zeros when secured again. */
void region_release(const struct region *region, uint64_t offset, uint64_t length);

/* Touches all static memory of the program, and what its stack may need: at the start, when a
 * refusal only means that the server does not start. */
void touch_program(void);

#endif
