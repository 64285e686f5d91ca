/*
 * The process protocol: what makes tasks into POSIX processes.
 *
 * The process server makes the task of every process, out of its own pool of memory, so that
 * children outlive their parents.  A process asks it through its *session*, the startup handle
 * "process", whose badge tells the server who asks.  A handle without badge is the *system's* (it
 * counts as process 0): init's, to make and wait for process 1, and that of servers which signal
 * process groups, such as terminals.
 *
 * A process begins with PROCESS_CREATE: its maker gets a handle to the new task, fills it (memory
 * charged to that task), makes a thread, and has it started by PROCESS_START.  exec does the same
 * with PROCESS_REPLACE: the new task takes the caller's place, number and children.
 *
 * A process ends with its task; the task's status is what it gave to exit (0..255) or
 * PROCESS_BY_SIGNAL(n), and whatever the kernel says (below 0) counts as SIGKILL.
 *
 * In every reply head.result is >= 0 or -errno.  Any operation may give -EINVAL, -ENOSYS; those
 * that name a process -ESRCH, -EPERM.
 */
#ifndef PORTOLAN_PROCESS_H
#define PORTOLAN_PROCESS_H

#include <portolan/message.h>

#define PROCESS_NAME_MAX 32u
#define PROCESS_THREADS_MAX 512u
#define PROCESS_BY_SIGNAL(number) (256 + (number))
/* Memory: what a process is made with, and the least that it grows by. */
#define PROCESS_BUDGET_DEFAULT (1ul << 20)
#define PROCESS_GROW_STEP (256ul << 10)

enum process_op {
    /*
     * arg[0]: PROCESS_REPLACE, PROCESS_SIGNAL_PAGE; arg[1]: budget in bytes, 0: the default.
     * Result: the new process's number.  Handle 0: its task (MANAGE, READ, DUPLICATE, TRANSFER);
     * handle 1, if asked for: its signal page.  arg[0]: what PROCESS_START is to be told; arg[1]:
     * the number of its session in its own table of handles.  Its first thread has slot 0.  What
     * was created and not started ends with its maker, or by PROCESS_START with PROCESS_GIVE_UP.
     * -EAGAIN too many processes, -ENOMEM.
     */
    PROCESS_CREATE = 0x300,
    /* arg[0]: from CREATE; arg[1]: 0 or PROCESS_GIVE_UP; handle 0: its first thread (MANAGE), not
     * started; bytes: struct process_start.  What replaces the caller has no answer but an
     * error. */
    PROCESS_START,
    /*
     * arg[0]: PROCESS_WAIT_*; arg[1]: which, by number; arg[2]: options.  Waits for a change of
     * state of a child.  Result: its number, or 0 with PROCESS_WAIT_NOHANG if there is none.
     * arg[0]: status as waitpid gives it; arg[1], arg[2]: its processor time and that of the
     * children it has waited for, in ns.  -ECHILD.
     */
    PROCESS_WAIT,
    /* arg[0]: process, 0: the caller.  Result: its number; arg[0]: parent | group << 32; arg[1]:
     * session | uid << 32; arg[2]: device number of the controlling terminal, or 0. */
    PROCESS_IDENTITY,
    /* arg[0]: process, 0: the caller; arg[1]: group, 0: its own number.  As setpgid. -EACCES. */
    PROCESS_SET_GROUP,
    PROCESS_NEW_SESSION, /* result: its number.  -EPERM the caller leads a group. */
    /* arg[0]: the group.  0: there is such a group in the caller's session; -EPERM.  head.offset 1:
     * then the result is 1 if it is orphaned (POSIX 3.264). */
    PROCESS_CHECK_GROUP,
    /* arg[0]: as kill's pid; arg[1]: signal, 0: only looks; arg[2]: value, with head.offset 1
     * (sigqueue). */
    PROCESS_KILL,
    PROCESS_KILL_THREAD, /* arg[0]: a thread's slot, of the caller's; arg[1]: signal */
    /* The system's.  arg[0]: group; arg[1]: signal; arg[2]: the session it has to be of, 0: any. */
    PROCESS_SIGNAL_GROUP,
    /* arg[0]: signal.  What it does to who has not asked for anything else happens to the caller;
     * it is not sent to a handler, and not held back by a mask. */
    PROCESS_DEFAULT_ACTION,
    /* Handle 0: the caller's signal page, in which `ignored` and the first thread's mask are
     * set. */
    PROCESS_SIGNALS,
    /* handle 0: a thread of the caller's (MANAGE).  Result: its slot.  -EAGAIN. */
    PROCESS_THREAD_ADD,
    PROCESS_THREAD_REMOVE, /* arg[0]: slot */
    /* arg[0]: bytes by which the caller's budget is to grow, at the least, or that of what it has
     * created (arg[1]: from CREATE, else 0).  Result: by which it did. -ENOMEM its limit, or the
     * pool. */
    PROCESS_GROW,
    /* arg[0]: PROCESS_LIMIT_*; arg[1], arg[2]: soft and hard, or both 0 with head.offset 1: only
     * asks.  Reply: arg[1], arg[2] those before.  -EPERM raises the hard one. */
    PROCESS_LIMIT,
    /* arg[0]: PROCESS_TIMES_SELF or _CHILDREN.  Reply: arg[0]: ns; arg[1]: bytes in use, arg[2]:
     * messages. */
    PROCESS_TIMES,
    /* The timer that sends SIGALRM.  arg[0]: ns from now, 0: stop; arg[1]: then every so many ns,
     * 0: once; head.offset 1: only asks.  Reply: those before. */
    PROCESS_ALARM,
    /* The terminal (a session of <portolan/tty.h>), handle 0, becomes the controlling one of the
     * caller's session; arg[0]: its device number.  The caller has had TTY_SET_SESSION answered.
     * Without a handle: it is given up.  -EPERM the caller does not lead a session, or it has one.
     */
    PROCESS_SET_TERMINAL,
    PROCESS_TERMINAL, /* handle 0: a copy of the session's terminal.  -ENXIO. */
    /* From number head.offset on: struct process_entry in the reply's bytes.  Result: bytes;
     * offset: number to go on from, 0 at the end. */
    PROCESS_LIST,
    PROCESS_SET_NAME, /* bytes: the caller's name, for lists */
    PROCESS_OP_END
};

