/*
 * fork: a new task whose memory is a copy-on-write copy of this one's at the same addresses.
 *
 * The parent makes everything: it grants the child its handles, clones the VM objects of what is
 * private (paid for by the child) and maps them.  What the child has to know, which handle has
 * which number there, is noted in struct forking, on the caller's stack: so the region with that
 * stack is cloned last of all, and what is known only then goes into the child's message page.  The
 * child comes back from __libc_fork_mark a second time, and puts its handles in order.
 *
 * Held throughout: the locks of fork_hooks.c, so that nothing moves, and signals.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <portolan/message.h>

#include "descriptor.h"
#include "fork_hooks.h"
#include "lock.h"
#include "memory.h"
#include "process.h"
#include "process_call.h"
#include "program.h"
#include "pthread_sched.h"
#include "signal_state.h"
#include "syscall.h"

#define BUDGET_SPARE (256ul << 10)
#define DEFAULT_FLAGS (KERNEL_MAP_FIXED | KERNEL_MAP_READ | KERNEL_MAP_WRITE)

struct fork_mark {
    uint64_t registers[8]; /* see fork_mark.S */
    uint32_t mxcsr;
    uint16_t x87_control;
} __attribute__((aligned(16)));

int __libc_fork_mark(struct fork_mark *mark) __attribute__((returns_twice));
void __libc_fork_resume(void);

/* A handle of the child's, and where it belongs. */
struct fork_handle {
    handle_t *where;
    handle_t number;
};
struct fork_region {
    struct memory_region *region;
    handle_t vmo, session;
};

struct forking {
    struct fork_mark mark;
    handle_t task, page; /* the child's task and signal page */
    uint64_t id;
    int64_t number;
    handle_t session, own_task; /* their numbers in the child */
    struct fork_handle *handles;
    struct fork_region *regions;
    uint32_t handle_count, region_count;
    struct memory_region *last; /* with the stack */
    handle_t message_vmo;
    uint64_t message_offset;
};

/* At the start of the child's message page. */
struct fork_late {
    handle_t thread, stack_vmo;
};

/* A copy that the child can correct; the original is constant. */
static struct startup startup_copy;

/* ---- Parent: handles ------------------------------------------------------------------------- */

static uint32_t count_files(void)
{
    struct open_file *file;
    bool close_on_exec;
    uint32_t count = 0;
    for (int i = 0;
         i < DESCRIPTORS_MAX && (i = __libc_descriptor_next(i, &file, &close_on_exec)) >= 0; i++)
        count++;
    return count;
}

static uint32_t count_regions(void)
{
    uint32_t count = 0;
    for (struct memory_region *at = __libc_memory_first(); at; at = at->next)
        count++;
    return count;
}

/* Grants a handle and notes where its number belongs.  What is closed already is none there. */
static int64_t give(struct forking *forking, handle_t *where)
{
    for (uint32_t i = 0; i < forking->handle_count; i++) {
        if (forking->handles[i].where == where)
            return 0;
    }
    int64_t number = *where ? sys_handle_grant(forking->task, *where, RIGHTS_SAME) : HANDLE_NONE;
    if (number == -EBADF)
        number = HANDLE_NONE;
    if (number < 0)
        return number;
    forking->handles[forking->handle_count++] = (struct fork_handle){where, (handle_t)number};
    return 0;
}

static int64_t give_files(struct forking *forking)
{
    struct open_file *file;
    bool close_on_exec;
    int64_t error = 0;
    for (int i = 0; i < DESCRIPTORS_MAX && error == 0; i++) {
        i = __libc_descriptor_next(i, &file, &close_on_exec);
        if (i < 0)
            break;
        error = give(forking, &file->handle);
    }
    return error;
}

static int64_t give_startup(struct forking *forking)
{
    struct startup *startup = &startup_copy;
    int64_t error = give(forking, &startup->clock);
    if (error == 0)
        error = give(forking, &__libc_process.tree);
    for (uint32_t i = 0; i < startup->handle_count && i < STARTUP_HANDLES_MAX && error == 0; i++) {
        /* Those that are kept elsewhere. */
        const char *name = startup->handles[i].name;
        if (strcmp(name, "process") != 0 && strcmp(name, "tree") != 0 && strcmp(name, "args") != 0)
            error = give(forking, &startup->handles[i].handle);
    }
    if (error < 0)
        return error;
    int64_t task = sys_handle_grant(forking->task, forking->task, RIGHTS_SAME);
    forking->own_task = (handle_t)task;
    return task < 0 ? task : 0;
}

/* ---- Parent: memory -------------------------------------------------------------------------- */

/* Of the heap only the start is there. */
static size_t mapped_length(const struct memory_region *region)
{
    return region->flags & MEMORY_HEAP ? __libc_heap_resident() : region->length;
}

