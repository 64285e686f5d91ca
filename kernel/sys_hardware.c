/*
 * System calls on hardware and on the system as a whole: all but system_info and random by a
 * resource.
 */
#include "cpu.h"
#include "handle.h"
#include "irq.h"
#include "log.h"
#include "page.h"
#include "port.h"
#include "quiesce.h"
#include "resource.h"
#include "sys.h"
#include "task.h"
#include "thread.h"
#include "trace.h"
#include "x86/platform.h"

#define IOPORTS 0x10000ul
#define IRQS_MAX 4096ul
#define DEVICES_MAX 0x10000ul

/* Enters a new object with all rights; gives it up if there is no room. */
static i64 enter(struct object *object)
{
    handle_t handle = handle_insert(&current_task()->handles, object, RIGHTS_ALL, 0);
    if (handle)
        return handle;
    object_put(object);
    return -EMFILE;
}

i64 sys_resource_create(u64 handle, u64 kind, u64 base, u64 length)
{
    if (kind >= RESOURCE_KINDS)
        return -EINVAL;
    i64 error = resource_check((handle_t)handle, (u32)kind, base, length);
    if (error)
        return error;
    struct resource *resource = resource_create((u32)kind, base, length, current_task()->budget);
    return resource ? enter(&resource->object) : -ENOMEM;
}

/* ---- I/O ports ------------------------------------------------------------------------------- */

static i64 check_ioport(u64 resource, u64 port, u64 width)
{
    if (width != 1 && width != 2 && width != 4)
        return -EINVAL;
    if (range_exceeds(port, width, IOPORTS))
        return -ERANGE;
    return resource_check((handle_t)resource, RESOURCE_IOPORT, port, width);
}

i64 sys_ioport_read(u64 resource, u64 port, u64 width)
{
    u32 value = 0;
    i64 error = check_ioport(resource, port, width);
    if (error)
        return error;
    if (width == 1)
        __asm__ volatile("inb %w1, %b0" : "+a"(value) : "d"(port));
    else if (width == 2)
        __asm__ volatile("inw %w1, %w0" : "+a"(value) : "d"(port));
    else
        __asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(port));
    return value;
}

i64 sys_ioport_write(u64 resource, u64 port, u64 width, u64 value)
{
    i64 error = check_ioport(resource, port, width);
    if (error)
        return error;
    if (width == 1)
        __asm__ volatile("outb %b0, %w1" : : "a"((u32)value), "d"(port));
    else if (width == 2)
        __asm__ volatile("outw %w0, %w1" : : "a"((u32)value), "d"(port));
    else
        __asm__ volatile("outl %0, %w1" : : "a"((u32)value), "d"(port));
    return 0;
}

/* ---- Interrupts and domains ------------------------------------------------------------------ */

i64 sys_irq_create(u64 resource, u64 gsi, u64 flags)
{
    if (flags & ~(u64)(IRQ_LEVEL | IRQ_ACTIVE_LOW | IRQ_DEFAULT) || gsi >= IRQS_MAX)
        return -EINVAL;
    i64 error = resource_check((handle_t)resource, RESOURCE_IRQ, gsi, 1);
    if (error)
        return error;
    struct object *irq;
    error = irq_create((u32)gsi, (u32)flags, current_task()->budget, &irq);
    return error ? error : enter(irq);
}

i64 sys_irq_create_msi(u64 resource, u64 count, u64 domain_handle, u64 cpu)
{
    struct object *irqs[32], *domain = NULL;
    i64 error = resource_check((handle_t)resource, RESOURCE_IRQ, 0, 0);
    if (error)
        return error;
    if (count < 1 || count > 32 || (count & (count - 1)) || (i64)cpu < -1 || (i64)cpu >= cpu_count)
        return -EINVAL;
    if (domain_handle) {
        domain = handle_object((handle_t)domain_handle, OBJECT_DOMAIN, RIGHT_MANAGE, &error);
        if (!domain)
            return error;
    }
    u64 address;
    u32 data;
    error = irq_create_msi((u32)count, (struct domain *)domain, (i32)cpu, current_task()->budget,
                           irqs, &address, &data);
    if (error)
        return error;
    u32 *handles = current_message_bytes();
    i64 first = 0;
    for (u32 i = 0; i < count; i++) {
        i64 handle = enter(irqs[i]);
        handles[i] = handle < 0 ? HANDLE_NONE : (handle_t)handle;
        if (i == 0)
            first = handle;
    }
    set_result2(address);
    set_result3(data);
    return first;
}

