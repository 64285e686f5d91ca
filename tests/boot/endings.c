/*
 * A message ends exactly once, whatever happens at the same time: replies racing with replies,
 * deadlines, aborts, deaths of either side and of ports, on as many CPUs as there are.
 *
 * Each test lets both sides count what they were told and compares: every success of the one is a
 * success of the other, and nobody waits for ever.
 */
#include "test.h"

static handle_t port, reply_port;
static uint32_t rounds = 40000;

static uint32_t random_state = 1;

static uint32_t random(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 8;
}

static int32_t cpu_of(uint32_t n)
{
    return (int32_t)(n % startup->cpus);
}

/* ---- Replies --------------------------------------------------------------------------------- */

static volatile uint64_t token_to_answer;
static volatile uint32_t replies_made, replies_refused, replies_odd;
static volatile bool finished;

static void count_reply(int64_t result)
{
    if (result == 0)
        __atomic_add_fetch(&replies_made, 1, __ATOMIC_RELAXED);
    else if (result == -ESTALE_TOKEN)
        __atomic_add_fetch(&replies_refused, 1, __ATOMIC_RELAXED);
    else
        __atomic_add_fetch(&replies_odd, 1, __ATOMIC_RELAXED);
}

static void reset_counts(void)
{
    replies_made = replies_refused = replies_odd = 0;
    finished = false;
}

/* Answers every token it sees, as does another thread at the same time. */
static void answer_again(void *argument)
{
    (void)argument;
    uint64_t last = 0;
    while (!finished) {
        uint64_t token = token_to_answer;
        if (token == last) {
            sys_thread_yield();
            continue;
        }
        last = token;
        struct message m = {.result = 2};
        count_reply(sys_reply(token, &m));
    }
}

static void get_and_answer(void *argument)
{
    handle_t from = *(handle_t *)argument;
    struct message m = {0};
    struct receipt r;
    while (sys_get(from, DEADLINE_NEVER, &m, &r) == GET_MESSAGE) {
        token_to_answer = r.token;
        m.result = 1;
        count_reply(sys_reply(r.token, &m));
    }
}

static void test_two_replies(void)
{
    struct thread server, second;
    handle_t served = (handle_t)must(sys_port_create(8), "port_create");
    reset_counts();
    run_thread(&server, get_and_answer, &served, cpu_of(1), PRIORITY_DEFAULT);
    run_thread(&second, answer_again, NULL, cpu_of(2), PRIORITY_DEFAULT);
    uint32_t answered = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        struct message m = head(1);
        int64_t result = sys_do(served, soon(), &m);
        answered += result == 0 && (m.result == 1 || m.result == 2);
    }
    finished = true;
    sys_handle_close(served);
    must(thread_join(&server, soon(), NULL), "join");
    must(thread_join(&second, soon(), NULL), "join");
    is(answered, rounds, "two threads answer the same message: each call is answered");
    is(replies_made, rounds, "by one of them");
    is(replies_odd, 0, "the other is told that it came late");
}

/* Answers after a little while, about as long as the callers' deadlines. */
static void answer_slowly(void *argument)
{
    handle_t from = *(handle_t *)argument;
    struct message m = {0};
    struct receipt r;
    int64_t kind;
    uint32_t noise = 7;
    while ((kind = sys_get(from, DEADLINE_NEVER, &m, &r)) >= 0) {
        if (kind != GET_MESSAGE)
            continue; /* NOTIFY_ABORT */
        noise = noise * 1664525 + 1013904223;
        for (uint64_t end = clock_after((noise >> 8) % 30000); clock_now() < end;)
            ;
        count_reply(sys_reply(r.token, &m));
    }
}

