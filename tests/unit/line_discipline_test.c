/*
 * The line discipline: lines, editing, echo, raw reads, signals, flow control, hostile input.
 */
// sources: servers/tty/line_discipline.c libmsg/unicode.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <portolan/errors.h>

#include "../../servers/tty/line_discipline.h"

static struct line_discipline d;
static uint8_t space[8192];
static struct byte_ring out;
static int signals[8], signal_count;

static void note_signal(struct line_discipline *discipline, int number)
{
    assert_ptr_equal(discipline, &d);
    if (signal_count < 8)
        signals[signal_count++] = number;
}

static int fresh(void **state)
{
    (void)state;
    out = (struct byte_ring){space, sizeof(space), 0, 0};
    discipline_open(&d, &out);
    d.signal = note_signal;
    signal_count = 0;
    return 0;
}

static void type(const char *text)
{
    for (; *text; text++)
        discipline_input(&d, (uint8_t)*text);
}

/* What the device was sent since it was last asked. */
static const char *shown(void)
{
    static char text[sizeof(space) + 1];
    size_t length = byte_ring_peek(&out, text, sizeof(space));
    byte_ring_drop(&out, length);
    text[length] = 0;
    return text;
}

static int64_t peek(void *to, size_t length)
{
    uint64_t wake;
    return discipline_peek(&d, to, length, 0, 0, &wake);
}

/* A read of at most `length` bytes gives exactly this. */
static void expect_read(size_t length, const char *text)
{
    char got[8192];
    int64_t count = peek(got, length);
    assert_int_equal(count, (int64_t)strlen(text));
    assert_memory_equal(got, text, strlen(text));
    discipline_took(&d, (size_t)count);
}

static void expect_wait(void)
{
    char got[8];
    assert_int_equal(peek(got, sizeof(got)), -EAGAIN);
}

static void change(uint32_t on, uint32_t off)
{
    struct tty_attributes attributes = d.attributes;
    attributes.c_lflag = (attributes.c_lflag | on) & ~off;
    assert_int_equal(discipline_set(&d, &attributes), 0);
}

static void change_input(uint32_t on, uint32_t off)
{
    struct tty_attributes attributes = d.attributes;
    attributes.c_iflag = (attributes.c_iflag | on) & ~off;
    assert_int_equal(discipline_set(&d, &attributes), 0);
}

static void test_lines(void **state)
{
    (void)state;
    type("hel");
    expect_wait();
    type("lo\rnext\n");
    assert_string_equal(shown(), "hello\r\nnext\r\n");
    assert_int_equal(discipline_readable(&d), 6);
    expect_read(100, "hello\n");
    expect_read(3, "nex");
    expect_read(100, "t\n");
    expect_wait();
    type("\n");
    expect_read(1, "\n");
}

static void test_end_of_file(void **state)
{
    (void)state;
    type("\x04");
    expect_read(10, "");
    expect_wait();
    type("abc\x04");
    expect_read(3, "abc");
    expect_wait(); /* no second end */
    type("abc\x04\x04");
    expect_read(2, "ab");
    expect_read(10, "c");
    expect_read(10, "");
    type("x\n\x04");
    expect_read(10, "x\n");
    expect_read(10, "");
    expect_wait();
}

static void test_erase(void **state)
{
    (void)state;
    type("ab\x7f");
    assert_string_equal(shown(), "ab\b \b");
    type("\x7f\x7f\x7f");
    assert_string_equal(shown(), "\b \b");
    type("cd\bx\n");
    expect_read(10, "cx\n");
    shown();
    type("\x01\x7f"); /* shown as ^A */
    assert_string_equal(shown(), "^A\b \b\b \b");
    type("\x16\x7f\x7f"); /* a literal DEL, erased */
    assert_string_equal(shown(), "^?\b \b\b \b");
}