enum { /* PROCESS_CREATE, arg[0] */
       PROCESS_REPLACE = 1u << 0,
       PROCESS_SIGNAL_PAGE = 1u << 1,
};
enum { PROCESS_GIVE_UP = 1u << 0 }; /* PROCESS_START, arg[1] */

/* PROCESS_WAIT: which children, and the options, which are those of <sys/wait.h>. */
enum { PROCESS_WAIT_ANY = 0, PROCESS_WAIT_ONE, PROCESS_WAIT_GROUP /* number 0: the caller's */ };
enum {
    PROCESS_WAIT_NOHANG = 1u << 0,
    PROCESS_WAIT_STOPPED = 1u << 1,
    PROCESS_WAIT_EXITED = 1u << 2,
    PROCESS_WAIT_CONTINUED = 1u << 3,
    PROCESS_WAIT_KEEP = 1u << 4, /* the state can be waited for again */
};

struct process_start {
    char name[PROCESS_NAME_MAX];
    uint64_t ignored, mask; /* signal n is bit n - 1 */
    uint32_t group;         /* with PROCESS_START_GROUP; 0: one of its own */
    uint32_t flags;
};
enum {
    PROCESS_START_GROUP = 1u << 0,
    PROCESS_START_SESSION = 1u << 1, /* a session of its own */
    /* The signal page has been filled and holds entry and interruptible as those of the maker. */
    PROCESS_START_SIGNALS = 1u << 2,
};

enum {
    PROCESS_LIMIT_CORE = 0, /* those of <sys/resource.h>; the server heeds AS and DATA */
    PROCESS_LIMIT_CPU,
    PROCESS_LIMIT_DATA,
    PROCESS_LIMIT_FSIZE,
    PROCESS_LIMIT_NOFILE,
    PROCESS_LIMIT_STACK,
    PROCESS_LIMIT_AS,
    PROCESS_LIMITS
};
#define PROCESS_LIMIT_NONE UINT64_MAX