/* The child's copy: its handle here. */
static int64_t clone_region(const struct forking *forking, const struct memory_region *region)
{
    int64_t clone =
        sys_vmo_clone_for(forking->task, region->vmo, region->offset, mapped_length(region));
    if (clone < 0 || !(region->flags & MEMORY_HEAP))
        return clone;
    int64_t error = sys_vmo_resize((handle_t)clone, region->length);
    if (error == 0)
        return clone;
    sys_handle_close((handle_t)clone);
    return error;
}

/* Maps `vmo` in the child and grants it: its number there. */
static int64_t place(const struct forking *forking, const struct memory_region *region,
                     handle_t vmo, uint64_t offset)
{
    int64_t result = sys_map(forking->task, vmo, offset, mapped_length(region), region->address,
                             region->access | KERNEL_MAP_FIXED);
    return result < 0 ? result : sys_handle_grant(forking->task, vmo, RIGHTS_SAME);
}

/* A pthread's message page lies in the copy of its memory. */
static bool has_message_page(const struct memory_region *region)
{
    uintptr_t area = (uintptr_t)thread_self()->area;
    return area >= region->address && area - region->address < region->length;
}

static int64_t copy_region(struct forking *forking, struct memory_region *region)
{
    int64_t clone = clone_region(forking, region);
    if (clone < 0)
        return clone;
    int64_t number = place(forking, region, (handle_t)clone, 0);
    if (number >= 0 && has_message_page(region)) {
        forking->message_vmo = (handle_t)clone;
        forking->message_offset = (uintptr_t)thread_self()->area - region->address;
    } else {
        sys_handle_close((handle_t)clone);
    }
    return number;
}

static int64_t share_region(const struct forking *forking, struct fork_region *to)
{
    const struct memory_region *region = to->region;
    if (region->session != HANDLE_NONE) {
        int64_t session = sys_handle_grant(forking->task, region->session, RIGHTS_SAME);
        if (session < 0)
            return session;
        to->session = (handle_t)session;
    }
    return place(forking, region, region->vmo, region->offset);
}

/* Other threads' stacks stay behind. */
static bool is_copied(const struct memory_region *region)
{
    const struct __pthread *self = thread_self();
    return !(region->flags & MEMORY_THREAD) || region == &self->memory;
}

static int64_t copy_regions(struct forking *forking)
{
    const char *here = __builtin_frame_address(0);
    for (struct memory_region *at = __libc_memory_first(); at; at = at->next) {
        if (!is_copied(at) || mapped_length(at) == 0)
            continue;
        struct fork_region *to = &forking->regions[forking->region_count++];
        *to = (struct fork_region){.region = at};
        if ((uintptr_t)here - at->address < at->length) {
            forking->last = at;
            continue;
        }
        int64_t number =
            at->flags & MEMORY_SHARED ? share_region(forking, to) : copy_region(forking, at);
        if (number < 0)
            return number;
        to->vmo = (handle_t)number;
    }
    return forking->last ? 0 : -ENOMEM;
}

/* Data is copied, code and constants are shared; the program's constants after relocation are
 * protected as in start.c. */
static int64_t copy_program(struct forking *forking)
{
    for (uint32_t i = 0; i < startup_copy.segment_count; i++) {
        struct startup_segment *segment = &startup_copy.segments[i];
        struct memory_region region = {.address = segment->address,
                                       .length = segment->length,
                                       .vmo = segment->vmo,
                                       .access = segment->flags};
        int64_t number = segment->flags & KERNEL_MAP_WRITE
                             ? copy_region(forking, &region)
                             : place(forking, &region, segment->vmo, 0);
        if (number < 0)
            return number;
        forking->handles[forking->handle_count++] =
            (struct fork_handle){&segment->vmo, (handle_t)number};
    }
    return 0;
}

static int64_t protect(const struct forking *forking)
{
    const struct __pthread *self = thread_self();
    const Elf64_Phdr *header = program_header(PT_GNU_RELRO);
    int64_t error = 0;
    if (header) {
        uintptr_t start = (program_bias() + header->p_vaddr) & ~(PAGE_SIZE - 1);
        uintptr_t end = (program_bias() + header->p_vaddr + header->p_memsz) & ~(PAGE_SIZE - 1);
        if (end > start)
            error = sys_protect(forking->task, start, end - start, KERNEL_MAP_READ);
    }
    if (error == 0 && self->guard_size)
        error = sys_protect(forking->task, self->memory.address, self->guard_size, 0);
    return error;
}

