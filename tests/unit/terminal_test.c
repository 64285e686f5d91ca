/*
 * The screen's terminal: characters, cursor, erasing, scrolling, colours, modes, any bytes.
 */
// sources: drivers/framebuffer/terminal.c libmsg/unicode.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../drivers/framebuffer/terminal.h"

enum { ROWS = 5, COLUMNS = 10 };

static struct terminal t;
static struct cell *screens;

static int fresh(void **state)
{
    (void)state;
    free(screens);
    screens = calloc(2 * ROWS * COLUMNS, sizeof(struct cell)); /* exactly: ASan watches its ends */
    terminal_open(&t, screens, ROWS, COLUMNS);
    return 0;
}

static void write(const char *text)
{
    terminal_write(&t, (const uint8_t *)text, strlen(text));
}

/* A row's characters; blanks at its end are left away, others than ASCII are shown as '#'. */
static void expect_row(uint32_t row, const char *text)
{
    char got[COLUMNS + 1] = "";
    uint32_t length = 0;
    for (uint32_t column = 0; column < COLUMNS; column++) {
        uint32_t code = t.cells[row * COLUMNS + column].code;
        got[column] = code < 0x7f ? (char)code : '#';
        if (code != ' ')
            length = column + 1;
    }
    got[length] = 0;
    assert_string_equal(got, text);
}

static void expect_cursor(uint32_t row, uint32_t column)
{
    assert_int_equal(t.cursor.row, row);
    assert_int_equal(t.cursor.column, column);
}

static const struct cell *cell(uint32_t row, uint32_t column)
{
    return &t.cells[row * COLUMNS + column];
}

static void test_characters(void **state)
{
    (void)state;
    write("ab\r\nc\td\bx\xc3\xa9\xe6\xbc\xa2");
    expect_row(0, "ab");
    expect_row(1, "c       x#");
    expect_row(2, "##"); /* a wide character does not fit behind */
    assert_int_equal(cell(1, 9)->code, 0xe9);
    assert_int_equal(cell(2, 0)->code, 0x6f22);
    assert_true(cell(2, 1)->flags & CELL_RIGHT);
    write("\xcc\x81\xff\xe2\x82z");
    expect_row(2, "####z"); /* no column for an accent; malformed ones are replaced */
    assert_int_equal(cell(2, 3)->code, UNICODE_REPLACEMENT);
}

static void test_wrap(void **state)
{
    (void)state;
    write("0123456789");
    expect_cursor(0, 9);
    write("\r\n");
    expect_cursor(1, 0); /* no line is left out */
    write("0123456789x");
    expect_cursor(2, 1);
    write("\033[?7l\033[1;1Habcdefghijklm");
    expect_row(0, "abcdefghim");
}

static void test_scroll(void **state)
{
    (void)state;
    write("a\r\nb\r\nc\r\nd\r\ne\r\nf");
    expect_row(0, "b");
    expect_row(4, "f");
    write("\033[2;4r");
    expect_cursor(0, 0);
    write("\033[4;1H\n");
    expect_row(0, "b");
    expect_row(1, "d");
    expect_row(2, "e");
    expect_row(3, "");
    expect_row(4, "f");
    write("\033[2;1H\033M");
    expect_row(1, "");
    expect_row(2, "d");
    write("\033[S");
    expect_row(1, "d");
    write("\033[2T");
    expect_row(1, "");
    expect_row(3, "d");
    write("\033[5;1H\n");
    expect_cursor(4, 0); /* below the region nothing scrolls */
    expect_row(4, "f");
}

static void test_moves(void **state)
{
    (void)state;
    write("\033[3;4H");
    expect_cursor(2, 3);
    write("\033[A\033[2C");
    expect_cursor(1, 5);
    write("\033[99B\033[99D");
    expect_cursor(4, 0);
    write("\033[2d\033[7G");
    expect_cursor(1, 6);
    write("\033[99;99H");
    expect_cursor(4, 9);
    write("\033[E\033[F\033[F");
    expect_cursor(2, 0);
    write("\0337\033[H\0338");
    expect_cursor(2, 0);
    write("\033[2;4r\033[?6h\033[2;2H");
    expect_cursor(2, 1);
    write("\033[99;1H");
    expect_cursor(3, 0);
    write("\033[3g\033[?6l\033[1;5H\033H\r\t");
    expect_cursor(0, 4);
    write("\t");
    expect_cursor(0, 9);
    write("\033[Z");
    expect_cursor(0, 4);
}

static void test_erase(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++)
        write(i ? "\r\nabcdefghij" : "abcdefghij");
    write("\033[2;4H\033[K");
    expect_row(1, "abc");
    write("\033[3;4H\033[1K");
    expect_row(2, "    efghij");
    write("\033[1;3H\033[2P");
    expect_row(0, "abefghij");
    write("\033[3@");
    expect_row(0, "ab   efghi");
    write("\033[X\033[99X");
    expect_row(0, "ab");
    write("\033[4;1H\033[L");
    expect_row(3, "");
    expect_row(4, "abcdefghij");
    write("\033[M");
    expect_row(3, "abcdefghij");
    write("\033[J");
    expect_row(3, "");
    expect_row(2, "    efghij");
    write("\033[2;2H\033[1J");
    expect_row(0, "");
    expect_row(1, "  c");
    write("\033[2J");
    expect_row(2, "");
}

