/*
 * ELF headers: what a program has to look like, and that nothing else is taken, whatever it says.
 */
// sources: libmsg/elf.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../libmsg/elf.h"

#include <portolan/syscall.h>

#define FILE_SIZE 0x4000u
#define SEGMENTS 3u

struct header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

/* The first bytes of a file: as the linker makes them from libmsg/user.ld. */
struct image {
    struct header header;
    struct segment segments[SEGMENTS];
};

static struct image good_image(void)
{
    return (struct image){
        .header = {.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
                   .type = 2,
                   .machine = 62,
                   .version = 1,
                   .entry = 0x400100,
                   .phoff = 64,
                   .ehsize = 64,
                   .phentsize = 56,
                   .phnum = SEGMENTS},
        .segments = {{1, 5, 0x1000, 0x400000, 0, 0x800, 0x800, 0x1000},
                     {1, 4, 0x2000, 0x401000, 0, 0x100, 0x100, 0x1000},
                     {1, 6, 0x3000, 0x402000, 0, 0x200, 0x2345, 0x1000}},
    };
}

/* In memory of exactly that size, so that reading beyond it is found. */
static int parse(const struct image *image, size_t header_size, uint64_t file_size,
                 struct elf_program *program)
{
    uint8_t *copy = malloc(header_size ? header_size : 1);
    memset(copy, 0, header_size);
    memcpy(copy, image, header_size < sizeof(*image) ? header_size : sizeof(*image));
    int result = elf_parse(copy, header_size, file_size, program);
    free(copy);
    return result;
}

static int parse_whole(const struct image *image)
{
    struct elf_program program;
    return parse(image, sizeof(*image), FILE_SIZE, &program);
}

static void test_good(void **state)
{
    (void)state;
    struct image image = good_image();
    struct elf_program program;
    assert_int_equal(parse(&image, sizeof(image), FILE_SIZE, &program), 0);
    assert_int_equal(program.entry, 0x400100);
    assert_int_equal(program.segment_count, 3);
    assert_int_equal(program.segments[0].flags, MAP_READ | MAP_EXECUTE);
    assert_int_equal(program.segments[1].flags, MAP_READ);
    assert_int_equal(program.segments[2].flags, MAP_READ | MAP_WRITE);
    assert_int_equal(program.segments[2].address, 0x402000);
    assert_int_equal(program.segments[2].offset, 0x3000);
    assert_int_equal(program.segments[2].file_size, 0x200);
    assert_int_equal(program.segments[2].memory_size, 0x2345);
}

static void test_ignored(void **state)
{
    (void)state;
    struct image image = good_image();
    image.segments[1].type = 0x6474e551; /* PT_GNU_STACK */
    struct elf_program program;
    assert_int_equal(parse(&image, sizeof(image), FILE_SIZE, &program), 0);
    assert_int_equal(program.segment_count, 2);
    image.segments[2].memsz = image.segments[2].filesz = 0;
    assert_int_equal(parse(&image, sizeof(image), FILE_SIZE, &program), 0);
    assert_int_equal(program.segment_count, 1);
}

static void test_not_elf(void **state)
{
    (void)state;
    struct image image = good_image();
    image.header.ident[0] = 0;
    assert_int_equal(parse_whole(&image), -EINVAL);
    image = good_image();
    image.header.ident[6] = 2;
    assert_int_equal(parse_whole(&image), -EINVAL);
    image = good_image();
    image.header.version = 0;
    assert_int_equal(parse_whole(&image), -EINVAL);
    image = good_image();
    image.header.ehsize = 52;
    assert_int_equal(parse_whole(&image), -EINVAL);
    image = good_image();
    image.header.phentsize = 32;
    assert_int_equal(parse_whole(&image), -EINVAL);
    image = good_image();
    image.header.phnum = 0;
    assert_int_equal(parse_whole(&image), -EINVAL);
}

