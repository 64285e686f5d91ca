/*
 * Lists of filesystems, /etc/fstab and what is mounted, as 4.3BSD and glibc read them: a line of
 * six words each, in which a blank is written \040.
 */
#ifndef _MNTENT_H
#define _MNTENT_H

#include <stdio.h>
#include <sys/cdefs.h>

#define MNTTAB "/etc/fstab"
#define MOUNTED "/dev/mounts" /* no file: what setmntent() asks the name server for */

#define MNTTYPE_IGNORE "ignore"
#define MNTTYPE_SWAP "swap"
#define MNTOPT_DEFAULTS "defaults"
#define MNTOPT_RO "ro"
#define MNTOPT_RW "rw"
#define MNTOPT_NOAUTO "noauto"

struct mntent {
    char *mnt_fsname; /* the device or server */
    char *mnt_dir;    /* where it is mounted */
    char *mnt_type;
    char *mnt_opts; /* separated by commas */
    int mnt_freq, mnt_passno;
};

__BEGIN_DECLS
FILE *setmntent(const char *, const char *);
struct mntent *getmntent(FILE *);
struct mntent *getmntent_r(FILE *, struct mntent *, char *, int);
char *hasmntopt(const struct mntent *, const char *);
int endmntent(FILE *);
__END_DECLS

#endif