static void test_erase_tab(void **state)
{
    (void)state;
    discipline_write(&d, (const uint8_t *)"$ ", 2);
    type("ab\t");
    shown();
    type("\x7f");
    assert_string_equal(shown(), "\b \b\b \b\b \b\b \b"); /* from column 8 back to 4 */
    type("\x7f");
    assert_string_equal(shown(), "\b \b");
}

static void test_erase_utf8(void **state)
{
    (void)state;
    type("a\xc3\xa9\xe2\x82\xac\x7f");
    assert_string_equal(shown(), "a\xc3\xa9\xe2\x82\xac\b \b");
    type("\x7f");
    assert_string_equal(shown(), "\b \b");
    type("\n");
    expect_read(10, "a\n");
    shown();
    type("\xe6\xbc\xa2\x7f"); /* two columns wide */
    assert_string_equal(shown(), "\xe6\xbc\xa2\b \b\b \b");
    type("e\xcc\x81\x7f"); /* a combining accent: takes no column */
    assert_string_equal(shown(), "e\xcc\x81");
    type("\x7f\xa9\xa9\x7f\x7f\x7f"); /* continuation bytes alone: one by one */
    type("\n");
    expect_read(10, "\n");
    change_input(0, TTY_IUTF8);
    type("\xc3\xa9\x7f\n");
    expect_read(10, "\xc3\n");
}

static void test_word_and_line(void **state)
{
    (void)state;
    type("one two  \x17");
    assert_string_equal(shown(), "one two  \b \b\b \b\b \b\b \b\b \b");
    type("x\n");
    expect_read(20, "one x\n");
    shown();
    type("abc\x15");
    assert_string_equal(shown(), "abc\b \b\b \b\b \b");
    change(0, TTY_ECHOKE);
    type("abc\x15");
    assert_string_equal(shown(), "abc^U\r\n");
    type("de\x12");
    assert_string_equal(shown(), "de^R\r\nde");
    type("\n");
    expect_read(20, "de\n");
}

static void test_no_echo(void **state)
{
    (void)state;
    change(0, TTY_ECHO);
    type("secret\x7f\n");
    assert_string_equal(shown(), "");
    expect_read(20, "secre\n");
    change(TTY_ECHONL, 0);
    type("x\n");
    assert_string_equal(shown(), "\r\n");
}

static void test_long_line(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TTY_LINE_MAX - 1; i++)
        discipline_input(&d, 'x');
    shown();
    type("yz");
    assert_string_equal(shown(), "\a\a");
    type("\n");
    char got[8192];
    assert_int_equal(peek(got, sizeof(got)), TTY_LINE_MAX);
    assert_int_equal(got[TTY_LINE_MAX - 2], 'x');
    /* A second one fits; a third has to wait until something has been read. */
    for (uint32_t n = 0; n < 2; n++) {
        for (uint32_t i = 0; i < TTY_LINE_MAX - 1; i++)
            discipline_input(&d, 'x');
        type("\n");
    }
    shown();
    type("\n");
    assert_string_equal(shown(), "\a");
    discipline_took(&d, TTY_LINE_MAX);
    type("\n");
    assert_int_equal(d.ends, 2);
}

static void test_signals(void **state)
{
    (void)state;
    type("abc\x03");
    assert_int_equal(signal_count, 1);
    assert_int_equal(signals[0], DISCIPLINE_SIGINT);
    assert_string_equal(shown(), "^C"); /* what was not sent is forgotten */
    type("\n");
    expect_read(10, "\n");
    type("\x1a\x1c");
    assert_int_equal(signals[1], DISCIPLINE_SIGTSTP);
    assert_int_equal(signals[2], DISCIPLINE_SIGQUIT);
    change(TTY_NOFLSH, 0);
    type("abc\x03\n");
    expect_read(10, "abc\n");
    change(0, TTY_ISIG);
    type("\x03\n");
    expect_read(10, "\x03\n");
    assert_int_equal(signal_count, 4);
    type("\x16\x03\n"); /* literal */
    expect_read(10, "\x03\n");
}

