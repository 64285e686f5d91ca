/*
 * Reading the boot manifest; see manifest.h.
 */
#include "manifest.h"

#include "string.h"

#define WORDS_MAX 24u

/* A word of a line; not terminated. */
struct word {
    const char *text;
    size_t length;
};

struct line {
    uint32_t number, count;
    struct word words[WORDS_MAX];
};

/* Which stanza the lines belong to: one of these, or neither. */
struct reader {
    struct manifest *manifest;
    struct manifest_program *program;
    struct manifest_server *server;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The words of a line, up to a '#'.  False: there are too many. */
static bool split(const char *at, const char *end, struct line *line)
{
    line->count = 0;
    for (const char *c = at; c < end; c++)
        if (*c == '#')
            end = c;
    for (;;) {
        while (at < end && is_space(*at))
            at++;
        if (at == end)
            return true;
        if (line->count == WORDS_MAX)
            return false;
        struct word *word = &line->words[line->count++];
        word->text = at;
        while (at < end && !is_space(*at))
            at++;
        word->length = (size_t)(at - word->text);
    }
}

static bool equals(struct word word, const char *text)
{
    return strlen(text) == word.length && memcmp(word.text, text, word.length) == 0;
}

/* The word's index among `count` names, or `count`. */
static uint32_t choose(struct word word, const char *const *names, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && !(names[i] && equals(word, names[i])))
        i++;
    return i;
}

static const char *copy_word(struct word word, char *to, size_t room)
{
    if (word.length >= room)
        return "the name is too long";
    memcpy(to, word.text, word.length);
    to[word.length] = 0;
    return NULL;
}

static uint32_t digit(char c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint32_t)(c - 'a' + 10);
    return 99;
}

/* Decimal, or hexadecimal after 0x; K and M behind it multiply by 1024 and its square. */
static const char *number(struct word word, uint64_t *value)
{
    static const char *const problem = "not a number";
    const char *at = word.text, *end = at + word.length;
    uint32_t base = 10;
    uint64_t unit = 1;
    *value = 0;
    if (word.length > 2 && at[0] == '0' && at[1] == 'x') {
        base = 16;
        at += 2;
    } else if (word.length > 1 && (end[-1] == 'K' || end[-1] == 'M')) {
        unit = *--end == 'K' ? 1u << 10 : 1u << 20;
    }
    for (; at < end; at++) {
        if (digit(*at) >= base || __builtin_mul_overflow(*value, base, value) ||
            __builtin_add_overflow(*value, digit(*at), value))
            return problem;
    }
    return __builtin_mul_overflow(*value, unit, value) || !word.length ? problem : NULL;
}

/* ---- Programs -------------------------------------------------------------------------------- */

static const char *begin_program(struct reader *reader, const struct line *line)
{
    struct manifest *manifest = reader->manifest;
    if (manifest->count == MANIFEST_PROGRAMS_MAX)
        return "too many programs";
    struct manifest_program *program = &manifest->programs[manifest->count];
    memset(program, 0, sizeof(*program));
    const char *problem = copy_word(line->words[1], program->name, sizeof(program->name));
    if (problem)
        return problem;
    program->budget = 16u << 20;
    program->timeout = 60;
    manifest->count++;
    reader->program = program;
    reader->server = NULL;
    return NULL;
}

static const char *set_class(struct manifest_program *program, struct word word)
{
    static const char *const names[] = {NULL, "test", "bench", "bench-smp"};
    uint32_t class = choose(word, names, CLASS_BENCH_SMP + 1);
    if (class > CLASS_BENCH_SMP)
        return "no such class";
    program->class = class;
    return NULL;
}

static const char *add_program_grant(struct manifest_program *program, struct word word)
{
    if (equals(word, "root"))
        program->grants |= GRANT_ROOT;
    else if (equals(word, "log"))
        program->grants |= GRANT_LOG;
    else if (equals(word, "boot"))
        program->grants |= GRANT_BOOT;
    else
        return "no such grant";
    return NULL;
}

static const char *read_program_line(struct manifest_program *program, const struct line *line)
{
    if (line->count != 2)
        return "not two words";
    struct word first = line->words[0], second = line->words[1];
    if (equals(first, "class"))
        return set_class(program, second);
    if (equals(first, "grant"))
        return add_program_grant(program, second);
    if (equals(first, "budget"))
        return number(second, &program->budget);
    if (equals(first, "timeout"))
        return number(second, &program->timeout);
    return "unknown word";
}