/* The first thread's message page is none of its memory: a fresh one, where this one's is. */
static int64_t make_message_page(struct forking *forking)
{
    if (forking->message_vmo != HANDLE_NONE)
        return 0;
    int64_t vmo = sys_vmo_create_for(forking->task, VMO_ANONYMOUS, MESSAGE_AREA_SIZE, 0, 0);
    if (vmo < 0)
        return vmo;
    forking->message_vmo = (handle_t)vmo;
    int64_t result = sys_map(forking->task, (handle_t)vmo, 0, MESSAGE_AREA_SIZE,
                             (uintptr_t)thread_self()->area, DEFAULT_FLAGS);
    return result < 0 ? result : 0;
}

static int64_t map_clock(const struct forking *forking)
{
    if (startup_copy.clock_address == 0)
        return 0;
    int64_t result = sys_map(forking->task, startup_copy.clock, 0, PAGE_SIZE,
                             startup_copy.clock_address, KERNEL_MAP_READ | KERNEL_MAP_FIXED);
    return result < 0 ? result : 0;
}

/* The child's own page, at the same place, with what this process wants of signals. */
static int64_t fill_signal_page(const struct forking *forking)
{
    if (forking->page == HANDLE_NONE)
        return 0;
    struct message_area *area = thread_self()->area;
    struct signal_header header = {.taken = 0};
    memcpy(&header.caught, &__libc_signal_page->caught,
           offsetof(struct signal_header, info) - offsetof(struct signal_header, caught));
    header.waiters = 0;
    uint64_t mask = *signal_mask_of(thread_self()->signal_slot);
    const struct signal_slot *slot = signal_slot_of(thread_self()->signal_slot);
    struct signal_slot child = {.stack_low = slot->stack_low, .stack_high = slot->stack_high};
    memcpy(area->bytes, &header, offsetof(struct signal_header, info));
    int64_t error = sys_vmo_write(forking->page, 0, offsetof(struct signal_header, info));
    memcpy(area->bytes, &mask, sizeof mask);
    if (error == 0)
        error = sys_vmo_write(forking->page, SIGNAL_MASKS_OFFSET, sizeof mask);
    memcpy(area->bytes, &child, sizeof child);
    if (error == 0 && slot->stack_low != slot->stack_high)
        error = sys_vmo_write(forking->page, SIGNAL_SLOTS_OFFSET, sizeof child);
    int64_t address = error;
    if (error == 0)
        address = sys_map(forking->task, forking->page, 0, SIGNAL_PAGE_SIZE,
                          (uintptr_t)__libc_signal_page, DEFAULT_FLAGS);
    return address < 0 ? address : 0;
}

/* ---- Parent: the whole ----------------------------------------------------------------------- */

static int64_t create(struct forking *forking)
{
    const struct task_info *info = (const struct task_info *)thread_self()->area->bytes;
    if (sys_task_info(__libc_process.task) < 0)
        return -EAGAIN;
    uint64_t budget = info->used + BUDGET_SPARE;
    if (budget < PROCESS_BUDGET_DEFAULT)
        budget = PROCESS_BUDGET_DEFAULT;
    struct message head = {.op = PROCESS_CREATE,
                           .arg = {__libc_signal_page ? PROCESS_SIGNAL_PAGE : 0, budget, 0}};
    forking->number = __libc_process_do(&head, 0);
    if (forking->number < 0)
        return forking->number;
    forking->task = thread_self()->area->handles[0].handle;
    if (MESSAGE_FLAG_HANDLES(head.flags) == 2)
        forking->page = thread_self()->area->handles[1].handle;
    forking->id = head.arg[0];
    forking->session = (handle_t)head.arg[1];
    return 0;
}

static int64_t make_thread(const struct forking *forking)
{
    const struct __pthread *self = thread_self();
    const struct thread_creation creation = {
        .task = forking->task,
        .entry = (uint64_t)__libc_fork_resume,
        .stack = (uint64_t)&forking->mark,
        .message_vmo = forking->message_vmo,
        .message_offset = forking->message_offset,
        .message_address = (uintptr_t)self->area,
        .priority = self->priority == PRIORITY_UNKNOWN
                        ? PRIORITY_DEFAULT
                        : __libc_kernel_priority(self->policy, self->priority),
        .cpu = -1,
        .fs_base = (uint64_t)self,
    };
    return sys_thread_create(&creation);
}

