/*
 * <stdlib.h>: newlib's, and pseudo-terminals.
 */
#ifndef _PORTOLAN_STDLIB_H
#define _PORTOLAN_STDLIB_H

#include_next <stdlib.h>

#if __XSI_VISIBLE || __GNU_VISIBLE
__BEGIN_DECLS
int grantpt(int);
int posix_openpt(int);
char *ptsname(int);
int unlockpt(int);
__END_DECLS
#endif

#endif
