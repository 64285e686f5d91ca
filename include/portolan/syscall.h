/*
 * Every system call of the Portolan kernel: numbers, arguments, rights, errors, and when it waits.
 *
 * How a call is made
 *   RAX holds the number; arguments go in RDI, RSI, RDX, R10, R8, R9; the result comes back in RAX
 *   (>= 0, or a negative error number).  RCX and R11 are lost; RDI, RSI, RDX and R10 may have been
 *   changed (by further results, or by a long call that was done in pieces); all others are
 * preserved.
 *
 *   The message calls (DO, SEND, GET, REPLY, REPLY_GET, FORWARD) are made otherwise: RAX holds the
 *   number in bits 0..7 and a port's handle in bits 32..63, RDI a deadline, RSI a token or second
 *   handle; the head travels in RBX, R8, R9, R10, R12, R13, R14, R15 (op|flags<<32, cookie, result,
 *   offset, length, arg[0..2]).  On return RAX is the result, RDI the badge, RSI the token, and the
 *   head is in the same registers.  Only RBP and RSP are preserved.
 *
 * Errors that any call may give are not repeated below:
 *   -EBADF   a handle is not this task's, or not of the type the call takes
 *   -EPERM   the handle lacks a right the call needs
 *   -ENOMEM  the task's budget, or the machine's memory, is used up
 *   -ENOSYS  no such call
 * Arguments are checked from left to right; nothing has been done when an error is returned,
 * unless said otherwise.  Reserved flag bits must be zero (-EINVAL).  Offsets and lengths are in
 * bytes; "aligned" means to PAGE_SIZE.  offset + length beyond the object, or overflowing: -ERANGE.
 * The kernel never reads or writes a user address: bulk arguments lie in the message page.
 */
#ifndef PORTOLAN_SYSCALL_H
#define PORTOLAN_SYSCALL_H

#include <portolan/errors.h>
#include <portolan/message.h>
#include <portolan/types.h>

enum syscall_number {
    /* ---- Messages ------------------------------------------------------------------------- */

    /*
     * do(port SEND, deadline, head) -> status, head of the reply
     *   Sends and waits until the message ends.  0: replied.
     *   Lent ranges are made resident first (may wait for their pagers), then pinned.
     *   Bytes of the reply land in the message page, handles in the caller's table.
     *   -EDEAD the receiver or port died; -ETIMEDOUT deadline passed (message and loans ended);
     *   -EABORTED given up by msg_abort or thread_interrupt; -EINVAL flags malformed;
     *   -ERANGE/-EBADF/-EPERM a handle or range to be sent is wrong (RSI: which one);
     *   -E2BIG a range longer than LOAN_BYTES_MAX; -EAGAIN the port's queue is full;
     *   -EMFILE the message was answered, but the caller's table had no room for its handles,
     *   which are closed (the head is valid).
     */
    SYS_DO = 1,

    /*
     * reply_get(port RECEIVE, deadline, token, head) -> kind, badge, token, head
     *   Ends the message named by token, then gets the next from port.  Errors of reply come back
     *   without waiting for a message.  Loans of the message are dead before its sender runs.
     */
    SYS_REPLY_GET = 2,

    /*
     * get(port RECEIVE, deadline) -> enum get_kind, badge, token, head
     *   Waits for a message, reply, notification or kernel message; highest sender's priority
     *   first, then in order of arrival; notifications before messages.
     *   -ETIMEDOUT; -EINTR (thread_interrupt); -EDEAD the port was destroyed;
     *   -EMFILE no room for the message's handles and loans: it stays queued, first in line.
     */
    SYS_GET = 3,

    /*
     * send(port SEND, RSI reply_port RECEIVE, head) -> 0, RSI id
     *   Queues a message and returns.  Its end arrives on reply_port as GET_REPLY or GET_ENDED,
     *   with the id as its badge.  The message's memory is charged to the sender's task.
     *   Errors as for do; -EAGAIN the port's queue is full.  Waits only to make ranges resident.
     */
    SYS_SEND = 4,

