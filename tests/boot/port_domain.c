/*
 * Ports with a domain: what is lent to their device alone comes pinned, and stays so until the
 * answer; or, if the message ends otherwise, until the driver unpins it.
 */
#include "test.h"

#define ALL (RIGHT_READ | RIGHT_WRITE | RIGHT_PIN)

static handle_t port, plain_port, second_port, domain, vmo;

static uint64_t pinned(void)
{
    uint64_t pages;
    must(sys_domain_info(domain, &pages), "domain_info");
    return pages;
}

/* ---- A driver, which does what the message says ---------------------------------------------- */

enum { LOOK = 1, UNPIN, RESET, PASS_ON, PASS_ASIDE, KEEP };

static struct message_range seen[MESSAGE_RANGES_MAX];
static uint64_t addresses[8], pinned_while_held, kept_token;
static int64_t done;

static int64_t act(uint32_t op, struct receipt *receipt)
{
    struct message bare = head(LOOK);
    switch (op) {
    case UNPIN:
        return sys_unpin(domain, seen[0].offset);
    case RESET:
        return sys_domain_reset(domain, 0);
    case PASS_ON:
        return sys_forward(second_port, receipt->token, &bare);
    case PASS_ASIDE:
        return sys_forward(plain_port, receipt->token, &bare);
    default:
        return 0;
    }
}

static void serve(handle_t from)
{
    struct message m = head(0);
    struct receipt receipt;
    if (sys_get(from, soon(), &m, &receipt) != GET_MESSAGE)
        return;
    memcpy(seen, message_area()->ranges, sizeof(seen));
    memcpy(addresses, message_area()->addresses, sizeof(addresses));
    pinned_while_held = pinned();
    kept_token = receipt.token;
    uint32_t op = m.op;
    done = act(op, &receipt);
    if (op == KEEP || (op == PASS_ON && done == 0))
        return;
    m.flags = 0;
    m.result = (int64_t)pinned();
    sys_reply(receipt.token, &m);
}

static void drive(void *argument)
{
    (void)argument;
    serve(port);
}

static void drive_second(void *argument)
{
    (void)argument;
    serve(second_port);
}

/* Lends one range or two; what do gave, or the reply's result. */
static int64_t lend(uint32_t op, struct message_range first, struct message_range second,
                    uint64_t deadline)
{
    struct thread driver;
    struct message m = {.op = op, .flags = MESSAGE_FLAGS(0, 0, second.vmo ? 2 : 1)};
    run_thread(&driver, drive, NULL, startup->cpus > 1 ? 1 : 0, PRIORITY_DEFAULT);
    message_area()->ranges[0] = first;
    message_area()->ranges[1] = second;
    int64_t result = sys_do(port, deadline, &m);
    if (result < 0 && result != -ETIMEDOUT)
        sys_notify(port, 1); /* nothing was sent: the driver need not wait */
    must(thread_join(&driver, soon(), NULL), "join");
    return result < 0 ? result : m.result;
}

static struct message_range range(uint64_t offset, uint64_t length, uint32_t rights)
{
    return (struct message_range){vmo, rights, offset, length};
}

static const struct message_range none;