/* ---- Servers --------------------------------------------------------------------------------- */

/* Adds the words from `first` on to those that the server is started with. */
static const char *add_words(struct manifest_server *server, const struct line *line,
                             uint32_t first)
{
    for (uint32_t i = first; i < line->count; i++) {
        struct word word = line->words[i];
        if (word.length + 1 > sizeof(server->words) - server->words_length)
            return "too many words";
        memcpy(server->words + server->words_length, word.text, word.length);
        server->words_length += (uint32_t)word.length;
        server->words[server->words_length++] = 0;
        server->word_count++;
    }
    return NULL;
}

/* server NAME, or console BINARY WORD... */
static const char *begin_server(struct reader *reader, const struct line *line, bool console)
{
    struct manifest *manifest = reader->manifest;
    if (manifest->server_count == MANIFEST_SERVERS_MAX)
        return "too many servers";
    if (!console && line->count != 2)
        return "not two words";
    struct manifest_server *server = &manifest->servers[manifest->server_count];
    memset(server, 0, sizeof(*server));
    const char *problem = copy_word(line->words[1], server->name, sizeof(server->name));
    if (problem)
        return problem;
    if (!console && manifest_find(manifest, server->name) != MANIFEST_NOBODY)
        return "there is a server of that name";
    memcpy(server->binary, server->name, sizeof(server->binary));
    server->line = line->number;
    server->console = console;
    server->budget = 4u << 20;
    server->priority = PRIORITY_DEFAULT;
    manifest->server_count++;
    reader->server = server;
    reader->program = NULL;
    return add_words(server, line, 2);
}

static const char *add_needs(struct manifest_server *server, const struct line *line)
{
    for (uint32_t i = 1; i < line->count; i++) {
        if (server->need_count == MANIFEST_NEEDS_MAX)
            return "too many needs";
        struct manifest_need *need = &server->needs[server->need_count++];
        need->line = line->number;
        const char *problem = copy_word(line->words[i], need->name, sizeof(need->name));
        if (problem)
            return problem;
    }
    return NULL;
}

/* What follows the name of each kind of grant. */
static const struct {
    const char *name;
    uint8_t numbers;    /* that have to follow */
    bool word, more;    /* a word comes first; another number, or the word, may be there */
    const char *server; /* the name of the server that is meant */
} grant_forms[GIVE_KINDS] = {
    [GIVE_ROOT] = {.name = "root"},
    [GIVE_LOG] = {.name = "log"},
    [GIVE_POWER] = {.name = "power"},
    [GIVE_CLOCK] = {.name = "clock"},
    [GIVE_BOOT] = {.name = "boot"},
    [GIVE_ARCHIVE] = {.name = "archive", .more = true},
    [GIVE_PROCESS] = {.name = "process", .server = "process"},
    [GIVE_FRAMEBUFFER] = {.name = "framebuffer"},
    [GIVE_INIT] = {.name = "init"},
    [GIVE_TREE] = {.name = "tree", .server = "names"},
    [GIVE_IRQ] = {.name = "irq", .numbers = 1},
    [GIVE_IOPORT] = {.name = "ioport", .numbers = 2},
    [GIVE_PHYSICAL] = {.name = "physical", .numbers = 2},
    [GIVE_MSI] = {.name = "msi"},
    [GIVE_PORT] = {.name = "port", .word = true, .more = true},
    [GIVE_TERMINAL] = {.name = "terminal", .word = true},
};

/* The words behind `grant KIND`. */
static const char *read_grant(struct manifest_grant *grant, const struct word *words,
                              uint32_t count)
{
    uint32_t kind = grant->kind, least = grant_forms[kind].numbers + grant_forms[kind].word;
    const char *problem = NULL;
    uint64_t *numbers[] = {&grant->base, &grant->length};
    if (count < least || count > least + grant_forms[kind].more)
        return "a wrong number of words for this grant";
    uint32_t used = 0, number_count = 0;
    if (grant_forms[kind].word || (count && kind == GIVE_ARCHIVE))
        problem = copy_word(words[used++], grant->name, sizeof(grant->name));
    while (!problem && used < count)
        problem = number(words[used++], numbers[number_count++]);
    if (grant_forms[kind].server)
        memcpy(grant->name, grant_forms[kind].server, strlen(grant_forms[kind].server) + 1);
    return problem;
}

