/*
 * Keyboard scan codes to characters: both sets, modifiers, locks, function keys, any bytes.
 */
// sources: drivers/ps2/keyboard.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../drivers/ps2/keyboard.h"

static struct keyboard keyboard;

static int fresh(void **state)
{
    (void)state;
    memset(&keyboard, 0, sizeof(keyboard));
    return 0;
}

/* What these bytes send, all together. */
static void expect(const char *codes, size_t count, const char *text, size_t length)
{
    char got[256];
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += keyboard_take(&keyboard, (uint8_t)codes[i], got + used);
    assert_int_equal(used, length);
    assert_memory_equal(got, text, length);
}
#define EXPECT(codes, text) expect(codes, sizeof(codes) - 1, text, sizeof(text) - 1)

static void test_letters(void **state)
{
    (void)state;
    EXPECT("\x1e\x9e\x30\xb0\x1c\x9c", "ab\r");
    EXPECT("\x2a\x1e\x9e\xaa\x1e", "Aa");
    EXPECT("\x36\x02\x82\xb6\x02", "!1");
    EXPECT("\x39\x0e\x01\x0f\x2b\x29", " \x7f\033\t\\`");
}

static void test_control_and_alt(void **state)
{
    (void)state;
    EXPECT("\x1d\x2e\xae\x39\x1a\x0e\x9d\x2e", "\x03\0\x1b\bc");
    EXPECT("\xe0\x1d\x20\xe0\x9d\x20", "\x04"
                                       "d");
    EXPECT("\x38\x1e\xb8\x1e", "\033aa");
    EXPECT("\x2a\x0f\xaa", "\033[Z");
}

static void test_locks(void **state)
{
    (void)state;
    EXPECT("\x3a\xba", "");
    assert_true(keyboard.leds_changed);
    assert_int_equal(keyboard.leds, KEYBOARD_CAPS_LED);
    EXPECT("\x1e\x02\x2a\x1e\xaa", "A1a");
    EXPECT("\x3a\x1e", "a");
    EXPECT("\x48", "\033[A"); /* the keypad without Num Lock */
    EXPECT("\x45\x48\x4a\x53", "8-.");
    assert_int_equal(keyboard.leds, KEYBOARD_NUM_LED);
}

static void test_other_keys(void **state)
{
    (void)state;
    EXPECT("\xe0\x48\xe0\xc8\xe0\x50\xe0\x4b\xe0\x4d", "\033[A\033[B\033[D\033[C");
    EXPECT("\xe0\x47\xe0\x4f\xe0\x53\xe0\x52", "\033[1~\033[4~\033[3~\033[2~");
    EXPECT("\x3b\x3f\x40\x44\x57\x58", "\033[[A\033[[E\033[17~\033[21~\033[23~\033[24~");
    EXPECT("\xe0\x1c\xe0\x35", "\r/");
    EXPECT("\xe1\x1d\x45\xe1\x9d\xc5\x1e", "a"); /* Pause */
    assert_int_equal(keyboard.leds, 0);
    EXPECT("\xe0\x2a\xe0\x37\xe0\xb7\xe0\xaa\x1e", "a"); /* Print Screen */
}

static void test_set2(void **state)
{
    (void)state;
    keyboard.set2 = true;
    EXPECT("\x1c\xf0\x1c\x32\xf0\x32\x5a\xf0\x5a", "ab\r");
    EXPECT("\x12\x1c\xf0\x1c\xf0\x12\x1c", "Aa");
    EXPECT("\x14\x21\xf0\x21\xf0\x14", "\x03");
    EXPECT("\xe0\x75\xe0\xf0\x75", "\033[A");
    EXPECT("\x05\x83\x78", "\033[[A\033[18~\033[23~");
    EXPECT("\xe1\x14\x77\xe1\xf0\x14\xf0\x77\x1c", "a");
    EXPECT("\x58\x1c", "A");
}

static void test_any_bytes(void **state)
{
    (void)state;
    char got[KEYBOARD_BYTES_MAX];
    srand(3);
    for (uint32_t i = 0; i < 1000000; i++) {
        if (rand() % 1000 == 0)
            keyboard.set2 = !keyboard.set2;
        assert_true(keyboard_take(&keyboard, (uint8_t)rand(), got) <= sizeof(got));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
    const struct CMUnitTest tests[] = {
        TEST(test_letters), TEST(test_control_and_alt), TEST(test_locks), TEST(test_other_keys),
        TEST(test_set2),    TEST(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