static void test_deadlines(void)
{
    struct thread server;
    handle_t served = (handle_t)must(sys_port_create(8), "port_create");
    reset_counts();
    run_thread(&server, answer_slowly, &served, cpu_of(1), PRIORITY_DEFAULT);
    uint32_t answered = 0, late = 0, odd = 0;
    for (uint32_t i = 0; i < rounds / 10; i++) {
        struct message m = head(1);
        int64_t result = sys_do(served, clock_after(random() % 60000), &m);
        answered += result == 0;
        late += result == -ETIMEDOUT;
        odd += result != 0 && result != -ETIMEDOUT;
    }
    sys_handle_close(served);
    must(thread_join(&server, soon(), NULL), "join");
    print("# %u answered in time, %u not\n", answered, late);
    is(odd, 0, "calls end by a reply or their deadline");
    is(replies_made, answered, "and the server's replies are those that arrived");
    is(replies_odd, 0, "the others were told that they came late");
}

/* ---- Interrupts ------------------------------------------------------------------------------ */

static void interrupt_main(void *argument)
{
    (void)argument;
    uint32_t noise = 3;
    while (!finished) {
        noise = noise * 1664525 + 1013904223;
        sys_sleep(clock_after((noise >> 8) % 60000));
        sys_thread_interrupt(startup->thread);
    }
}

static void test_interrupts(void)
{
    struct thread server, other;
    handle_t served = (handle_t)must(sys_port_create(8), "port_create");
    reset_counts();
    run_thread(&server, answer_slowly, &served, cpu_of(1), PRIORITY_DEFAULT);
    run_thread(&other, interrupt_main, NULL, cpu_of(2), PRIORITY_DEFAULT);
    uint32_t answered = 0, interrupted = 0, odd = 0;
    for (uint32_t i = 0; i < rounds / 10; i++) {
        struct message m = head(1);
        int64_t result = sys_do(served, soon(), &m);
        answered += result == 0;
        interrupted += result == -EABORTED;
        odd += result != 0 && result != -EABORTED;
    }
    finished = true;
    int64_t joined;
    while ((joined = thread_join(&other, soon(), NULL)) == -EINTR) /* it may interrupt this, too */
        ;
    must(joined, "join");
    sys_handle_close(served);
    must(thread_join(&server, soon(), NULL), "join");
    print("# %u answered, %u interrupted\n", answered, interrupted);
    is(odd, 0, "calls end by a reply or an interrupt");
    is(replies_made, answered, "and the server's replies are those that arrived");
    is(replies_odd, 0, "the others came late");
}

/* ---- Aborts ---------------------------------------------------------------------------------- */

static void test_aborts(void)
{
    struct thread server;
    handle_t served = (handle_t)must(sys_port_create(64), "port_create");
    reset_counts();
    run_thread(&server, answer_slowly, &served, cpu_of(1), PRIORITY_DEFAULT);
    uint32_t answered = 0, aborted = 0, odd = 0, asked = 0, pending = 0, sent = rounds / 10;
    for (uint32_t i = 0; i < sent || pending > 0;) {
        struct message m = {.op = 1, .cookie = i};
        struct receipt r;
        uint64_t id;
        if (i < sent && pending < 4 && sys_send(served, reply_port, &m, &id) == 0) {
            i++;
            pending++;
            if (random() % 2)
                asked += sys_abort(id) == 0;
            continue;
        }
        int64_t kind = sys_get(reply_port, soon(), &m, &r);
        answered += kind == GET_REPLY;
        aborted += kind == GET_ENDED && m.result == -EABORTED;
        odd += kind != GET_REPLY && kind != GET_ENDED;
        pending--;
    }
    sys_handle_close(served);
    must(thread_join(&server, soon(), NULL), "join");
    print("# %u answered, %u of %u aborted before they were got\n", answered, aborted, asked);
    is(odd, 0, "sends end by a reply or by being aborted");
    is(answered + aborted, sent, "each once");
    is(replies_made, answered, "and the server's replies are those that arrived");
    struct message m = {0};
    struct receipt r;
    is(sys_get(reply_port, clock_after(MILLISECOND), &m, &r), -ETIMEDOUT, "nothing comes later");
}

