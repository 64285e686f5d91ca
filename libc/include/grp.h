/* newlib's <grp.h>, and what BSD has besides: see libc/gaps_group.c. */
#include_next <grp.h>

#ifndef _PORTOLAN_GRP_H
#define _PORTOLAN_GRP_H

__BEGIN_DECLS
#if __MISC_VISIBLE
int getgrouplist(const char *, gid_t, gid_t *, int *);
#endif
__END_DECLS

#endif
