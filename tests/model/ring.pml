// ring.pml: how the sides of a ring sleep and wake (libmsg/ring.h).  A client puts requests, one or more at
// a time, and waits for their replies; a server takes them and replies.  In each direction one word holds
// the sender's index and the bit "the receiver sleeps".
//
// Checked: nobody sleeps for ever while something is sent (invalid end state); the server's slot is read
// before it is written again, though no index goes back (the credits see to it); a receiver that
// runs, and has not just said that it sleeps, is not notified.
//
// An exchange and a compare-and-exchange are atomic steps; so is each look.  A notification is a bit in a
// port: it stays until the getter takes it.
//
// spin-cc: -DSAFETY -w
// spin-break: BREAK_BIT_APART BREAK_SLEEP_UNCHECKED BREAK_NO_NOTIFY BREAK_NO_CREDITS BREAK_SEND_BEFORE_PUT
// spin-break: BREAK_ALWAYS_NOTIFY BREAK_REPLY_BEFORE_TAKE

#define DEPTH 2
#define MESSAGES 4

/* Direction 0: requests; 1: replies.  sent and sleeps are one word, but in BREAK_BIT_APART. */
byte sent[2];
bool sleeps[2];
bool notified[2];

byte taken[2];    /* the receiver's own */
byte slot[4];     /* direction * DEPTH + index % DEPTH: what lies there, by number + 1 */
bool said[2];     /* ghost: it has said that it sleeps, and not looked since */

inline put(d, number) {
    slot[d * DEPTH + number % DEPTH] = number + 1
}

/* ring_send: publishes what was put up to `to`. */
inline send(d, to) {
#ifdef BREAK_BIT_APART
    atomic { sent[d] = to; old = sleeps[d] };
    sleeps[d] = false;
#else
    atomic { sent[d] = to; old = sleeps[d]; sleeps[d] = false };
#endif
    if
#ifdef BREAK_NO_NOTIFY
    :: old && d == 0 && to == 1
    :: old && !(d == 0 && to == 1) -> notified[d] = true
    :: else
#else
#ifdef BREAK_ALWAYS_NOTIFY
    :: true -> assert(said[d]); notified[d] = true
#else
    :: old -> assert(said[d]); notified[d] = true
    :: else
#endif
#endif
    fi;
    old = false
}

/* Waits until there is something to take. */
inline await(d) {
    do
    :: sent[d] != taken[d] -> break
    :: else ->
#ifdef BREAK_SLEEP_UNCHECKED
        atomic { sleeps[d] = true; said[d] = true };
#else
        /* ring_sleep: fails if there is more than was seen */
        atomic {
            if
            :: sent[d] == taken[d] -> sleeps[d] = true; said[d] = true
            :: else -> break
            fi
        };
#endif
        atomic { notified[d] -> notified[d] = false };
        /* ring_wake: the bit may be there still, if it was another wake-up */
        atomic { sleeps[d] = false; said[d] = false }
    od
}

inline take(d, number) {
    assert(slot[d * DEPTH + number % DEPTH] == number + 1)
}

active proctype client() {
    byte begun, unsent, i;
    bool old;

    do
    :: begun < MESSAGES &&
#ifndef BREAK_NO_CREDITS
       begun - taken[1] < DEPTH ->
#else
       begun - taken[1] <= DEPTH ->
#endif
#ifdef BREAK_SEND_BEFORE_PUT
        send(0, begun + 1);
        put(0, begun);
        begun++
#else
        put(0, begun);
        begun++;
        if
        :: send(0, begun); unsent = 0
        :: unsent = 1 /* MSG_MORE */
        fi
#endif
    :: begun != taken[1] ->
        if
        :: unsent -> send(0, begun); unsent = 0
        :: else
        fi;
        await(1);
        take(1, taken[1]);
        taken[1]++
    :: taken[1] == MESSAGES -> break
    od
}

active proctype server() {
    byte replied;
    bool old;

    do
    :: taken[0] < MESSAGES ->
        await(0);
#ifdef BREAK_REPLY_BEFORE_TAKE
        put(1, replied);
        replied++;
        send(1, replied);
        take(0, taken[0]);
        taken[0]++
#else
        take(0, taken[0]);
        taken[0]++;
        put(1, replied);
        replied++;
        if
        :: sent[0] == taken[0] -> send(1, replied)
        :: sent[0] != taken[0] /* there is more to answer first */
        fi
#endif
    :: taken[0] == MESSAGES -> break
    od;
    send(1, replied)
}