/* ---- Deaths of the receiver ------------------------------------------------------------------ */

/* A server in its own task: answers, keeps some messages, and lives a random while. */
static void serve_for_a_while(uint64_t argument)
{
    uint64_t end = clock_after(argument);
    struct message m = {0};
    struct receipt r;
    uint32_t count = 0;
    while (sys_get(child_handles[0], end, &m, &r) == GET_MESSAGE) {
        if (++count % 5 == 0)
            continue; /* kept till death */
        m.result = 1;
        m.flags = 0;
        sys_reply(r.token, &m);
    }
}

static volatile uint32_t calls_answered, calls_dead, calls_odd;

static void call_until_dead(void *argument)
{
    handle_t to = *(handle_t *)argument;
    int64_t result;
    do {
        struct message m = head(1);
        result = sys_do(to, soon(), &m);
        if (result == 0 && m.result == 1)
            __atomic_add_fetch(&calls_answered, 1, __ATOMIC_RELAXED);
        else if (result == -EDEAD)
            __atomic_add_fetch(&calls_dead, 1, __ATOMIC_RELAXED);
        else
            __atomic_add_fetch(&calls_odd, 1, __ATOMIC_RELAXED);
    } while (result != -EDEAD || sys_notify(to, 1) == 0);
}

static void test_receiver_dies(void)
{
    uint32_t deaths = 0;
    calls_answered = calls_dead = calls_odd = 0;
    for (uint32_t i = 0; i < rounds / 500; i++) {
        struct child child;
        struct thread callers[3];
        handle_t served = (handle_t)must(sys_port_create(8), "port_create");
        handle_t to = (handle_t)must(sys_handle_duplicate(served, RIGHT_SEND, 0), "duplicate");
        run_child(&child, serve_for_a_while, random() % (4 * MILLISECOND), &served, 1, cpu_of(i),
                  CHILD_BUDGET);
        sys_handle_close(served); /* the child has the only one that receives */
        for (uint32_t j = 0; j < 3; j++)
            run_thread(&callers[j], call_until_dead, &to, cpu_of(i + j), PRIORITY_DEFAULT);
        if (i % 2) {
            sys_sleep(clock_after(random() % (3 * MILLISECOND)));
            end_child(&child);
        } else {
            join_child(&child);
        }
        for (uint32_t j = 0; j < 3; j++)
            must(thread_join(&callers[j], soon(), NULL), "caller ends");
        sys_handle_close(to);
        deaths++;
    }
    print("# %u calls answered, %u ended by %u deaths\n", calls_answered, calls_dead, deaths);
    is(calls_odd, 0, "a call is answered or ended by its receiver's death");
    ok(calls_dead >= deaths * 3, "and no caller is forgotten");
}

/* ---- Deaths of the sender -------------------------------------------------------------------- */

static void call_and_send(uint64_t argument)
{
    (void)argument;
    handle_t to = child_handles[0];
    handle_t replies = (handle_t)sys_port_create(8), moved = (handle_t)sys_port_create(1);
    uint64_t id;
    for (uint32_t i = 0;; i++) {
        struct message m = {.op = 1, .flags = MESSAGE_FLAGS(16, 1, 0) | MESSAGE_ROOM};
        message_area()->handles[0] = (struct message_handle){
            (handle_t)sys_handle_duplicate(moved, RIGHTS_SAME, 0), RIGHTS_SAME, 0};
        if (i % 3 == 0)
            sys_send(to, replies, &m, &id);
        else
            sys_do(to, DEADLINE_NEVER, &m);
        struct receipt r;
        while (sys_get(replies, DEADLINE_NOW, &m, &r) >= 0)
            sys_handle_close(message_area()->handles[0].handle);
    }
}

static uint32_t handle_count(void)
{
    must(sys_task_info(startup->task), "task_info");
    return ((const struct task_info *)message_area()->bytes)->handles;
}

