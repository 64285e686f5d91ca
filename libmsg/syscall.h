/*
 * A C function for every system call, inline.  What each does, needs and returns is described in
 * <portolan/syscall.h>; the names and the order of arguments are the same.
 *
 * The stubs of do and reply+get are part of the path that the message budget measures: eight loads,
 * the instruction, eight stores.  They keep the reply in place of the request.
 *
 * Bulk arguments and results lie in the calling thread's message page: see message_area().
 */
#ifndef LIBMSG_SYSCALL_H
#define LIBMSG_SYSCALL_H

#include <portolan/syscall.h>

/* What get and reply+get tell beside the head. */
struct receipt {
    uint64_t badge, token;
};

static inline __attribute__((always_inline)) int64_t
syscall6(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8)
                     : "0"(number), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline __attribute__((always_inline)) int64_t syscall4(uint64_t number, uint64_t a,
                                                              uint64_t b, uint64_t c, uint64_t d)
{
    register uint64_t r10 __asm__("r10") = d;
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
                     : "0"(number)
                     : "rcx", "r11", "memory");
    return result;
}

static inline __attribute__((always_inline)) int64_t syscall2(uint64_t number, uint64_t a,
                                                              uint64_t b)
{
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a), "+S"(b)
                     : "0"(number)
                     : "rcx", "rdx", "r10", "r11", "memory");
    return result;
}

static inline __attribute__((always_inline)) int64_t syscall1(uint64_t number, uint64_t a)
{
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a)
                     : "0"(number)
                     : "rcx", "rsi", "rdx", "r10", "r11", "memory");
    return result;
}

/* Up to four arguments; *rsi, *rdx and *r10 come back as the kernel left them. */
static inline __attribute__((always_inline)) int64_t
syscall_results(uint64_t number, uint64_t a, uint64_t *rsi, uint64_t *rdx, uint64_t *r10)
{
    register uint64_t d __asm__("r10") = *r10;
    uint64_t b = *rsi, c = *rdx;
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(d)
                     : "0"(number)
                     : "rcx", "r11", "memory");
    *rsi = b, *rdx = c, *r10 = d;
    return result;
}

/* ---- Messages -------------------------------------------------------------------------------- */

typedef uint64_t __attribute__((may_alias)) message_word;

/* A message call: the head to and from its registers. */
static inline __attribute__((always_inline)) int64_t
message_call(uint64_t number, handle_t port, uint64_t *rdi, uint64_t *rsi, struct message *head)
{
    message_word *word = (message_word *)head;
    register uint64_t r8 __asm__("r8") = word[1];
    register uint64_t r9 __asm__("r9") = word[2];
    register uint64_t r10 __asm__("r10") = word[3];
    register uint64_t r12 __asm__("r12") = word[4];
    register uint64_t r13 __asm__("r13") = word[5];
    register uint64_t r14 __asm__("r14") = word[6];
    register uint64_t r15 __asm__("r15") = word[7];
    uint64_t rbx = word[0], a = *rdi, b = *rsi;
    int64_t result = (int64_t)(number | (uint64_t)port << 32);
    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(a), "+S"(b), "+b"(rbx), "+r"(r8), "+r"(r9), "+r"(r10),
                       "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)
                     :
                     : "rcx", "rdx", "r11", "memory");
    word[0] = rbx, word[1] = r8, word[2] = r9, word[3] = r10;
    word[4] = r12, word[5] = r13, word[6] = r14, word[7] = r15;
    *rdi = a, *rsi = b;
    return result;
}

/* The reply's head replaces the request's. */
static inline __attribute__((always_inline)) int64_t sys_do(handle_t port, uint64_t deadline,
                                                            struct message *head)
{
    uint64_t token = 0;
    return message_call(SYS_DO, port, &deadline, &token, head);
}

/* As sys_do; *which is the number of the handle or range that was refused. */
static inline int64_t sys_do_which(handle_t port, uint64_t deadline, struct message *head,
                                   uint64_t *which)
{
    *which = 0;
    return message_call(SYS_DO, port, &deadline, which, head);
}

/* head: the reply to receipt->token; then what was got, and its receipt. */
static inline __attribute__((always_inline)) int64_t
sys_reply_get(handle_t port, uint64_t deadline, struct message *head, struct receipt *receipt)
{
    int64_t kind = message_call(SYS_REPLY_GET, port, &deadline, &receipt->token, head);
    receipt->badge = deadline;
    return kind;
}

