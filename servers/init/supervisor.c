/*
 * Starting, watching and restarting; see supervisor.h.
 */
#include "supervisor.h"

#include <portolan/names.h>

#include "clock.h"
#include "print.h"
#include "string.h"
#include "syscall.h"
#include "thread.h"

#define PORT_CAPACITY 1024u

struct service services[MANIFEST_SERVERS_MAX];
uint32_t service_count;
static struct service *log_service, *names_service, *pci_service; /* or NULL */
static uint64_t memory_free; /* bytes, before anything was started */
static handle_t exceptions;  /* SEND to our port, for faults */

static void told(struct server *server, const struct message *head);
static void notified(struct server *server, uint64_t bits);
static void answered(struct server *server, uint64_t id, const struct message *head);
static void faulted(struct server *server, const struct request *request);

struct server init_server = {.first_op = INIT_LIST,
                             .op_count = REQUEST_COUNT,
                             .handlers = request_handlers,
                             .other = request_other,
                             .notified = notified,
                             .answered = answered,
                             .told = told,
                             .faulted = faulted};

/* ---- Messages to the others: nobody waits for the answer --------------------------------- */

int64_t service_send(const struct service *service, uint64_t badge, const struct message *head,
                     uint64_t *id)
{
    int64_t port = sys_handle_duplicate(service->port, RIGHT_SEND, badge);
    if (port < 0)
        return port;
    int64_t error = sys_send((handle_t)port, init_server.port, head, id);
    sys_handle_close((handle_t)port);
    return error;
}

static int64_t tell(const struct service *service, uint64_t badge, const struct message *head)
{
    uint64_t id;
    return service_send(service, badge, head, &id);
}

void init_log(enum log_level level, const char *format, ...)
{
    char line[PRINT_MAX];
    va_list list;
    va_start(list, format);
    size_t length = format_text_list(line, sizeof(line), format, list);
    va_end(list);
    int64_t error = -ENOENT;
    if (log_service && log_service->state == INIT_RUNNING) {
        memcpy(message_area()->bytes, line, length);
        error = tell(log_service, INIT_BADGE(0),
                     &(struct message){
                         .op = LOG_WRITE, .flags = MESSAGE_FLAGS(length, 0, 0), .arg = {level}});
    }
    if (error < 0)
        print("init: %s\n", line);
}

/* Numbers of services mean names: the log server is told them whenever it starts. */
static void tell_names(void)
{
    for (uint32_t i = 0; i <= service_count; i++) {
        const char *name = i ? services[i - 1].plan->name : "init";
        size_t length = strlen(name);
        memcpy(message_area()->bytes, name, length);
        tell(log_service, INIT_BADGE(0),
             &(struct message){.op = LOG_SOURCE, .flags = MESSAGE_FLAGS(length, 0, 0), .arg = {i}});
    }
}

static void mount(const char *path, handle_t port, bool tree)
{
    size_t length = strlen(path);
    int64_t handle = sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER, 0);
    if (handle < 0)
        return;
    memcpy(message_area()->bytes, path, length);
    message_area()->handles[0] = (struct message_handle){(handle_t)handle, RIGHTS_SAME, 0};
    int64_t error = tell(names_service, NAMES_BADGE_MOUNT,
                         &(struct message){.op = NAMES_MOUNT,
                                           .flags = MESSAGE_FLAGS(length, 1, 0),
                                           .arg = {tree ? 0 : NAMES_NODE}});
    if (error < 0) {
        sys_handle_close((handle_t)handle);
        init_log(LOG_ERROR, "%s cannot be mounted: error %ld", path, -error);
    }
}

/* Ports outlive servers, and so do the mounts; only the name server itself forgets them. */
static void mount_all(void)
{
    for (uint32_t i = 0; i < service_count; i++) {
        const struct service *service = &services[i];
        bool driver = service->plan->device_id_count; /* is mounted when it has been found */
        if (service->plan->mounted && service != names_service && (!driver || service->starts))
            mount(service->plan->mount, service->port, service->plan->tree);
    }
    mount("dev/init", init_server.port, false);
}