static void test_other_kinds(void **state)
{
    (void)state;
    struct image image = good_image();
    image.header.ident[4] = 1; /* 32 bits */
    assert_int_equal(parse_whole(&image), -ENOTSUP);
    image = good_image();
    image.header.ident[5] = 2; /* big-endian */
    assert_int_equal(parse_whole(&image), -ENOTSUP);
    image = good_image();
    image.header.machine = 183; /* AArch64 */
    assert_int_equal(parse_whole(&image), -ENOTSUP);
    image = good_image();
    image.header.type = 1; /* an object file */
    assert_int_equal(parse_whole(&image), -ENOTSUP);
    image = good_image();
    image.header.type = 3; /* position-independent */
    image.segments[1].type = 3;
    assert_int_equal(parse_whole(&image), -ENOTSUP);
    static const uint32_t types[] = {2 /* dynamic */, 3 /* interpreter */};
    for (size_t i = 0; i < 2; i++) {
        image = good_image();
        image.segments[1].type = types[i];
        assert_int_equal(parse_whole(&image), -ENOTSUP);
    }
    image = good_image();
    image.segments[0].flags = 7; /* writable code */
    assert_int_equal(parse_whole(&image), -ENOTSUP);
}

static void test_ranges(void **state)
{
    (void)state;
    struct image image = good_image();
    image.header.phoff = UINT64_MAX - 10;
    assert_int_equal(parse_whole(&image), -ERANGE);
    image = good_image();
    image.header.phnum = 0xffff;
    assert_int_equal(parse_whole(&image), -ERANGE);
    image = good_image();
    image.segments[2].offset = FILE_SIZE - 0x1ff;
    assert_int_equal(parse_whole(&image), -ERANGE);
    image = good_image();
    image.segments[2].offset = UINT64_MAX - 0x100;
    assert_int_equal(parse_whole(&image), -ERANGE);
    image = good_image();
    image.segments[2].memsz = UINT64_MAX - 0x402000 + 1;
    assert_int_equal(parse_whole(&image), -ERANGE);
    image = good_image();
    image.segments[2].vaddr = USER_LIMIT - 0x1000;
    assert_int_equal(parse_whole(&image), -ERANGE);
    image = good_image();
    image.segments[0].vaddr = 0;
    assert_int_equal(parse_whole(&image), -ERANGE);
}

static void test_malformed_segments(void **state)
{
    (void)state;
    struct image image = good_image();
    image.segments[0].filesz = image.segments[0].memsz + 1;
    assert_int_equal(parse_whole(&image), -EINVAL);
    image = good_image();
    image.segments[1].vaddr = 0x400900; /* the page of the one before */
    assert_int_equal(parse_whole(&image), -EINVAL);
    image = good_image();
    image.segments[1].vaddr = 0x300000; /* descending */
    assert_int_equal(parse_whole(&image), -EINVAL);
    image = good_image();
    image.segments[1].flags = 0;
    assert_int_equal(parse_whole(&image), -EINVAL);
    static const uint64_t entries[] = {0, 0x3fffff, 0x400800, 0x401000, 0x402000, UINT64_MAX};
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        image = good_image();
        image.header.entry = entries[i];
        assert_int_equal(parse_whole(&image), -EINVAL);
    }
}

/* As the linker makes them with -pie: addresses from 0, a dynamic section, thread-local data. */
static struct image movable_image(void)
{
    struct image image = good_image();
    image.header.type = 3;
    image.header.entry = 0x100;
    for (uint32_t i = 0; i < SEGMENTS; i++)
        image.segments[i].vaddr -= 0x400000;
    return image;
}

static void test_movable(void **state)
{
    (void)state;
    struct image image = movable_image();
    struct elf_program program;
    assert_int_equal(parse(&image, sizeof(image), FILE_SIZE, &program), 0);
    assert_true(program.movable);
    assert_int_equal(program.span, 0x5000);
    image.segments[1].type = 2;
    assert_int_equal(parse_whole(&image), 0);
    image.segments[1].type = 7;
    assert_int_equal(parse_whole(&image), 0);
    image = movable_image();
    image.segments[2].memsz = ELF_SPAN_MAX - 0x2000;
    assert_int_equal(parse_whole(&image), 0);
    image.segments[2].memsz++;
    assert_int_equal(parse_whole(&image), -ERANGE);
    image = good_image();
    assert_int_equal(parse(&image, sizeof(image), FILE_SIZE, &program), 0);
    assert_false(program.movable);
}