static const char *add_grant(struct manifest_server *server, const struct line *line)
{
    uint32_t kind = 0;
    while (kind < GIVE_KINDS && !equals(line->words[1], grant_forms[kind].name))
        kind++;
    if (kind == GIVE_KINDS)
        return "no such grant";
    if (server->grant_count == MANIFEST_GRANTS_MAX)
        return "too many grants";
    struct manifest_grant *grant = &server->grants[server->grant_count];
    memset(grant, 0, sizeof(*grant));
    grant->kind = kind;
    grant->line = line->number;
    const char *problem = read_grant(grant, line->words + 2, line->count - 2);
    if (!problem)
        server->grant_count++;
    return problem;
}

/* BYTES, or a share of the memory: 25% */
static const char *set_budget(struct manifest_server *server, struct word word)
{
    uint64_t value;
    server->percentage = 0;
    if (!word.length || word.text[word.length - 1] != '%')
        return number(word, &server->budget);
    word.length--;
    if (number(word, &value) || !value || value > 100)
        return "not a percentage";
    server->percentage = (uint32_t)value;
    return NULL;
}

/* mount PATH [tree] */
static const char *set_mount(struct manifest_server *server, const struct line *line)
{
    if (server->console)
        return "a console's program has no port";
    server->mounted = true;
    server->tree = line->count == 3 && equals(line->words[2], "tree");
    if (line->count > 2 + (uint32_t)server->tree)
        return "unknown word";
    struct word path = line->words[1];
    if (path.text[0] != '/')
        return "not a path from the root";
    path.text++; /* the name server's paths have no slash before them */
    path.length--;
    return copy_word(path, server->mount, sizeof(server->mount));
}

/* Four hexadecimal digits. */
static bool read_id(const char *at, uint16_t *id)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4; i++) {
        if (digit(at[i]) >= 16)
            return false;
        value = value << 4 | digit(at[i]);
    }
    *id = (uint16_t)value;
    return true;
}

/* VENDOR:ID,VENDOR:ID... */
static const char *read_device_ids(struct manifest_server *server, struct word word)
{
    enum { LENGTH = 9 };
    static const char *const problem = "not VENDOR:ID";
    for (size_t at = 0;; at += LENGTH + 1) {
        struct manifest_device_id *id = &server->device_ids[server->device_id_count];
        if (server->device_id_count == MANIFEST_DEVICE_IDS_MAX)
            return "too many kinds of devices";
        if (word.length - at < LENGTH || word.text[at + 4] != ':' ||
            !read_id(word.text + at, &id->vendor) || !read_id(word.text + at + 5, &id->id))
            return problem;
        server->device_id_count++;
        if (word.length - at == LENGTH)
            return NULL;
        if (word.length - at == LENGTH + 1 || word.text[at + LENGTH] != ',')
            return problem;
    }
}

/* device pci IDS [NUMBER] */
static const char *set_device(struct manifest_server *server, const struct line *line)
{
    uint64_t index = 0;
    if (server->console || server->device_id_count)
        return server->console ? "a console's program has no device" : "it has a device already";
    if (line->count < 3 || line->count > 4 || !equals(line->words[1], "pci"))
        return "not pci VENDOR:ID";
    const char *problem = line->count == 4 ? number(line->words[3], &index) : NULL;
    if (!problem && index > UINT32_MAX)
        problem = "not a number";
    server->device_line = line->number;
    server->device_index = (uint32_t)index;
    return problem ? problem : read_device_ids(server, line->words[2]);
}

static const char *set_restart(struct manifest_server *server, struct word word)
{
    static const char *const names[] = {"always", "on-failure", "never"};
    uint32_t restart = choose(word, names, 3);
    if (restart == 3)
        return "no such way to restart";
    server->restart = restart;
    return NULL;
}

static const char *set_priority(struct manifest_server *server, struct word word)
{
    uint64_t value;
    const char *problem = number(word, &value);
    if (problem)
        return problem;
    if (value >= PRIORITY_COUNT)
        return "no such priority";
    server->priority = (int32_t)value;
    return NULL;
}

