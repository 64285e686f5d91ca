/*
 * The table of processes, and what its files know of one another.
 *
 * A struct process is one image: a task and what belongs to it.  The badge of the image's session
 * names it (index and serial number), so that nothing of an image that is gone is taken for its
 * successor.  exec makes a second image, which takes over the first's number and relations.
 *
 *     NEW -> RUNNING <-> STOPPED -> ZOMBIE -> FREE
 *
 * Relations are by number: parent, group, session; 0 is the system itself.  The server is one
 * thread; there are no locks.  Nothing that a process says is trusted: the functions on the signal
 * page (page.c) check what they read, and a process that spoils its page hurts itself alone.
 */
#ifndef TABLE_H
#define TABLE_H

#include <portolan/process.h>

#include "server.h"

#define NUMBERS_MAX 1024u              /* processes */
#define IMAGES_MAX (NUMBERS_MAX + 64u) /* and those that are to replace one */
#define THREADS_MAX 8192u              /* of all processes */
#define FIRST_PROCESS 1u
#define MEMORY_RESERVE (512ul << 10) /* of the server's budget, never given away */
#define LIMIT_MEMORY_DEFAULT (256ul << 20)

struct process_thread {
    handle_t handle;
    uint32_t slot;
    uint64_t koid;
    struct process_thread *next;
};

struct process {
    uint64_t serial; /* 0: free */
    uint32_t number, parent, group, session;
    enum process_state state;
    bool replaces; /* NEW: to take its parent's place */
    bool leaves;   /* it has had its end decided; waits for the task's death */
    bool changed;  /* stopped or continued, and its parent does not know yet */
    bool orphan;   /* nobody will wait for it */
    bool has_exec; /* it has replaced its program: POSIX setpgid */
    handle_t task;
    struct process_thread *threads;
    uint64_t slots[PROCESS_THREADS_MAX / 64]; /* in use */

    handle_t page; /* the signal page, or HANDLE_NONE: then the next three count */
    uint64_t sent, ignored, mask;

    uint32_t status;                       /* as waitpid gives it */
    uint64_t started, time, children_time; /* ns; time: of threads that are gone */
    uint64_t budget;
    uint64_t limits[PROCESS_LIMITS][2];
    uint64_t alarm, alarm_interval; /* deadline, or 0; ns */
    handle_t terminal;              /* of a session's leader */
    uint64_t terminal_number;
    char name[PROCESS_NAME_MAX];
};

extern struct server server;
extern struct process images[IMAGES_MAX];
extern uint32_t images_used; /* those beyond were never in use */

#define FOR_EACH_PROCESS(each)                                                                     \
    for (struct process *each = images; each < images + images_used; each++)                       \
        if (each->serial != 0 && each->number != 0)

/* ---- table.c --------------------------------------------------------------------------------- */

/* A fresh image, or NULL. */
struct process *image_allocate(void);
void image_free(struct process *image);
uint64_t image_badge(const struct process *image);
/* The image that a badge names, or NULL. */
struct process *image_of_badge(uint64_t badge);
/* A number that is no process's, group's or session's; 0: too many. */
uint32_t number_allocate(void);
void number_set(uint32_t number, struct process *image);
/* The process with that number, zombies too, or NULL. */
struct process *process_find(uint32_t number);
/* One that runs or is stopped. */
static inline bool process_lives(const struct process *process)
{
    return process->state == PROCESS_RUNNING || process->state == PROCESS_STOPPED;
}
/* The requester, or NULL: the system, or nobody any more (then *error is -ESRCH). */
struct process *requester(const struct request *request, int64_t *error);
static inline bool is_system(const struct request *request)
{
    return request->badge == 0;
}

int64_t thread_add(struct process *process, handle_t handle);
void thread_remove(struct process *process, struct process_thread *thread);
void threads_close(struct process *process);
struct process_thread *thread_of_slot(struct process *process, uint32_t slot);
struct process_thread *thread_of_koid(struct process *process, uint64_t koid);
/* Processor time of its threads, those of the past included. */
uint64_t process_time(struct process *process);

/* Gives the process more of the pool. 0, -ENOMEM. */
int64_t process_grow(struct process *process, uint64_t bytes);
/* Whether that much may be taken from the pool. */
bool pool_has(uint64_t bytes);

/* ---- create.c -------------------------------------------------------------------------------- */

