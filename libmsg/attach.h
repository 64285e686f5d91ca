/*
 * VM objects that sessions attached to a server once and then name by number.
 *
 * A server that wants them points server->attachments at a zeroed struct attachments.  Sessions are
 * told apart by badge.  A handler that goes on using an object after it has returned EASYNC takes
 * it with attachment_use and lets go with attachment_release; meanwhile it cannot be detached, and
 * a session that ends leaves it open until then.  One thread at a time (a pool needs port sets
 * instead).
 */
#ifndef LIBMSG_ATTACH_H
#define LIBMSG_ATTACH_H

#include <portolan/server.h>

#define ATTACHMENTS_MAX 1024u /* of all sessions; a power of two */

struct attachment {
    uint64_t badge; /* as request->badge */
    uint64_t size;  /* bytes, when it was attached: the object may have shrunk since */
    handle_t vmo;
    uint32_t rights;
    uint16_t number; /* 1..SERVER_ATTACH_MAX; 0: no entry */
    uint16_t users;
    bool ended; /* its session has: goes with its last user */
};

struct attachments {
    struct attachment entries[ATTACHMENTS_MAX];
    uint32_t count;
};

/* The handle becomes the table's, but not after an error. -EEXIST, -EINVAL, -ENOMEM. */
int64_t attachment_add(struct attachments *table, uint64_t badge, uint64_t number, handle_t vmo);
/* -ENOENT, -EBUSY */
int64_t attachment_remove(struct attachments *table, uint64_t badge, uint64_t number);
/* NULL: there is none. */
struct attachment *attachment_find(struct attachments *table, uint64_t badge, uint64_t number);
/* A session has ended: badge, without BADGE_COUNTED. */
void attachments_end(struct attachments *table, uint64_t badge);

static inline void attachment_use(struct attachment *attachment)
{
    attachment->users++;
}
void attachment_release(struct attachments *table, struct attachment *attachment);

#endif
