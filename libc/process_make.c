/*
 * Making a process: task, program, arguments, descriptors; see process_make.h and arguments.h.
 *
 * Signals are held back throughout, since the message page is in use.  Memory of the new task is
 * its own: when it is short the process server is asked to give that task more.
 */
#include "process_make.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "arguments.h"
#include "loader.h"
#include "process.h"
#include "process_call.h"
#include "syscall.h"

#define HANDLES_MAX 6u

struct making {
    const struct process_plan *plan;
    struct argument_header header;
    uint64_t id; /* PROCESS_CREATE's */
    struct spawned made;
    handle_t session;  /* its number there */
    handle_t *granted; /* numbers there of the plan's files */
};

/* ---- The arguments' VM object ---------------------------------------------------------------- */

/* Bytes on their way into a VM object, by the message page. */
struct stream {
    handle_t vmo;
    uint64_t offset;
    uint32_t filled;
    int64_t error;
};

static void flush(struct stream *stream)
{
    if (stream->filled == 0 || stream->error)
        return;
    stream->error = sys_vmo_write(stream->vmo, stream->offset, stream->filled);
    stream->offset += stream->filled;
    stream->filled = 0;
}

static void put(struct stream *stream, const void *bytes, size_t length)
{
    const char *from = bytes;
    while (length > 0 && stream->error == 0) {
        size_t room = MESSAGE_BYTES_MAX - stream->filled, piece = length < room ? length : room;
        memcpy(thread_self()->area->bytes + stream->filled, from, piece);
        stream->filled += (uint32_t)piece;
        from += piece;
        length -= piece;
        if (stream->filled == MESSAGE_BYTES_MAX)
            flush(stream);
    }
}

static void put_strings(struct stream *stream, char *const *strings)
{
    for (; *strings; strings++)
        put(stream, *strings, strlen(*strings) + 1);
}

static uint64_t measure(char *const *strings, uint32_t *count)
{
    uint64_t bytes = 0;
    for (*count = 0; strings[*count]; ++*count)
        bytes += strlen(strings[*count]) + 1;
    return bytes;
}

static uint64_t measure_paths(const struct process_plan *plan)
{
    uint64_t bytes = strlen(plan->directory) + 1;
    for (uint32_t i = 0; i < plan->file_count; i++)
        bytes += plan->files[i].path ? strlen(plan->files[i].path) + 1 : 1;
    return bytes;
}

static void put_files(struct stream *stream, const struct making *making)
{
    const struct process_plan *plan = making->plan;
    for (uint32_t i = 0; i < plan->file_count; i++) {
        const struct argument_descriptor entry = {.descriptor = plan->files[i].descriptor,
                                                  .flags = plan->files[i].flags,
                                                  .handle = making->granted[i]};
        put(stream, &entry, sizeof entry);
    }
}

static void put_paths(struct stream *stream, const struct process_plan *plan)
{
    put(stream, plan->directory, strlen(plan->directory) + 1);
    for (uint32_t i = 0; i < plan->file_count; i++) {
        const char *path = plan->files[i].path ? plan->files[i].path : "";
        put(stream, path, strlen(path) + 1);
    }
}

static struct argument_header make_header(const struct process_plan *plan)
{
    struct argument_header header = {.descriptor_count = plan->file_count,
                                     .umask = plan->umask,
                                     .group = __libc_process.group,
                                     .signals_ignored = plan->start.ignored,
                                     .signals_blocked = plan->start.mask};
    header.bytes = measure(plan->arguments, &header.argument_count);
    header.bytes += measure(plan->environment, &header.environment_count);
    header.bytes += measure_paths(plan);
    return header;
}

