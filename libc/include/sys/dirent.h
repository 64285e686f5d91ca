/*
 * Directories, as <dirent.h> includes them.
 */
#ifndef _SYS_DIRENT_H
#define _SYS_DIRENT_H

#include <sys/cdefs.h>
#include <sys/types.h>

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

typedef struct __directory DIR;

#endif
