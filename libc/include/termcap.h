/*
 * <termcap.h> of BSD: what a terminal can do, by the two letters of a capability.  See
 * libc/gaps_termcap.c for the terminals known.
 */
#ifndef _TERMCAP_H
#define _TERMCAP_H

#include <sys/cdefs.h>

__BEGIN_DECLS
int tgetent(char *, const char *);
int tgetflag(const char *);
int tgetnum(const char *);
char *tgetstr(const char *, char **);
char *tgoto(const char *, int, int);
int tputs(const char *, int, int (*)(int));
__END_DECLS

#endif