enum { PROCESS_TIMES_SELF = 0, PROCESS_TIMES_CHILDREN };

enum process_state {
    PROCESS_NEW = 1, /* created, not started */
    PROCESS_RUNNING,
    PROCESS_STOPPED,
    PROCESS_ZOMBIE,
};

struct process_entry {
    uint32_t number, parent, group, session;
    uint32_t state, threads;
    uint64_t koid; /* the task's */
    uint64_t started_ns, time_ns;
    uint64_t memory, budget; /* bytes */
    uint64_t terminal;
    char name[PROCESS_NAME_MAX];
};

/*
 * ---- The signal page ----
 *
 * A VM object of the server's that a process maps and the server reads and writes (vmo_read,
 * vmo_write: it is never mapped there).  With it sigaction and sigprocmask need no message.  A
 * process that has not asked for it catches nothing.
 *
 * Each word has one writer.  A signal is *pending* while its bits in `sent` (the server's word) and
 * `taken` (the process's) differ; the server makes them differ, a thread that takes it makes them
 * equal.  The server writes `sent` and then reads the masks; a thread writes its mask and then
 * reads `sent`, with a barrier between: so one of the two sees the other.
 *
 * When a caught signal is pending that some thread has not blocked, the server stops such a thread,
 * writes what it was about to do into its slot (resume_*), sends it to `entry` (interrupting the
 * wait it is in only at `interruptible`) and lets it go.  At `entry` all registers but RIP, RSP and
 * RFLAGS are those of the interrupted code, or the results of the system call it was in.  It is not
 * sent there again before it has made the slot's `resume_taken` equal to `resume_given`.
 */
#define SIGNAL_PAGE_SIZE 65536ul
#define SIGNAL_MASKS_OFFSET 4096ul
#define SIGNAL_WAITS_OFFSET 8192ul
#define SIGNAL_SLOTS_OFFSET 12288ul
#define SIGNALS 64u

struct signal_info {
    int32_t code; /* SI_USER and so on */
    uint32_t sender, uid;
    int32_t status;
    uint64_t value; /* sigqueue's, or the address of a fault */
};

/* At offset 0. */
struct signal_header {
    uint64_t sent; /* the server's */
    /* The process's from here to `info`. */
    uint64_t taken;
    uint64_t caught, ignored;         /* neither: the default */
    uint64_t on_stack;                /* handlers that want the alternate stack */
    uint64_t no_child_stop;           /* SA_NOCLDSTOP in bit 0, SA_NOCLDWAIT in bit 1 */
    uint64_t waiters;                 /* threads whose entry in the waits is not 0 */
    uint64_t entry;                   /* where threads are sent; 0: nowhere yet */
    uint64_t interruptible;           /* RIP of a thread in a wait that signals are to end */
    struct signal_info info[SIGNALS]; /* the server's: of the signal pending */
};

/*
 * At SIGNAL_MASKS_OFFSET: uint64_t[PROCESS_THREADS_MAX], by slot: what that thread blocks.  At
 * SIGNAL_WAITS_OFFSET the same: what it waits for in sigwait; such a signal stays pending whatever
 * its action, and the thread is sent to `entry`.  Both the process's.
 */

/* At SIGNAL_SLOTS_OFFSET, by slot. */
struct signal_slot {
    /* The server's. */
    uint64_t sent; /* to this thread alone */
    uint64_t resume_given, resume_rip, resume_rsp, resume_rflags;
    uint64_t fault;      /* the signal that the thread brought upon itself, or 0 */
    uint64_t fault_code; /* si_code | vector << 32 */
    uint64_t fault_address;
    /* The process's. */
    uint64_t taken, resume_taken;
    uint64_t stack_low, stack_high; /* the alternate stack; equal: none */
};
_Static_assert(sizeof(struct signal_header) <= SIGNAL_MASKS_OFFSET, "header");
_Static_assert(SIGNAL_SLOTS_OFFSET + PROCESS_THREADS_MAX * sizeof(struct signal_slot) <=
                   SIGNAL_PAGE_SIZE,
               "slots");

#endif