static void test_flow(void **state)
{
    (void)state;
    type("a\x13");
    assert_true(d.stopped);
    type("b");
    assert_true(d.stopped);
    type("\x11");
    assert_false(d.stopped);
    type("\n");
    expect_read(10, "ab\n");
    change_input(TTY_IXANY, 0);
    type("\x13z");
    assert_false(d.stopped);
    change_input(0, TTY_IXON);
    type("\x13\n");
    expect_read(10, "z\x13\n");
}

static void test_input_flow(void **state)
{
    (void)state;
    change(0, TTY_ICANON | TTY_ECHO);
    change_input(TTY_IXOFF, 0);
    for (uint32_t i = 0; i < DISCIPLINE_QUEUE; i++)
        discipline_input(&d, 'x');
    assert_string_equal(shown(), "\x13");
    type("y");
    assert_string_equal(shown(), "\a");
    discipline_took(&d, DISCIPLINE_QUEUE);
    assert_string_equal(shown(), "\x11");
}

static int64_t raw(uint8_t minimum, uint8_t tenths, size_t length, uint64_t waited, uint64_t idle,
                   uint64_t *wake)
{
    char got[64];
    struct tty_attributes attributes = d.attributes;
    attributes.c_cc[TTY_VMIN] = minimum;
    attributes.c_cc[TTY_VTIME] = tenths;
    assert_int_equal(discipline_set(&d, &attributes), 0);
    return discipline_peek(&d, got, length, waited, idle, wake);
}

#define TENTH 100000000ull

static void test_raw(void **state)
{
    (void)state;
    uint64_t wake;
    change(0, TTY_ICANON);
    assert_int_equal(raw(1, 0, 10, 0, 0, &wake), -EAGAIN);
    assert_int_equal(wake, DISCIPLINE_NEVER);
    assert_int_equal(raw(0, 0, 10, 0, 0, &wake), 0);
    assert_int_equal(raw(0, 2, 10, TENTH, TENTH, &wake), -EAGAIN);
    assert_int_equal(wake, TENTH);
    assert_int_equal(raw(0, 2, 10, 2 * TENTH, TENTH, &wake), 0);
    assert_int_equal(raw(3, 2, 10, 9 * TENTH, 9 * TENTH, &wake), -EAGAIN);
    assert_int_equal(wake, DISCIPLINE_NEVER);
    type("\x7f\x04");
    assert_string_equal(shown(), "^?^D");
    assert_int_equal(raw(0, 2, 10, 0, 0, &wake), 2);
    assert_int_equal(raw(1, 0, 10, 0, 0, &wake), 2);
    assert_int_equal(raw(3, 0, 10, 0, 0, &wake), -EAGAIN);
    assert_int_equal(raw(3, 0, 2, 0, 0, &wake), 2);
    assert_int_equal(raw(3, 2, 10, 5 * TENTH, TENTH, &wake), -EAGAIN);
    assert_int_equal(wake, TENTH);
    assert_int_equal(raw(3, 2, 10, 5 * TENTH, 2 * TENTH, &wake), 2);
    expect_read(1, "\x7f");
    assert_int_equal(discipline_readable(&d), 1);
}

static void test_mode_changes(void **state)
{
    (void)state;
    type("abc");
    change(0, TTY_ICANON);
    expect_read(2, "ab");
    change(TTY_ICANON, 0);
    expect_read(10, "c"); /* what was there counts as a line */
    type("x\x04y\n");
    change(0, TTY_ICANON);
    expect_read(10, "xy\n"); /* ends of file are no bytes */
    expect_wait();
    struct tty_attributes attributes = d.attributes;
    attributes.c_cflag = TTY_CS5;
    assert_int_equal(discipline_set(&d, &attributes), -EINVAL);
}

static void test_input_translation(void **state)
{
    (void)state;
    change(0, TTY_ECHO);
    change_input(TTY_IGNCR, 0);
    type("a\rb\n");
    expect_read(10, "ab\n");
    change_input(TTY_INLCR | TTY_ISTRIP, TTY_IGNCR | TTY_ICRNL);
    type("\xe1\n");
    expect_wait();
    change_input(TTY_ICRNL, TTY_INLCR);
    type("\r");
    expect_read(10, "a\r\n");
}

