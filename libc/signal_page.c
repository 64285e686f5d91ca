/*
 * Opening the signal page; see signal_state.h.
 */
#include "lock.h"
#include "process.h"
#include "process_call.h"
#include "signal_state.h"
#include "syscall.h"

struct signal_header *__libc_signal_page;

static struct __lock_word lock;

/* The page's handle, or an error. */
static int64_t ask_for_page(void)
{
    struct message head = {.op = PROCESS_SIGNALS};
    struct message_area *area = call_begin();
    int64_t result = __libc_process_do(&head, 0);
    if (result >= 0)
        result = MESSAGE_FLAG_HANDLES(head.flags) == 1 ? (int64_t)area->handles[0].handle : -EIO;
    call_end();
    return result;
}

/* Without a server: memory that nobody else has. */
static bool alone;

bool __libc_signals_alone(void)
{
    return alone || (__libc_signal_page == NULL && __libc_process_session() == HANDLE_NONE);
}

static bool open_page(void)
{
    int64_t page;
    do
        page = ask_for_page();
    while (page == -ENOMEM && __libc_process_grow(PROCESS_GROW_STEP));
    if (page == -ENOSYS) {
        alone = true;
        page = sys_vmo_create(VMO_ANONYMOUS, SIGNAL_PAGE_SIZE, 0, 0);
    }
    if (page < 0)
        return false;
    int64_t address = sys_map(HANDLE_NONE, (handle_t)page, 0, SIGNAL_PAGE_SIZE, MEMORY_BASE,
                              KERNEL_MAP_READ | KERNEL_MAP_WRITE);
    sys_handle_close((handle_t)page);
    if (address < 0)
        return false;
    __atomic_store_n(&__libc_signal_page, (struct signal_header *)address, __ATOMIC_RELEASE);
    return true;
}

bool __libc_signals_open(void)
{
    if (__atomic_load_n(&__libc_signal_page, __ATOMIC_ACQUIRE))
        return true;
    __libc_lock(&lock);
    bool open = __libc_signal_page || open_page();
    __libc_unlock(&lock);
    return open;
}

/* Before the page is open it is as this process's maker left it. */
static uint64_t inherited(bool mask)
{
    return mask ? __libc_process.signals_blocked : __libc_process.signals_ignored;
}

uint64_t __libc_signals_ignored(void)
{
    return __libc_signal_page ? __libc_signal_page->ignored : inherited(false);
}

uint64_t __libc_signals_mask(void)
{
    return __libc_signal_page ? *signal_mask_of(thread_self()->signal_slot) : inherited(true);
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* Without a server slots are given in turn. */
static uint32_t next_slot = 1;

static int64_t add_thread(const struct __pthread *thread)
{
    struct message head = {.op = PROCESS_THREAD_ADD, .flags = MESSAGE_FLAGS(0, 1, 0)};
    if (__libc_signals_alone())
        return __atomic_fetch_add(&next_slot, 1, __ATOMIC_RELAXED) % PROCESS_THREADS_MAX;
    struct message_area *area = call_begin();
    int64_t result = sys_handle_duplicate(thread->handle, RIGHTS_SAME, 0);
    if (result >= 0) {
        area->handles[0] = (struct message_handle){(handle_t)result, RIGHTS_SAME, 0};
        result = __libc_process_do(&head, 0);
    }
    call_end();
    return result;
}

int __libc_signals_thread_begin(struct __pthread *thread)
{
    uint64_t mask = __libc_signals_mask();
    if (mask != 0 && !__libc_signals_open())
        return EAGAIN;
    int64_t slot = add_thread(thread);
    if (slot < 0 || slot >= PROCESS_THREADS_MAX)
        return EAGAIN;
    thread->signal_slot = (uint32_t)slot;
    if (__libc_signal_page == NULL)
        return 0;
    struct signal_slot *words = signal_slot_of(thread->signal_slot);
    words->taken = words->sent;
    words->resume_taken = words->resume_given;
    words->stack_low = words->stack_high = 0;
    *signal_waits_of(thread->signal_slot) = 0;
    __atomic_store_n(signal_mask_of(thread->signal_slot), mask, __ATOMIC_SEQ_CST);
    return 0;
}

void __libc_signals_thread_end(struct __pthread *self)
{
    struct message head = {.op = PROCESS_THREAD_REMOVE, .arg = {self->signal_slot, 0, 0}};
    if (!__libc_signals_alone())
        __libc_process_ask(&head);
}