    /*
     * reply(token in RSI, head) -> 0
     *   Ends a message.  Never waits, never needs memory.
     *   -ESTALE_TOKEN ended already, or never this task's; -EMSGSIZE a reply to a send that asked
     *   for no MESSAGE_ROOM carries bytes or handles; -EINVAL ranges in a reply, malformed flags;
     *   -EBADF/-EPERM a handle to be moved is wrong.  After an error the message has not ended.
     */
    SYS_REPLY = 5,

    /*
     * forward(port SEND, RSI token, head) -> 0
     *   Hands a received message on.  The new head replaces the old; its flags' byte count and
     *   handles are taken from the caller's message page; the loans of the message go along (the
     *   flags' range count must be 0; the receiver sees the original's), and die in this task.
     *   The reply goes to the first sender.  -ESTALE_TOKEN; -EAGAIN queue full; -EINVAL a fault, or
     *   to a port without a domain what came pinned in one; as for send.
     */
    SYS_FORWARD = 6,

    /*
     * abort(id) -> 0
     *   Asks for the early end of a message that this task sent with send.  Still queued: it ends
     *   with -EABORTED now.  Held by a receiver: its port is notified with NOTIFY_ABORT, and the
     *   message ends when the receiver replies.  -ESTALE_TOKEN.
     */
    SYS_ABORT = 7,

    /* notify(port SEND, bits) -> 0.  ORs bits (0..61) into the port's; wakes one getter.
     * -EINVAL a reserved bit; -EDEAD. */
    SYS_NOTIFY = 8,

    /* message_info(token) -> bit 0: abort was asked for; bit 1: sent by do.  -ESTALE_TOKEN. */
    SYS_MESSAGE_INFO = 9,

    /* ---- Ports and handles ---------------------------------------------------------------- */

    /* port_create(capacity) -> handle (all rights).  capacity: messages queued at most, 1..65536.
     */
    SYS_PORT_CREATE = 16,
    /* port_timer(port RECEIVE, deadline) -> 0.  Sets or (DEADLINE_NEVER) stops the port's timer. */
    SYS_PORT_TIMER = 17,
    /* handle_close(handle) -> 0.  Any type.  The last RECEIVE handle of a port ends its messages
     * with -EDEAD; closing destroys what nothing else refers to (restartable, may take a while). */
    SYS_HANDLE_CLOSE = 18,
    /*
     * handle_duplicate(handle DUPLICATE, rights, badge) -> handle
     *   rights: a subset of the handle's (else -EINVAL) or RIGHTS_SAME.  badge: 0 keeps the
     *   original's; otherwise the handle must be a port's with MANAGE (else -EPERM), and the
     *   copy loses MANAGE, RECEIVE unless named in rights.  -EMFILE.
     *   A badge with BADGE_COUNTED is a session: all handles to the port with that badge count,
     *   and when the last is closed, KERNEL_UNREFERENCED with the badge as its cookie (without
     *   BADGE_COUNTED) comes to the port.  Its memory is charged to who made it.
     */
    SYS_HANDLE_DUPLICATE = 19,
    /* handle_info(handle) -> type; RSI rights, RDX koid (unique while the machine runs). */
    SYS_HANDLE_INFO = 20,
    /* handle_grant(task MANAGE, handle TRANSFER, rights) -> handle's number in that task.
     * Copies; the caller keeps its own.  -EMFILE, -EDEAD. */
    SYS_HANDLE_GRANT = 21,
    /*
     * watch(handle, port RECEIVE, cookie) -> 0
     *   When the task, thread or port named by handle dies, KERNEL_DEATH with this cookie comes
     *   to port; at once if it is dead.  Charged to the caller.  -ENOTSUP other types.
     */
    SYS_WATCH = 22,
    /*
     * port_domain(port RECEIVE|MANAGE, domain MANAGE) -> 0
     *   The port is its device's driver's: what is lent to the device alone comes pinned there, see
     *   struct message_range.  Once, for the port's life: -EBUSY.
     */
    SYS_PORT_DOMAIN = 23,

