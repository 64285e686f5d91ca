/*
 * What Portolan says of itself to programs that ask the headers: newlib's feature tests, then
 * the options of POSIX.1-2008 whose interfaces Portolan declares.  A program may rely on what is
 * defined here; -1 says that an option is not supported.
 */
#ifndef _PORTOLAN_SYS_FEATURES_H
#define _PORTOLAN_SYS_FEATURES_H

#include_next <sys/features.h>

#define _POSIX_VERSION 200809L
#define _POSIX2_VERSION 200809L
#define _POSIX2_C_BIND 200809L

/* Mandatory in POSIX.1-2008. */
#define _POSIX_BARRIERS 200809L
#define _POSIX_CLOCK_SELECTION 200809L
#define _POSIX_JOB_CONTROL 1
#define _POSIX_MAPPED_FILES 200809L
#define _POSIX_MEMORY_PROTECTION 200809L
#define _POSIX_READER_WRITER_LOCKS 200809L
#define _POSIX_REALTIME_SIGNALS 200809L
#define _POSIX_REGEXP 1
#define _POSIX_SAVED_IDS 1
#define _POSIX_SEMAPHORES 200809L
#define _POSIX_SHELL 1
#define _POSIX_SPIN_LOCKS 200809L
#define _POSIX_THREADS 200809L
#define _POSIX_THREAD_SAFE_FUNCTIONS 200809L
#define _POSIX_TIMEOUTS 200809L
#define _POSIX_TIMERS 200809L
#define _POSIX_CHOWN_RESTRICTED 0
#define _POSIX_NO_TRUNC 1
#define _POSIX_VDISABLE '\0'

/* Options. */
#define _POSIX_CPUTIME 200809L
#define _POSIX_FSYNC 200809L
#define _POSIX_MONOTONIC_CLOCK 200809L
#define _POSIX_PRIORITY_SCHEDULING 200809L
#define _POSIX_SPAWN 200809L
#define _POSIX_SYNCHRONIZED_IO 200809L
#define _POSIX_THREAD_ATTR_STACKADDR 200809L
#define _POSIX_THREAD_ATTR_STACKSIZE 200809L
#define _POSIX_THREAD_CPUTIME 200809L
#define _POSIX_THREAD_PRIORITY_SCHEDULING 200809L
/* A lock is handed on by a notification to a port, and a port is one task's to name. */
#define _POSIX_THREAD_PROCESS_SHARED -1
#define _UNIX98_THREAD_MUTEX_ATTRIBUTES 1

/* newlib asks for these by #ifdef, so what is not supported is left undefined:
 * _POSIX_THREAD_PRIO_INHERIT, _POSIX_THREAD_PRIO_PROTECT, _POSIX_SPORADIC_SERVER,
 * _POSIX_THREAD_SPORADIC_SERVER, _POSIX_TYPED_MEMORY_OBJECTS, _POSIX_MESSAGE_PASSING,
 * _POSIX_ASYNCHRONOUS_IO, _POSIX_MEMLOCK. */

/* What read() and write() take and give: newlib's <sys/config.h> would make it int. */
#define _READ_WRITE_RETURN_TYPE _ssize_t
#define _READ_WRITE_BUFSIZE_TYPE __size_t
/* stdio's buffers are a page. */
#define __BUFSIZ__ 4096

#endif