static void expect_output(const char *from, const char *to)
{
    assert_int_equal(discipline_write(&d, (const uint8_t *)from, strlen(from)), strlen(from));
    assert_string_equal(shown(), to);
}

static void test_output(void **state)
{
    (void)state;
    expect_output("a\nb\tc\n", "a\r\nb\tc\r\n");
    d.attributes.c_oflag |= TTY_TAB3;
    expect_output("ab\tc\n", "ab      c\r\n");
    expect_output("\xc3\xa9\tc\n", "\xc3\xa9       c\r\n");
    expect_output("abc\b\tx\n", "abc\b      x\r\n");
    d.attributes.c_oflag = TTY_OPOST | TTY_ONOCR;
    expect_output("\ra\r\r", "a\r");
    d.attributes.c_oflag = TTY_OPOST | TTY_OCRNL;
    expect_output("a\r", "a\n");
    d.attributes.c_oflag = 0;
    expect_output("a\n\t\r", "a\n\t\r");
}

static void test_output_room(void **state)
{
    (void)state;
    static uint8_t much[16384];
    memset(much, '\n', sizeof(much));
    size_t taken = discipline_write(&d, much, sizeof(much));
    assert_true(taken > 3000 && taken < sizeof(space) / 2);
    assert_int_equal(discipline_write(&d, much, 1), 0);
    type("a"); /* there is room for echo */
    assert_int_equal(out.count, 2 * taken + 1);
}

static void test_random(void **state)
{
    (void)state;
    static const uint8_t keys[] = "ab \t\n\r\b\x7f\x03\x04\x11\x12\x13\x15\x16\x17\x1a\xc3\xa9\xe6";
    srand(7);
    for (uint32_t i = 0; i < 400000; i++) {
        uint8_t got[600];
        switch (rand() % 64) {
        case 0:
            change((uint32_t)rand() & 0x9fff, 0);
            break;
        case 1:
            change(0, (uint32_t)rand() & 0x9fff);
            break;
        case 2:
            change_input((uint32_t)rand() & 0x7fff, (uint32_t)rand() & 0x7fff);
            break;
        case 3:
            d.attributes.c_cc[rand() % TTY_CC_COUNT] = (uint8_t)rand();
            break;
        case 4:
            fresh(NULL);
            break;
        case 5:
        case 6:
        case 7: {
            uint64_t wake;
            size_t length = 1 + (size_t)rand() % sizeof(got);
            int64_t count =
                discipline_peek(&d, got, length, (uint64_t)rand(), (uint64_t)rand(), &wake);
            assert_true(count == -EAGAIN || (count >= 0 && (size_t)count <= length));
            if (count >= 0)
                discipline_took(&d, (size_t)count);
            break;
        }
        case 8:
            discipline_write(&d, keys, sizeof(keys));
            shown();
            break;
        default:
            discipline_input(&d,
                             rand() % 4 ? keys[(size_t)rand() % sizeof(keys)] : (uint8_t)rand());
        }
        assert_true(d.count <= DISCIPLINE_QUEUE && d.length < TTY_LINE_MAX && d.ends <= d.count);
        assert_true(discipline_readable(&d) <= d.count);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
    const struct CMUnitTest tests[] = {
        TEST(test_lines),        TEST(test_end_of_file),
        TEST(test_erase),        TEST(test_erase_tab),
        TEST(test_erase_utf8),   TEST(test_word_and_line),
        TEST(test_no_echo),      TEST(test_long_line),
        TEST(test_signals),      TEST(test_flow),
        TEST(test_input_flow),   TEST(test_raw),
        TEST(test_mode_changes), TEST(test_input_translation),
        TEST(test_output),       TEST(test_output_room),
        TEST(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