    /* ---- Tasks and threads ---------------------------------------------------------------- */

    /*
     * task_create(budget) -> handle (all rights)
     *   A new task with an empty address space and handle table.  budget, in bytes, is taken from
     *   the caller's own and comes back when the task and its objects are gone.
     */
    SYS_TASK_CREATE = 32,
    /* task_kill(task MANAGE, status) -> 0.  Ends its threads and closes its handles; does not wait
     * for that (watch it).  Killing oneself does not return.  -EDEAD already dead. */
    SYS_TASK_KILL = 33,
    /* task_info(task READ) -> 0; a struct task_info in the message page. */
    SYS_TASK_INFO = 34,
    /* task_set_exception_port(task MANAGE, port SEND) -> 0.  HANDLE_NONE: none (faults kill). */
    SYS_TASK_SET_EXCEPTION_PORT = 35,
    /* task_add_budget(task MANAGE, delta) -> 0.  Moves budget between the caller and a task;
     * negative: takes back what is unused (-ENOMEM if less). */
    SYS_TASK_ADD_BUDGET = 36,
    /*
     * thread_create(task MANAGE, entry, stack, arg, msg_vmo READ|WRITE|PIN, msg_offset;
     *               R12 msg_address, R13 priority, R14 cpu, R15 fs_base) -> handle
     *   A new thread, not running.  It will start at entry with RSP = stack, RDI = arg, RSI =
     *   msg_address (where the task has mapped msg_vmo's pages: the kernel only passes it on).
     *   msg_offset: aligned; MESSAGE_AREA_SIZE bytes there are made resident and pinned.
     *   cpu: a CPU number, or -1 for any.  priority: 0..63, at most the caller's ceiling.
     *   -EINVAL priority, cpu, a non-canonical address; -ERANGE; -EDEAD task is dead.
     */
    SYS_THREAD_CREATE = 37,
    /* thread_start(thread MANAGE) -> 0.  -EBUSY started already; -EDEAD. */
    SYS_THREAD_START = 38,
    /* thread_exit(status).  Does not return.  The last thread's exit ends its task. */
    SYS_THREAD_EXIT = 39,
    /* thread_kill(thread MANAGE, status) -> 0.  -EDEAD already dead. */
    SYS_THREAD_KILL = 40,
    /* thread_suspend(thread MANAGE, again) -> 0.  Stops before its next user instruction; counts,
     * unless `again` is 1: then it only waits for a suspended thread to have stopped (-EINVAL it is
     * not suspended).  A wait it is in goes on, but it does not run at its end.  Returns once it
     * has stopped. -EDEAD. */
    SYS_THREAD_SUSPEND = 41,
    /* thread_resume(thread MANAGE) -> 0.  -EINVAL not suspended. */
    SYS_THREAD_RESUME = 42,
    /* thread_interrupt(thread MANAGE) -> 0.  Ends its do (-EABORTED) or get (-EINTR) early. */
    SYS_THREAD_INTERRUPT = 43,
    /* thread_read_state(thread MANAGE) -> 0; struct thread_state in the message page.
     * The thread is suspended, not started, or waits for its fault's reply; else -EBUSY.  Of one
     * that is suspended in a wait only RIP, RSP and RFLAGS say what it will go on with. */
    SYS_THREAD_READ_STATE = 44,
    /* thread_write_state(thread MANAGE, parts) -> 0.  As above.  parts: THREAD_STATE_ALL (-EBUSY
     * too if it is in a wait), or THREAD_STATE_CONTROL: RIP, RSP and RFLAGS, which does not write
     * over the results of a system call that the thread waits in.  -EINVAL non-canonical RIP, RSP,
     * FS. */
    SYS_THREAD_WRITE_STATE = 45,
    /* thread_set(thread MANAGE, priority or -1, cpu or -1) -> 0.  cpu: moves it there, for good;
     * -2: free to move. */
    SYS_THREAD_SET = 46,
    /* thread_set_fs(address) -> 0.  The calling thread's FS base. -EINVAL non-canonical.
     * Values set by WRFSBASE are lost at the next switch. */
    SYS_THREAD_SET_FS = 47,
    /* thread_yield() -> 0.  Lets others of the same priority run. */
    SYS_THREAD_YIELD = 48,
    /* sleep(deadline) -> 0 when it has passed.  -EINTR. */
    SYS_SLEEP = 49,
    /* thread_info(thread READ) -> 0; a struct thread_info in the message page. */
    SYS_THREAD_INFO = 50,

