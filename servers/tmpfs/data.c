/*
 * See data.h.
 */
#include "data.h"

#include "string.h"
#include "syscall.h"
#include "thread.h"

#define SIZE_MAX_BYTES (1ull << 45)

static handle_t archive;
static uint64_t limit, used;
static uint8_t saved[MESSAGE_BYTES_MAX];

void data_open(handle_t from, uint64_t bytes)
{
    archive = from;
    limit = bytes;
}

uint64_t data_limit(void)
{
    return limit;
}

uint64_t data_used(void)
{
    return used;
}

static uint64_t pages(uint64_t size)
{
    return (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The kernel's errors as a file's. */
static int64_t as_file_error(int64_t error)
{
    return error == -ENOMEM || error == -EMFILE ? -ENOSPC : -EIO;
}

static int64_t as_loan_error(int64_t error)
{
    return error == -EPERM || error == -ERANGE ? -EINVAL : -EIO;
}

/* ---- Room ------------------------------------------------------------------------------------ */

/* Files in the archive take nothing. */
static int64_t count(const struct node *node, uint64_t size)
{
    uint64_t before = node->file.in_archive ? 0 : pages(node->size), now = pages(size);
    if (now > before && now - before > limit - used)
        return -ENOSPC;
    used = used - before + now;
    return 0;
}

/* The object grows ahead of the file: pages that nobody touched take no memory. */
static int64_t make_capacity(struct node *node, uint64_t size)
{
    struct file *file = &node->file;
    if (size <= file->capacity)
        return 0;
    uint64_t capacity = pages(size < 2 * file->capacity ? 2 * file->capacity : size);
    int64_t result;
    if (file->vmo)
        result = sys_vmo_resize(file->vmo, capacity);
    else
        result = sys_vmo_create(VMO_ANONYMOUS, capacity, 0, 0);
    if (result < 0)
        return as_file_error(result);
    if (!file->vmo)
        file->vmo = (handle_t)result;
    file->capacity = capacity;
    return 0;
}

/* Zeros [from, to), which lie in one page.  The message page's bytes stay as they were. */
static void clear(const struct node *node, uint64_t from, uint64_t to)
{
    uint8_t *bytes = message_area()->bytes;
    uint64_t length = to - from;
    memcpy(saved, bytes, length);
    memset(bytes, 0, length);
    sys_vmo_write(node->file.vmo, from, length);
    memcpy(bytes, saved, length);
}

/* ---- Files in the archive -------------------------------------------------------------------- */

static int64_t copy_page(const struct node *node, handle_t vmo, uint64_t offset)
{
    uint64_t length = smaller(node->size - offset, PAGE_SIZE);
    int64_t error = sys_vmo_read(archive, node->file.archive_offset + offset, length);
    return error < 0 ? error : sys_vmo_write(vmo, offset, length);
}

/* The first `keep` bytes of an archive's file become its own. */
static int64_t take_from_archive(struct node *node, uint64_t keep)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    uint64_t size = node->size;
    int64_t error = count(node, keep);
    if (error)
        return error;
    node->file.in_archive = false;
    node->size = keep;
    error = make_capacity(node, keep);
    memcpy(bytes, message_area()->bytes, sizeof(bytes));
    for (uint64_t offset = 0; !error && offset < keep; offset += PAGE_SIZE)
        error = copy_page(node, node->file.vmo, offset);
    memcpy(message_area()->bytes, bytes, sizeof(bytes));
    if (!error)
        return 0;
    used -= pages(keep);
    if (node->file.vmo)
        sys_handle_close(node->file.vmo);
    node->file.vmo = HANDLE_NONE;
    node->file.capacity = 0;
    node->file.in_archive = true;
    node->size = size;
    return as_file_error(error);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* A piece into the message page. */
static int64_t read_piece(const struct node *node, uint64_t offset, uint64_t length)
{
    const struct file *file = &node->file;
    int64_t error;
    if (file->in_archive)
        error = sys_vmo_read(archive, file->archive_offset + offset, length);
    else
        error = sys_vmo_read(file->vmo, offset, length);
    return error < 0 ? -EIO : 0;
}

int64_t data_read(const struct node *node, uint64_t offset, uint64_t length, handle_t loan)
{
    if (offset >= node->size)
        return 0;
    length = smaller(length, node->size - offset);
    if (!loan) {
        int64_t error = read_piece(node, offset, length);
        return error ? error : (int64_t)length;
    }
    uint64_t done = 0;
    while (done < length) {
        uint64_t at = offset + done;
        uint64_t piece = smaller(length - done, PAGE_SIZE - at % PAGE_SIZE);
        int64_t error = read_piece(node, at, piece);
        if (!error) {
            error = sys_vmo_write(loan, done, piece);
            error = error < 0 ? as_loan_error(error) : 0;
        }
        if (error)
            return done ? (int64_t)done : error;
        done += piece;
    }
    return (int64_t)done;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The pages behind the new end go, and what maps them faults; in the last one zeros follow it. */
static void cut(struct node *node, uint64_t size)
{
    struct file *file = &node->file;
    uint64_t keep = pages(size ? size : 1);
    if (sys_vmo_resize(file->vmo, keep) == 0)
        file->capacity = keep;
    else /* pinned just now, for a device: it keeps its pages, but the file shows zeros */
        for (uint64_t at = keep; at < pages(node->size); at += PAGE_SIZE)
            clear(node, at, at + PAGE_SIZE);
    if (size < keep)
        clear(node, size, keep);
}

int64_t data_resize(struct node *node, uint64_t size)
{
    if (size > SIZE_MAX_BYTES)
        return -EFBIG;
    int64_t error = node->file.in_archive ? take_from_archive(node, smaller(size, node->size)) : 0;
    if (!error)
        error = count(node, size);
    if (error)
        return error;
    if (size > node->size) {
        error = make_capacity(node, size);
        if (error) {
            used -= pages(size) - pages(node->size);
            return error;
        }
        if (node->file.was_mapped && node->size % PAGE_SIZE)
            clear(node, node->size, smaller(size, pages(node->size)));
    } else if (size < node->size) {
        cut(node, size);
    }
    node->size = size;
    return 0;
}

static int64_t write_pieces(struct node *node, uint64_t offset, uint64_t length, handle_t loan)
{
    uint64_t done = 0;
    while (done < length) {
        uint64_t at = offset + done;
        uint64_t piece = loan ? smaller(length - done, PAGE_SIZE - at % PAGE_SIZE) : length;
        int64_t error = loan ? sys_vmo_read(loan, done, piece) : 0;
        if (error < 0)
            return done ? (int64_t)done : as_loan_error(error);
        error = sys_vmo_write(node->file.vmo, at, piece);
        if (error < 0)
            return done ? (int64_t)done : as_file_error(error);
        done += piece;
    }
    return (int64_t)done;
}

int64_t data_write(struct node *node, uint64_t offset, uint64_t length, handle_t loan)
{
    uint64_t end;
    if (length == 0)
        return 0;
    if (__builtin_add_overflow(offset, length, &end) || end > SIZE_MAX_BYTES)
        return -EFBIG;
    uint64_t before = node->size;
    int64_t error = 0;
    if (end > before)
        error = data_resize(node, end);
    else if (node->file.in_archive)
        error = take_from_archive(node, before);
    if (error)
        return error;
    int64_t done = write_pieces(node, offset, length, loan);
    /* What was not written does not make the file longer. */
    uint64_t reached = done > 0 ? offset + (uint64_t)done : 0;
    if (end > before && reached < end)
        data_resize(node, reached > before ? reached : before);
    return done;
}

/* ---- Maps and the end ------------------------------------------------------------------------ */

int64_t data_map(struct node *node, uint32_t rights)
{
    struct file *file = &node->file;
    if (!node->size)
        return -ENODEV;
    /* In place only what is to be run: other maps want zeros behind the end, and to be cloned,
     * which the boot module's memory cannot be. */
    if (file->in_archive &&
        ((rights & RIGHT_WRITE) || !(rights & RIGHT_EXECUTE) || file->archive_offset % PAGE_SIZE)) {
        int64_t error = take_from_archive(node, node->size);
        if (error)
            return error;
    }
    /* A slice, so that it can be neither made longer nor shorter; then with fewer rights. */
    int64_t slice;
    if (file->in_archive)
        slice = sys_vmo_slice(archive, file->archive_offset, pages(node->size));
    else
        slice = sys_vmo_slice(file->vmo, 0, pages(node->size));
    if (slice < 0)
        return slice == -EMFILE ? -EMFILE : as_file_error(slice);
    rights |= RIGHT_MAP | RIGHT_DUPLICATE | RIGHT_TRANSFER;
    int64_t handle = sys_handle_duplicate((handle_t)slice, rights, 0);
    sys_handle_close((handle_t)slice);
    if (handle < 0)
        return handle == -EMFILE ? -EMFILE : -EACCES;
    file->was_mapped |= (rights & RIGHT_WRITE) != 0;
    return handle;
}

void data_free(struct node *node)
{
    if (!node->file.in_archive)
        used -= pages(node->size);
    if (node->file.vmo)
        sys_handle_close(node->file.vmo);
}
