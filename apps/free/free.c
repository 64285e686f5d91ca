/*
 * free: how much of the machine's memory is in use, in KiB.
 */
#include <stdio.h>
#include <sys/portolan.h>

int main(void)
{
    struct system_info info;
    if (portolan_system(&info) < 0) {
        perror("free");
        return 1;
    }
    unsigned long total = info.memory_total >> 10, unused = info.memory_free >> 10;
    printf("%15s %11s %11s %11s\n", "total", "used", "free", "kernel");
    printf("Mem: %10lu %11lu %11lu %11lu\n", total, total - unused, unused,
           (unsigned long)(info.kernel_memory >> 10));
    return 0;
}