static void test_sender_dies(void)
{
    uint32_t got_some = 0, odd = 0, before = handle_count();
    for (uint32_t i = 0; i < rounds / 500; i++) {
        struct child child;
        struct message m = {0};
        struct receipt r;
        handle_t served = (handle_t)must(sys_port_create(8), "port_create");
        run_child(&child, call_and_send, 0, &served, 1, cpu_of(i), CHILD_BUDGET);
        uint64_t until = clock_after(random() % (3 * MILLISECOND));
        bool killed = false;
        for (;;) {
            int64_t kind = sys_get(served, killed ? clock_after(200000) : until, &m, &r);
            if (kind == -ETIMEDOUT && !killed) {
                sys_task_kill(child.task, 1);
                killed = true;
                continue;
            }
            if (kind == -ETIMEDOUT)
                break;
            if (kind != GET_MESSAGE)
                continue; /* NOTIFY_ABORT */
            got_some++;
            sys_handle_close(message_area()->handles[0].handle);
            m = (struct message){0};
            int64_t result = sys_reply(r.token, &m);
            odd += result != 0 && !(killed && result == -ESTALE_TOKEN);
        }
        odd += join_child(&child) != 1;
        sys_handle_close(served);
    }
    print("# %u messages got from tasks that were killed\n", got_some);
    is(odd, 0, "messages of a sender that dies are answered or known to be stale");
    is(handle_count(), before, "and bring no handle that nobody has");
}

/* ---- Deaths of ports ------------------------------------------------------------------------- */

static void close_soon(void *argument)
{
    handle_t victim = *(handle_t *)argument;
    for (uint64_t end = clock_after(random() % 30000); clock_now() < end;)
        ;
    sys_handle_close(victim);
}

static void test_port_closes(void)
{
    uint32_t odd = 0, sends = 0, ended = 0;
    for (uint32_t i = 0; i < rounds / 100; i++) {
        struct thread closer;
        struct message m = {0};
        struct receipt r;
        handle_t served = (handle_t)must(sys_port_create(4), "port_create");
        handle_t to = (handle_t)must(sys_handle_duplicate(served, RIGHT_SEND, 0), "duplicate");
        run_thread(&closer, close_soon, &served, cpu_of(i), PRIORITY_DEFAULT);
        int64_t result;
        uint64_t id;
        do {
            m = head(1);
            result = sys_send(to, reply_port, &m, &id);
            sends += result == 0;
        } while (result == 0 || result == -EAGAIN);
        odd += result != -EDEAD;
        must(thread_join(&closer, soon(), NULL), "join");
        sys_handle_close(to);
        while (ended < sends && sys_get(reply_port, soon(), &m, &r) == GET_ENDED)
            ended += m.result == -EDEAD;
    }
    is(odd, 0, "sending to a port that is closed meanwhile");
    is(ended, sends, "every message that was taken is ended");
}

static void test_reply_port_closes(void)
{
    struct message m = {0};
    struct receipt r;
    handle_t served = (handle_t)must(sys_port_create(64), "port_create");
    uint32_t odd = 0;
    for (uint32_t i = 0; i < rounds / 100; i++) {
        struct thread closer;
        handle_t replies = (handle_t)must(sys_port_create(4), "port_create");
        uint64_t id;
        for (uint32_t j = 0; j < 4; j++) {
            m = head(1);
            must(sys_send(served, replies, &m, &id), "send");
        }
        run_thread(&closer, close_soon, &replies, cpu_of(i), PRIORITY_DEFAULT);
        while (sys_get(served, clock_after(100000), &m, &r) >= 0) {
            if (r.token == 0)
                continue;
            int64_t result = sys_reply(r.token, &m);
            odd += result != 0 && result != -ESTALE_TOKEN;
        }
        must(thread_join(&closer, soon(), NULL), "join");
    }
    while (sys_get(served, DEADLINE_NOW, &m, &r) == GET_NOTIFY)
        ;
    is(odd, 0, "a reply port that is closed takes its messages along");
    is(sys_get(served, clock_after(MILLISECOND), &m, &r), -ETIMEDOUT, "and none is left");
    sys_handle_close(served);
}

