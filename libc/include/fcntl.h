/*
 * <fcntl.h>, POSIX.1-2008.  The values are those that newlib's stdio knows.
 */
#ifndef _FCNTL_H
#define _FCNTL_H
#define _FCNTL_H_
#define _SYS__DEFAULT_FCNTL_H_
#define _SYS_FCNTL_H_

#include <sys/cdefs.h>
#include <sys/stat.h>
#include <sys/types.h>

#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_ACCMODE 3
#define O_APPEND 0x0008
#define O_CREAT 0x0200
#define O_TRUNC 0x0400
#define O_EXCL 0x0800
#define O_SYNC 0x2000
#define O_DSYNC O_SYNC
#define O_RSYNC O_SYNC
#define O_NONBLOCK 0x4000
#define O_NDELAY O_NONBLOCK
#define O_NOCTTY 0x8000
#define O_CLOEXEC 0x40000
#define O_NOFOLLOW 0x100000
#define O_DIRECTORY 0x200000
#define O_EXEC 0x400000
#define O_SEARCH O_EXEC
#define O_TTY_INIT 0

#define FD_CLOEXEC 1
#define F_DUPFD 0
#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_GETOWN 5
#define F_SETOWN 6
#define F_GETLK 7
#define F_SETLK 8
#define F_SETLKW 9
#define F_DUPFD_CLOEXEC 14
#define F_RDLCK 1
#define F_WRLCK 2
#define F_UNLCK 3

#define AT_FDCWD (-2)
#define AT_EACCESS 0x01
#define AT_SYMLINK_NOFOLLOW 0x02
#define AT_SYMLINK_FOLLOW 0x04
#define AT_REMOVEDIR 0x08

#define POSIX_FADV_NORMAL 0
#define POSIX_FADV_RANDOM 1
#define POSIX_FADV_SEQUENTIAL 2
#define POSIX_FADV_WILLNEED 3
#define POSIX_FADV_DONTNEED 4
#define POSIX_FADV_NOREUSE 5

#ifndef SEEK_SET
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#endif

struct flock {
    short l_type, l_whence;
    off_t l_start, l_len;
    pid_t l_pid;
};

#if __MISC_VISIBLE || __BSD_VISIBLE
#define FREAD 0x0001
#define FWRITE 0x0002
#define FAPPEND O_APPEND
#define FNDELAY O_NONBLOCK
#define FNONBLOCK O_NONBLOCK
#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8
#endif

__BEGIN_DECLS

int creat(const char *, mode_t);
int fcntl(int, int, ...);
int open(const char *, int, ...);
int openat(int, const char *, int, ...);
int posix_fadvise(int, off_t, off_t, int);
int posix_fallocate(int, off_t, off_t);
#if __MISC_VISIBLE || __BSD_VISIBLE
int flock(int, int);
#endif
#ifdef _LIBC
int _open(const char *, int, ...);
int _fcntl(int, int, ...);
#endif

__END_DECLS

#endif