/* The copy of the stack, which has to have all the rest in it, and what comes after that. */
static int64_t finish(struct forking *forking)
{
    struct message_area *area = thread_self()->area;
    int64_t stack = copy_region(forking, forking->last);
    int64_t error = stack < 0 ? stack : make_message_page(forking);
    if (error == 0)
        error = protect(forking);
    int64_t thread = error < 0 ? error : make_thread(forking);
    if (thread < 0)
        return thread;
    int64_t number = sys_handle_grant(forking->task, (handle_t)thread, RIGHTS_SAME);
    if (number >= 0) {
        const struct fork_late late = {(handle_t)number, (handle_t)stack};
        memcpy(area->bytes, &late, sizeof late);
        number = sys_vmo_write(forking->message_vmo, forking->message_offset, sizeof late);
    }
    if (number < 0) {
        sys_handle_close((handle_t)thread);
        return number;
    }
    struct process_start start = {.ignored = __libc_signals_ignored(),
                                  .mask = __libc_signals_mask(),
                                  .flags = forking->page ? PROCESS_START_SIGNALS : 0};
    struct message head = {.op = PROCESS_START,
                           .flags = MESSAGE_FLAGS(sizeof start, 1, 0),
                           .arg = {forking->id, 0, 0}};
    memcpy(area->bytes, &start, sizeof start);
    area->handles[0] = (struct message_handle){(handle_t)thread, RIGHTS_SAME, 0};
    return __libc_process_do(&head, 0);
}

static int64_t fill(struct forking *forking)
{
    int64_t error = give_startup(forking);
    if (error == 0)
        error = give_files(forking);
    if (error == 0)
        error = map_clock(forking);
    if (error == 0)
        error = fill_signal_page(forking);
    if (error == 0)
        error = copy_regions(forking);
    if (error == 0)
        error = copy_program(forking);
    return error < 0 ? error : finish(forking);
}

static void close_handles(const struct forking *forking)
{
    if (forking->message_vmo)
        sys_handle_close(forking->message_vmo);
    if (forking->page)
        sys_handle_close(forking->page);
    if (forking->task)
        sys_handle_close(forking->task);
}

static int64_t make_child(struct forking *forking)
{
    int64_t result = create(forking);
    if (result < 0)
        return result;
    result = fill(forking);
    if (result < 0) {
        struct message head = {.op = PROCESS_START, .arg = {forking->id, PROCESS_GIVE_UP, 0}};
        __libc_process_do(&head, 0);
    }
    close_handles(forking);
    return result < 0 ? result : forking->number;
}

/* ---- Child ----------------------------------------------------------------------------------- */

/* The list of regions is made anew out of those that were copied. */
static void correct_regions(const struct forking *forking, handle_t stack_vmo)
{
    __libc_memory_forget();
    for (uint32_t i = 0; i < forking->region_count; i++) {
        struct memory_region *region = forking->regions[i].region;
        region->vmo = region == forking->last ? stack_vmo : forking->regions[i].vmo;
        region->session = forking->regions[i].session;
        if (!(region->flags & MEMORY_SHARED))
            region->offset = 0;
        if (region->flags & MEMORY_HEAP)
            __libc_heap_reset(region->vmo);
        __libc_memory_enter(region);
    }
}

static void become_child(struct forking *forking)
{
    struct __pthread *self = thread_self();
    struct fork_late late;
    memcpy(&late, self->area->bytes, sizeof late);
    for (uint32_t i = 0; i < forking->handle_count; i++)
        *forking->handles[i].where = forking->handles[i].number;
    __libc_process.task = startup_copy.task = forking->own_task;
    startup_copy.thread = self->handle = late.thread;
    self->signals_due = 0;
    self->signal_slot = 0;
    __libc_process_session_reset(forking->session);
    __libc_process_numbers_reset();
    int64_t port = sys_port_create(1);
    if (port < 0)
        __libc_die(EXIT_NO_RESOURCES);
    self->port = (handle_t)port;
    correct_regions(forking, late.stack_vmo);
}

/* ---- The call -------------------------------------------------------------------------------- */

static void copy_startup(void)
{
    if (__libc_process.startup == &startup_copy)
        return;
    startup_copy = *__libc_process.startup;
    __libc_process.startup = &startup_copy;
}

/* 0: in the child; the parent gets its number, or an error. */
static int64_t fork_held(void)
{
    struct forking forking = {.number = 0};
    uint32_t handles = count_files() + STARTUP_HANDLES_MAX + STARTUP_SEGMENTS_MAX + 4;
    forking.handles = __builtin_alloca(handles * sizeof *forking.handles);
    forking.regions = __builtin_alloca((count_regions() + 1) * sizeof *forking.regions);
    if (__libc_fork_mark(&forking.mark) == 0)
        return make_child(&forking);
    become_child(&forking);
    return 0;
}

pid_t fork(void)
{
    struct __pthread *self = thread_self();
    if (__libc_process_session() == HANDLE_NONE)
        return (pid_t)call_return(-ENOSYS);
    __libc_fork_prepare();
    signals_hold(self);
    copy_startup();
    int64_t result = fork_held();
    if (result == 0)
        __libc_fork_child();
    else
        __libc_fork_parent();
    __libc_signals_release(self);
    return (pid_t)call_return(result);
}

/* POSIX.1-2001's vfork may be fork. */
pid_t vfork(void)
{
    return fork();
}