/* ---- Starting ------------------------------------------------------------------------ */

static void enter(struct service *service, enum init_state state)
{
    service->state = state;
    service->since = clock_now();
}

static void explain(struct service *service, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void explain(struct service *service, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    format_text_list(service->why, sizeof(service->why), format, list);
    va_end(list);
    service->explained = true;
}

/* Fills a new task and lets it run, watched. */
static int64_t bring_up(struct service *service, const struct spawn *plan)
{
    int64_t task = sys_task_create(plan->budget);
    if (task < 0)
        return task;
    struct spawned made = {(handle_t)task, HANDLE_NONE};
    int64_t error = spawn_into(plan, &made);
    if (error) {
        sys_task_kill(made.task, -1);
        sys_handle_close(made.task);
        return error;
    }
    error = sys_task_set_exception_port(made.task, exceptions);
    if (!error)
        error = sys_watch(made.task, init_server.port, service->number);
    if (!error)
        error = sys_thread_start(made.thread);
    if (error) {
        sys_task_kill(made.task, -1);
        sys_handle_close(made.thread);
        sys_handle_close(made.task);
        return error;
    }
    service->made = made;
    return 0;
}

static int64_t launch(struct service *service)
{
    uint64_t share = memory_free / 100 * service->plan->percentage;
    struct spawn plan = {.budget = share ? share : service->plan->budget,
                         .priority = service->plan->priority,
                         .cpu = -1,
                         .clock = boot->clock,
                         .cpus = boot->cpus,
                         .give_segments = true};
    static struct grants grants;
    int64_t error = find_binary(service->plan->binary, &plan);
    if (!error)
        error = grants_make(service, &grants);
    if (error)
        return error;
    plan.handles = grants.handles;
    plan.handle_count = grants.count;
    plan.words = grants.words;
    plan.word_count = grants.word_count;
    error = process_is_wanted(service) ? process_launch(service, &plan, &grants)
                                       : bring_up(service, &plan);
    grants_close(&grants);
    return error;
}

static void schedule_again(struct service *service)
{
    service->back_off = service->back_off ? service->back_off * 2 : BACK_OFF_FIRST;
    if (service->back_off > BACK_OFF_MOST)
        service->back_off = BACK_OFF_MOST;
    service->due = clock_after(service->back_off);
    enter(service, INIT_WAITING);
}

static void start(struct service *service)
{
    service->starts++;
    int64_t error = launch(service);
    if (error) {
        explain(service, "cannot start: error %ld", -error);
        init_log(LOG_ERROR, "%s: %s", service->plan->name, service->why);
        schedule_again(service);
        return;
    }
    enter(service, INIT_RUNNING);
    if (service == log_service)
        tell_names();
    if (service == names_service)
        mount_all();
    else if (service->plan->mounted && service->plan->device_id_count && service->starts == 1 &&
             names_service && names_service->starts)
        mount(service->plan->mount, service->port, service->plan->tree);
    if (service == pci_service)
        devices_ask();
}

/* Why those wait whose devices are not there. */
static void explain_missing(void)
{
    for (uint32_t i = 0; i < service_count; i++)
        if (devices_is_missing(&services[i]) && !services[i].starts)
            format_text(services[i].why, sizeof(services[i].why), "there is no such device");
}

static bool is_ready(const struct service *service)
{
    if (service->state != INIT_WAITING || service->due > clock_now())
        return false;
    for (uint32_t i = 0; i < service->plan->need_count; i++)
        if (!services[service->plan->needs[i].server].starts)
            return false;
    return devices_has(service);
}

static int64_t kill_now(const struct service *service)
{
    return service->process ? process_kill(service) : sys_task_kill(service->made.task, -1);
}

/* Starts whoever can be, ends whoever did not, and sets the timer for the next to look at. */
static void look(void)
{
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < service_count; i++) {
            if (!is_ready(&services[i]))
                continue;
            start(&services[i]);
            more = true;
        }
    }
    uint64_t next = DEADLINE_NEVER;
    for (uint32_t i = 0; i < service_count; i++) {
        struct service *service = &services[i];
        if (service->state == INIT_STOPPING && service->due <= clock_now()) {
            kill_now(service);
            service->due = DEADLINE_NEVER;
        }
        bool timed = service->state == INIT_STOPPING ||
                     (service->state == INIT_WAITING && service->due > clock_now());
        if (timed && service->due < next)
            next = service->due;
    }
    sys_port_timer(init_server.port, next);
}

