/*
 * A message: a 64-byte head that travels in registers and, when its flags say so, bytes, handles
 * and ranges behind it in the thread's message page.
 *
 * The message page is MESSAGE_AREA_SIZE bytes of the task's own memory, given at thread_create and
 * pinned for the thread's life.  The kernel reads what it needs from there once and never again.
 */
#ifndef PORTOLAN_MESSAGE_H
#define PORTOLAN_MESSAGE_H

#include <portolan/types.h>

#define MESSAGE_BYTES_MAX 4096u
#define MESSAGE_HANDLES_MAX 8u
#define MESSAGE_RANGES_MAX 8u
#define MESSAGE_ADDRESSES_MAX 472u
/* One loan lends at most this much; libmsg splits what is longer. */
#define LOAN_BYTES_MAX (16ul << 20)

/* The head.  The kernel carries it unread, but for flags (and cookie on an asynchronous reply). */
struct message {
    uint32_t op;     /* the protocol's operation */
    uint32_t flags;  /* MESSAGE_FLAGS(bytes, handles, ranges) | MESSAGE_* */
    uint64_t cookie; /* the sender's own; comes back with an asynchronous reply */
    int64_t result;  /* of the operation, in a reply: >= 0 or -errno */
    uint64_t offset; /* flat byte offset, for I/O */
    uint64_t length; /* bytes, for I/O */
    uint64_t arg[3];
};

/*
 * flags: bits 0..12 bytes that follow (0..4096), 13..16 handles (0..8), 17..20 ranges (0..8).
 * On a reply, ranges must be 0.
 */
#define MESSAGE_FLAGS(bytes, handles, ranges)                                                      \
    ((uint32_t)(bytes) | (uint32_t)(handles) << 13 | (uint32_t)(ranges) << 17)
#define MESSAGE_FLAG_BYTES(flags) ((flags)&0x1fffu)
#define MESSAGE_FLAG_HANDLES(flags) ((flags) >> 13 & 0xfu)
#define MESSAGE_FLAG_RANGES(flags) ((flags) >> 17 & 0xfu)
#define MESSAGE_EXTRAS 0x001fffffu
/* send: keep room for a reply of up to 4 KiB and 8 handles; without it the reply is a head only. */
#define MESSAGE_ROOM (1u << 21)
/* Bits 24..31 are the protocol's own. */

/* A handle in a message. At sending: moved out of the sender's table (it needs TRANSFER; RECEIVE
 * may not be dropped). */
struct message_handle {
    handle_t handle;
    uint32_t
        rights;    /* sending: the rights it shall have (or RIGHTS_SAME); receiving: those it has */
    uint64_t type; /* receiving: its enum object_type; sending: ignored */
};

/*
 * A range in a message.  The receiver finds a loan's handle in place of the VM object's.
 *
 * But a port that has a domain (port_domain) gets what is lent to its device alone, whole pages of
 * a VM object with RIGHT_PIN and without RIGHT_MAP, pinned in that domain already: vmo is
 * HANDLE_NONE, offset a pin's number, and the device's address of each page is in
 * message_area.addresses, those of the first such range first.  The pin ends with the reply.  If
 * the message ends otherwise it stays until unpin(domain, number), or the domain's reset.  What
 * does not fit there, or is not so, comes as a loan.
 */
struct message_range {
    handle_t vmo;    /* sending: a VM object or loan; receiving: an OBJECT_LOAN handle, or none */
    uint32_t rights; /* RIGHT_READ | RIGHT_WRITE | RIGHT_MAP | RIGHT_PIN, those lent */
    uint64_t offset; /* bytes; sending: into vmo; receiving: 0, the loan starts there; or a pin */
    uint64_t length; /* bytes, 1..LOAN_BYTES_MAX */
};

/* The layout of a thread's message page. */
struct message_area {
    uint8_t bytes[MESSAGE_BYTES_MAX];
    struct message_handle handles[MESSAGE_HANDLES_MAX];
    struct message_range ranges[MESSAGE_RANGES_MAX];
    uint64_t addresses[MESSAGE_ADDRESSES_MAX]; /* received: see struct message_range */
};
#define MESSAGE_AREA_SIZE 8192ul
_Static_assert(sizeof(struct message) == 64, "the head is eight registers");
_Static_assert(sizeof(struct message_area) == MESSAGE_AREA_SIZE, "two pages");

/* What get, and reply+get, found: their non-negative result. */
enum get_kind {
    GET_MESSAGE = 0, /* a request; the token names it until it ends */
    GET_REPLY = 1,   /* the answer to a send; badge is the id that send gave; cookie the sender's */
    GET_ENDED = 2, /* the kernel ended a send; result is -EABORTED or -EDEAD; otherwise as above */
    GET_NOTIFY =
        3, /* notification bits, in arg[0]; they are cleared; the rest of the head is undefined */
    GET_KERNEL = 4, /* the kernel tells: op is one of KERNEL_*; no reply */
    GET_FAULT = 5,  /* a thread faulted; the token names it; see struct fault_report */
};

/* Operations of GET_KERNEL messages. */
enum kernel_op {
    KERNEL_DEATH = 1,    /* cookie: from watch; result: exit status; arg[0]: koid of what died */
    KERNEL_PAGE_READ,    /* cookie: the VM object's key; offset, length: supply these pages */
    KERNEL_PAGE_DIRTY,   /* cookie: key; offset, length: lend room for these dirty pages */
    KERNEL_UNREFERENCED, /* cookie: a counted badge: the last handle with it has been closed */
};

/* Notification bits 0..61 are free to use; the kernel sets these. */
#define NOTIFY_ABORT (1ull << 62) /* a message of this port was aborted: ask message_info */
#define NOTIFY_TIMER (1ull << 63) /* the port's timer (sys_port_timer) ran out */

/*
 * A fault as the message of a thread to its exception port (GET_FAULT): head.op is the CPU vector,
 * head.offset the faulting address, head.length the error code, head.cookie the thread's koid,
 * head.arg[0] the instruction pointer, head.arg[1] a reason (-errno, for page faults).
 * Replying with result 0 lets it run on, from the same instruction or as thread_write_state
 * set it; with anything else kills its task.
 */

/* A thread's registers, as thread_read_state and thread_write_state see them (message bytes). */
struct thread_state {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t rip, rflags, rsp, fs_base;
};

#endif