/* Nothing goes in but the port and the deadline. */
static inline __attribute__((always_inline)) int64_t
sys_get(handle_t port, uint64_t deadline, struct message *head, struct receipt *receipt)
{
    message_word *word = (message_word *)head;
    register uint64_t r8 __asm__("r8");
    register uint64_t r9 __asm__("r9");
    register uint64_t r10 __asm__("r10");
    register uint64_t r12 __asm__("r12");
    register uint64_t r13 __asm__("r13");
    register uint64_t r14 __asm__("r14");
    register uint64_t r15 __asm__("r15");
    uint64_t rbx, token;
    int64_t kind = (int64_t)(SYS_GET | (uint64_t)port << 32);
    __asm__ volatile("syscall"
                     : "+a"(kind), "+D"(deadline), "=S"(token), "=b"(rbx), "=r"(r8), "=r"(r9),
                       "=r"(r10), "=r"(r12), "=r"(r13), "=r"(r14), "=r"(r15)
                     :
                     : "rcx", "rdx", "r11", "memory");
    word[0] = rbx, word[1] = r8, word[2] = r9, word[3] = r10;
    word[4] = r12, word[5] = r13, word[6] = r14, word[7] = r15;
    *receipt = (struct receipt){.badge = deadline, .token = token};
    return kind;
}

/* *id names the message until it ends; written on success only.  The head is left as it was. */
static inline int64_t sys_send(handle_t port, handle_t reply_port, const struct message *head,
                               uint64_t *id)
{
    struct message copy = *head;
    uint64_t rdi = 0, rsi = reply_port;
    int64_t result = message_call(SYS_SEND, port, &rdi, &rsi, &copy);
    if (result == 0)
        *id = rsi;
    return result;
}

static inline int64_t sys_reply(uint64_t token, const struct message *head)
{
    struct message copy = *head;
    uint64_t rdi = 0;
    return message_call(SYS_REPLY, HANDLE_NONE, &rdi, &token, &copy);
}

static inline int64_t sys_forward(handle_t port, uint64_t token, const struct message *head)
{
    struct message copy = *head;
    uint64_t rdi = 0;
    return message_call(SYS_FORWARD, port, &rdi, &token, &copy);
}

static inline int64_t sys_abort(uint64_t id)
{
    return syscall1(SYS_ABORT, id);
}

static inline int64_t sys_notify(handle_t port, uint64_t bits)
{
    return syscall2(SYS_NOTIFY, port, bits);
}

static inline int64_t sys_message_info(uint64_t token)
{
    return syscall1(SYS_MESSAGE_INFO, token);
}

/* ---- Ports and handles ----------------------------------------------------------------------- */

static inline int64_t sys_port_create(uint32_t capacity)
{
    return syscall1(SYS_PORT_CREATE, capacity);
}

static inline int64_t sys_port_timer(handle_t port, uint64_t deadline)
{
    return syscall2(SYS_PORT_TIMER, port, deadline);
}

static inline int64_t sys_handle_close(handle_t handle)
{
    return syscall1(SYS_HANDLE_CLOSE, handle);
}

static inline int64_t sys_handle_duplicate(handle_t handle, uint32_t rights, uint64_t badge)
{
    return syscall4(SYS_HANDLE_DUPLICATE, handle, rights, badge, 0);
}

/* -> type */
static inline int64_t sys_handle_info(handle_t handle, uint64_t *rights, uint64_t *koid)
{
    uint64_t unused = 0;
    *rights = *koid = 0;
    return syscall_results(SYS_HANDLE_INFO, handle, rights, koid, &unused);
}

static inline int64_t sys_handle_grant(handle_t task, handle_t handle, uint32_t rights)
{
    return syscall4(SYS_HANDLE_GRANT, task, handle, rights, 0);
}

static inline int64_t sys_watch(handle_t handle, handle_t port, uint64_t cookie)
{
    return syscall4(SYS_WATCH, handle, port, cookie, 0);
}

/* ---- Tasks and threads ----------------------------------------------------------------------- */

static inline int64_t sys_task_create(uint64_t budget)
{
    return syscall1(SYS_TASK_CREATE, budget);
}

static inline int64_t sys_task_kill(handle_t task, int32_t status)
{
    return syscall2(SYS_TASK_KILL, task, (uint64_t)(int64_t)status);
}

static inline int64_t sys_task_info(handle_t task)
{
    return syscall1(SYS_TASK_INFO, task);
}

static inline int64_t sys_task_set_exception_port(handle_t task, handle_t port)
{
    return syscall2(SYS_TASK_SET_EXCEPTION_PORT, task, port);
}

