/*
 * What Portolan tells programs beyond POSIX.  The structures are those of the contract.
 */
#ifndef _SYS_PORTOLAN_H
#define _SYS_PORTOLAN_H

#include <portolan/process.h>
#include <portolan/syscall.h>
#include <sys/cdefs.h>
#include <sys/types.h>

__BEGIN_DECLS
/* The machine: its CPUs, memory, counters since boot. 0, or -1 with errno. */
int portolan_system(struct system_info *info);

/*
 * Up to `count` processes, from *position on (0: the first), which moves on and is 0 at the end.
 * Their number, or -1 with errno.
 */
ssize_t portolan_processes(uint64_t *position, struct process_entry *list, size_t count);
__END_DECLS

#endif