static const char *read_server_line(struct manifest_server *server, const struct line *line)
{
    struct word first = line->words[0], second = line->words[1];
    if (equals(first, "trusted") && line->count == 1) {
        server->trusted = true;
        return NULL;
    }
    if (line->count < 2)
        return "not two words";
    if (equals(first, "needs"))
        return add_needs(server, line);
    if (equals(first, "grant"))
        return add_grant(server, line);
    if (equals(first, "mount"))
        return set_mount(server, line);
    if (equals(first, "words"))
        return add_words(server, line, 1);
    if (equals(first, "device"))
        return set_device(server, line);
    if (line->count > 2)
        return "not two words";
    if (equals(first, "binary"))
        return copy_word(second, server->binary, sizeof(server->binary));
    if (equals(first, "budget"))
        return set_budget(server, second);
    if (equals(first, "restart"))
        return set_restart(server, second);
    if (equals(first, "priority"))
        return set_priority(server, second);
    return "unknown word";
}

/* What is wrong with a line, or NULL. */
static const char *read_line(struct reader *reader, const struct line *line)
{
    if (!line->count)
        return NULL;
    struct word first = line->words[0];
    bool program = equals(first, "program"), server = equals(first, "server"),
         console = equals(first, "console");
    if ((program || server || console) && line->count < 2)
        return "not two words";
    if (program)
        return line->count == 2 ? begin_program(reader, line) : "not two words";
    if (server || console)
        return begin_server(reader, line, console);
    if (reader->program)
        return read_program_line(reader->program, line);
    if (reader->server)
        return read_server_line(reader->server, line);
    return "before the first program or server";
}

/* ---- What the stanzas say of each other ------------------------------------------------------ */

uint32_t manifest_find(const struct manifest *manifest, const char *name)
{
    for (uint32_t i = 0; i < manifest->server_count; i++) {
        const struct manifest_server *server = &manifest->servers[i];
        if (!server->console && strcmp(server->name, name) == 0)
            return i;
    }
    return MANIFEST_NOBODY;
}

static bool fail(struct manifest *manifest, uint32_t line, const char *problem)
{
    manifest->bad_line = line;
    manifest->problem = problem;
    return false;
}

static bool resolve(struct manifest *manifest, struct manifest_server *server)
{
    for (uint32_t i = 0; i < server->need_count; i++) {
        struct manifest_need *need = &server->needs[i];
        need->server = manifest_find(manifest, need->name);
        if (need->server == MANIFEST_NOBODY)
            return fail(manifest, need->line, "needs a server that there is not");
    }
    if (server->device_id_count && manifest_find(manifest, MANIFEST_PCI) == MANIFEST_NOBODY)
        return fail(manifest, server->device_line, "needs the server pci, which there is not");
    for (uint32_t i = 0; i < server->grant_count; i++) {
        struct manifest_grant *grant = &server->grants[i];
        if (!grant_forms[grant->kind].word && !grant_forms[grant->kind].server)
            continue;
        grant->server = manifest_find(manifest, grant->name);
        if (grant->server == MANIFEST_NOBODY)
            return fail(manifest, grant->line, "the port of a server that there is not");
    }
    return true;
}

/* Takes away, round by round, servers that need nobody who is left: what stays is in a circle. */
static bool has_order(struct manifest *manifest)
{
    bool done[MANIFEST_SERVERS_MAX] = {false};
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < manifest->server_count; i++) {
            const struct manifest_server *server = &manifest->servers[i];
            bool ready = !done[i];
            for (uint32_t n = 0; n < server->need_count; n++)
                ready = ready && done[server->needs[n].server];
            done[i] = done[i] || ready;
            more = more || ready;
        }
    }
    for (uint32_t i = 0; i < manifest->server_count; i++)
        if (!done[i])
            return fail(manifest, manifest->servers[i].line, "needs itself, by way of others");
    return true;
}

bool manifest_read(const char *text, uint64_t size, struct manifest *manifest)
{
    const char *end = text + size;
    struct reader reader = {.manifest = manifest};
    struct line line = {.number = 1};
    manifest->count = manifest->server_count = manifest->bad_line = 0;
    manifest->problem = NULL;
    for (; text < end; line.number++) {
        const char *stop = text;
        while (stop < end && *stop != '\n')
            stop++;
        const char *problem =
            split(text, stop, &line) ? read_line(&reader, &line) : "too many words";
        if (problem)
            return fail(manifest, line.number, problem);
        text = stop + 1;
    }
    for (uint32_t i = 0; i < manifest->server_count; i++)
        if (!resolve(manifest, &manifest->servers[i]))
            return false;
    return has_order(manifest);
}