/* ---- Forwarding ------------------------------------------------------------------------------ */

static void pass_on(void *argument)
{
    handle_t *ports = argument; /* from, to */
    struct message m = {0};
    struct receipt r;
    int64_t kind;
    while ((kind = sys_get(ports[0], DEADLINE_NEVER, &m, &r)) >= 0) {
        if (kind == GET_MESSAGE && sys_forward(ports[1], r.token, &m) == -EDEAD)
            sys_reply(r.token, &m);
    }
}

static void test_forwarding(void)
{
    handle_t chain[4];
    struct thread threads[3];
    for (uint32_t i = 0; i < 4; i++)
        chain[i] = (handle_t)must(sys_port_create(8), "port_create");
    reset_counts();
    for (uint32_t i = 0; i < 2; i++)
        run_thread(&threads[i], pass_on, &chain[i], cpu_of(i + 1), PRIORITY_DEFAULT);
    run_thread(&threads[2], answer_slowly, &chain[2], cpu_of(3), PRIORITY_DEFAULT);
    uint32_t answered = 0, late = 0, odd = 0;
    for (uint32_t i = 0; i < rounds / 10; i++) {
        struct message m = head(1);
        int64_t result = sys_do(chain[0], clock_after(random() % 150000), &m);
        answered += result == 0;
        late += result == -ETIMEDOUT;
        odd += result != 0 && result != -ETIMEDOUT;
    }
    for (uint32_t i = 0; i < 4; i++)
        sys_handle_close(chain[i]);
    for (uint32_t i = 0; i < 3; i++)
        must(thread_join(&threads[i], soon(), NULL), "join");
    print("# forwarded twice: %u answered in time, %u not\n", answered, late);
    is(odd, 0, "calls that are forwarded end by a reply or their deadline");
    is(replies_made, answered, "and the last server's replies are those that arrived");
    is(replies_odd, 0, "the others came late");
}

/* ---- A receiver that never sees what it was given -------------------------------------------- */

static void get_once(void *argument)
{
    struct message m = head(0);
    struct receipt receipt;
    sys_get(*(handle_t *)argument, DEADLINE_NEVER, &m, &receipt);
}

static void test_killed_before_it_runs(void)
{
    struct thread receiver;
    handle_t quiet = (handle_t)must(sys_port_create(4), "port_create");
    struct message m = head(1);
    struct receipt receipt;
    uint64_t id;
    sys_thread_set(startup->thread, -1, 0);
    run_thread(&receiver, get_once, &quiet, 0, PRIORITY_DEFAULT - 1);
    sys_sleep(clock_after(20 * MILLISECOND)); /* it waits */
    must(sys_send(quiet, reply_port, &m, &id), "send");
    sys_thread_kill(receiver.handle, 0);
    is(sys_get(reply_port, soon(), &m, &receipt), GET_ENDED,
       "a message given to a thread that is killed before it runs ends");
    is(m.result, -EDEAD, "as if its receiver had died");
    sys_handle_close(quiet);
    sys_thread_set(startup->thread, -1, -2);
}

int main(const void *found)
{
    test_begin(found);
    if (startup_has_word(startup, "quick"))
        rounds /= 10;
    port = (handle_t)must(sys_port_create(16), "port_create");
    reply_port = (handle_t)must(sys_port_create(64), "port_create");
    test_two_replies();
    test_deadlines();
    test_interrupts();
    test_aborts();
    test_receiver_dies();
    test_sender_dies();
    test_port_closes();
    test_reply_port_closes();
    test_forwarding();
    test_killed_before_it_runs();
    return test_end();
}
