/*
 * What a program can ask about the system: its name, limits and options.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <portolan/io.h>

#include "call.h"
#include "descriptor.h"
#include "process.h"
#include "syscall.h"

#define RELEASE "0.1"
#define HOST_NAME_FILE "/etc/hostname"
#define HOST_NAME_DEFAULT "portolan"

/* ---- Names ----------------------------------------------------------------------------------- */

/* The first line of the file, or the default. */
static void read_host_name(char *name, size_t size)
{
    int before = errno, file = open(HOST_NAME_FILE, O_RDONLY | O_CLOEXEC);
    ssize_t length = 0;
    if (file >= 0) {
        length = read(file, name, size - 1);
        close(file);
    }
    name[length > 0 ? length : 0] = '\0';
    name[strcspn(name, "\r\n")] = '\0';
    if (name[0] == '\0')
        strcpy(name, HOST_NAME_DEFAULT);
    errno = before;
}

int gethostname(char *name, size_t size)
{
    char found[HOST_NAME_MAX + 1];
    read_host_name(found, sizeof found);
    if (strlen(found) >= size)
        return (int)call_return(-ENAMETOOLONG);
    strcpy(name, found);
    return 0;
}

int uname(struct utsname *names)
{
    *names = (struct utsname){.sysname = "Portolan", .release = RELEASE, .machine = "x86_64"};
    strcpy(names->version, "#1");
    read_host_name(names->nodename, sizeof names->nodename);
    return 0;
}

/* ---- sysconf --------------------------------------------------------------------------------- */

struct value {
    int name;
    long value;
};

/* What does not change; options are those of <unistd.h>. */
static const struct value constants[] = {
    {_SC_ARG_MAX, ARG_MAX},
    {_SC_CLK_TCK, 100},
    {_SC_NGROUPS_MAX, NGROUPS_MAX},
    {_SC_OPEN_MAX, DESCRIPTORS_MAX},
    {_SC_JOB_CONTROL, _POSIX_JOB_CONTROL},
    {_SC_SAVED_IDS, _POSIX_SAVED_IDS},
    {_SC_VERSION, _POSIX_VERSION},
    {_SC_PAGESIZE, 4096},
    {_SC_RTSIG_MAX, RTSIG_MAX},
    {_SC_SEM_VALUE_MAX, SEM_VALUE_MAX},
    {_SC_SIGQUEUE_MAX, SIGQUEUE_MAX},
    {_SC_TIMER_MAX, TIMER_MAX},
    {_SC_FSYNC, _POSIX_FSYNC},
    {_SC_MAPPED_FILES, _POSIX_MAPPED_FILES},
    {_SC_MEMORY_PROTECTION, _POSIX_MEMORY_PROTECTION},
    {_SC_REALTIME_SIGNALS, _POSIX_REALTIME_SIGNALS},
    {_SC_SEMAPHORES, _POSIX_SEMAPHORES},
    {_SC_SYNCHRONIZED_IO, _POSIX_SYNCHRONIZED_IO},
    {_SC_TIMERS, _POSIX_TIMERS},
    {_SC_DELAYTIMER_MAX, DELAYTIMER_MAX},
    {_SC_THREAD_KEYS_MAX, PTHREAD_KEYS_MAX},
    {_SC_THREAD_STACK_MIN, PTHREAD_STACK_MIN},
    {_SC_TTY_NAME_MAX, TTY_NAME_MAX},
    {_SC_THREADS, _POSIX_THREADS},
    {_SC_THREAD_ATTR_STACKADDR, _POSIX_THREAD_ATTR_STACKADDR},
    {_SC_THREAD_ATTR_STACKSIZE, _POSIX_THREAD_ATTR_STACKSIZE},
    {_SC_THREAD_PRIORITY_SCHEDULING, _POSIX_THREAD_PRIORITY_SCHEDULING},
    {_SC_THREAD_PROCESS_SHARED, _POSIX_THREAD_PROCESS_SHARED},
    {_SC_THREAD_SAFE_FUNCTIONS, _POSIX_THREAD_SAFE_FUNCTIONS},
    {_SC_GETGR_R_SIZE_MAX, 4096},
    {_SC_GETPW_R_SIZE_MAX, 4096},
    {_SC_LOGIN_NAME_MAX, LOGIN_NAME_MAX},
    {_SC_THREAD_DESTRUCTOR_ITERATIONS, PTHREAD_DESTRUCTOR_ITERATIONS},
    {_SC_ATEXIT_MAX, ATEXIT_MAX},
    {_SC_BARRIERS, _POSIX_BARRIERS},
    {_SC_BC_BASE_MAX, BC_BASE_MAX},
    {_SC_BC_DIM_MAX, BC_DIM_MAX},
    {_SC_BC_SCALE_MAX, BC_SCALE_MAX},
    {_SC_BC_STRING_MAX, BC_STRING_MAX},
    {_SC_CLOCK_SELECTION, _POSIX_CLOCK_SELECTION},
    {_SC_COLL_WEIGHTS_MAX, COLL_WEIGHTS_MAX},
    {_SC_CPUTIME, _POSIX_CPUTIME},
    {_SC_EXPR_NEST_MAX, EXPR_NEST_MAX},
    {_SC_HOST_NAME_MAX, HOST_NAME_MAX},
    {_SC_IOV_MAX, IOV_MAX},
    {_SC_LINE_MAX, LINE_MAX},
    {_SC_MONOTONIC_CLOCK, _POSIX_MONOTONIC_CLOCK},
    {_SC_READER_WRITER_LOCKS, _POSIX_READER_WRITER_LOCKS},
    {_SC_REGEXP, _POSIX_REGEXP},
    {_SC_RE_DUP_MAX, RE_DUP_MAX},
    {_SC_SHELL, _POSIX_SHELL},
    {_SC_SPAWN, _POSIX_SPAWN},
    {_SC_SPIN_LOCKS, _POSIX_SPIN_LOCKS},
    {_SC_SYMLOOP_MAX, SYMLOOP_MAX},
    {_SC_THREAD_CPUTIME, _POSIX_THREAD_CPUTIME},
    {_SC_TIMEOUTS, _POSIX_TIMEOUTS},
    {_SC_STREAM_MAX, DESCRIPTORS_MAX},
    {_SC_PRIORITY_SCHEDULING, _POSIX_PRIORITY_SCHEDULING},
    {_SC_V7_LP64_OFF64, 1},
    {_SC_2_C_BIND, _POSIX2_C_BIND},
    {_SC_2_VERSION, _POSIX2_VERSION},
};

