/*
 * Device numbers: the major in bits 32..63, the minor below.
 */
#ifndef _SYS_SYSMACROS_H
#define _SYS_SYSMACROS_H

#define major(device) ((unsigned)((unsigned long)(device) >> 32))
#define minor(device) ((unsigned)(device))
#define makedev(high, low) ((unsigned long)(unsigned)(high) << 32 | (unsigned)(low))

#endif
