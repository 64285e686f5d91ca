/*
 * The two directions of a ring, one side each: a sender and a receiver.  See <portolan/ring.h> for
 * the layout and why no wake-up is lost; tests/model/ring.pml checks it.
 *
 * The peer may write anything anywhere in the shared memory at any time.  So each side keeps its
 * own index and depth in private memory, looks at the peer's index once and checks it, and copies a
 * slot before it looks at it.  Neither is locked: each belongs to one thread.
 */
#ifndef LIBMSG_RING_H
#define LIBMSG_RING_H

#include <portolan/errors.h>
#include <portolan/ring.h>

/* Neither kind of copy is the compiler's to merge or repeat: the peer may be writing. */
typedef volatile uint64_t __attribute__((may_alias)) ring_word;
typedef uint64_t __attribute__((may_alias)) message_part;

struct ring_sender {
    struct message *slots; /* shared */
    uint32_t *word;        /* shared: index of what is sent << 1 | the receiver sleeps */
    uint32_t index;        /* of the next message; 31 bits count */
    uint32_t mask;         /* depth - 1 */
    bool unsent;           /* put, and not yet sent off */
};

struct ring_receiver {
    struct message *slots;
    uint32_t *word;
    uint32_t index; /* of the next to be taken */
    uint32_t mask;
    bool sleeps;
};

#define RING_INDEX_MASK 0x7fffffffu

#define ring_inline static inline __attribute__((always_inline))

/*
 * Puts a message, named by its number in the session; its flags are not carried.  The sender's
 * credits say that there is room.
 */
ring_inline void ring_put(struct ring_sender *sender, const struct message *message,
                          uint32_t generation, uint32_t number)
{
    const message_part *from = (const message_part *)message;
    ring_word *to = (ring_word *)&sender->slots[sender->index & sender->mask];
    uint64_t c = from[2], d = from[3];
    to[0] = message->op;
    to[1] = RING_COOKIE(generation, number);
    to[2] = c, to[3] = d;
    uint64_t e = from[4], f = from[5], g = from[6], h = from[7];
    to[4] = e, to[5] = f, to[6] = g, to[7] = h;
    sender->index++;
    sender->unsent = true;
}

/* Sends off what was put.  True: the receiver slept, and is to be woken. */
ring_inline bool ring_send(struct ring_sender *sender)
{
    if (!sender->unsent)
        return false;
    sender->unsent = false;
    return __atomic_exchange_n(sender->word, sender->index << 1, __ATOMIC_SEQ_CST) & RING_SLEEPS;
}

/* How many messages there are to take, at most `allowed`; -EPROTO the peer says more. */
ring_inline int64_t ring_ready(const struct ring_receiver *receiver, uint32_t allowed)
{
    uint32_t sent = __atomic_load_n(receiver->word, __ATOMIC_ACQUIRE) >> 1;
    uint32_t ready = (sent - receiver->index) & RING_INDEX_MASK;
    return ready <= allowed ? (int64_t)ready : -EPROTO;
}

/* The number of the next message, which is read once; ring_ready said that there is one.
 * -EPROTO it is not of this session, or says that something follows it.  Then ring_take_rest,
 * into `message`. */
ring_inline int64_t ring_take_number(const struct ring_receiver *receiver, uint32_t generation)
{
    const ring_word *from = (ring_word *)&receiver->slots[receiver->index & receiver->mask];
    uint64_t cookie = from[1];
    if (RING_COOKIE_GENERATION(cookie) != generation || RING_COOKIE_NUMBER(cookie) > receiver->mask)
        return -EPROTO;
    return RING_COOKIE_NUMBER(cookie);
}

/* Copies it, without its cookie; whether nothing is said to follow it. */
ring_inline bool ring_take_rest(struct ring_receiver *receiver, struct message *message)
{
    const ring_word *from = (ring_word *)&receiver->slots[receiver->index & receiver->mask];
    message_part *to = (message_part *)message;
    uint64_t first = from[0], c = from[2], d = from[3];
    to[0] = first;
    to[2] = c, to[3] = d;
    uint64_t e = from[4], f = from[5], g = from[6], h = from[7];
    to[4] = e, to[5] = f, to[6] = g, to[7] = h;
    receiver->index++;
    return !(first >> 32);
}

/* The receiver is about to wait: false, something has come and it must not. */
static inline bool ring_sleep(struct ring_receiver *receiver)
{
    uint32_t seen = receiver->index << 1;
    receiver->sleeps =
        __atomic_compare_exchange_n(receiver->word, &seen, receiver->index << 1 | RING_SLEEPS,
                                    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ||
        seen == (receiver->index << 1 | RING_SLEEPS);
    return receiver->sleeps;
}

/* It runs again. */
static inline void ring_wake(struct ring_receiver *receiver)
{
    if (receiver->sleeps)
        __atomic_fetch_and(receiver->word, ~RING_SLEEPS, __ATOMIC_SEQ_CST);
    receiver->sleeps = false;
}

static inline void ring_sender_open(struct ring_sender *sender, uint64_t slots, uint32_t *word,
                                    uint32_t depth)
{
    *sender = (struct ring_sender){(struct message *)slots, word, 0, depth - 1, false};
}

static inline void ring_receiver_open(struct ring_receiver *receiver, uint64_t slots,
                                      uint32_t *word, uint32_t depth)
{
    *receiver = (struct ring_receiver){(struct message *)slots, word, 0, depth - 1, false};
}

static inline uint64_t ring_replies_at(uint64_t base, uint32_t depth)
{
    return base + RING_SLOTS + depth * sizeof(struct message);
}

#endif