/* Unlimited, or limited by memory alone. */
static const int unlimited[] = {_SC_CHILD_MAX, _SC_TZNAME_MAX, _SC_SEM_NSEMS_MAX,
                                _SC_THREAD_THREADS_MAX};

static long ask_kernel(int name)
{
    const struct message_area *area = call_begin();
    int64_t result = sys_system_info();
    const struct system_info info = *(const struct system_info *)area->bytes;
    call_end();
    if (result < 0)
        return call_return(result);
    if (name == _SC_PHYS_PAGES)
        return (long)(info.memory_total / 4096);
    if (name == _SC_AVPHYS_PAGES)
        return (long)(info.memory_free / 4096);
    return info.cpus;
}

long sysconf(int name)
{
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (constants[i].name == name)
            return constants[i].value;
    }
    for (size_t i = 0; i < sizeof unlimited / sizeof unlimited[0]; i++) {
        if (unlimited[i] == name)
            return -1;
    }
    if (name == _SC_NPROCESSORS_CONF || name == _SC_NPROCESSORS_ONLN || name == _SC_PHYS_PAGES ||
        name == _SC_AVPHYS_PAGES)
        return ask_kernel(name);
    /* An option that is known but not supported is -1 without an error. */
    return name < 0 || name > _SC_LEVEL4_CACHE_LINESIZE ? call_return(-EINVAL) : -1;
}

int getpagesize(void)
{
    return 4096;
}

int getdtablesize(void)
{
    return DESCRIPTORS_MAX;
}

size_t confstr(int name, char *buffer, size_t size)
{
    static const char path[] = "/bin:/usr/bin";
    if (name != _CS_PATH) {
        errno = EINVAL;
        return 0;
    }
    if (size > 0) {
        strncpy(buffer, path, size - 1);
        buffer[size - 1] = '\0';
    }
    return sizeof path;
}

/* ---- pathconf: the same for all files; servers do not tell ------------------------------------
 */

static const struct value path_values[] = {
    {_PC_LINK_MAX, LINK_MAX},
    {_PC_MAX_CANON, MAX_CANON},
    {_PC_MAX_INPUT, MAX_INPUT},
    {_PC_NAME_MAX, NAME_MAX},
    {_PC_PATH_MAX, PATH_MAX},
    {_PC_PIPE_BUF, PIPE_BUF},
    {_PC_CHOWN_RESTRICTED, _POSIX_CHOWN_RESTRICTED},
    {_PC_NO_TRUNC, _POSIX_NO_TRUNC},
    {_PC_VDISABLE, _POSIX_VDISABLE},
    {_PC_SYNC_IO, 1},
    {_PC_FILESIZEBITS, FILESIZEBITS},
    {_PC_2_SYMLINKS, 1},
    {_PC_SYMLINK_MAX, SYMLINK_MAX},
    {_PC_ALLOC_SIZE_MIN, 4096},
    {_PC_REC_INCR_XFER_SIZE, 4096},
    {_PC_REC_MIN_XFER_SIZE, 4096},
    {_PC_REC_XFER_ALIGN, 4096},
    {_PC_TIMESTAMP_RESOLUTION, 1},
};

static long path_value(int name)
{
    for (size_t i = 0; i < sizeof path_values / sizeof path_values[0]; i++) {
        if (path_values[i].name == name)
            return path_values[i].value;
    }
    return name == _PC_ASYNC_IO || name == _PC_PRIO_IO || name == _PC_REC_MAX_XFER_SIZE
               ? -1
               : call_return(-EINVAL);
}

long pathconf(const char *text, int name)
{
    return access(text, F_OK) < 0 ? -1 : path_value(name);
}

long fpathconf(int descriptor, int name)
{
    return fcntl(descriptor, F_GETFD) < 0 ? -1 : path_value(name);
}
