/*
 * What a service is given: its manifest's grants as handles, and what it has to know as words.
 *
 * A handle is named after its grant: "irq", "ioport", "physical" (a second one "irq2" and so on),
 * "log", "power", "clock", "root", "tree", "init", for `msi` "irq", and a server's port by that
 * server's name ("logport" for the log server's, since "log" is the kernel's), or "terminal".
 *
 * The driver of a device (`device`) finds "pci", a handle to the pci server that is good for its
 * device, and "domain", that device's.
 *
 * Its words are its binary's name, the manifest's words, and for a server life=NUMBER, what is said
 * below, and the words of the kernel's command line.
 *
 *   boot         a VM object with READ: the boot module; word boot-size=BYTES
 *   archive      the same object for a filesystem's server; words archive-offset=, archive-size=:
 *                where in it the archive lies (MEMBER of the boot module, or all of that)
 *   framebuffer  a VM object, the screen's memory; words screen=WIDTHxHEIGHT pitch=BYTES bits=N
 *                red=POSITION,SIZE green=... blue=..., or the word text: 80 by 25 cells of VGA text
 */
#include "supervisor.h"

#include "print.h"
#include "string.h"
#include "syscall.h"

enum { VGA_TEXT = 0xb8000 };

static int64_t add_words(struct grants *grants, const char *list, uint32_t length, uint32_t count)
{
    if (length > sizeof(grants->words) - grants->words_length)
        return -E2BIG;
    memcpy(grants->words + grants->words_length, list, length);
    grants->words_length += length;
    grants->word_count += count;
    return 0;
}

static int64_t add_word(struct grants *grants, const char *format, uint64_t a, uint64_t b)
{
    char word[64];
    size_t length = format_text(word, sizeof(word), format, a, b);
    return add_words(grants, word, (uint32_t)length + 1, 1);
}

static bool has_name(const struct grants *grants, const char *name)
{
    for (uint32_t i = 0; i < grants->count; i++)
        if (strcmp(grants->names[i], name) == 0)
            return true;
    return false;
}

int64_t grants_add(struct grants *grants, const char *name, int64_t handle)
{
    if (handle < 0)
        return handle;
    char *copy = grants->names[grants->count];
    format_text(copy, STARTUP_NAME_MAX, "%s", name);
    for (uint32_t n = 2; has_name(grants, copy); n++)
        format_text(copy, STARTUP_NAME_MAX, "%s%u", name, n);
    grants->handles[grants->count++] = (struct spawn_handle){copy, (handle_t)handle, RIGHTS_SAME};
    return 0;
}

static int64_t sender(handle_t port, uint64_t badge)
{
    return sys_handle_duplicate(port, RIGHT_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER, badge);
}

static int64_t give_port(struct grants *grants, const struct manifest_grant *grant,
                         const struct service *service)
{
    const struct service *other = &services[grant->server];
    bool log = strcmp(other->plan->name, "log") == 0;
    const char *name = grant->kind == GIVE_TREE       ? "tree"
                       : grant->kind == GIVE_TERMINAL ? "terminal"
                       : log                          ? "logport"
                                                      : other->plan->name;
    return grants_add(grants, name,
                      sender(other->port, log ? INIT_BADGE(service->number) : grant->base));
}

static int64_t give_part(struct grants *grants, const char *name, enum resource_kind kind,
                         uint64_t base, uint64_t length)
{
    return grants_add(grants, name, sys_resource_create(boot->resource, kind, base, length));
}

static int64_t give_boot(struct grants *grants)
{
    int64_t error =
        grants_add(grants, "boot", sys_handle_duplicate(boot->module, BOOT_MODULE_RIGHTS, 0));
    return error ? error : add_word(grants, "boot-size=%lu", boot->module_size, 0);
}

static int64_t give_archive(struct grants *grants, const struct manifest_grant *grant)
{
    struct spawn place = {.offset = 0, .size = boot->module_size};
    int64_t error = grant->name[0] ? find_binary(grant->name, &place) : 0;
    if (!error)
        error = grants_add(grants, "archive",
                           sys_handle_duplicate(boot->module, BOOT_MODULE_RIGHTS, 0));
    if (!error)
        error = add_word(grants, "archive-offset=%lu", place.offset, 0);
    return error ? error : add_word(grants, "archive-size=%lu", place.size, 0);
}