    /* ---- Address spaces ------------------------------------------------------------------- */

    /*
     * map(task MANAGE, vmo MAP + READ/WRITE/EXECUTE as asked, offset, length, address, flags)
     *     -> address
     *   All aligned; length > 0.  flags: MAP_READ|WRITE|EXECUTE (WRITE with EXECUTE: -EINVAL),
     *   MAP_FIXED: exactly at address (-EEXIST something is there; -EFAULT not a user range), else
     *   at the first free place at or above address (0: anywhere).  MAP_POPULATE: enter resident
     *   pages now.  -ENOMEM also when no free range is left.  A loan's mapping goes with it; one
     *   that starts within a page is mapped from that page on, and RSI is where in it the loan
     *   starts.  task HANDLE_NONE: the caller's.
     */
    SYS_MAP = 64,
    /* unmap(task MANAGE, address, length) -> 0.  Aligned; holes are allowed; mappings are split
     * (-ENOMEM).  -EFAULT not a user range; -EINVAL. */
    SYS_UNMAP = 65,
    /* protect(task MANAGE, address, length, flags) -> 0.  All of it mapped (-EFAULT), and the
     * handles it was mapped by allow it (-EPERM).  W^X as in map. */
    SYS_PROTECT = 66,

    /* ---- VM objects.  "vmo" may be a loan or slice unless said otherwise. ------------------- */

