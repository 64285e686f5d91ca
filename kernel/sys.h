/*
 * System calls that are not messages or memory; each as include/portolan/syscall.h says.
 */
#ifndef SYS_H
#define SYS_H

#include "kernel.h"

i64 sys_unknown(void);

/* sys_object.c */
i64 sys_send(u64 deadline, u64 reply_port);
i64 sys_reply(u64 deadline, u64 token);
i64 sys_forward(u64 deadline, u64 token);
i64 sys_notify(u64 port, u64 bits);
i64 sys_port_create(u64 capacity);
i64 sys_port_timer(u64 port, u64 deadline);
i64 sys_handle_close(u64 handle);
i64 sys_handle_duplicate(u64 handle, u64 rights, u64 badge);
i64 sys_handle_info(u64 handle);
i64 sys_handle_grant(u64 task, u64 handle, u64 rights);
i64 sys_watch(u64 handle, u64 port, u64 cookie);

/* sys_task.c */
i64 sys_task_create(u64 budget);
i64 sys_task_kill(u64 task, u64 status);
i64 sys_task_info(u64 task);
i64 sys_task_set_exception_port(u64 task, u64 port);
i64 sys_task_add_budget(u64 task, u64 delta);
i64 sys_thread_create(u64 task, u64 entry, u64 stack, u64 arg, u64 msg_vmo, u64 msg_offset);
i64 sys_thread_start(u64 thread);
i64 sys_thread_exit(u64 status);
i64 sys_thread_kill(u64 thread, u64 status);
i64 sys_thread_suspend(u64 thread, u64 wait_only);
i64 sys_thread_resume(u64 thread);
i64 sys_thread_interrupt(u64 thread);
i64 sys_thread_read_state(u64 thread);
i64 sys_thread_write_state(u64 thread, u64 parts);
i64 sys_thread_set(u64 thread, u64 priority, u64 cpu);
i64 sys_thread_set_fs(u64 address);
i64 sys_thread_yield(void);
i64 sys_sleep(u64 deadline);
i64 sys_thread_info(u64 thread);

/* sys_hardware.c */
i64 sys_resource_create(u64 resource, u64 kind, u64 base, u64 length);
i64 sys_ioport_read(u64 resource, u64 port, u64 width);
i64 sys_ioport_write(u64 resource, u64 port, u64 width, u64 value);
i64 sys_irq_create(u64 resource, u64 gsi, u64 flags);
i64 sys_irq_create_msi(u64 resource, u64 count, u64 domain, u64 cpu);
i64 sys_irq_bind(u64 irq, u64 port, u64 bits);
i64 sys_irq_ack(u64 irq);
i64 sys_domain_create(u64 resource, u64 device);
i64 sys_domain_reset(u64 domain, u64 flags);
i64 sys_domain_info(u64 domain);
i64 sys_system_info(void);
i64 sys_debug_write(u64 resource, u64 length);
i64 sys_debug_read(u64 resource, u64 position);
i64 sys_debug_console(u64 resource, u64 off, u64 on);
i64 sys_power(u64 resource, u64 action, u64 argument);
i64 sys_random(u64 length);
i64 sys_trace(u64 resource, u64 action, u64 position);

#endif
