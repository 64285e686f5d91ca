/*
 * The limits that <limits.h> and <unistd.h> give.  Those that the running system decides (open
 * files, child processes) are not here: ask sysconf().
 */
#ifndef _SYS_SYSLIMITS_H_
#define _SYS_SYSLIMITS_H_

#define ARG_MAX 131072
#define NAME_MAX 255
#define PATH_MAX 1024
#define SYMLINK_MAX 1023
#define SYMLOOP_MAX 40
#define PIPE_BUF 4096
#define IOV_MAX 1024
#define LINK_MAX 65000
#define MAX_CANON 4096
#define MAX_INPUT 4096
#define NGROUPS_MAX 32
#define HOST_NAME_MAX 255
#define LOGIN_NAME_MAX 256
#define TTY_NAME_MAX 32
#define FILESIZEBITS 64
#define PAGESIZE 4096
#ifndef PAGE_SIZE
#define PAGE_SIZE 4096ul
#endif
#define NZERO 20

#define PTHREAD_DESTRUCTOR_ITERATIONS 4
#define PTHREAD_KEYS_MAX 128
#define PTHREAD_STACK_MIN 16384
#define SEM_VALUE_MAX 2147483647
#define RTSIG_MAX 33
#define SIGQUEUE_MAX 32
#define TIMER_MAX 32
#define DELAYTIMER_MAX 2147483647
#define ATEXIT_MAX 32

#define BC_BASE_MAX 99
#define BC_DIM_MAX 2048
#define BC_SCALE_MAX 99
#define BC_STRING_MAX 1000
#define CHARCLASS_NAME_MAX 14
#define COLL_WEIGHTS_MAX 2
#define EXPR_NEST_MAX 32
#define LINE_MAX 2048
#define RE_DUP_MAX 255

#endif