static int64_t describe_screen(struct grants *grants, const struct boot_framebuffer *screen)
{
    const struct {
        const char *format;
        uint64_t a, b;
    } facts[] = {
        {"screen=%lux%lu", screen->width, screen->height},
        {"pitch=%lu", screen->pitch, 0},
        {"bits=%lu", screen->bits_per_pixel, 0},
        {"red=%lu,%lu", screen->red_position, screen->red_size},
        {"green=%lu,%lu", screen->green_position, screen->green_size},
        {"blue=%lu,%lu", screen->blue_position, screen->blue_size},
    };
    int64_t error = 0;
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]) && !error; i++)
        error = add_word(grants, facts[i].format, facts[i].a, facts[i].b);
    return error;
}

static int64_t give_framebuffer(struct grants *grants)
{
    const struct boot_framebuffer *screen = &boot->framebuffer;
    if (!screen->address) {
        int64_t error =
            grants_add(grants, "framebuffer",
                       sys_vmo_create_physical(boot->resource, VGA_TEXT, PAGE_SIZE, VMO_UNCACHED));
        return error ? error : add_word(grants, "text", 0, 0);
    }
    uint64_t start = screen->address & ~(PAGE_SIZE - 1);
    uint64_t end = screen->address + (uint64_t)screen->pitch * screen->height + PAGE_SIZE - 1;
    int64_t error =
        grants_add(grants, "framebuffer",
                   sys_vmo_create_physical(boot->resource, start, (end & ~(PAGE_SIZE - 1)) - start,
                                           VMO_WRITE_COMBINING));
    if (!error)
        error = add_word(grants, "start=%lu", screen->address - start, 0);
    return error ? error : describe_screen(grants, screen);
}

static int64_t give(struct grants *grants, const struct manifest_grant *grant,
                    const struct service *service)
{
    switch (grant->kind) {
    case GIVE_ROOT:
        return grants_add(grants, "root", sys_handle_duplicate(boot->resource, RIGHTS_SAME, 0));
    case GIVE_LOG:
        return give_part(grants, "log", RESOURCE_LOG, 0, 0);
    case GIVE_POWER:
        return give_part(grants, "power", RESOURCE_POWER, 0, 0);
    case GIVE_CLOCK:
        return give_part(grants, "clock", RESOURCE_CLOCK, 0, 0);
    case GIVE_BOOT:
        return give_boot(grants);
    case GIVE_ARCHIVE:
        return give_archive(grants, grant);
    case GIVE_PROCESS: /* the process server gives it the handle */
        return 0;
    case GIVE_FRAMEBUFFER:
        return give_framebuffer(grants);
    case GIVE_INIT:
        return grants_add(grants, "init", sender(init_server.port, 0));
    case GIVE_IRQ:
        return give_part(grants, "irq", RESOURCE_IRQ, grant->base, 1);
    case GIVE_IOPORT:
        return give_part(grants, "ioport", RESOURCE_IOPORT, grant->base, grant->length);
    case GIVE_PHYSICAL:
        return give_part(grants, "physical", RESOURCE_PHYSICAL, grant->base, grant->length);
    case GIVE_MSI:
        return give_part(grants, "irq", RESOURCE_IRQ, 0, 0);
    case GIVE_TREE:
    case GIVE_PORT:
    case GIVE_TERMINAL:
        return give_port(grants, grant, service);
    case GIVE_KINDS:
        break;
    }
    return -EINVAL;
}

int64_t grants_make(struct service *service, struct grants *grants)
{
    const struct manifest_server *plan = service->plan;
    grants->count = grants->kept = grants->word_count = grants->words_length = 0;
    int64_t error = add_words(grants, plan->binary, (uint32_t)strlen(plan->binary) + 1, 1);
    if (!error)
        error = add_words(grants, plan->words, plan->words_length, plan->word_count);
    for (uint32_t i = 0; i < plan->grant_count && !error; i++)
        error = give(grants, &plan->grants[i], service);
    if (!error && plan->device_id_count)
        error = devices_give(service, grants);
    if (!error && !plan->console)
        error = add_word(grants, "life=%lu", service->starts, 0);
    if (!error && !plan->console)
        error = add_words(grants, words, words_length, word_count);
    if (!error && service->port) {
        error = grants_add(grants, "port", (int64_t)service->port);
        grants->kept = 1;
    }
    if (error)
        grants_close(grants);
    return error;
}

void grants_close(const struct grants *grants)
{
    for (uint32_t i = 0; i + grants->kept < grants->count; i++)
        sys_handle_close(grants->handles[i].handle);
}