static inline int64_t sys_task_add_budget(handle_t task, int64_t delta)
{
    return syscall2(SYS_TASK_ADD_BUDGET, task, (uint64_t)delta);
}

/* Everything that thread_create takes. */
struct thread_creation {
    handle_t task, message_vmo;
    uint64_t entry, stack, arg;
    uint64_t message_offset, message_address;
    int32_t priority, cpu; /* cpu -1: any */
    uint64_t fs_base;
};

static inline int64_t sys_thread_create(const struct thread_creation *c)
{
    register uint64_t r10 __asm__("r10") = c->arg;
    register uint64_t r8 __asm__("r8") = c->message_vmo;
    register uint64_t r9 __asm__("r9") = c->message_offset;
    register uint64_t r12 __asm__("r12") = c->message_address;
    register uint64_t r13 __asm__("r13") = (uint64_t)(int64_t)c->priority;
    register uint64_t r14 __asm__("r14") = (uint64_t)(int64_t)c->cpu;
    register uint64_t r15 __asm__("r15") = c->fs_base;
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((uint64_t)SYS_THREAD_CREATE), "D"((uint64_t)c->task), "S"(c->entry),
                       "d"(c->stack), "r"(r10), "r"(r8), "r"(r9), "r"(r12), "r"(r13), "r"(r14),
                       "r"(r15)
                     : "rcx", "r11", "memory");
    return result;
}

static inline int64_t sys_thread_start(handle_t thread)
{
    return syscall1(SYS_THREAD_START, thread);
}

static inline _Noreturn void sys_thread_exit(int32_t status)
{
    syscall1(SYS_THREAD_EXIT, (uint64_t)(int64_t)status);
    __builtin_unreachable();
}

static inline int64_t sys_thread_kill(handle_t thread, int32_t status)
{
    return syscall2(SYS_THREAD_KILL, thread, (uint64_t)(int64_t)status);
}

static inline int64_t sys_thread_suspend(handle_t thread)
{
    return syscall2(SYS_THREAD_SUSPEND, thread, 0);
}

static inline int64_t sys_thread_resume(handle_t thread)
{
    return syscall1(SYS_THREAD_RESUME, thread);
}

static inline int64_t sys_thread_interrupt(handle_t thread)
{
    return syscall1(SYS_THREAD_INTERRUPT, thread);
}

static inline int64_t sys_thread_read_state(handle_t thread)
{
    return syscall1(SYS_THREAD_READ_STATE, thread);
}

static inline int64_t sys_thread_write_state(handle_t thread)
{
    return syscall2(SYS_THREAD_WRITE_STATE, thread, THREAD_STATE_ALL);
}

/* RIP, RSP and RFLAGS alone: safe while the thread waits in a system call. */
static inline int64_t sys_thread_write_control(handle_t thread)
{
    return syscall2(SYS_THREAD_WRITE_STATE, thread, THREAD_STATE_CONTROL);
}

static inline int64_t sys_thread_set(handle_t thread, int32_t priority, int32_t cpu)
{
    return syscall4(SYS_THREAD_SET, thread, (uint64_t)(int64_t)priority, (uint64_t)(int64_t)cpu, 0);
}

static inline int64_t sys_thread_set_fs(uint64_t address)
{
    return syscall1(SYS_THREAD_SET_FS, address);
}

static inline int64_t sys_thread_yield(void)
{
    return syscall1(SYS_THREAD_YIELD, 0);
}

static inline int64_t sys_sleep(uint64_t deadline)
{
    return syscall1(SYS_SLEEP, deadline);
}

static inline int64_t sys_thread_info(handle_t thread)
{
    return syscall1(SYS_THREAD_INFO, thread);
}

static inline int64_t sys_null(void)
{
    return syscall1(SYS_NULL, 0);
}

/* ---- Address spaces -------------------------------------------------------------------------- */

/* -> address, or a negative error */
static inline int64_t sys_map(handle_t task, handle_t vmo, uint64_t offset, uint64_t length,
                              uint64_t address, uint32_t flags)
{
    return syscall6(SYS_MAP, task, vmo, offset, length, address, flags);
}

static inline int64_t sys_unmap(handle_t task, uint64_t address, uint64_t length)
{
    return syscall4(SYS_UNMAP, task, address, length, 0);
}

static inline int64_t sys_protect(handle_t task, uint64_t address, uint64_t length, uint32_t flags)
{
    return syscall4(SYS_PROTECT, task, address, length, flags);
}

/* ---- VM objects ------------------------------------------------------------------------------ */