    /*
     * vmo_create(kind, size, argument, flags, payer) -> handle (all rights)
     *   kind VMO_ANONYMOUS: zero pages when first touched.  VMO_CONTIGUOUS: allocated now, zeroed,
     *   physically contiguous, up to 4 MiB, aligned to `argument` (0 or a power of two).
     *   size is rounded up to pages, 1 byte..2^46.  flags: VMO_LARGE_PAGES (anonymous: use 2 MiB
     *   pages where whole ones fit).  payer: the task (MANAGE) whose budget it is charged to, or
     *   HANDLE_NONE: the caller's.  -EINVAL, -ENOTSUP.
     */
    SYS_VMO_CREATE = 80,
    /* vmo_create_physical(resource PHYSICAL covering it, address, size, cache) -> handle.
     * Aligned.  cache: VMO_CACHED, VMO_UNCACHED, VMO_WRITE_COMBINING.  -EPERM not covered;
     * or RAM, unless the resource is the root. */
    SYS_VMO_CREATE_PHYSICAL = 81,
    /*
     * vmo_create_paged(port SEND, size, key, dirty_room) -> handle (all rights; MANAGE is the
     * pager's)
     *   Page requests come to port as KERNEL_PAGE_* with this key; each must be answered within
     *   PAGER_DEADLINE_NS or its waiters get -ETIMEDOUT (EIO to a fault).  dirty_room: pages that
     *   may become dirty without asking; each takes one of them for good (see vmo_dirty_room).
     */
    SYS_VMO_CREATE_PAGED = 82,
    /* vmo_resize(vmo WRITE, size) -> 0.  Not a loan, slice, contiguous or physical (-ENOTSUP); of a
     * paged object its pager only (MANAGE).  Shrinking unmaps and frees what is cut (-EBUSY
     * pinned); touching it then is a fault. */
    SYS_VMO_RESIZE = 83,
    /* vmo_read(vmo READ, offset, length <= 4096) -> 0; into the message bytes.  May wait for a
     * pager (-EIO, -ETIMEDOUT). -E2BIG. */
    SYS_VMO_READ = 84,
    /* vmo_write(vmo WRITE, offset, length <= 4096) -> 0; from the message bytes. */
    SYS_VMO_WRITE = 85,
    /* vmo_clone(vmo READ|DUPLICATE, offset, length, payer) -> handle (all rights).  A copy-on-write
     * snapshot; aligned.  The clone is charged for every page resident in the original.  Of a paged
     * object: each page is taken when first touched.  payer: as vmo_create's.  -ENOTSUP physical,
     * contiguous. */
    SYS_VMO_CLONE = 86,
    /* vmo_slice(vmo DUPLICATE, offset, length) -> handle to part of it, with the same rights.
     * Aligned; follows the object's later contents.  One of a loan ends with it. */
    SYS_VMO_SLICE = 87,
    /* vmo_commit(vmo WRITE, offset, length) -> 0.  Makes pages resident. */
    SYS_VMO_COMMIT = 88,
    /* vmo_decommit(vmo WRITE, offset, length) -> 0.  Frees whole pages; they read as zeros.
     * Anonymous only (-ENOTSUP); -EBUSY at one that is pinned: those before it are gone. */
    SYS_VMO_DECOMMIT = 89,
    /*
     * pin(vmo PIN + READ and/or WRITE, offset, length, domain MANAGE) -> number of addresses; RSI
     * pin id Makes resident and keeps in place; device addresses as uint64_t per page, the first
     * one with the offset's low bits, in the message bytes (so at most 512 pages: -E2BIG).  The
     * device may read/write as the handle's rights allow.  Lasts until unpin or the domain's reset.
     */
    SYS_PIN = 90,
    /* unpin(domain MANAGE, pin id) -> 0.  -ENOENT. */
    SYS_UNPIN = 91,
    /* vmo_info(vmo) -> 0; RSI size in bytes, RDX resident pages, R10 kind | cache << 8. */
    SYS_VMO_INFO = 92,

    /*
     * ---- For pagers: vmo is the paged object itself, with MANAGE; ranges are aligned -----------
     *
     * The pager lends absent pages of its object with WRITE to a device, which so reads straight
     * into them: nobody else sees them until vmo_supply says that they are good, or vmo_fail that
     * they are not.  Such a loan is refused with -EEXIST if a page is there already, and with
     * -EBUSY if another device is still at it.
     */

    /* vmo_supply(vmo, offset, length, source READ|WRITE or HANDLE_NONE, source_offset) -> 0
     *   Moves pages from an anonymous source (pages absent there: zeros), or, with HANDLE_NONE,
     *   declares pages valid that were lent for writing in place.  Wakes waiters. -EEXIST
     *   resident already (those are skipped: 0 is returned). */
    SYS_VMO_SUPPLY = 96,
    /* vmo_fail(vmo, offset, length, error) -> 0.  Waiters for these pages, or for room to make one
     * of them dirty, get -error: any number below 4093 but ENOMEM (else -EINVAL). */
    SYS_VMO_FAIL = 97,
    /* vmo_dirty_query(vmo, offset, length) -> number of struct vmo_dirty_range in the message
     *   bytes, in order, at most 256; RSI: offset to go on from, perhaps before that many were
     * found. */
    SYS_VMO_DIRTY_QUERY = 98,
    /* vmo_writeback_begin(vmo, offset, length) -> 0.  Dirty pages there become being-written. */
    SYS_VMO_WRITEBACK_BEGIN = 99,
    /* vmo_writeback_end(vmo, offset, length) -> 0.  Those not written to since become clean. */
    SYS_VMO_WRITEBACK_END = 100,
    /* vmo_dirty_room(vmo, pages) -> 0.  Adds to the room for dirty pages; wakes writers. */
    SYS_VMO_DIRTY_ROOM = 101,
    /* vmo_set_pager(vmo, port SEND, key) -> 0.  A successor takes over; open requests come again.
     */
    SYS_VMO_SET_PAGER = 102,

