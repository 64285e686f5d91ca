/*
 * Memory and strings.  Bulk goes by the string instructions, eight bytes at a time, which is as
 * good as it gets without vector registers.
 */
#include "string.h"

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    void *d = to;
    size_t words = n >> 3;
    __asm__ volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
    words = n & 7;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    if ((uintptr_t)to - (uintptr_t)from >= n)
        return memcpy(to, from, n);
    unsigned char *d = to;
    const unsigned char *s = from;
    while (n > 0) {
        n--;
        ((volatile unsigned char *)d)[n] = s[n];
    }
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    void *d = to;
    size_t words = n >> 3;
    uint64_t pattern = (unsigned char)byte * 0x0101010101010101ull;
    __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
    words = n & 7;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < n; i++) {
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    }
    return 0;
}

size_t strlen(const char *s)
{
    const volatile char *end = s;
    while (*end != '\0')
        end++;
    return (size_t)(end - s);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i])
            return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
        if (a[i] == '\0')
            break;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)s;
        if (*s == '\0')
            return NULL;
    }
}
