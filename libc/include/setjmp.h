/*
 * <setjmp.h>, POSIX.1-2008.  setjmp and longjmp are newlib's and leave the signal mask alone;
 * sigsetjmp has to be a macro, as registers are to be saved in its caller's frame.
 */
#ifndef _SETJMP_H_
#define _SETJMP_H_

#include <_ansi.h>
#include <machine/setjmp.h>
#include <sys/_sigset.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

int setjmp(jmp_buf);
void longjmp(jmp_buf, int) __dead2;
#define setjmp(env) setjmp(env)

#if __POSIX_VISIBLE
typedef struct {
    jmp_buf __registers;
    __sigset_t __mask;
    int __has_mask;
} sigjmp_buf[1];
void __libc_save_mask(sigjmp_buf, int);
void siglongjmp(sigjmp_buf, int) __dead2;
#define sigsetjmp(env, save) (__libc_save_mask(env, save), setjmp((env)[0].__registers))
#endif
#if __XSI_VISIBLE || __MISC_VISIBLE
#define _setjmp(env) setjmp(env)
void _longjmp(jmp_buf, int) __dead2;
#endif

__END_DECLS

#endif