    /* ---- Hardware ------------------------------------------------------------------------------
     */

    /* resource_create(resource, kind, base, length) -> handle.  A part of one that is held.
     * kinds: enum resource_kind; ROOT covers all. -EINVAL, -ERANGE. */
    SYS_RESOURCE_CREATE = 112,
    /* ioport_read(resource IOPORT, port, width 1|2|4) -> value.  -ERANGE not covered. */
    SYS_IOPORT_READ = 113,
    SYS_IOPORT_WRITE = 114, /* ioport_write(resource IOPORT, port, width, value) -> 0 */
    /* irq_create(resource IRQ, gsi, flags IRQ_*) -> handle.  A line of the I/O APIC. -EBUSY taken.
     */
    SYS_IRQ_CREATE = 115,
    /* irq_create_msi(resource IRQ (any), count 1..32 power of two, domain or HANDLE_NONE, cpu)
     *   -> handle of the first; the others follow in the message bytes as uint32_t;
     *   RSI message address, RDX message data (of the first; data of vector i is + i).
     *   Where interrupts are remapped only the domain's device can raise them; without a domain,
     *   any device can. */
    SYS_IRQ_CREATE_MSI = 116,
    /* irq_bind(irq MANAGE, port RECEIVE or HANDLE_NONE, bits) -> 0.  Notifies port when it fires.
     *   A level-triggered line is masked then, until irq_ack.  */
    SYS_IRQ_BIND = 117,
    SYS_IRQ_ACK = 118, /* irq_ack(irq MANAGE) -> 0.  Unmasks. */
    /* domain_create(resource DOMAIN, device = bus << 8 | devfn) -> handle.  -EBUSY exists;
     *   -EAGAIN the IOMMU has no more of them.  With an IOMMU the device reaches what is pinned in
     *   the domain, and without a domain nothing; without one it reaches all memory.  A device's
     *   address of a page is the physical one.  */
    SYS_DOMAIN_CREATE = 119,
    /* domain_reset(domain MANAGE, flags) -> 0.  All its pins are released, translations flushed.
     *   The caller has made sure that the device is quiet.  flags: DOMAIN_FENCE blocks all DMA,
     *   with an IOMMU, until the next reset without it, whatever is pinned meanwhile. */
    SYS_DOMAIN_RESET = 120,
    SYS_DOMAIN_INFO = 121, /* domain_info(domain) -> DOMAIN_TRANSLATED or 0; RSI pinned pages */

    /* ---- The system -----------------------------------------------------------------------------
     */

    /* system_info() -> 0; a struct system_info in the message page. */
    SYS_SYSTEM_INFO = 128,
    /* debug_write(resource LOG, length <= 4096) -> 0.  Message bytes to the kernel's log and
     *   console. */
    SYS_DEBUG_WRITE = 129,
    /* debug_read(resource LOG, position) -> bytes, in the message page; RSI position to go on. */
    SYS_DEBUG_READ = 130,
    /* power(resource POWER, action, argument) -> does not return.  POWER_OFF, POWER_RESET,
     *   POWER_PANIC (for tests), POWER_TEST_EXIT (isa-debug-exit at 0xf4 gets argument). */
    SYS_POWER = 131,
    /* random(length <= 4096) -> 0; into the message bytes, from the CPU's generator and timing. */
    SYS_RANDOM = 132,
    /* trace(resource LOG, action 0 stop | 1 start | 2 read, position) -> count of struct
     *   trace_event in the message bytes; RSI position to go on. */
    SYS_TRACE = 133,

    /* null() -> 0.  Does nothing; for measuring. */
    SYS_NULL = 134,
    /* clock_set(resource CLOCK, boot_realtime_ns) -> 0.  The clock page's boot_realtime_ns. */
    SYS_CLOCK_SET = 135,

