/*
 * A program's own hold on a stream: the lock that newlib takes for each operation on it.
 */
#include <stdio.h>
#include <sys/lock.h>

void flockfile(FILE *file)
{
    __retarget_lock_acquire_recursive(file->_lock);
}

int ftrylockfile(FILE *file)
{
    return __retarget_lock_try_acquire_recursive(file->_lock) ? 0 : -1;
}

void funlockfile(FILE *file)
{
    __retarget_lock_release_recursive(file->_lock);
}
