/*
 * Processes that mean ill: nonsense for the process server, spoilt signal pages.  They may come to
 * harm themselves; the server, their parent and their siblings do not.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../process_call.h"
#include "../../signal_state.h"
#include "../../syscall.h"
#include "tap.h"

static volatile int *volatile nowhere = (int *)0x700000000000;
static uint64_t seed = 88172645463325252u;

static uint64_t any(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    switch (seed >> 61) {
    case 0:
        return seed & 0xff;
    case 1:
        return 0;
    case 2:
        return ~(seed & 0xffff);
    case 3:
        return 1ull << (seed & 63);
    default:
        return seed;
    }
}

static void ignore(int number)
{
    (void)number;
}

/* Whether a process can still be made, signalled and waited for. */
static bool all_is_well(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(1);
    }
    return child > 0 && kill(child, SIGTERM) == 0 && waitpid(child, &status, 0) == child &&
           WTERMSIG(status) == SIGTERM;
}

/* Runs it in a child of a session of its own, and ends that. */
static bool survives(void (*misdeed)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        setsid();
        misdeed();
        _exit(0);
    }
    usleep(20000);
    for (int i = 0; i < 20; i++)
        kill(child, i % 2 ? SIGUSR1 : SIGCHLD);
    usleep(50000);
    kill(child, SIGKILL);
    return waitpid(child, &status, 0) == child && all_is_well();
}

static void nonsense(void)
{
    struct message_area *area = thread_self()->area;
    handle_t session = __libc_process_session();
    for (int i = 0; i < 4000; i++) {
        struct message head = {.op = PROCESS_CREATE + (uint32_t)(any() % 26),
                               .offset = any(),
                               .length = any(),
                               .arg = {any(), any(), any()}};
        uint32_t bytes = (uint32_t)(any() % 3 ? 0 : any() % 4097), handles = (uint32_t)(any() % 3);
        /* To others it may do what any process may: so not that. */
        if (head.op == PROCESS_KILL || head.op == PROCESS_DEFAULT_ACTION ||
            head.op == PROCESS_WAIT || head.op == PROCESS_LIMIT)
            continue;
        for (uint32_t j = 0; j < handles; j++) {
            int64_t port = j ? sys_vmo_create(VMO_ANONYMOUS, 4096, 0, 0) : sys_port_create(1);
            area->handles[j] = (struct message_handle){(handle_t)port, RIGHTS_SAME, 0};
        }
        head.flags = MESSAGE_FLAGS(bytes, handles, 0);
        for (uint32_t j = 0; j < 64; j++)
            area->bytes[j] = (uint8_t)any();
        sys_do(session, DEADLINE_NEVER, &head);
        for (uint32_t j = 0; j < MESSAGE_FLAG_HANDLES(head.flags); j++)
            sys_handle_close(area->handles[j].handle);
    }
}

static handle_t own_page(void)
{
    struct message head = {.op = PROCESS_SIGNALS};
    call_begin();
    __libc_process_do(&head, 0);
    handle_t page = thread_self()->area->handles[0].handle;
    call_end();
    return page;
}

static void cut_page(void)
{
    signal(SIGUSR1, ignore);
    sys_vmo_resize(own_page(), 4096);
    for (;;)
        sys_sleep(DEADLINE_NEVER);
}

static void random_page(void)
{
    signal(SIGUSR1, ignore);
    for (uint64_t *at = (uint64_t *)__libc_signal_page;
         at < (uint64_t *)((char *)__libc_signal_page + SIGNAL_PAGE_SIZE); at++)
        *at = any();
    for (;;)
        ;
}

static void wild_entry(void)
{
    signal(SIGUSR1, ignore);
    __libc_signal_page->entry = 0xffff800000000000;
    for (;;)
        ;
}

static void wild_stack(void)
{
    static char small[8192];
    stack_t stack = {small, 0, sizeof small};
    sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_flags = SA_ONSTACK};
    action.sa_handler = ignore;
    sigaction(SIGSEGV, &action, NULL);
    signal_slot_of(0)->stack_low = 1;
    signal_slot_of(0)->stack_high = UINT64_MAX;
    *nowhere = 1;
}

static void always_faults(void)
{
    struct sigaction action = {.sa_flags = SA_NODEFER};
    action.sa_handler = ignore;
    sigaction(SIGSEGV, &action, NULL);
    *nowhere = 1;
}

static void many_children(void)
{
    for (int i = 0; i < 100; i++) {
        struct message head = {.op = PROCESS_CREATE};
        call_begin();
        __libc_process_do(&head, 0); /* never started; the handles leak */
        call_end();
    }
}

int main(void)
{
    ok(all_is_well(), "to begin with");
    ok(survives(nonsense), "nonsense");
    ok(survives(cut_page), "a signal page that is cut");
    ok(survives(random_page), "one full of nonsense");
    ok(survives(wild_entry), "an entry in the kernel");
    ok(survives(wild_stack), "an alternate stack that is everywhere");
    ok(survives(always_faults), "a fault that is handled for ever");
    ok(survives(many_children), "processes that are never started");
    return tap_end();
}