server_handler do_create, do_start;
/* What the requester created and has not started, or NULL. */
struct process *image_unstarted(const struct request *request, uint64_t id, int64_t *error);
/* Its task is killed; what follows follows from the task's death. */
void process_end(struct process *process, int32_t status);
void process_discard(struct process *image);

/* ---- wait.c ---------------------------------------------------------------------------------- */

server_handler do_wait;
void process_died(struct process *process, int64_t status);
/* Something about a child has changed that somebody may wait for. */
void child_changed(struct process *child);
uint32_t status_of_task(int64_t status);
/* The maker is gone or replaced: what it had created goes. */
void discard_unstarted(uint32_t maker);

/* ---- page.c ---------------------------------------------------------------------------------- */

/* The signal page is made, and what was pending before is in it.  0, -ENOMEM. */
int64_t page_open(struct process *process);
/* Reads `size` bytes (at most a page) into *to.  False: the process has spoilt its page. */
bool page_read(const struct process *process, uint64_t offset, void *to, uint64_t size);
bool page_write(const struct process *process, uint64_t offset, const void *from, uint64_t size);
static inline uint64_t slot_offset(uint32_t slot)
{
    return SIGNAL_SLOTS_OFFSET + slot * sizeof(struct signal_slot);
}

/* ---- signal.c -------------------------------------------------------------------------------- */

#define SIGNAL_BIT(number) (1ull << ((number)-1))

/* Sends a signal (1..SIGNALS) to a process, or one thread of it (slot, else -1).  0, -ESRCH. */
int64_t signal_send(struct process *process, uint32_t number, const struct signal_info *info,
                    int32_t slot);
/* To all of a group. -ESRCH: there is none. */
int64_t signal_group(uint32_t group, uint32_t session, uint32_t number,
                     const struct signal_info *info);
/* A signal's default action happens. */
void signal_default(struct process *process, uint32_t number);
/* What a parent wants of SIGCHLD: SA_NOCLDSTOP, SA_NOCLDWAIT or ignored. */
void signal_child_wishes(const struct process *parent, bool *no_stop, bool *no_wait);
/* A thread has gone that may have been chosen for a signal: another is. */
void signals_choose_again(struct process *process);
server_handler do_kill, do_kill_thread, do_signal_group, do_default_action, do_signals;

/* ---- redirect.c ------------------------------------------------------------------------------ */

/* Sends a thread to libc's entry; fault: NULL, or what it brought upon itself.  False: not now. */
struct thread_fault {
    uint32_t signal, code, vector;
    uint64_t address;
};
bool thread_redirect(struct process *process, struct process_thread *thread,
                     const struct signal_header *header, const struct thread_fault *fault);
void faulted(struct server *at, const struct request *request);

/* ---- group.c --------------------------------------------------------------------------------- */

server_handler do_set_group, do_new_session, do_check_group, do_set_terminal, do_terminal;
/* POSIX 3.264: nobody of the session, but of another group, is parent of one of its members. */
bool group_is_orphan(uint32_t group);
/* A process has left its group, or ended: groups that are orphans now and stopped are told. */
void groups_check(const struct process *process);
/* A session's leader has ended: its terminal hangs up. */
void session_ended(struct process *leader);

/* ---- alarm.c, info.c ------------------------------------------------------------------------- */

server_handler do_alarm, do_identity, do_list, do_times, do_limit, do_grow, do_set_name;
server_handler do_thread_add, do_thread_remove;
void alarms_due(void);
/* The port's timer is set for the first alarm. */
void alarms_arm(void);

/* Signals by number, as <signal.h> has them. */
enum {
    SIGHUP = 1,
    SIGQUIT = 3,
    SIGILL = 4,
    SIGTRAP = 5,
    SIGFPE = 8,
    SIGKILL = 9,
    SIGBUS = 10,
    SIGSEGV = 11,
    SIGALRM = 14,
    SIGURG = 16,
    SIGSTOP = 17,
    SIGTSTP = 18,
    SIGCONT = 19,
    SIGCHLD = 20,
    SIGTTIN = 21,
    SIGTTOU = 22,
    SIGWINCH = 28,
};
enum { SI_USER = 0, SI_QUEUE = -1, SI_TIMER = -2, SI_KERNEL = 0x80 };
enum { CLD_EXITED = 1, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED };
#ifndef ESRCH
#define ESRCH 3
#define ECHILD 10
#define EACCES 13
#define ENXIO 6
#endif

#endif
