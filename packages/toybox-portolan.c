/*
 * What toybox asks of a system and has no portable way to: becomes its lib/portolan.c.
 *
 * What tail -f waits with: xnotify.  Nothing tells that a file has grown, so the files are looked
 * at five times a second.  Extended attributes: there are none.
 */
#include "toys.h"

#define INTERVAL_MS 200

struct xnotify *xnotify_init(int max)
{
    struct xnotify *watched = xzalloc(sizeof(struct xnotify));

    watched->max = max;
    watched->paths = xmalloc(max * sizeof(char *));
    watched->fds = xmalloc(max * sizeof(int));
    return watched;
}

int xnotify_add(struct xnotify *watched, int fd, char *path)
{
    if (watched->count == watched->max)
        error_exit("too many files to watch");
    watched->paths[watched->count] = path;
    watched->fds[watched->count++] = fd;
    return 0;
}

/*
 * Has a file more than was read of it?  One that was cut short is read on from its new end; what
 * cannot be sought in is asked whether it is readable.
 */
static int has_more(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    off_t position = lseek(fd, 0, SEEK_CUR);
    struct stat status;

    if (position < 0)
        return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & POLLIN);
    if (fstat(fd, &status))
        return 0;
    if (status.st_size < position)
        lseek(fd, 0, SEEK_END);
    return status.st_size > position;
}

/* The next file that has changed, and its path; the caller reads all there is before it asks
 * again. */
int xnotify_wait(struct xnotify *watched, char **path)
{
    for (;; msleep(INTERVAL_MS)) {
        for (int i = 0; i < watched->count; i++) {
            if (has_more(watched->fds[i])) {
                *path = watched->paths[i];
                return watched->fds[i];
            }
        }
    }
}

/* ENOTSUP is what a filesystem without extended attributes answers anywhere. */
static ssize_t no_attributes(void)
{
    errno = ENOTSUP;
    return -1;
}

ssize_t xattr_get(const char *path, const char *name, void *value, size_t size)
{
    return no_attributes();
}

ssize_t xattr_lget(const char *path, const char *name, void *value, size_t size)
{
    return no_attributes();
}

ssize_t xattr_fget(int fd, const char *name, void *value, size_t size)
{
    return no_attributes();
}

ssize_t xattr_flist(int fd, char *list, size_t size)
{
    return no_attributes();
}

ssize_t xattr_fset(int fd, const char *name, const void *value, size_t size, int flags)
{
    return no_attributes();
}
