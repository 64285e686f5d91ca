/*
 * Limits on what the process may use.  The process server keeps them, for children too; it heeds
 * that on memory, and libc those that are facts: how many descriptors there can be, how large a
 * stack is.
 */
#include <errno.h>
#include <sys/resource.h>

#include "descriptor.h"
#include "process_call.h"
#include "thread.h"

_Static_assert(RLIMIT_AS == PROCESS_LIMIT_AS && RLIMIT_CORE == PROCESS_LIMIT_CORE &&
                   RLIMIT_NOFILE == PROCESS_LIMIT_NOFILE &&
                   (int)RLIM_NLIMITS == (int)PROCESS_LIMITS,
               "the same numbers");
_Static_assert(RLIM_INFINITY == PROCESS_LIMIT_NONE, "the same value");

/* What no limit can exceed. */
static rlim_t most(int which)
{
    return which == RLIMIT_NOFILE  ? DESCRIPTORS_MAX
           : which == RLIMIT_STACK ? FIRST_STACK_SIZE
           : which == RLIMIT_CORE  ? 0
                                   : RLIM_INFINITY;
}

static rlim_t lesser(rlim_t a, rlim_t b)
{
    return a < b ? a : b;
}

int getrlimit(int which, struct rlimit *limit)
{
    struct message head = {.op = PROCESS_LIMIT, .offset = 1, .arg = {(uint64_t)which, 0, 0}};
    if (which < 0 || which >= RLIM_NLIMITS)
        return (int)call_return(-EINVAL);
    int64_t result = __libc_process_ask(&head);
    if (result == -ENOSYS)
        head.arg[1] = head.arg[2] = RLIM_INFINITY;
    else if (result < 0)
        return (int)call_return(result);
    *limit = (struct rlimit){lesser(head.arg[1], most(which)), lesser(head.arg[2], most(which))};
    return 0;
}

int setrlimit(int which, const struct rlimit *limit)
{
    struct rlimit old;
    if (which < 0 || which >= RLIM_NLIMITS || limit->rlim_cur > limit->rlim_max)
        return (int)call_return(-EINVAL);
    if (getrlimit(which, &old) != 0)
        return -1;
    if (limit->rlim_max > old.rlim_max && limit->rlim_max != RLIM_INFINITY)
        return (int)call_return(-EPERM);
    struct message head = {.op = PROCESS_LIMIT,
                           .arg = {(uint64_t)which, limit->rlim_cur, limit->rlim_max}};
    int64_t result = __libc_process_ask(&head);
    return (int)call_return(result > 0 ? 0 : result);
}
