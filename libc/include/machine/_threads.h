/*
 * The types of <threads.h> (C11): those of <pthread.h>.
 */
#ifndef _MACHINE__THREADS_H
#define _MACHINE__THREADS_H

#include <pthread.h>

#define ONCE_FLAG_INIT PTHREAD_ONCE_INIT
#define TSS_DTOR_ITERATIONS PTHREAD_DESTRUCTOR_ITERATIONS

typedef pthread_cond_t cnd_t;
typedef pthread_mutex_t mtx_t;
typedef pthread_t thrd_t;
typedef pthread_key_t tss_t;
typedef pthread_once_t once_flag;

#endif
