/*
 * What the boot loader says: memory map, boot module, command line, framebuffer and ACPI root.
 *
 * Read once from where the loader put it into boot_facts and boot_memory; nothing refers to the
 * loader's memory afterwards, but for the module itself.  Two forms are understood: Multiboot2
 * (Multiboot2 specification 2.0, 3.6) and PVH (Xen, arch-x86/hvm/start_info.h).  The loader is
 * trusted for the truth of what it says, but every length is checked against its container.
 */
#include "boot.h"

#include "../log.h"
#include "../page.h"

#define MULTIBOOT_MAGIC 0x36d76289u
#define PVH_MAGIC 0x336ec578u

struct boot_facts boot_facts;
struct memory_range boot_memory[BOOT_MEMORY_MAX];
u32 boot_memory_count;

/* A copy of the RSDP that outlives the loader's.  Alone on its page: user space may map it. */
static u8 rsdp_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void add_memory(u64 start, u64 length, u32 kind)
{
    u64 end;
    if (boot_memory_count == BOOT_MEMORY_MAX || __builtin_add_overflow(start, length, &end))
        return;
    boot_memory[boot_memory_count++] = (struct memory_range){start, end, kind};
    if (kind == MEMORY_RAM)
        boot_facts.memory_total += length;
}

static void set_module(u64 start, u64 size)
{
    if (boot_facts.module_size)
        return; /* the first is the one */
    boot_facts.module_start = start;
    boot_facts.module_size = size;
}

static void set_command_line(const char *text, size_t most)
{
    size_t length = 0;
    while (length < min(most, (size_t)BOOT_COMMAND_LINE_MAX - 1) && text[length])
        length++;
    memcpy(boot_facts.command_line, text, length);
    boot_facts.command_line[length] = 0;
}

static void set_rsdp(const void *rsdp, size_t length)
{
    memcpy(rsdp_page, rsdp, min(length, sizeof rsdp_page));
    boot_facts.rsdp = (u64)rsdp_page - KERNEL_BASE;
}

/* ---- Multiboot2 ------------------------------------------------------------------------------ */

enum {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15
};

struct tag {
    u32 type, size;
};
struct tag_module {
    struct tag tag;
    u32 start, end;
    char command_line[];
};
struct tag_memory_map {
    struct tag tag;
    u32 entry_size, entry_version;
    u8 entries[];
};
struct memory_map_entry {
    u64 start, length;
    u32 kind, reserved;
};
struct tag_framebuffer {
    struct tag tag;
    u64 address;
    u32 pitch, width, height;
    u8 bits_per_pixel, kind;
    u16 reserved;
    u8 red_position, red_size, green_position, green_size, blue_position, blue_size;
} __attribute__((packed));
enum { FRAMEBUFFER_RGB = 1 };

static void parse_memory_map(const struct tag_memory_map *map)
{
    if (map->entry_size < sizeof(struct memory_map_entry))
        return;
    u32 room = map->tag.size - sizeof *map;
    for (u32 at = 0; at + map->entry_size <= room; at += map->entry_size) {
        const struct memory_map_entry *entry = (const void *)(map->entries + at);
        add_memory(entry->start, entry->length, entry->kind);
    }
}

static void parse_framebuffer(const struct tag_framebuffer *tag)
{
    if (tag->kind != FRAMEBUFFER_RGB)
        return;
    boot_facts.framebuffer = (struct boot_framebuffer){
        .address = tag->address,
        .pitch = tag->pitch,
        .width = tag->width,
        .height = tag->height,
        .bits_per_pixel = tag->bits_per_pixel,
        .red_position = tag->red_position,
        .red_size = tag->red_size,
        .green_position = tag->green_position,
        .green_size = tag->green_size,
        .blue_position = tag->blue_position,
        .blue_size = tag->blue_size,
    };
}

static void parse_tag(const struct tag *tag)
{
    size_t body = tag->size - sizeof *tag;
    const struct tag_module *module = (const void *)tag;
    switch (tag->type) {
    case TAG_COMMAND_LINE:
        set_command_line((const char *)(tag + 1), body);
        break;
    case TAG_MODULE:
        if (tag->size >= sizeof *module && module->end > module->start)
            set_module(module->start, module->end - module->start);
        break;
    case TAG_MEMORY_MAP:
        if (tag->size >= sizeof(struct tag_memory_map))
            parse_memory_map((const void *)tag);
        break;
    case TAG_FRAMEBUFFER:
        if (tag->size >= sizeof(struct tag_framebuffer))
            parse_framebuffer((const void *)tag);
        break;
    case TAG_ACPI_OLD:
        if (boot_facts.rsdp)
            break; /* the new one came first and says more */
        __attribute__((fallthrough));
    case TAG_ACPI_NEW:
        set_rsdp(tag + 1, body);
        break;
    }
}

static void parse_multiboot(const u8 *info)
{
    u32 total = *(const u32 *)info;
    for (u32 at = 8; at + sizeof(struct tag) <= total;) {
        const struct tag *tag = (const void *)(info + at);
        if (tag->type == TAG_END || tag->size < sizeof *tag || tag->size > total - at)
            return;
        parse_tag(tag);
        at += (tag->size + 7) & ~7u;
    }
}

/* ---- PVH ------------------------------------------------------------------------------------- */

struct pvh_start_info {
    u32 magic, version, flags, module_count;
    u64 modules, command_line, rsdp;
    u64 memory_map; /* from version 1 on */
    u32 memory_map_entries, reserved;
};
struct pvh_module {
    u64 start, size, command_line, reserved;
};

/* The RSDP lies on a 16-byte boundary of the BIOS's read-only memory (ACPI 6.4, 5.2.5.1). */
static u64 find_rsdp(void)
{
    for (u64 at = 0xe0000; at < 0x100000; at += 16) {
        if (!memcmp(phys_to_virt(at), "RSD PTR ", 8))
            return at;
    }
    return 0;
}

static void parse_pvh(const struct pvh_start_info *info)
{
    if (info->module_count) {
        const struct pvh_module *module = phys_to_virt(info->modules);
        set_module(module->start, module->size);
    }
    if (info->command_line)
        set_command_line(phys_to_virt(info->command_line), BOOT_COMMAND_LINE_MAX);
    u64 rsdp = info->rsdp ? info->rsdp : find_rsdp();
    if (rsdp)
        set_rsdp(phys_to_virt(rsdp), 36);
    if (info->version < 1)
        return;
    const struct memory_map_entry *map = phys_to_virt(info->memory_map);
    for (u32 i = 0; i < info->memory_map_entries; i++)
        add_memory(map[i].start, map[i].length, map[i].kind);
}

void boot_parse(u32 magic, u64 info)
{
    if (magic == MULTIBOOT_MAGIC)
        parse_multiboot(phys_to_virt(info));
    else if (magic == PVH_MAGIC)
        parse_pvh(phys_to_virt(info));
    else
        boot_failure("started by an unknown boot loader (EAX %x)", magic);
    if (!boot_memory_count)
        boot_failure("the boot loader gave no memory map");
}

bool boot_has_word(const char *word)
{
    size_t length = strlen(word);
    for (const char *at = boot_facts.command_line; *at;) {
        while (*at == ' ')
            at++;
        const char *end = at;
        while (*end && *end != ' ')
            end++;
        if ((size_t)(end - at) == length && !memcmp(at, word, length))
            return true;
        at = end;
    }
    return false;
}
