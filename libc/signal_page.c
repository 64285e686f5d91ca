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

static bool open_page(void)
{
    int64_t page = ask_for_page();
    if (page < 0)
        return false;
    int64_t address = sys_map(HANDLE_NONE, (handle_t)page, 0, SIGNAL_PAGE_SIZE, 0,
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
