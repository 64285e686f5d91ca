/*
 * Internet addresses as text (POSIX <arpa/inet.h>; RFC 4291 and, for what inet_ntop prints, RFC
 * 5952), and byte order.  Pure; reads no byte beyond a string's NUL.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef htonl
#undef htons
#undef ntohl
#undef ntohs

uint32_t htonl(uint32_t value)
{
    return __builtin_bswap32(value);
}

uint16_t htons(uint16_t value)
{
    return __builtin_bswap16(value);
}

uint32_t ntohl(uint32_t value)
{
    return __builtin_bswap32(value);
}

uint16_t ntohs(uint16_t value)
{
    return __builtin_bswap16(value);
}

const struct in6_addr in6addr_any = IN6ADDR_ANY_INIT;
const struct in6_addr in6addr_loopback = IN6ADDR_LOOPBACK_INIT;

/* ---- IPv4 ------------------------------------------------------------------------------------ */

/* The old form: one to four numbers, decimal, octal or hexadecimal, of which the last fills what is
 * left.  1, or 0: it is not one. */
int inet_aton(const char *text, struct in_addr *address)
{
    uint32_t sum = 0;
    for (int part = 0; part < 4; part++) {
        char *end;
        if (!isdigit((unsigned char)*text))
            return 0;
        unsigned long value = strtoul(text, &end, 0);
        if (*end != '.') {
            if ((*end != '\0' && !isspace((unsigned char)*end)) || value > UINT32_MAX >> 8 * part)
                return 0;
            address->s_addr = htonl(sum | (uint32_t)value);
            return 1;
        }
        if (value > 255 || part == 3)
            return 0;
        sum |= (uint32_t)value << (24 - 8 * part);
        text = end + 1;
    }
    return 0;
}

in_addr_t inet_addr(const char *text)
{
    struct in_addr address;
    return inet_aton(text, &address) ? address.s_addr : INADDR_NONE;
}

char *inet_ntoa(struct in_addr address)
{
    static char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof text);
    return text;
}

/* Four decimal numbers of at most three digits, up to `end`. */
static bool read_ipv4(const char *text, uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        for (; isdigit((unsigned char)*text) && digits < 4; text++, digits++)
            value = value * 10 + (unsigned)(*text - '0');
        if (digits == 0 || digits > 3 || value > 255)
            return false;
        bytes[i] = (uint8_t)value;
        if (*text++ != (i < 3 ? '.' : '\0'))
            return false;
    }
    return true;
}

/* ---- IPv6 ------------------------------------------------------------------------------------ */

#define GROUPS 8

/* Up to four hexadecimal digits; the number of them. */
static int read_group(const char *text, unsigned *value)
{
    int digits = 0;
    for (*value = 0; digits < 4 && isxdigit((unsigned char)text[digits]); digits++) {
        int digit = tolower((unsigned char)text[digits]);
        *value = *value << 4 | (unsigned)(isdigit(digit) ? digit - '0' : digit - 'a' + 10);
    }
    return digits;
}

/* Groups in the order written; *gap: before which group "::" stood, or -1.  How many; -1:
 * malformed. */
static int read_groups(const char *text, uint16_t *groups, int *gap)
{
    int count = 0;
    *gap = -1;
    if (text[0] == ':' && text[1] != ':')
        return -1;
    while (*text != '\0') {
        if (text[0] == ':' && text[1] == ':') {
            if (*gap >= 0)
                return -1;
            *gap = count;
            text += 2;
            continue;
        }
        unsigned value;
        uint8_t bytes[4];
        if (*text == ':' && ++text && *text == '\0')
            return -1;
        if (count == GROUPS)
            return -1;
        int digits = read_group(text, &value);
        if (count <= GROUPS - 2 && text[strcspn(text, ".:")] == '.') {
            if (!read_ipv4(text, bytes))
                return -1;
            groups[count++] = (uint16_t)(bytes[0] << 8 | bytes[1]);
            groups[count++] = (uint16_t)(bytes[2] << 8 | bytes[3]);
            return count;
        }
        if (digits == 0 || (text[digits] != '\0' && text[digits] != ':'))
            return -1;
        groups[count++] = (uint16_t)value;
        text += digits;
    }
    return count;
}

static bool read_ipv6(const char *text, uint8_t *bytes)
{
    uint16_t groups[GROUPS];
    int gap, count = read_groups(text, groups, &gap);
    if (count < 0 || (gap < 0 && count != GROUPS) || (gap >= 0 && count >= GROUPS))
        return false;
    memset(bytes, 0, 16);
    for (int i = 0; i < count; i++) {
        int place = gap >= 0 && i >= gap ? GROUPS - count + i : i;
        bytes[2 * place] = (uint8_t)(groups[i] >> 8);
        bytes[2 * place + 1] = (uint8_t)groups[i];
    }
    return true;
}

/* The longest run of two or more zero groups, the first of equals: where it starts; *length. */
static int longest_zeros(const uint16_t *groups, int *length)
{
    int best = -1;
    *length = 1;
    for (int i = 0; i < GROUPS; i++) {
        int run = 0;
        while (i + run < GROUPS && groups[i + run] == 0)
            run++;
        if (run > *length) {
            best = i;
            *length = run;
        }
        i += run > 0 ? run - 1 : 0;
    }
    return best;
}

static void write_ipv6(const uint8_t *bytes, char *text)
{
    uint16_t groups[GROUPS];
    int zeros;
    for (int i = 0; i < GROUPS; i++)
        groups[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    int gap = longest_zeros(groups, &zeros);
    bool mapped = gap == 0 && (zeros == 6 || (zeros == 5 && groups[5] == 0xffff));
    for (int i = 0; i < GROUPS; i++) {
        if (i == gap) {
            text += sprintf(text, "::");
            i += zeros - 1;
        } else if (mapped && i == 6) {
            sprintf(text, "%s%d.%d.%d.%d", zeros == 5 ? ":" : "", bytes[12], bytes[13], bytes[14],
                    bytes[15]);
            return;
        } else {
            text += sprintf(text, "%s%x", i == 0 || (gap >= 0 && i == gap + zeros) ? "" : ":",
                            groups[i]);
        }
    }
}

/* ---- Both ------------------------------------------------------------------------------------ */

int inet_pton(int family, const char *restrict text, void *restrict address)
{
    uint8_t bytes[16];
    if (family != AF_INET && family != AF_INET6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    if (!(family == AF_INET ? read_ipv4(text, bytes) : read_ipv6(text, bytes)))
        return 0;
    memcpy(address, bytes, family == AF_INET ? 4 : 16);
    return 1;
}

const char *inet_ntop(int family, const void *restrict address, char *restrict text, socklen_t size)
{
    const uint8_t *bytes = address;
    char made[INET6_ADDRSTRLEN];
    if (family == AF_INET) {
        sprintf(made, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
    } else if (family == AF_INET6) {
        write_ipv6(bytes, made);
    } else {
        errno = EAFNOSUPPORT;
        return NULL;
    }
    if (strlen(made) >= size) {
        errno = ENOSPC;
        return NULL;
    }
    return strcpy(text, made);
}