static void notified(struct server *server, uint64_t bits)
{
    (void)server;
    (void)bits;
    look();
}

/* ---- Ending -------------------------------------------------------------------------- */

static void ended(struct service *service, int64_t status)
{
    bool stopped = service->state == INIT_STOPPING;
    uint64_t lived = clock_now() - service->since;
    if (!service->explained)
        explain(service, "exit status %ld", status);
    service->explained = false;
    if (service->made.task) {
        sys_handle_close(service->made.thread);
        sys_handle_close(service->made.task);
    }
    service->process = service->wait_id = 0;
    service->made = (struct spawned){0};
    if (lived >= GOOD_LIFE)
        service->back_off = 0;
    bool wanted = service->plan->restart == RESTART_ALWAYS ||
                  (service->plan->restart == RESTART_ON_FAILURE && status);
    if (stopped ? service->again : wanted && service->plan->console && !status) {
        /* This is no failure. */
        service->due = !stopped && lived < SECOND ? clock_after(SECOND) : 0;
        enter(service, INIT_WAITING);
        if (stopped)
            init_log(LOG_INFO, "%s ended: %s", service->plan->name, service->why);
    } else if (!stopped && wanted) {
        schedule_again(service);
        init_log(LOG_WARNING, "%s ended: %s; again in %lu ms", service->plan->name, service->why,
                 service->back_off / 1000000);
    } else {
        enter(service, INIT_STOPPED);
        init_log(LOG_INFO, "%s ended: %s", service->plan->name, service->why);
    }
    service->again = false;
}

static void told(struct server *server, const struct message *head)
{
    (void)server;
    if (head->op != KERNEL_DEATH || !head->cookie || head->cookie > service_count)
        return;
    ended(&services[head->cookie - 1], head->result);
    look();
}

/* A status as waitpid gives it. */
static void explain_process(struct service *service, const struct message *head)
{
    uint32_t status = (uint32_t)head->arg[0];
    if (service->explained)
        return;
    if (head->result <= 0)
        explain(service, "the process server says %ld", head->result);
    else if (status & 0x7f)
        explain(service, "signal %u", status & 0x7f);
    else
        explain(service, "exit status %u", status >> 8 & 0xff);
}

/* A process has ended, or whoever knew of it. */
static void answered(struct server *server, uint64_t id, const struct message *head)
{
    (void)server;
    if (devices_answered(id, head)) {
        explain_missing();
        look();
        return;
    }
    for (uint32_t i = 0; i < service_count; i++) {
        if (!services[i].process || services[i].wait_id != id)
            continue;
        explain_process(&services[i], head);
        ended(&services[i], head->result > 0 ? (int64_t)head->arg[0] : head->result);
        look();
        return;
    }
}

/* The service whose first thread has that koid, or one that has it in its task. */
static struct service *service_of_thread(uint64_t koid)
{
    for (uint32_t i = 0; i < service_count; i++) {
        uint64_t rights, own;
        if (services[i].made.thread &&
            sys_handle_info(services[i].made.thread, &rights, &own) > 0 && own == koid)
            return &services[i];
    }
    return NULL;
}

/* Its message may be here before the thread, on another CPU, has come to rest. */
static bool read_state(handle_t thread)
{
    int64_t error = -EBUSY;
    for (uint32_t tries = 0; tries < 20 && error == -EBUSY; tries++) {
        error = sys_thread_read_state(thread);
        if (error == -EBUSY)
            sys_sleep(clock_after(MILLISECOND));
    }
    return error == 0;
}

