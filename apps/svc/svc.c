/*
 * svc list                          the services, their states and how they ended last
 * svc start|stop|restart|kill NAME  see <portolan/init.h>
 * svc log NAME                      what it said: log NAME
 *
 * Asks init through its node /dev/init.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <portolan/init.h>

#include "../../libc/call.h"
#include "../../libc/descriptor.h"

static handle_t init;

static int fail(const char *what)
{
    fprintf(stderr, "svc: %s: %s\n", what, strerror(errno));
    return 1;
}

static int open_init(void)
{
    int descriptor = open("/dev/init", O_RDWR);
    if (descriptor < 0)
        return -1;
    init = __libc_descriptor_get(descriptor)->handle;
    return 0;
}

/* Bytes go along, bytes come back. */
static int64_t ask(struct message *head, const char *name, void *back, size_t room)
{
    size_t length = name ? strlen(name) : 0;
    struct message_area *area = call_begin();
    head->flags = MESSAGE_FLAGS(length, 0, 0) | MESSAGE_ROOM;
    memcpy(area->bytes, name ? name : "", length);
    int64_t result = call_do(init, head, CALL_INTERRUPTIBLE);
    size_t got = MESSAGE_FLAG_BYTES(head->flags);
    if (result >= 0)
        memcpy(back, area->bytes, got < room ? got : room);
    call_end();
    return call_return(result);
}

static double seconds_since(uint64_t moment)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)moment / 1e9;
}

static void show(const struct init_service *service)
{
    static const char *const states[] = {"stopped", "waiting", "running", "stopping"};
    const char *state = service->state < 4 ? states[service->state] : "?";
    printf("%-14.32s %-9s %8.1f %6u", service->name, state, seconds_since(service->since_ns),
           service->starts);
    if (service->budget)
        printf(" %7lu/%lu KiB", service->used >> 10, service->budget >> 10);
    else
        printf(" %15s", "-");
    printf("  %.80s\n", service->why);
}

static int list(void)
{
    struct init_service services[MESSAGE_BYTES_MAX / sizeof(struct init_service)];
    printf("%-14s %-9s %8s %6s %16s  %s\n", "NAME", "STATE", "SECONDS", "STARTS", "MEMORY",
           "ENDED LAST");
    for (uint64_t at = 0;;) {
        struct message head = {.op = INIT_LIST, .offset = at};
        int64_t count = ask(&head, NULL, services, sizeof services);
        if (count <= 0)
            return count < 0 ? fail("init") : 0;
        for (int64_t i = 0; i < count; i++)
            show(&services[i]);
        at += (uint64_t)count;
    }
}

static int change(uint32_t op, const char *name)
{
    struct message head = {.op = op};
    char nothing[1];
    return ask(&head, name, nothing, 0) < 0 ? fail(name) : 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: svc list\n       svc start|stop|restart|kill|log NAME\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        uint32_t op;
    } changes[] = {
        {"start", INIT_START}, {"stop", INIT_STOP}, {"restart", INIT_RESTART}, {"kill", INIT_KILL}};
    bool wants_list = argc == 2 && strcmp(argv[1], "list") == 0;
    if (!wants_list && argc != 3)
        return usage();
    if (!wants_list && strcmp(argv[1], "log") == 0) {
        execlp("log", "log", argv[2], (char *)NULL);
        return fail("log");
    }
    if (open_init() < 0)
        return fail("/dev/init");
    if (wants_list)
        return list();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (strcmp(argv[1], changes[i].word) == 0)
            return change(changes[i].op, argv[2]);
    return usage();
}
