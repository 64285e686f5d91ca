/*
 * Jumps that restore the signal mask: see <setjmp.h>.
 */
#include <setjmp.h>
#include <signal.h>

void __libc_save_mask(sigjmp_buf env, int save)
{
    env[0].__has_mask = save != 0;
    if (save)
        pthread_sigmask(SIG_SETMASK, NULL, &env[0].__mask);
}

void siglongjmp(sigjmp_buf env, int value)
{
    if (env[0].__has_mask)
        pthread_sigmask(SIG_SETMASK, &env[0].__mask, NULL);
    longjmp(env[0].__registers, value);
}

void _longjmp(jmp_buf env, int value)
{
    longjmp(env, value);
}
