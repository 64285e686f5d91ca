/*
 * reboot: starts the machine anew.
 */
#include <stdio.h>
#include <sys/reboot.h>

int main(void)
{
    reboot(RB_AUTOBOOT);
    perror("reboot");
    return 1;
}
