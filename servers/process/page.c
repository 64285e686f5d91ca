/*
 * The signal page as the server sees it: through vmo_read and vmo_write, which fail where a mapping
 * would fault if the process had cut or exhausted it.  It is paid for by its process.
 */
#include "string.h"
#include "syscall.h"
#include "table.h"
#include "thread.h"

/* What is always touched: header, masks, waits, the first slots. */
#define COMMITTED (SIGNAL_SLOTS_OFFSET + PAGE_SIZE)

bool page_read(const struct process *process, uint64_t offset, void *to, uint64_t size)
{
    if (!process->page || sys_vmo_read(process->page, offset, size) < 0)
        return false;
    memcpy(to, message_area()->bytes, size);
    return true;
}

bool page_write(const struct process *process, uint64_t offset, const void *from, uint64_t size)
{
    if (!process->page)
        return false;
    memcpy(message_area()->bytes, from, size);
    return sys_vmo_write(process->page, offset, size) == 0;
}

static bool fill(const struct process *process)
{
    return page_write(process, offsetof(struct signal_header, sent), &process->sent, 8) &&
           page_write(process, offsetof(struct signal_header, ignored), &process->ignored, 8) &&
           page_write(process, SIGNAL_MASKS_OFFSET, &process->mask, 8);
}

int64_t page_open(struct process *process)
{
    int64_t page = sys_vmo_create_for(process->task, VMO_ANONYMOUS, SIGNAL_PAGE_SIZE, 0, 0);
    if (page < 0)
        return page;
    process->page = (handle_t)page;
    if (sys_vmo_commit(process->page, 0, COMMITTED) == 0 && fill(process))
        return 0;
    sys_handle_close(process->page);
    process->page = HANDLE_NONE;
    return -ENOMEM;
}
