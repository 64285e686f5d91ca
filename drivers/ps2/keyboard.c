/*
 * See keyboard.h.  Codes: "Keyboard Scan Code Specification", Microsoft, 2000; sequences: console
 * _codes(4) and the terminfo entry "linux".
 */
#include "keyboard.h"

#include "string.h"

enum {
    EXTENDED = 0xe0,
    PAUSE = 0xe1,
    RELEASE = 0xf0,
    UP = 0x80,
    PAUSE_REST = 5,
    PAUSE_REST_SET2 = 7
};

enum {
    LEFT_SHIFT = 1u << 0,
    RIGHT_SHIFT = 1u << 1,
    LEFT_CONTROL = 1u << 2,
    RIGHT_CONTROL = 1u << 3,
    LEFT_ALT = 1u << 4,
    RIGHT_ALT = 1u << 5
};
#define SHIFT (LEFT_SHIFT | RIGHT_SHIFT)
#define CONTROL (LEFT_CONTROL | RIGHT_CONTROL)
#define ALT (LEFT_ALT | RIGHT_ALT)

/* Set 2 to set 1, as the 8042 translates. */
static const uint8_t set1_of[0x84] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29,
    0x59, 0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11,
    0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14,
    0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24,
    0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35,
    0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36,
    0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c,
    0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
    0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, 0x00, 0x00, 0x00, 0x41};

static const char plain[] =
    "\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
    "\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

/* The keypad from 0x47 on, with Num Lock; and without, as if these were extended keys. */
static const char keypad[] = "789-456+1230.";

static uint32_t modifier_of(uint8_t code, bool extended)
{
    switch (code) {
    case 0x2a:
        return extended ? 0 : LEFT_SHIFT;
    case 0x36:
        return extended ? 0 : RIGHT_SHIFT;
    case 0x1d:
        return extended ? RIGHT_CONTROL : LEFT_CONTROL;
    case 0x38:
        return extended ? RIGHT_ALT : LEFT_ALT;
    }
    return 0;
}

static uint32_t lock_of(uint8_t code, bool extended)
{
    if (extended)
        return 0;
    return code == 0x3a   ? KEYBOARD_CAPS_LED
           : code == 0x45 ? KEYBOARD_NUM_LED
           : code == 0x46 ? KEYBOARD_SCROLL_LED
                          : 0;
}

static size_t put_text(char *to, const char *text)
{
    size_t length = strlen(text);
    memcpy(to, text, length);
    return length;
}

/* The keys between the letters and the keypad. */
static const char *navigation(uint8_t code)
{
    switch (code) {
    case 0x47:
        return "\033[1~"; /* Home */
    case 0x48:
        return "\033[A";
    case 0x49:
        return "\033[5~"; /* Page Up */
    case 0x4b:
        return "\033[D";
    case 0x4d:
        return "\033[C";
    case 0x4f:
        return "\033[4~"; /* End */
    case 0x50:
        return "\033[B";
    case 0x51:
        return "\033[6~"; /* Page Down */
    case 0x52:
        return "\033[2~"; /* Insert */
    case 0x53:
        return "\033[3~"; /* Delete */
    }
    return NULL;
}

static const char *function_key(uint8_t code)
{
    static const char *const keys[] = {"\033[[A",  "\033[[B",  "\033[[C",  "\033[[D",  "\033[[E",
                                       "\033[17~", "\033[18~", "\033[19~", "\033[20~", "\033[21~"};
    if (code >= 0x3b && code <= 0x44)
        return keys[code - 0x3b];
    return code == 0x57 ? "\033[23~" : code == 0x58 ? "\033[24~" : NULL;
}

/* What Ctrl makes of a character. */
static char controlled(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 1);
    if (c >= '@' && c <= '_')
        return (char)(c & 0x1f);
    switch (c) {
    case ' ':
    case '2':
    case '`':
        return 0;
    case '3':
        return 0x1b;
    case '4':
        return 0x1c;
    case '5':
        return 0x1d;
    case '6':
        return 0x1e;
    case '7':
    case '/':
    case '-':
        return 0x1f;
    case '8':
        return 0x7f;
    case 0x7f:
        return '\b';
    }
    return c;
}

static char character_of(const struct keyboard *keyboard, uint8_t code)
{
    if (code >= sizeof(plain) - 1)
        return 0;
    char c = plain[code];
    bool shift = keyboard->held & SHIFT;
    if (c >= 'a' && c <= 'z' && keyboard->leds & KEYBOARD_CAPS_LED)
        shift = !shift;
    return shift ? shifted[code] : c;
}

static size_t put_character(const struct keyboard *keyboard, char c, char *to)
{
    size_t length = 0;
    if (keyboard->held & CONTROL)
        c = controlled(c);
    if (keyboard->held & ALT)
        to[length++] = '\033';
    to[length++] = c;
    return length;
}

/* An extended key, or the keypad's without Num Lock. */
static size_t press_extended(const struct keyboard *keyboard, uint8_t code, char *to)
{
    if (code == 0x1c || code == 0x35) /* the keypad's Enter and slash */
        return put_character(keyboard, code == 0x1c ? '\r' : '/', to);
    const char *text = navigation(code);
    return text ? put_text(to, text) : 0;
}

static size_t press(struct keyboard *keyboard, uint8_t code, bool extended, char *to)
{
    uint32_t lock = lock_of(code, extended);
    if (lock) {
        keyboard->leds ^= lock;
        keyboard->leds_changed = true;
        return 0;
    }
    if (extended)
        return press_extended(keyboard, code, to);
    if (code >= 0x47 && code <= 0x53) {
        char c = keypad[code - 0x47];
        bool number = keyboard->leds & KEYBOARD_NUM_LED || c == '-' || c == '+';
        return number ? put_character(keyboard, c, to) : press_extended(keyboard, code, to);
    }
    const char *text = function_key(code);
    if (text)
        return put_text(to, text);
    if (code == 0x0f && keyboard->held & SHIFT)
        return put_text(to, "\033[Z");
    char c = character_of(keyboard, code);
    return c ? put_character(keyboard, c, to) : 0;
}

/* A code of set 2 as one of set 1, with its highest bit set if the key was released; 0: none. */
static uint8_t translate(struct keyboard *keyboard, uint8_t byte)
{
    if (byte == RELEASE) {
        keyboard->released = true;
        return 0;
    }
    uint8_t code = byte < sizeof(set1_of) ? set1_of[byte] : 0;
    if (keyboard->released)
        code |= UP;
    keyboard->released = false;
    return code;
}

size_t keyboard_take(struct keyboard *keyboard, uint8_t byte, char to[KEYBOARD_BYTES_MAX])
{
    if (keyboard->skip) {
        keyboard->skip--;
        return 0;
    }
    if (byte == EXTENDED || byte == PAUSE) {
        keyboard->extended = byte == EXTENDED;
        keyboard->skip = byte == EXTENDED ? 0 : keyboard->set2 ? PAUSE_REST_SET2 : PAUSE_REST;
        return 0;
    }
    uint8_t code = keyboard->set2 ? translate(keyboard, byte) : byte;
    if (!code)
        return 0;
    bool extended = keyboard->extended, up = code & UP;
    code &= (uint8_t)~UP;
    keyboard->extended = false;
    uint32_t modifier = modifier_of(code, extended);
    if (modifier) {
        keyboard->held = up ? keyboard->held & ~modifier : keyboard->held | modifier;
        return 0;
    }
    return up ? 0 : press(keyboard, code, extended, to);
}
