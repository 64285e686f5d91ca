/*
 * What every kernel file starts from: scalar names, list and arithmetic helpers, assertions.
 * Small inline helpers only.  Compiles on the host too (UNIT_TEST).
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <portolan/errors.h>
#include <portolan/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define noreturn _Noreturn

/* A function that is better small than fast, in a file of which others are measured. */
#define seldom __attribute__((cold))

/* A function off the straight way.  It saves all registers itself, so that those who call it in
 * case keep theirs free of care for it. */
#ifdef UNIT_TEST
#define rarely __attribute__((noinline, cold))
#else
#define rarely __attribute__((noinline, cold, no_caller_saved_registers))
#endif

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
void fill_words(void *to, u64 word, size_t words);
void *memmove(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

/* Our own mistakes only; never for input.  Prints where, registers, a backtrace; stops all CPUs. */
noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define assert(condition)                                                                          \
    do {                                                                                           \
        if (unlikely(!(condition)))                                                                \
            panic("%s:%d: %s", __FILE__, __LINE__, #condition);                                    \
    } while (0)

/* True if offset + length overflows or exceeds size. */
static inline bool range_exceeds(u64 offset, u64 length, u64 size)
{
    u64 end;
    return __builtin_add_overflow(offset, length, &end) || end > size;
}

static inline bool is_page_aligned(u64 x)
{
    return (x & (PAGE_SIZE - 1)) == 0;
}

static inline u64 page_up(u64 x)
{
    return (x + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static inline u64 page_down(u64 x)
{
    return x & ~(PAGE_SIZE - 1);
}

/* ---- A doubly linked ring; an empty head or an unlinked node points at itself. --------------- */

struct list {
    struct list *next, *previous;
};

static inline void list_init(struct list *l)
{
    l->next = l->previous = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Puts node before `at`: at the tail, when `at` is the head. */
static inline void list_insert_before(struct list *at, struct list *node)
{
    node->next = at;
    node->previous = at->previous;
    at->previous->next = node;
    at->previous = node;
}

static inline void list_append(struct list *head, struct list *node)
{
    list_insert_before(head, node);
}

static inline void list_prepend(struct list *head, struct list *node)
{
    list_insert_before(head->next, node);
}

/* Unlinks node and makes it point at itself; harmless when it does already. */
static inline void list_remove(struct list *node)
{
    node->next->previous = node->previous;
    node->previous->next = node->next;
    list_init(node);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) container_of((head)->next, type, member)
#define list_for_each(node, head)                                                                  \
    for (struct list *node = (head)->next; node != (head); node = node->next)
#define list_for_each_safe(node, following, head)                                                  \
    for (struct list *node = (head)->next, *following = node->next; node != (head);                \
         node = following, following = node->next)

/* ---- Atomics.  Sequentially consistent unless the name says otherwise. ----------------------- */

#define atomic_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define atomic_exchange(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST) /* the new value */
#define atomic_sub(p, v) __atomic_sub_fetch((p), (v), __ATOMIC_SEQ_CST)
#define atomic_or(p, v) __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST) /* the old value */
#define atomic_and(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define atomic_compare_exchange(p, expected, v)                                                    \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define atomic_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif
