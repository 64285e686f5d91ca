/*
 * The table of system calls, and what happens to those that wait or are to be run again.
 *
 * A handler gets its arguments as C has them; further ones and further results are in the current
 * thread's frame. It returns >= 0, a negative error, or -PARKED: the thread waits, and the whole
 * call is made again when it is woken; or -RESTART: a piece is done, and the call is made again
 * with the arguments set by restart_with, interrupts being served in between.
 */
#include "message_internal.h"
#include "page.h"
#include "sys.h"
#include "sys_memory.h"

typedef i64 (*handler)(u64, u64, u64, u64, u64, u64);

static i64 sys_null(void)
{
    return 0;
}

#define CALL(number, function) [number] = (handler)(void (*)(void))(function)

/* Numbers that are not listed stay with sys_unknown. */
#pragma GCC diagnostic ignored "-Woverride-init"
const handler syscall_table[SYS_COUNT] = {
    [0 ... SYS_COUNT - 1] = (handler)(void (*)(void))sys_unknown,
    CALL(SYS_NULL, sys_null),
    CALL(SYS_DO, message_do),
    CALL(SYS_REPLY_GET, message_reply_get),
    CALL(SYS_GET, message_get),
    CALL(SYS_SEND, sys_send),
    CALL(SYS_REPLY, sys_reply),
    CALL(SYS_FORWARD, sys_forward),
    CALL(SYS_ABORT, message_abort),
    CALL(SYS_NOTIFY, sys_notify),
    CALL(SYS_MESSAGE_INFO, message_info),
    CALL(SYS_PORT_CREATE, sys_port_create),
    CALL(SYS_PORT_TIMER, sys_port_timer),
    CALL(SYS_HANDLE_CLOSE, sys_handle_close),
    CALL(SYS_HANDLE_DUPLICATE, sys_handle_duplicate),
    CALL(SYS_HANDLE_INFO, sys_handle_info),
    CALL(SYS_HANDLE_GRANT, sys_handle_grant),
    CALL(SYS_WATCH, sys_watch),
    CALL(SYS_TASK_CREATE, sys_task_create),
    CALL(SYS_TASK_KILL, sys_task_kill),
    CALL(SYS_TASK_INFO, sys_task_info),
    CALL(SYS_TASK_SET_EXCEPTION_PORT, sys_task_set_exception_port),
    CALL(SYS_TASK_ADD_BUDGET, sys_task_add_budget),
    CALL(SYS_THREAD_CREATE, sys_thread_create),
    CALL(SYS_THREAD_START, sys_thread_start),
    CALL(SYS_THREAD_EXIT, sys_thread_exit),
    CALL(SYS_THREAD_KILL, sys_thread_kill),
    CALL(SYS_THREAD_SUSPEND, sys_thread_suspend),
    CALL(SYS_THREAD_RESUME, sys_thread_resume),
    CALL(SYS_THREAD_INTERRUPT, sys_thread_interrupt),
    CALL(SYS_THREAD_READ_STATE, sys_thread_read_state),
    CALL(SYS_THREAD_WRITE_STATE, sys_thread_write_state),
    CALL(SYS_THREAD_SET, sys_thread_set),
    CALL(SYS_THREAD_SET_FS, sys_thread_set_fs),
    CALL(SYS_THREAD_YIELD, sys_thread_yield),
    CALL(SYS_SLEEP, sys_sleep),
    CALL(SYS_THREAD_INFO, sys_thread_info),
    CALL(SYS_MAP, sys_map),
    CALL(SYS_UNMAP, sys_unmap),
    CALL(SYS_PROTECT, sys_protect),
    CALL(SYS_VMO_CREATE, sys_vmo_create),
    CALL(SYS_VMO_CREATE_PHYSICAL, sys_vmo_create_physical),
    CALL(SYS_VMO_CREATE_PAGED, sys_vmo_create_paged),
    CALL(SYS_VMO_RESIZE, sys_vmo_resize),
    CALL(SYS_VMO_READ, sys_vmo_read),
    CALL(SYS_VMO_WRITE, sys_vmo_write),
    CALL(SYS_VMO_CLONE, sys_vmo_clone),
    CALL(SYS_VMO_SLICE, sys_vmo_slice),
    CALL(SYS_VMO_COMMIT, sys_vmo_commit),
    CALL(SYS_VMO_DECOMMIT, sys_vmo_decommit),
    CALL(SYS_PIN, sys_pin),
    CALL(SYS_UNPIN, sys_unpin),
    CALL(SYS_VMO_INFO, sys_vmo_info),
    CALL(SYS_VMO_SUPPLY, sys_vmo_supply),
    CALL(SYS_VMO_FAIL, sys_vmo_fail),
    CALL(SYS_VMO_DIRTY_QUERY, sys_vmo_dirty_query),
    CALL(SYS_VMO_WRITEBACK_BEGIN, sys_vmo_writeback_begin),
    CALL(SYS_VMO_WRITEBACK_END, sys_vmo_writeback_end),
    CALL(SYS_VMO_DIRTY_ROOM, sys_vmo_dirty_room),
    CALL(SYS_VMO_SET_PAGER, sys_vmo_set_pager),
    CALL(SYS_RESOURCE_CREATE, sys_resource_create),
    CALL(SYS_IOPORT_READ, sys_ioport_read),
    CALL(SYS_IOPORT_WRITE, sys_ioport_write),
    CALL(SYS_IRQ_CREATE, sys_irq_create),
    CALL(SYS_IRQ_CREATE_MSI, sys_irq_create_msi),
    CALL(SYS_IRQ_BIND, sys_irq_bind),
    CALL(SYS_IRQ_ACK, sys_irq_ack),
    CALL(SYS_DOMAIN_CREATE, sys_domain_create),
    CALL(SYS_DOMAIN_RESET, sys_domain_reset),
    CALL(SYS_DOMAIN_INFO, sys_domain_info),
    CALL(SYS_SYSTEM_INFO, sys_system_info),
    CALL(SYS_DEBUG_WRITE, sys_debug_write),
    CALL(SYS_DEBUG_READ, sys_debug_read),
    CALL(SYS_DEBUG_CONSOLE, sys_debug_console),
    CALL(SYS_POWER, sys_power),
    CALL(SYS_RANDOM, sys_random),
    CALL(SYS_TRACE, sys_trace),
};
const u32 syscall_limit = SYS_COUNT;

i64 syscall_failure(i64 result);

/* What entry.S calls when a handler returned a negative value: an error goes to the caller. */
i64 syscall_failure(i64 result)
{
    /* Nothing has been done: what could not be reclaimed under locks may be so now. */
    if (result == -ENOMEM && pager_recover(current_task()->budget))
        result = -RESTART;
    if (result != -PARKED && result != -RESTART)
        return result;
    /* Back to the SYSCALL instruction, two bytes long; the frame has all registers. */
    current_thread()->user.rip -= 2;
    if (result == -PARKED)
        schedule();
    enter_user();
}
