/*
 * Where things are: <paths.h> of BSD, in place of newlib's, which has a few of them.
 */
#ifndef _PATHS_H
#define _PATHS_H

#define _PATH_DEFPATH "/bin"
#define _PATH_STDPATH "/bin"
#define _PATH_BSHELL "/bin/sh"
#define _PATH_CONSOLE "/dev/console"
#define _PATH_DEV "/dev/"
#define _PATH_DEVNULL "/dev/null"
#define _PATH_DEVZERO "/dev/zero"
#define _PATH_MNTTAB "/etc/fstab"
#define _PATH_MOUNTED "/dev/mounts"
#define _PATH_SHELLS "/etc/shells"
#define _PATH_TMP "/tmp/"
#define _PATH_TTY "/dev/tty"
#define _PATH_VARTMP "/var/tmp/"

#endif