i64 sys_irq_bind(u64 irq_handle, u64 port_handle, u64 bits)
{
    i64 error;
    struct object *irq = handle_object((handle_t)irq_handle, OBJECT_IRQ, RIGHT_MANAGE, &error);
    if (!irq)
        return error;
    if (!port_handle)
        return irq_bind(irq, NULL, 0);
    struct object *port = handle_object((handle_t)port_handle, OBJECT_PORT, RIGHT_RECEIVE, &error);
    if (!port)
        return error;
    if (!bits || (bits & (NOTIFY_ABORT | NOTIFY_TIMER)))
        return -EINVAL;
    return irq_bind(irq, container_of(port, struct port, object), bits);
}

i64 sys_irq_ack(u64 handle)
{
    i64 error;
    struct object *irq = handle_object((handle_t)handle, OBJECT_IRQ, RIGHT_MANAGE, &error);
    return irq ? irq_ack(irq) : error;
}

i64 sys_domain_create(u64 resource, u64 device)
{
    if (device >= DEVICES_MAX)
        return -EINVAL;
    i64 error = resource_check((handle_t)resource, RESOURCE_DOMAIN, device, 1);
    if (error)
        return error;
    struct object *domain;
    error = domain_create((u32)device, current_task()->budget, &domain);
    return error ? error : enter(domain);
}

i64 sys_domain_reset(u64 handle, u64 flags)
{
    i64 error;
    struct object *domain = handle_object((handle_t)handle, OBJECT_DOMAIN, RIGHT_MANAGE, &error);
    if (!domain)
        return error;
    return flags & ~(u64)DOMAIN_FENCE ? -EINVAL : domain_reset(domain, (u32)flags);
}

i64 sys_domain_info(u64 handle)
{
    i64 error;
    u64 flags, pinned;
    struct object *domain = handle_object((handle_t)handle, OBJECT_DOMAIN, 0, &error);
    if (!domain)
        return error;
    domain_info(domain, &flags, &pinned);
    set_result2(pinned);
    return (i64)flags;
}

/* ---- The system ------------------------------------------------------------------------------ */

i64 sys_system_info(void)
{
    extern char __text_start[], __text_end[];
    /* Memory that waits to be quiesced counts as free soon; help it along. */
    quiesce_flush();
    struct system_info info = {.cpus = cpu_count,
                               .memory_total = page_total_count() * PAGE_SIZE,
                               .memory_free = page_free_count() * PAGE_SIZE,
                               .kernel_text = (u64)(__text_end - __text_start),
                               .uptime = clock_now(),
                               .tsc_hz = clock_page->tsc_hz};
    for (u32 i = 0; i < cpu_count; i++) {
        info.switches += cpus[i].switches;
        info.messages += cpus[i].messages;
        info.interrupts += cpus[i].interrupts;
    }
    memcpy(current_message_bytes(), &info, sizeof(info));
    return 0;
}

i64 sys_debug_write(u64 resource, u64 length)
{
    i64 error = resource_check((handle_t)resource, RESOURCE_LOG, 0, 0);
    if (error)
        return error;
    if (length > MESSAGE_BYTES_MAX)
        return -E2BIG;
    log_write(current_message_bytes(), length);
    return 0;
}

i64 sys_debug_read(u64 resource, u64 position)
{
    i64 error = resource_check((handle_t)resource, RESOURCE_LOG, 0, 0);
    if (error)
        return error;
    size_t length = log_read(&position, current_message_bytes(), MESSAGE_BYTES_MAX);
    set_result2(position);
    return (i64)length;
}

i64 sys_debug_console(u64 resource, u64 off, u64 on)
{
    i64 error = resource_check((handle_t)resource, RESOURCE_LOG, 0, 0);
    if (error)
        return error;
    if ((off | on) & ~(u64)(CONSOLE_SERIAL | CONSOLE_SCREEN))
        return -EINVAL;
    u64 unseen;
    u32 now = log_consoles((u32)off, (u32)on, &unseen);
    set_result2(unseen);
    return now;
}

i64 sys_power(u64 resource, u64 action, u64 argument)
{
    i64 error = resource_check((handle_t)resource, RESOURCE_POWER, 0, 0);
    if (error)
        return error;
    if (action > POWER_TEST_EXIT)
        return -EINVAL;
    if (action == POWER_PANIC)
        panic("asked for by the first task");
    platform_power((u32)action, argument);
}

i64 sys_random(u64 length)
{
    if (length > MESSAGE_BYTES_MAX)
        return -E2BIG;
    platform_random(current_message_bytes(), length);
    return 0;
}

i64 sys_trace(u64 resource, u64 action, u64 position)
{
    i64 error = resource_check((handle_t)resource, RESOURCE_LOG, 0, 0);
    if (error)
        return error;
    if (action > 2)
        return -EINVAL;
    if (action < 2) {
        trace_enable(action);
        return 0;
    }
    size_t count = trace_read(&position, current_message_bytes(),
                              MESSAGE_BYTES_MAX / sizeof(struct trace_event));
    set_result2(position);
    return (i64)count;
}
