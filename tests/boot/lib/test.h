/*
 * What guest tests share: TAP output, and second tasks.
 *
 *     int main(const void *found)
 *     {
 *         test_begin(found);
 *         ok(1 + 1 == 2, "numbers add");
 *         return test_end();
 *     }
 */
#ifndef TEST_H
#define TEST_H

#include "clock.h"
#include "print.h"
#include "start.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

extern const struct startup *startup;

void test_begin(const void *found);
int test_end(void); /* prints the plan; the exit status: 0 if all passed */

/* A result, with its name. The second prints what was seen when it is not what was wanted. */
bool ok(bool good, const char *name);
bool is(int64_t seen, int64_t wanted, const char *name);

/* A step that has to work for the test to go on at all. Gives the value. */
int64_t must(int64_t value, const char *what);

/* A thread of this task. */
void run_thread(struct thread *thread, void (*function)(void *), void *argument, int32_t cpu,
                int32_t priority);

/*
 * A second task made of this program: the same code, a copy-on-write copy of its data as it is now,
 * one thread that runs function(argument) and then ends.  The handles are granted to it; their
 * numbers there are in child_handles[] of its copy.
 */
#define CHILD_HANDLES_MAX 8u
#define CHILD_BUDGET (8ul << 20)
struct child {
    handle_t task, thread;
};
extern handle_t child_handles[CHILD_HANDLES_MAX];
extern handle_t child_self; /* in the child: its own task */
/* If not HANDLE_NONE, a page of memory that children share with their maker, mapped at
 * CHILD_SHARED. */
extern handle_t child_shared;
#define CHILD_SHARED 0x60000000ul
void run_child(struct child *child, void (*function)(uint64_t), uint64_t argument,
               const handle_t *handles, uint32_t count, int32_t cpu, uint64_t budget);
/* The same, but its thread is not started. */
void prepare_child(struct child *child, void (*function)(uint64_t), uint64_t argument,
                   const handle_t *handles, uint32_t count, int32_t cpu, uint64_t budget);
/* Kills it, waits for its end and closes the handles. */
void end_child(struct child *child);
/* Waits for it to end by itself and closes the handles; its status. */
int64_t join_child(struct child *child);

/* Whether rounds of work leave less and less memory free.  The kernel keeps small stocks per CPU,
 * so that one round may differ from another by some pages; a leak goes on and on. */
bool loses_memory(void (*work)(void));

/* Bytes of memory free, once what is being taken apart is gone. */
uint64_t settled_free_memory(void);

/* The seconds that a wait may take on a slow machine. */
#define PATIENCE (60 * SECOND)
static inline uint64_t soon(void)
{
    return clock_after(PATIENCE);
}

/* A head with an operation and nothing else. */
static inline struct message head(uint32_t op)
{
    return (struct message){.op = op};
}

#endif
