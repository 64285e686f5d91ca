/*
 * Ending it all, with Linux's call: -1 and EPERM unless the caller may.
 */
#ifndef _SYS_REBOOT_H
#define _SYS_REBOOT_H

#include <sys/cdefs.h>

#define RB_AUTOBOOT 0
#define RB_HALT_SYSTEM 1
#define RB_POWER_OFF 2

__BEGIN_DECLS
int reboot(int);
__END_DECLS

#endif