/* A thread of a service faulted: the registers go to the log, and the task is killed. */
static void faulted(struct server *server, const struct request *request)
{
    (void)server;
    const struct message *head = &request->head, kill = {.result = -EIO};
    struct service *service = service_of_thread(head->cookie);
    if (!service) {
        init_log(LOG_ERROR, "a further thread faulted: vector %u, address %lx, at %lx", head->op,
                 head->offset, head->arg[0]);
        server_reply(request->token, &kill);
        return;
    }
    explain(service, "fault: vector %u, address %lx, at %lx", head->op, head->offset, head->arg[0]);
    if (read_state(service->made.thread)) {
        const struct thread_state s = *(const struct thread_state *)message_area()->bytes;
        init_log(LOG_ERROR,
                 "%s: %s; rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx rbp %lx rsp %lx",
                 service->plan->name, service->why, s.rax, s.rbx, s.rcx, s.rdx, s.rsi, s.rdi, s.rbp,
                 s.rsp);
        init_log(LOG_ERROR, "%s: r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx r13 %lx r14 %lx r15 %lx",
                 service->plan->name, s.r8, s.r9, s.r10, s.r11, s.r12, s.r13, s.r14, s.r15);
    }
    server_reply(request->token, &kill);
}

/* ---- What is asked for --------------------------------------------------------------- */

int64_t service_start(struct service *service)
{
    if (service->state == INIT_RUNNING)
        return -EALREADY;
    if (service->state == INIT_STOPPING) {
        service->again = true;
        return 0;
    }
    service->due = 0;
    service->back_off = 0;
    enter(service, INIT_WAITING);
    look();
    return 0;
}

int64_t service_stop(struct service *service, bool again)
{
    if (service->state == INIT_STOPPED || service->state == INIT_WAITING) {
        if (again)
            return service_start(service);
        if (service->state == INIT_STOPPED)
            return -EALREADY;
        enter(service, INIT_STOPPED);
        return 0;
    }
    service->again = again;
    if (service->state == INIT_STOPPING)
        return 0;
    bool asked = service->port && sys_notify(service->port, INIT_STOP_BIT) == 0;
    explain(service, "stopped");
    service->due = asked ? clock_after(INIT_STOP_PATIENCE_NS) : 0;
    enter(service, INIT_STOPPING);
    look();
    return 0;
}

int64_t service_kill(struct service *service)
{
    if (!service_lives(service))
        return -EALREADY;
    explain(service, "killed");
    return kill_now(service);
}

struct service *service_find(const char *name, size_t length)
{
    for (uint32_t i = 0; i < service_count; i++) {
        const char *own = services[i].plan->name;
        if (strlen(own) == length && memcmp(own, name, length) == 0)
            return &services[i];
    }
    return NULL;
}

int64_t supervise(void)
{
    int64_t error = server_open(&init_server, 256);
    if (error < 0)
        return error;
    if (sys_system_info() == 0)
        memory_free = ((struct system_info *)message_area()->bytes)->memory_free;
    exceptions = (handle_t)sys_handle_duplicate(init_server.port, RIGHT_SEND, 0);
    for (uint32_t i = 0; i < manifest.server_count; i++) {
        struct service *service = &services[i];
        *service =
            (struct service){.plan = &manifest.servers[i], .number = i + 1, .state = INIT_WAITING};
        if (!service->plan->console) {
            int64_t port = sys_port_create(PORT_CAPACITY);
            if (port < 0)
                return port;
            service->port = (handle_t)port;
        }
    }
    service_count = manifest.server_count;
    uint32_t log = manifest_find(&manifest, "log"), names = manifest_find(&manifest, "names");
    uint32_t pci = manifest_find(&manifest, MANIFEST_PCI);
    log_service = log == MANIFEST_NOBODY ? NULL : &services[log];
    names_service = names == MANIFEST_NOBODY ? NULL : &services[names];
    pci_service = pci == MANIFEST_NOBODY ? NULL : &services[pci];
    look();
    return 0;
}