    /*
     * debug_console(resource LOG, off, on) -> CONSOLE_* that are on now; RSI position of the log
     *   from which on there is something that the serial console has not been given
     *   The kernel's log goes to its consoles only while they are on, as all are at boot.  A driver
     *   that takes a device over switches the console on it off; from then on debug_read gives what
     *   is written, and the log server has the driver print it.  A panic switches all on.
     */
    SYS_DEBUG_CONSOLE = 136,

    SYS_COUNT = 137
};

/* thread_write_state: parts */
enum { THREAD_STATE_ALL = 0, THREAD_STATE_CONTROL };

/* map, protect: flags */
enum {
    MAP_READ = 1u << 0,
    MAP_WRITE = 1u << 1,
    MAP_EXECUTE = 1u << 2,
    MAP_FIXED = 1u << 3,
    MAP_POPULATE = 1u << 4,
};

enum vmo_kind {
    VMO_ANONYMOUS = 0,
    VMO_CONTIGUOUS,
    VMO_PHYSICAL,
    VMO_PAGED,
};
enum { VMO_LARGE_PAGES = 1u << 0 };
enum vmo_cache { VMO_CACHED = 0, VMO_UNCACHED, VMO_WRITE_COMBINING };

#define PAGER_DEADLINE_NS 30000000000ull
#define PAGER_GRACE_NS 10000000000ull

struct vmo_dirty_range {
    uint64_t offset, length;
};

enum resource_kind {
    RESOURCE_ROOT = 0,
    RESOURCE_IOPORT,
    RESOURCE_PHYSICAL,
    RESOURCE_IRQ,
    RESOURCE_DOMAIN,
    RESOURCE_LOG,
    RESOURCE_POWER,
    RESOURCE_CLOCK,
    RESOURCE_KINDS
};

enum { IRQ_LEVEL = 1u << 0, IRQ_ACTIVE_LOW = 1u << 1, IRQ_DEFAULT = 1u << 2 /* as ACPI says */ };
enum { DOMAIN_FENCE = 1u << 0, DOMAIN_TRANSLATED = 1u << 0 };
enum { POWER_OFF = 0, POWER_RESET, POWER_PANIC, POWER_TEST_EXIT };

enum { CONSOLE_SERIAL = 1u << 0, CONSOLE_SCREEN = 1u << 1 };

struct task_info {
    uint64_t koid, budget, used; /* bytes */
    uint32_t threads, handles, dead, status;
    uint64_t mapped, messages; /* bytes; messages sent and replied to */
};

enum thread_run_state {
    THREAD_NEW = 0,
    THREAD_READY, /* waits for a CPU */
    THREAD_RUNNING,
    THREAD_GETTING, /* in get */
    THREAD_CALLING, /* in do, or waits for its fault's reply */
    THREAD_PARKED,  /* waits for a page, or sleeps */
    THREAD_DEAD
};
struct thread_info {
    uint64_t koid, task_koid, cpu_time; /* nanoseconds */
    uint64_t waits_for;                 /* koid of the port it waits on, or 0 */
    uint32_t state, priority, effective_priority, cpu, suspended, status;
};

struct system_info {
    uint32_t cpus, flags;
    uint64_t memory_total, memory_free; /* bytes */
    uint64_t kernel_text, kernel_memory;
    uint64_t uptime, tsc_hz;
    uint64_t switches, messages, interrupts; /* since boot, all CPUs */
};

struct trace_event {
    uint64_t time;
    uint32_t cpu, kind;
    uint64_t a, b;
};

/*
 * The clock page, a VM object mapped read-only wherever it is wanted:
 * ns = base_ns + (rdtsc - base_tsc) * multiplier >> 32 (128-bit product).
 * RDTSCP gives the CPU's number in ECX.
 */
struct clock_page {
    uint64_t base_tsc, base_ns, multiplier, tsc_hz;
    uint64_t boot_realtime_ns; /* 1970-based time at ns 0, or 0 if unknown */
    uint32_t cpus, reserved;
};

#endif
