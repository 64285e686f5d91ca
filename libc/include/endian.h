/*
 * <endian.h>, as POSIX Issue 8 and others have it: newlib keeps it in <sys/endian.h>.
 */
#ifndef _ENDIAN_H
#define _ENDIAN_H

#include <sys/endian.h>
#include <sys/types.h>

#ifndef BYTE_ORDER
#define LITTLE_ENDIAN _LITTLE_ENDIAN
#define BIG_ENDIAN _BIG_ENDIAN
#define BYTE_ORDER _BYTE_ORDER
#endif
#define __LITTLE_ENDIAN _LITTLE_ENDIAN
#define __BIG_ENDIAN _BIG_ENDIAN
#define __BYTE_ORDER _BYTE_ORDER

#endif
