/*
 * What Portolan tells beyond POSIX; see <sys/portolan.h>.
 */
#include <string.h>
#include <sys/portolan.h>

#include "process_call.h"
#include "syscall.h"

int portolan_system(struct system_info *info)
{
    struct message_area *area = call_begin();
    int64_t error = sys_system_info();
    if (error == 0)
        memcpy(info, area->bytes, sizeof(*info));
    call_end();
    return (int)call_return(error);
}

/* As many as one answer holds. */
static int64_t ask(uint64_t *position, struct process_entry *list, size_t count)
{
    struct message head = {.op = PROCESS_LIST, .offset = *position};
    struct message_area *area = call_begin();
    int64_t bytes = __libc_process_do(&head, 0);
    size_t got = bytes > 0 ? (size_t)bytes / sizeof(*list) : 0;
    if (got > count)
        got = count;
    memcpy(list, area->bytes, got * sizeof(*list));
    call_end();
    if (bytes < 0)
        return bytes;
    /* If not all that came was wanted, the next is asked for by its own number. */
    *position = got < (size_t)bytes / sizeof(*list) ? list[got - 1].number + 1ul : head.offset;
    return (int64_t)got;
}

ssize_t portolan_processes(uint64_t *position, struct process_entry *list, size_t count)
{
    return count ? (ssize_t)call_return(ask(position, list, count)) : 0;
}
