/*
 * What newlib 4.5 has under another name, or declares and forgets to define.
 */
#include <stdio.h>

ssize_t getdelim(char **restrict line, size_t *restrict size, int delimiter, FILE *restrict file)
{
    return __getdelim(line, size, delimiter, file);
}

ssize_t getline(char **restrict line, size_t *restrict size, FILE *restrict file)
{
    return __getdelim(line, size, '\n', file);
}

/* <sys/reent.h> with --enable-newlib-reent-thread-local. */
_Thread_local char _tls_getlocalename_l_buf[32];