static inline int64_t sys_vmo_create(enum vmo_kind kind, uint64_t size, uint64_t argument,
                                     uint32_t flags)
{
    return syscall6(SYS_VMO_CREATE, kind, size, argument, flags, HANDLE_NONE, 0);
}

/* Charged to another task (MANAGE). */
static inline int64_t sys_vmo_create_for(handle_t task, enum vmo_kind kind, uint64_t size,
                                         uint64_t argument, uint32_t flags)
{
    return syscall6(SYS_VMO_CREATE, kind, size, argument, flags, task, 0);
}

static inline int64_t sys_vmo_create_physical(handle_t resource, uint64_t address, uint64_t size,
                                              enum vmo_cache cache)
{
    return syscall4(SYS_VMO_CREATE_PHYSICAL, resource, address, size, cache);
}

static inline int64_t sys_vmo_create_paged(handle_t port, uint64_t size, uint64_t key,
                                           uint64_t dirty_room)
{
    return syscall4(SYS_VMO_CREATE_PAGED, port, size, key, dirty_room);
}

static inline int64_t sys_vmo_resize(handle_t vmo, uint64_t size)
{
    return syscall2(SYS_VMO_RESIZE, vmo, size);
}

static inline int64_t sys_vmo_read(handle_t vmo, uint64_t offset, uint64_t length)
{
    return syscall4(SYS_VMO_READ, vmo, offset, length, 0);
}

static inline int64_t sys_vmo_write(handle_t vmo, uint64_t offset, uint64_t length)
{
    return syscall4(SYS_VMO_WRITE, vmo, offset, length, 0);
}

static inline int64_t sys_vmo_clone(handle_t vmo, uint64_t offset, uint64_t length)
{
    return syscall4(SYS_VMO_CLONE, vmo, offset, length, HANDLE_NONE);
}

/* Charged to another task (MANAGE). */
static inline int64_t sys_vmo_clone_for(handle_t task, handle_t vmo, uint64_t offset,
                                        uint64_t length)
{
    return syscall4(SYS_VMO_CLONE, vmo, offset, length, task);
}

static inline int64_t sys_vmo_slice(handle_t vmo, uint64_t offset, uint64_t length)
{
    return syscall4(SYS_VMO_SLICE, vmo, offset, length, 0);
}

static inline int64_t sys_vmo_commit(handle_t vmo, uint64_t offset, uint64_t length)
{
    return syscall4(SYS_VMO_COMMIT, vmo, offset, length, 0);
}

static inline int64_t sys_vmo_decommit(handle_t vmo, uint64_t offset, uint64_t length)
{
    return syscall4(SYS_VMO_DECOMMIT, vmo, offset, length, 0);
}

/* -> number of device addresses in the message bytes */
static inline int64_t sys_pin(handle_t vmo, uint64_t offset, uint64_t length, handle_t domain,
                              uint64_t *id)
{
    uint64_t rdx = length, r10 = domain;
    *id = offset;
    return syscall_results(SYS_PIN, vmo, id, &rdx, &r10);
}

static inline int64_t sys_unpin(handle_t domain, uint64_t id)
{
    return syscall2(SYS_UNPIN, domain, id);
}

struct vmo_information {
    uint64_t size;     /* bytes */
    uint64_t resident; /* pages */
    uint64_t kind;     /* enum vmo_kind | enum vmo_cache << 8 */
};

static inline int64_t sys_vmo_info(handle_t vmo, struct vmo_information *info)
{
    *info = (struct vmo_information){0};
    return syscall_results(SYS_VMO_INFO, vmo, &info->size, &info->resident, &info->kind);
}

/* ---- For pagers ------------------------------------------------------------------------------ */

static inline int64_t sys_vmo_supply(handle_t vmo, uint64_t offset, uint64_t length,
                                     handle_t source, uint64_t source_offset)
{
    return syscall6(SYS_VMO_SUPPLY, vmo, offset, length, source, source_offset, 0);
}

static inline int64_t sys_vmo_fail(handle_t vmo, uint64_t offset, uint64_t length, int error)
{
    return syscall4(SYS_VMO_FAIL, vmo, offset, length, (uint64_t)(int64_t)error);
}

/* -> number of ranges in the message bytes; *next: where to go on */
static inline int64_t sys_vmo_dirty_query(handle_t vmo, uint64_t offset, uint64_t length,
                                          uint64_t *next)
{
    uint64_t rdx = length, r10 = 0;
    *next = offset;
    return syscall_results(SYS_VMO_DIRTY_QUERY, vmo, next, &rdx, &r10);
}

static inline int64_t sys_vmo_writeback_begin(handle_t vmo, uint64_t offset, uint64_t length)
{
    return syscall4(SYS_VMO_WRITEBACK_BEGIN, vmo, offset, length, 0);
}

