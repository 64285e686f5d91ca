/*
 * The archive that a tmpfs starts with: its members become nodes.  What regular files hold is left
 * where it is (see data.h); the archive is mapped only while this runs.
 */
#include "cpio.h"
#include "print.h"
#include "syscall.h"
#include "tmpfs.h"

static struct path path;

/* The directory that a name of the archive lies in, made as far as it is not there. */
static int64_t parent_of(const struct path *what, struct walk *at)
{
    struct path part = {.length = 0};
    for (uint32_t i = 0; i < what->length; i++) {
        if (what->text[i] != '/')
            continue;
        memcpy(part.text, what->text, i);
        part.text[i] = 0;
        part.length = i;
        int64_t error = walk(&tree, tree.root, &part, false, at);
        if (error || at->link)
            return error ? error : -ENOTDIR;
        if (at->node)
            continue;
        struct node *node = node_create(&tree, IO_MODE_DIRECTORY | 0755);
        error = node ? rule_make(&tree, at, node) : -ENOSPC;
        if (error)
            return error;
    }
    int64_t error = walk(&tree, tree.root, what, false, at);
    return error ? error : at->link ? -ENOTDIR : 0;
}

static int64_t fill(struct node *node, const struct cpio_entry *member, const void *contents,
                    uint64_t offset)
{
    if (node_type(node) == IO_MODE_REGULAR && member->size) {
        node->size = member->size;
        node->file.in_archive = true;
        node->file.archive_offset = offset + member->offset;
    } else if (node_type(node) == IO_MODE_LINK) {
        if (member->size == 0 || member->size > IO_PATH_MAX)
            return -EINVAL;
        node->target = heap_take(&tree.heap, member->size);
        if (!node->target)
            return -ENOSPC;
        node->size = member->size;
        memcpy(node->target, contents, member->size);
    }
    return 0;
}

static int64_t add_member(const struct cpio_entry *member, const void *contents, uint64_t offset)
{
    const char *name = member->name;
    struct walk at;
    if (name[0] == '.' && name[1] == '/')
        name += 2;
    uint32_t type = member->mode & IO_MODE_TYPE;
    if (name[0] == '.' && name[1] == 0) { /* the root */
        tree.root->mode = IO_MODE_DIRECTORY | (member->mode & 07777);
        return 0;
    }
    if (type != IO_MODE_REGULAR && type != IO_MODE_DIRECTORY && type != IO_MODE_LINK &&
        type != IO_MODE_FIFO)
        return -ENODEV;
    int64_t error = path_take(&path, name, strlen(name));
    if (!error)
        error = parent_of(&path, &at);
    if (error)
        return error;
    if (at.node && node_is_directory(at.node) && type == IO_MODE_DIRECTORY) {
        at.node->mode = member->mode & (IO_MODE_TYPE | 07777);
        return 0;
    }
    struct node *node = node_create(&tree, member->mode & (IO_MODE_TYPE | 07777));
    if (!node)
        return -ENOSPC;
    error = fill(node, member, contents, offset);
    if (!error)
        error = rule_make(&tree, &at, node);
    if (error)
        node_settle(&tree, node);
    return error;
}

int64_t load_archive(handle_t archive, uint64_t offset, uint64_t size)
{
    struct vmo_information info;
    int64_t error = sys_vmo_info(archive, &info);
    if (error < 0)
        return error;
    if (offset > info.size || size > info.size - offset || offset % PAGE_SIZE)
        return -ERANGE;
    uint64_t length = ((size ? size : info.size - offset) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    int64_t address = sys_map(HANDLE_NONE, archive, offset, length, 0, MAP_READ);
    if (address < 0)
        return address;
    struct cpio_reader reader = {(const uint8_t *)address, size ? size : length, 0};
    struct cpio_entry member;
    int result;
    while ((result = cpio_next(&reader, &member)) > 0) {
        error = add_member(&member, reader.archive + member.offset, offset);
        if (error)
            print("tmpfs: %s is left out (error %ld)\n", member.name, -error);
    }
    sys_unmap(HANDLE_NONE, (uint64_t)address, length);
    return result;
}
