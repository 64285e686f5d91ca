/*
 * Mounting, with Linux's calls: a filesystem's server, started by init, joined into the tree by the
 * name server.  What is mounted is listed in the file MOUNTED of <mntent.h>.
 */
#ifndef _SYS_MOUNT_H
#define _SYS_MOUNT_H

#include <sys/cdefs.h>

#define MS_RDONLY 1u
#define MS_NOSUID 2u
#define MS_NODEV 4u
#define MS_NOEXEC 8u
#define MS_SYNCHRONOUS 16u
#define MS_REMOUNT 32u
#define MS_NOATIME 1024u
#define MS_NODIRATIME 2048u
#define MS_BIND 4096u
#define MS_MOVE 8192u
#define MS_REC 16384u
#define MS_SILENT 32768u
#define MS_UNBINDABLE (1u << 17)
#define MS_PRIVATE (1u << 18)
#define MS_SLAVE (1u << 19)
#define MS_SHARED (1u << 20)
#define MS_RELATIME (1u << 21)

#define MNT_FORCE 1
#define MNT_DETACH 2

__BEGIN_DECLS
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount(const char *);
int umount2(const char *, int);
__END_DECLS

#endif
