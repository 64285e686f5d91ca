/*
 * The widths of Portolan's POSIX types, in place of newlib's 16-bit defaults.  newlib's
 * <sys/_types.h> includes this first and fills in what is not defined here.
 */
#ifndef _MACHINE__TYPES_H
#define _MACHINE__TYPES_H

#include <machine/_default_types.h>

#define __machine_dev_t_defined
typedef unsigned long __dev_t;
#define __machine_ino_t_defined
typedef unsigned long __ino_t;
#define __machine_uid_t_defined
typedef unsigned int __uid_t;
#define __machine_gid_t_defined
typedef unsigned int __gid_t;
#define __machine_fsfilcnt_t_defined
typedef unsigned long __fsfilcnt_t;
#define __machine_sa_family_t_defined
typedef unsigned short __sa_family_t;

#endif