/* The VM object, or an error. */
static int64_t write_arguments(const struct making *making)
{
    const struct process_plan *plan = making->plan;
    const struct argument_header *header = &making->header;
    uint64_t size =
        sizeof *header + plan->file_count * sizeof(struct argument_descriptor) + header->bytes;
    int64_t vmo = sys_vmo_create_for(making->made.task, VMO_ANONYMOUS, size, 0, 0);
    if (vmo < 0)
        return vmo;
    struct stream stream = {.vmo = (handle_t)vmo};
    put(&stream, header, sizeof *header);
    put_files(&stream, making);
    put_strings(&stream, plan->arguments);
    put_strings(&stream, plan->environment);
    put_paths(&stream, plan);
    flush(&stream);
    if (stream.error == 0)
        return vmo;
    sys_handle_close((handle_t)vmo);
    return stream.error;
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

static int64_t grant_files(const struct making *making)
{
    const struct planned_file *files = making->plan->files;
    for (uint32_t i = 0; i < making->plan->file_count; i++) {
        uint32_t same = 0;
        while (files[same].handle != files[i].handle)
            same++;
        int64_t handle = same < i
                             ? making->granted[same]
                             : sys_handle_grant(making->made.task, files[i].handle, RIGHTS_SAME);
        if (handle < 0)
            return handle;
        making->granted[i] = (handle_t)handle;
    }
    return 0;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int64_t create(struct making *making)
{
    /* The program's copy of its arguments, and the program, which may have to be copied. */
    uint64_t budget =
        PROCESS_BUDGET_DEFAULT + 2 * making->header.bytes + making->plan->program.size;
    struct message head = {.op = PROCESS_CREATE,
                           .arg = {making->plan->replace ? PROCESS_REPLACE : 0, budget, 0}};
    int64_t number = __libc_process_do(&head, 0);
    if (number < 0)
        return number;
    making->made.task = thread_self()->area->handles[0].handle;
    /* Known to the child from the start: which terminals are told. */
    if (making->plan->start.flags & PROCESS_START_GROUP)
        making->header.group =
            making->plan->start.group ? making->plan->start.group : (uint32_t)number;
    making->id = head.arg[0];
    making->session = (handle_t)head.arg[1];
    return number;
}

static int64_t fill(struct making *making)
{
    const struct process_plan *plan = making->plan;
    int64_t arguments = write_arguments(making);
    if (arguments < 0)
        return arguments;
    struct spawn_handle handles[HANDLES_MAX] = {
        {"process", making->session, SPAWN_GRANTED},
        {"args", (handle_t)arguments, RIGHTS_SAME},
    };
    uint32_t count = 2;
    handle_t log = __libc_startup_handle(__libc_process.startup, "log");
    if (__libc_process.tree)
        handles[count++] = (struct spawn_handle){"tree", __libc_process.tree, RIGHTS_SAME};
    if (log)
        handles[count++] = (struct spawn_handle){"log", log, RIGHTS_SAME};
    int64_t result = spawn_into(&(struct spawn){.file = plan->program.vmo,
                                                .offset = plan->program.offset,
                                                .size = plan->program.size,
                                                .priority = plan->priority,
                                                .cpu = -1,
                                                .clock = __libc_process.startup->clock,
                                                .cpus = __libc_process.startup->cpus,
                                                .handles = handles,
                                                .handle_count = count,
                                                .words = "",
                                                .give_segments = true},
                                &making->made);
    sys_handle_close((handle_t)arguments);
    return result == -EINVAL ? -ENOEXEC
                             : result; /* all else in the plan is right: no ELF program */
}

static int64_t start(const struct making *making)
{
    struct message_area *area = thread_self()->area;
    struct message head = {.op = PROCESS_START,
                           .flags = MESSAGE_FLAGS(sizeof making->plan->start, 1, 0),
                           .arg = {making->id, 0, 0}};
    memcpy(area->bytes, &making->plan->start, sizeof making->plan->start);
    area->handles[0] = (struct message_handle){making->made.thread, RIGHTS_SAME, 0};
    return __libc_process_do(&head, 0);
}

static void give_up(const struct making *making)
{
    struct message head = {.op = PROCESS_START, .arg = {making->id, PROCESS_GIVE_UP, 0}};
    __libc_process_do(&head, 0);
}

static int64_t make(struct making *making)
{
    int64_t number = create(making);
    if (number < 0)
        return number;
    int64_t result = grant_files(making);
    if (result == 0)
        result = fill(making);
    if (result == 0)
        result = start(making);
    else
        give_up(making);
    sys_handle_close(making->made.task);
    return result < 0 ? result : number;
}

int64_t __libc_process_make(const struct process_plan *plan)
{
    struct making making = {.plan = plan, .header = make_header(plan)};
    if (making.header.bytes > ARG_MAX)
        return -E2BIG;
    making.granted = __builtin_alloca((plan->file_count + 1) * sizeof *making.granted);
    call_begin();
    int64_t result = make(&making);
    call_end();
    return result == -ENOTSUP || result == -ERANGE ? -ENOEXEC : result;
}