static void test_insert_and_repeat(void **state)
{
    (void)state;
    write("abc\r\033[4hxy\033[4l");
    expect_row(0, "xyabc");
    write("\r\nz\033[3b");
    expect_row(1, "zzzz");
}

static void test_rendition(void **state)
{
    (void)state;
    write("\033[1;4;31;42ma\033[22;24;7mb\033[0mc\033[91;104md\033[38;5;200;48;2;255;0;0me\033[mf");
    assert_int_equal(cell(0, 0)->flags, CELL_BOLD | CELL_UNDERLINE);
    assert_int_equal(cell(0, 0)->foreground, 1);
    assert_int_equal(cell(0, 0)->background, 2);
    assert_int_equal(cell(0, 1)->flags, CELL_REVERSE);
    assert_int_equal(cell(0, 2)->foreground, 7);
    assert_int_equal(cell(0, 2)->flags, 0);
    assert_int_equal(cell(0, 3)->foreground, 9);
    assert_int_equal(cell(0, 3)->background, 12);
    assert_int_equal(cell(0, 4)->foreground, 200);
    assert_int_equal(cell(0, 4)->background, 16 + 5 * 36);
    assert_int_equal(cell(0, 5)->background, 0);
    write("\033[44m\033[K");
    assert_int_equal(cell(0, 9)->background, 4);
}

static void expect_answer(const char *text)
{
    assert_int_equal(t.answer_count, strlen(text));
    assert_memory_equal(t.answers, text, strlen(text));
    t.answer_count = 0;
}

static void test_answers(void **state)
{
    (void)state;
    write("\033[3;5H\033[6n");
    expect_answer("\033[3;5R");
    write("\033[5n\033[c");
    expect_answer("\033[0n\033[?6c");
    for (int i = 0; i < 100; i++)
        write("\033[6n");
    assert_true(t.answer_count <= sizeof(t.answers));
}

static void test_screens(void **state)
{
    (void)state;
    write("abc\033[?1049h");
    expect_row(0, "");
    write("\033[Hxyz\033[?1049l");
    expect_row(0, "abc");
    expect_cursor(0, 3);
    write("\033[?25l");
    assert_false(t.cursor_visible);
    write("\033c");
    assert_true(t.cursor_visible);
    expect_row(0, "");
}

static void test_strings(void **state)
{
    (void)state;
    write("\033]0;a title\aa\033]2;x\033\\b\033Pq\033\\c\033]Rd\033]P0000000e\033[[Af");
    expect_row(0, "abcdef");
    write("\r\n\033(0lqk\033(Bl\033[>4;1mx\033[1$yz\033[?1;2c");
    expect_row(1, "###lxz");
    assert_int_equal(cell(1, 0)->code, 0x250c);
    write("\r\n\033[12\030a\033[3\033[2Cb");
    expect_row(2, "a  b");
}

static void test_any_bytes(void **state)
{
    (void)state;
    static const char *const pieces[] = {"\033[",
                                         "\033",
                                         ";",
                                         "?",
                                         "99",
                                         "1",
                                         "H",
                                         "r",
                                         "h",
                                         "l",
                                         "L",
                                         "M",
                                         "P",
                                         "@",
                                         "X",
                                         "S",
                                         "T",
                                         "m",
                                         "b",
                                         "J",
                                         "K",
                                         "\n",
                                         "\xe6\xbc\xa2",
                                         "4",
                                         "1049",
                                         "6",
                                         "\t",
                                         "\b"};
    srand(5);
    for (uint32_t i = 0; i < 600000; i++) {
        char byte[2] = {(char)(1 + rand() % 255), 0};
        write(rand() % 4 ? pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))] : byte);
        assert_true(t.cursor.row < ROWS && t.cursor.column < COLUMNS);
        assert_true(t.top < t.bottom && t.bottom < ROWS);
        t.answer_count = 0;
    }
}

static void test_smallest(void **state)
{
    (void)state;
    struct cell two[2];
    terminal_open(&t, two, 1, 1);
    srand(6);
    for (uint32_t i = 0; i < 200000; i++) {
        static const char set[] = "\033\033[[123;;?HrhlLMP@XSTmbJKABCD\n\t\bx";
        char byte[2] = {set[(size_t)rand() % (sizeof(set) - 1)], 0};
        write(byte);
    }
    assert_int_equal(t.cursor.row + t.cursor.column, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
    const struct CMUnitTest tests[] = {
        TEST(test_characters), TEST(test_wrap),      TEST(test_scroll),
        TEST(test_moves),      TEST(test_erase),     TEST(test_insert_and_repeat),
        TEST(test_rendition),  TEST(test_answers),   TEST(test_screens),
        TEST(test_strings),    TEST(test_any_bytes), TEST(test_smallest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
