/*
 * From a keyboard's scan codes to what a terminal of type "linux" sends: a US layout.  Pure.
 *
 * Scan codes are those of set 1 ("XT"); a keyboard that sends set 2 is understood by translating
 * each byte, as the 8042 controller can do itself.
 */
#ifndef KEYBOARD_H
#define KEYBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYBOARD_BYTES_MAX 12u /* the most that a key sends */

enum { KEYBOARD_SCROLL_LED = 1u << 0, KEYBOARD_NUM_LED = 1u << 1, KEYBOARD_CAPS_LED = 1u << 2 };

struct keyboard {
    bool set2;         /* codes are those of set 2 */
    bool released;     /* after 0xf0, in set 2 */
    bool extended;     /* after 0xe0 */
    uint32_t skip;     /* bytes of Pause that are still to come */
    uint32_t held;     /* KEY_* modifiers that are down */
    uint32_t leds;     /* KEYBOARD_*_LED: what is locked */
    bool leds_changed; /* the keyboard is to be told */
};

/* A byte from the keyboard.  What its key sends is put into `to`; how many bytes. */
size_t keyboard_take(struct keyboard *keyboard, uint8_t byte, char to[KEYBOARD_BYTES_MAX]);

#endif
