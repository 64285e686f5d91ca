/*
 * From _start to main, and from main's return to the task's end.
 */
#include "start.h"

#include "clock.h"
#include "print.h"
#include "string.h"
#include "thread.h"

int main(const void *found);
_Noreturn void program_start(const void *found, struct message_area *area);

static struct thread_block first_thread;
static handle_t this_task;

_Noreturn void program_start(const void *found, struct message_area *area)
{
    first_thread.self = &first_thread;
    first_thread.area = area;
    sys_thread_set_fs((uint64_t)&first_thread);
    program_exit(main(found));
}

_Noreturn void program_exit(int32_t status)
{
    if (this_task != HANDLE_NONE)
        sys_task_kill(this_task, status);
    sys_thread_exit(status);
}

void startup_open(const struct startup *startup)
{
    this_task = startup->task;
    if (startup->clock_address != 0)
        clock_open((const struct clock_page *)startup->clock_address);
    print_open(startup_handle(startup, "log"));
    print_open_server(startup_handle(startup, "logport"));
}

handle_t startup_handle(const struct startup *startup, const char *name)
{
    for (uint32_t i = 0; i < startup->handle_count && i < STARTUP_HANDLES_MAX; i++) {
        if (strncmp(startup->handles[i].name, name, STARTUP_NAME_MAX) == 0)
            return startup->handles[i].handle;
    }
    return HANDLE_NONE;
}

bool startup_has_word(const struct startup *startup, const char *word)
{
    return words_have(startup->words, startup->word_count, word);
}

const char *startup_option(const struct startup *startup, const char *prefix)
{
    return words_option(startup->words, startup->word_count, prefix);
}