/* The device's address of a page, as a pin by hand says it. */
static uint64_t address_of(uint64_t page)
{
    uint64_t id;
    must(sys_pin(vmo, page * PAGE_SIZE, PAGE_SIZE, domain, &id), "pin");
    uint64_t address = *(uint64_t *)message_area()->bytes;
    must(sys_unpin(domain, id), "unpin");
    return address;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_errors(void)
{
    handle_t weak = (handle_t)must(sys_handle_duplicate(port, RIGHT_SEND | RIGHT_RECEIVE, 0), "");
    is(sys_port_domain(weak, domain), -EPERM, "a port's domain is its manager's to set");
    sys_handle_close(weak);
    is(sys_port_domain(domain, domain), -EBADF, "of a port");
    is(sys_port_domain(port, port), -EBADF, "to a domain");
    is(sys_port_domain(port, HANDLE_NONE), -EBADF, "not to none");
    is(sys_port_domain(port, domain), 0, "it is set");
    is(sys_port_domain(port, domain), -EBUSY, "once");
    must(sys_port_domain(second_port, domain), "port_domain");
}

static void test_lending(void)
{
    is(lend(LOOK, range(PAGE_SIZE, PAGE_SIZE, ALL), none, soon()), 1, "a page comes pinned");
    is(seen[0].vmo, HANDLE_NONE, "with no handle to look at it");
    is((int64_t)addresses[0], (int64_t)address_of(1), "but the device's address of it");
    is((int64_t)seen[0].length, PAGE_SIZE, "and its length");
    is((int64_t)pinned(), 0, "the answer unpins it");
    is(lend(LOOK, range(0, 3 * PAGE_SIZE, ALL), range(4 * PAGE_SIZE, 2 * PAGE_SIZE, ALL), soon()),
       5, "so do two ranges of several pages");
    bool right = true;
    static const uint64_t pages[] = {0, 1, 2, 4, 5};
    uint64_t got[5];
    memcpy(got, addresses, sizeof(got));
    for (uint32_t i = 0; i < 5; i++)
        right &= got[i] == address_of(pages[i]);
    ok(right, "one address after the other");
    is((int64_t)pinned(), 0, "and the answer unpins all");
    is(lend(LOOK, range(0, PAGE_SIZE, ALL | RIGHT_MAP), none, soon()), 0,
       "what may be mapped comes as a loan");
    ok(seen[0].vmo != HANDLE_NONE, "with a handle");
    is(lend(LOOK, range(8, PAGE_SIZE, ALL), none, soon()), 0, "and so does part of a page");
    is(lend(LOOK, range(0, 64 * PAGE_SIZE, ALL), none, soon()), -ERANGE, "no more than there is");
    is(lend(LOOK, range(0, PAGE_SIZE, RIGHT_PIN), none, soon()), -EINVAL,
       "lent for reading or writing");
}

static void test_ends(void)
{
    is(lend(UNPIN, range(0, PAGE_SIZE, ALL), none, soon()), 0, "the driver can unpin it before");
    is(lend(UNPIN, range(0, 3 * PAGE_SIZE, ALL), none, soon()), 0, "several pages, too");
    is(done, 0, "by its number");
    is(lend(RESET, range(0, 2 * PAGE_SIZE, ALL), none, soon()), 0, "a reset unpins all");
    is(lend(KEEP, range(0, PAGE_SIZE, ALL), none, clock_after(50 * MILLISECOND)), -ETIMEDOUT,
       "a sender may give up");
    is((int64_t)pinned(), 1, "but the device may still be at it");
    uint64_t id = seen[0].offset;
    is(sys_vmo_decommit(vmo, 0, PAGE_SIZE), -EBUSY, "so the page stays");
    is(sys_unpin(domain, id), 0, "until the driver unpins it");
    is((int64_t)pinned(), 0, "then it is free");
    is(sys_unpin(domain, id), -ENOENT, "once");
    is(lend(KEEP, range(0, 4 * PAGE_SIZE, ALL), none, clock_after(50 * MILLISECOND)), -ETIMEDOUT,
       "given up again");
    is(sys_domain_reset(domain, 0), 0, "or the domain is reset");
    is((int64_t)pinned(), 0, "then all is free");
    is(sys_vmo_decommit(vmo, 0, 4 * PAGE_SIZE), 0, "and can go");
}

static void test_forwarding(void)
{
    struct thread second;
    run_thread(&second, drive_second, NULL, 0, PRIORITY_DEFAULT);
    is(lend(PASS_ON, range(0, 2 * PAGE_SIZE, ALL), none, soon()), 2,
       "handed on to a port with a domain it is pinned there");
    must(thread_join(&second, soon(), NULL), "join");
    is((int64_t)pinned(), 0, "and unpinned by that driver's answer");
    is(lend(PASS_ASIDE, range(0, PAGE_SIZE, ALL), none, soon()), 1, "without one");
    is(done, -EINVAL, "it cannot be handed on");
}

static void hold(uint64_t argument)
{
    (void)argument;
    struct message m = head(0);
    struct receipt receipt;
    sys_get(child_handles[0], DEADLINE_NEVER, &m, &receipt);
    sys_sleep(DEADLINE_NEVER);
}

static void test_death(void)
{
    struct child child;
    handle_t theirs = (handle_t)must(sys_port_create(4), "port");
    must(sys_port_domain(theirs, domain), "port_domain");
    run_child(&child, hold, 0, &theirs, 1, -1, CHILD_BUDGET);
    struct message m = {.op = LOOK, .flags = MESSAGE_FLAGS(0, 0, 1)};
    message_area()->ranges[0] = range(0, PAGE_SIZE, ALL);
    uint64_t id;
    must(sys_send(theirs, plain_port, &m, &id), "send");
    for (uint64_t limit = soon(); pinned() == 0 && clock_now() < limit;)
        sys_sleep(clock_after(MILLISECOND));
    end_child(&child);
    struct receipt receipt;
    is(sys_get(plain_port, soon(), &m, &receipt), GET_ENDED, "a driver's death ends the message");
    is((int64_t)pinned(), 1, "but its device may still be at it");
    is(sys_domain_reset(domain, 0), 0, "until it is reset");
    is((int64_t)pinned(), 0, "and all is free");
    sys_handle_close(theirs);
}

static void one_round(void)
{
    for (uint32_t i = 0; i < 20; i++) {
        lend(LOOK, range(0, PAGE_SIZE, ALL), range(PAGE_SIZE, 3 * PAGE_SIZE, ALL), soon());
        lend(UNPIN, range(0, 2 * PAGE_SIZE, ALL), none, soon());
    }
}

int main(const void *found)
{
    test_begin(found);
    port = (handle_t)must(sys_port_create(4), "port");
    second_port = (handle_t)must(sys_port_create(4), "port");
    plain_port = (handle_t)must(sys_port_create(4), "port");
    domain = (handle_t)must(sys_domain_create(startup_handle(startup, "root"), 0x1235), "domain");
    vmo = (handle_t)must(sys_vmo_create(VMO_ANONYMOUS, 8 * PAGE_SIZE, 0, 0), "vmo");
    test_errors();
    test_lending();
    test_ends();
    test_forwarding();
    test_death();
    ok(!loses_memory(one_round), "no memory is lost");
    return test_end();
}
