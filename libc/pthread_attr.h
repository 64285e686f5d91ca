/*
 * What a thread gets that is created without attributes.
 */
#ifndef LIBC_PTHREAD_ATTR_H
#define LIBC_PTHREAD_ATTR_H

#define DEFAULT_STACK_SIZE (1ul << 20)
#define DEFAULT_GUARD_SIZE 4096ul

#endif