static void test_place(void **state)
{
    (void)state;
    static const uint64_t randoms[] = {0, 1, 12345678, UINT32_MAX, UINT64_MAX, 1ull << 63};
    struct image image = movable_image();
    struct elf_program program;
    for (size_t i = 0; i < sizeof(randoms) / sizeof(randoms[0]); i++) {
        assert_int_equal(parse(&image, sizeof(image), FILE_SIZE, &program), 0);
        elf_place(&program, randoms[i]);
        uint64_t base = program.segments[0].address;
        assert_in_range(base, ELF_BASE_MIN, ELF_BASE_MAX - 0x5000);
        assert_int_equal(base % PAGE_SIZE, 0);
        assert_int_equal(program.entry, base + 0x100);
        assert_int_equal(program.segments[2].address, base + 0x2000);
    }
    /* Each page address of the range can be had. */
    parse(&image, sizeof(image), FILE_SIZE, &program);
    elf_place(&program, (ELF_BASE_MAX - ELF_BASE_MIN - program.span) / PAGE_SIZE);
    assert_int_equal(program.segments[0].address, ELF_BASE_MAX - program.span);
    image = good_image();
    parse(&image, sizeof(image), FILE_SIZE, &program);
    elf_place(&program, 12345678);
    assert_int_equal(program.segments[0].address, 0x400000);
    assert_int_equal(program.entry, 0x400100);
}

static void test_too_many(void **state)
{
    (void)state;
    struct {
        struct header header;
        struct segment segments[ELF_SEGMENTS_MAX + 1];
    } image = {.header = good_image().header};
    image.header.phnum = ELF_SEGMENTS_MAX + 1;
    for (uint32_t i = 0; i <= ELF_SEGMENTS_MAX; i++) {
        image.segments[i] = good_image().segments[0];
        image.segments[i].vaddr += i * 0x1000;
    }
    struct elf_program program;
    assert_int_equal(elf_parse(&image, sizeof(image), FILE_SIZE, &program), -E2BIG);
    image.header.phnum = ELF_SEGMENTS_MAX;
    assert_int_equal(elf_parse(&image, sizeof(image), FILE_SIZE, &program), 0);
}

/* However short what is given or the file is: no byte beyond is read, and the answer is no. */
static void test_cut_off(void **state)
{
    (void)state;
    struct image image = good_image();
    struct elf_program program;
    for (size_t size = 0; size < sizeof(image); size++) {
        assert_true(parse(&image, size, FILE_SIZE, &program) < 0);
        assert_true(parse(&image, sizeof(image), size, &program) < 0);
    }
}

/* What is taken at all is such that mapping it can do no harm. */
static void check_program(const struct elf_program *program, uint64_t file_size)
{
    uint64_t floor = program->movable ? 0 : USER_BASE;
    uint64_t limit = program->movable ? ELF_SPAN_MAX : USER_LIMIT;
    assert_in_range(program->segment_count, 1, ELF_SEGMENTS_MAX);
    for (uint32_t i = 0; i < program->segment_count; i++) {
        const struct elf_segment *s = &program->segments[i];
        assert_true(s->address / PAGE_SIZE * PAGE_SIZE >= floor);
        assert_true(s->memory_size <= limit - s->address);
        assert_true(s->file_size <= s->memory_size);
        assert_true(s->offset <= file_size && s->file_size <= file_size - s->offset);
        assert_int_not_equal(s->flags & (MAP_WRITE | MAP_EXECUTE), MAP_WRITE | MAP_EXECUTE);
        floor = (s->address + s->memory_size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    }
}

static void test_random_changes(void **state)
{
    (void)state;
    srand(1);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 200000; i++) {
        struct image image = good_image();
        struct elf_program program;
        for (int changes = rand() % 3 + 1; changes > 0; changes--)
            ((uint8_t *)&image)[(size_t)rand() % sizeof(image)] = (uint8_t)rand();
        if (parse(&image, sizeof(image), FILE_SIZE, &program) == 0) {
            check_program(&program, FILE_SIZE);
            taken++;
        }
    }
    assert_in_range(taken, 1, 199999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),           cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_not_elf),        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_ranges),         cmocka_unit_test(test_malformed_segments),
        cmocka_unit_test(test_too_many),       cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_random_changes), cmocka_unit_test(test_movable),
        cmocka_unit_test(test_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