static inline int64_t sys_vmo_writeback_end(handle_t vmo, uint64_t offset, uint64_t length)
{
    return syscall4(SYS_VMO_WRITEBACK_END, vmo, offset, length, 0);
}

static inline int64_t sys_vmo_dirty_room(handle_t vmo, uint64_t pages)
{
    return syscall2(SYS_VMO_DIRTY_ROOM, vmo, pages);
}

static inline int64_t sys_vmo_set_pager(handle_t vmo, handle_t port, uint64_t key)
{
    return syscall4(SYS_VMO_SET_PAGER, vmo, port, key, 0);
}

/* ---- Hardware -------------------------------------------------------------------------------- */

static inline int64_t sys_resource_create(handle_t resource, enum resource_kind kind, uint64_t base,
                                          uint64_t length)
{
    return syscall4(SYS_RESOURCE_CREATE, resource, kind, base, length);
}

static inline int64_t sys_ioport_read(handle_t resource, uint64_t port, uint64_t width)
{
    return syscall4(SYS_IOPORT_READ, resource, port, width, 0);
}

static inline int64_t sys_ioport_write(handle_t resource, uint64_t port, uint64_t width,
                                       uint64_t value)
{
    return syscall4(SYS_IOPORT_WRITE, resource, port, width, value);
}

static inline int64_t sys_irq_create(handle_t resource, uint64_t gsi, uint32_t flags)
{
    return syscall4(SYS_IRQ_CREATE, resource, gsi, flags, 0);
}

/* -> the first vector's handle; what the device must be told in *address and *data */
static inline int64_t sys_irq_create_msi(handle_t resource, uint64_t count, handle_t domain,
                                         int32_t cpu, uint64_t *address, uint64_t *data)
{
    uint64_t r10 = (uint64_t)(int64_t)cpu;
    *address = count, *data = domain;
    return syscall_results(SYS_IRQ_CREATE_MSI, resource, address, data, &r10);
}

static inline int64_t sys_irq_bind(handle_t irq, handle_t port, uint64_t bits)
{
    return syscall4(SYS_IRQ_BIND, irq, port, bits, 0);
}

static inline int64_t sys_irq_ack(handle_t irq)
{
    return syscall1(SYS_IRQ_ACK, irq);
}

static inline int64_t sys_domain_create(handle_t resource, uint64_t device)
{
    return syscall2(SYS_DOMAIN_CREATE, resource, device);
}

static inline int64_t sys_domain_reset(handle_t domain, uint32_t flags)
{
    return syscall2(SYS_DOMAIN_RESET, domain, flags);
}

static inline int64_t sys_domain_info(handle_t domain, uint64_t *pinned)
{
    uint64_t rdx = 0, r10 = 0;
    *pinned = 0;
    return syscall_results(SYS_DOMAIN_INFO, domain, pinned, &rdx, &r10);
}

/* ---- The system ------------------------------------------------------------------------------ */

static inline int64_t sys_system_info(void)
{
    return syscall1(SYS_SYSTEM_INFO, 0);
}

static inline int64_t sys_debug_write(handle_t log, uint64_t length)
{
    return syscall2(SYS_DEBUG_WRITE, log, length);
}

/* -> bytes read; *position moves on */
static inline int64_t sys_debug_read(handle_t log, uint64_t *position)
{
    uint64_t rdx = 0, r10 = 0;
    return syscall_results(SYS_DEBUG_READ, log, position, &rdx, &r10);
}

/* -> the consoles that are on; *unseen: see there */
static inline int64_t sys_debug_console(handle_t log, uint32_t off, uint32_t on, uint64_t *unseen)
{
    uint64_t rdx = on, r10 = 0;
    *unseen = off;
    return syscall_results(SYS_DEBUG_CONSOLE, log, unseen, &rdx, &r10);
}

static inline int64_t sys_power(handle_t resource, uint32_t action, uint64_t argument)
{
    return syscall4(SYS_POWER, resource, action, argument, 0);
}

static inline int64_t sys_random(uint64_t length)
{
    return syscall1(SYS_RANDOM, length);
}

/* trace: action 0 stop, 1 start, 2 read -> events read; *position moves on */
static inline int64_t sys_trace(handle_t log, uint32_t action, uint64_t *position)
{
    uint64_t rsi = action, r10 = 0, rdx = *position;
    int64_t result = syscall_results(SYS_TRACE, log, &rsi, &rdx, &r10);
    *position = rsi;
    return result;
}

#endif
