/*
 * <time.h>: newlib's, and what C11 adds.
 */
#ifndef _PORTOLAN_TIME_H
#define _PORTOLAN_TIME_H

#include_next <time.h>

#if __ISO_C_VISIBLE >= 2011
#define TIME_UTC 1
__BEGIN_DECLS
int timespec_get(struct timespec *, int);
__END_DECLS
#endif

#endif
