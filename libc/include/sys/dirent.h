/*
 * Directories, as <dirent.h> includes them.  The functions are newlib's, over getdents() and
 * lseek(); the members of DIR have the names that newlib's use.
 */
#ifndef _SYS_DIRENT_H
#define _SYS_DIRENT_H

#include <sys/cdefs.h>
#include <sys/lock.h>
#include <sys/types.h>

#define HAVE_DD_LOCK

/* An entry: d_reclen bytes from here to the next.  d_name has room for NAME_MAX and its NUL. */
struct dirent {
    ino_t d_ino;
    off_t d_off; /* where seekdir() finds the next one */
    unsigned short d_reclen;
    unsigned char d_type; /* DT_* */
    char d_name[256];
};
#define _DIRENT_HAVE_D_TYPE

#if __MISC_VISIBLE || __BSD_VISIBLE
enum {
    DT_UNKNOWN = 0,
    DT_FIFO = 1,
    DT_CHR = 2,
    DT_DIR = 4,
    DT_BLK = 6,
    DT_REG = 8,
    DT_LNK = 10,
    DT_SOCK = 12,
};
#endif

typedef struct {
    int dd_fd;
    long dd_loc;  /* offset in the buffer */
    long dd_seek; /* of the directory */
    char *dd_buf;
    int dd_len;   /* bytes the buffer has room for */
    long dd_size; /* bytes it holds */
    _LOCK_RECURSIVE_T dd_lock;
} DIR;

#endif
