/*
 * Changing what there is to know of a file: mode, owner, size, times; and fsync.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include <portolan/io.h>

#include "file.h"
#include "path.h"

#define NANOSECONDS 1000000000l

static int change_path(int directory, const char *text, const struct message *change, int flags)
{
    struct path path;
    struct path_call call = {.head = *change, .first = &path};
    if (flags & ~AT_SYMLINK_NOFOLLOW)
        return (int)call_return(-EINVAL);
    if (flags & AT_SYMLINK_NOFOLLOW)
        call.head.arg[0] |= IO_CHANGE_NOFOLLOW;
    int error = __libc_path_make(&path, directory, text);
    return error ? (int)call_return(error) : __libc_path_change(&call);
}

static int change_file(int descriptor, const struct message *change)
{
    struct message head = *change;
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return (int)call_return(-EBADF);
    int64_t result = -EINVAL;
    if (!(file->flags & OPEN_FILE_LOG))
        result = __libc_file_call(file, &head, 0);
    __libc_open_file_put(file);
    return (int)call_return(result > 0 ? 0 : result);
}

/* ---- Mode and owner -------------------------------------------------------------------------- */

static struct message mode_change(mode_t mode)
{
    return (struct message){.op = IO_CHANGE, .arg = {IO_CHANGE_MODE, mode & 07777, 0}};
}

int fchmodat(int directory, const char *text, mode_t mode, int flags)
{
    struct message change = mode_change(mode);
    return change_path(directory, text, &change, flags);
}

int chmod(const char *text, mode_t mode)
{
    return fchmodat(AT_FDCWD, text, mode, 0);
}

int fchmod(int descriptor, mode_t mode)
{
    struct message change = mode_change(mode);
    return change_file(descriptor, &change);
}

/* -1 is UINT32_MAX: as it is. */
static struct message owner_change(uid_t user, gid_t group)
{
    return (struct message){.op = IO_CHANGE,
                            .arg = {IO_CHANGE_OWNER, user | (uint64_t)group << 32, 0}};
}

int fchownat(int directory, const char *text, uid_t user, gid_t group, int flags)
{
    struct message change = owner_change(user, group);
    return change_path(directory, text, &change, flags);
}

int chown(const char *text, uid_t user, gid_t group)
{
    return fchownat(AT_FDCWD, text, user, group, 0);
}

int lchown(const char *text, uid_t user, gid_t group)
{
    return fchownat(AT_FDCWD, text, user, group, AT_SYMLINK_NOFOLLOW);
}

int fchown(int descriptor, uid_t user, gid_t group)
{
    struct message change = owner_change(user, group);
    return change_file(descriptor, &change);
}

/* ---- Size ------------------------------------------------------------------------------------ */

static struct message size_change(off_t size)
{
    return (struct message){
        .op = IO_CHANGE, .offset = (uint64_t)size, .arg = {IO_CHANGE_SIZE, 0, 0}};
}

int truncate(const char *text, off_t size)
{
    struct message change = size_change(size);
    return size < 0 ? (int)call_return(-EINVAL) : change_path(AT_FDCWD, text, &change, 0);
}

int ftruncate(int descriptor, off_t size)
{
    struct message change = size_change(size);
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return (int)call_return(-EBADF);
    bool writable = (file->flags & O_ACCMODE) != O_RDONLY;
    __libc_open_file_put(file);
    return size < 0 || !writable ? (int)call_return(-EINVAL) : change_file(descriptor, &change);
}

/* ---- Times ----------------------------------------------------------------------------------- */

/* false: not a time, or one before 1970, which the protocol cannot say. */
static bool to_ns(const struct timespec *time, uint64_t *ns)
{
    if (time->tv_nsec == UTIME_NOW || time->tv_nsec == UTIME_OMIT) {
        *ns = time->tv_nsec == UTIME_NOW ? IO_TIME_NOW : IO_TIME_KEEP;
        return true;
    }
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < NANOSECONDS &&
           !__builtin_mul_overflow((uint64_t)time->tv_sec, (uint64_t)NANOSECONDS, ns) &&
           !__builtin_add_overflow(*ns, (uint64_t)time->tv_nsec, ns) && *ns < IO_TIME_KEEP;
}

static bool times_change(const struct timespec times[2], struct message *change)
{
    *change = (struct message){.op = IO_CHANGE,
                               .offset = IO_TIME_NOW,
                               .length = IO_TIME_NOW,
                               .arg = {IO_CHANGE_TIMES, 0, 0}};
    return times == NULL ||
           (to_ns(&times[0], &change->offset) && to_ns(&times[1], &change->length));
}

int utimensat(int directory, const char *text, const struct timespec times[2], int flags)
{
    struct message change;
    if (!times_change(times, &change))
        return (int)call_return(-EINVAL);
    return change_path(directory, text, &change, flags);
}

int futimens(int descriptor, const struct timespec times[2])
{
    struct message change;
    if (!times_change(times, &change))
        return (int)call_return(-EINVAL);
    return change_file(descriptor, &change);
}

int utimes(const char *text, const struct timeval times[2])
{
    struct timespec exact[2];
    for (int i = 0; times && i < 2; i++) {
        if (times[i].tv_usec < 0 || times[i].tv_usec >= 1000000)
            return (int)call_return(-EINVAL);
        exact[i] = (struct timespec){times[i].tv_sec, times[i].tv_usec * 1000};
    }
    return utimensat(AT_FDCWD, text, times ? exact : NULL, 0);
}

int utime(const char *text, const struct utimbuf *times)
{
    if (times == NULL)
        return utimensat(AT_FDCWD, text, NULL, 0);
    struct timespec exact[2] = {{times->actime, 0}, {times->modtime, 0}};
    return utimensat(AT_FDCWD, text, exact, 0);
}

/* ---- To the disk ----------------------------------------------------------------------------- */

int fsync(int descriptor)
{
    struct message head = {.op = IO_SYNC};
    struct open_file *file = __libc_descriptor_get(descriptor);
    if (file == NULL)
        return (int)call_return(-EBADF);
    int64_t result = -EINVAL;
    if (!(file->flags & OPEN_FILE_LOG))
        result = __libc_file_call(file, &head, CALL_CANCELLABLE);
    __libc_open_file_put(file);
    return (int)call_return(result > 0 ? 0 : result);
}

int fdatasync(int descriptor)
{
    return fsync(descriptor);
}

/* Of the root's filesystem; the others' sync when their files are. */
void sync(void)
{
    struct path path = {.directory = true};
    struct path_call call = {.head = {.op = IO_SYNC}, .first = &path};
    call_begin();
    __libc_path_do(&call);
    call_end();
}
