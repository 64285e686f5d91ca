// order.pml: order of messages from one sender to one port.  Two senders; the first sends twice and
// then calls, its priority changes as it likes, and its call may be raised while it is queued.
// Receiver 0 waits on another CPU, receiver 1 on the senders' CPU, where a call may be handed to it
// directly.  A receiver with no room leaves the message where it is.
//
// Checked: what one sender sent is got in the order sent, whatever its priority when it sent it;
// nothing is lost or doubled.
//
// What the kernel does under the port's lock is one atomic step.
//
// spin-cc: -DSAFETY -w
// spin-break: BREAK_FAST_OVERTAKES BREAK_PRIORITY_OVERTAKES BREAK_RAISE_OVERTAKES
// spin-break: BREAK_PUT_BACK

#define ROOM 5
#define SENDERS 2

/* The queue, and what it holds: sender, number and priority of each message. */
byte length;
byte sender_at[ROOM], number_at[ROOM], priority_at[ROOM];

bool waits[2]; /* receiver is in the waiter stack */

byte expected[SENDERS]; /* ghost: which one of a sender must be got next */

/* Inserts behind all as urgent and behind all of the same sender. */
inline enqueue(s, n, p, guard) {
    i = length;
    do
    :: i > 0 && priority_at[i - 1] < p && !(guard && sender_at[i - 1] == s) ->
        sender_at[i] = sender_at[i - 1];
        number_at[i] = number_at[i - 1];
        priority_at[i] = priority_at[i - 1];
        i--
    :: else -> break
    od;
    sender_at[i] = s;
    number_at[i] = n;
    priority_at[i] = p;
    length++;
    i = 0
}

inline dequeue(at) {
    i = at;
    length--;
    do
    :: i < length ->
        sender_at[i] = sender_at[i + 1];
        number_at[i] = number_at[i + 1];
        priority_at[i] = priority_at[i + 1];
        i++
    :: else -> break
    od;
    sender_at[length] = 0;
    number_at[length] = 0;
    priority_at[length] = 0;
    i = 0
}

inline got(s, n) {
    assert(n == expected[s]);
    expected[s]++
}

#ifdef BREAK_PRIORITY_OVERTAKES
#define GUARD false
#else
#define GUARD true
#endif
#ifdef BREAK_RAISE_OVERTAKES
#define RAISE_GUARD false
#else
#define RAISE_GUARD true
#endif

/* Puts a message, or hands it to receiver 1 if that waits here and nothing is before it. */
inline put(s, n, direct) {
    atomic {
        if
        :: p = 0
        :: p = 1
        fi;
        if
#ifdef BREAK_FAST_OVERTAKES
        :: direct && waits[1] ->
#else
        :: direct && waits[1] && length == 0 ->
#endif
            waits[1] = false;
            got(s, n)
        :: else ->
            enqueue(s, n, p, GUARD);
            if
            :: waits[0] -> waits[0] = false
            :: waits[1] -> waits[1] = false
            :: else
            fi
        fi;
        p = 0
    }
}

active proctype first() {
    byte i, p;
    put(0, 0, false);
    put(0, 1, false);
    put(0, 2, true);
    /* Its call, if it is still queued, is raised: it takes its new place. */
    atomic {
        do
        :: i < length && !(sender_at[i] == 0 && number_at[i] == 2) -> i++
        :: else -> break
        od;
        if
        :: i < length ->
            dequeue(i);
            enqueue(0, 2, 1, RAISE_GUARD)
        :: else
        fi
    }
}

active proctype second() {
    byte i, p;
    put(1, 0, false);
    put(1, 1, false)
}

inline get() {
    atomic {
        if
        :: length > 0 ->
            if
            :: got(sender_at[0], number_at[0]); dequeue(0)
            :: true /* -EMFILE: it stays, first in line */
#ifdef BREAK_PUT_BACK
            :: s = sender_at[0]; n = number_at[0]; p = priority_at[0];
                dequeue(0);
                goto no_room
#endif
            fi
        :: else -> waits[me] = true
        fi
    }
}

active [2] proctype receiver() {
    byte me = _pid - 2, i, s, n, p;
end:
    do
    :: !waits[me] -> get() /* it has come back, or its mail has been read */
    od;
#ifdef BREAK_PUT_BACK
no_room:
    /* Taken out and found not to fit; another has been got meanwhile; put back in front. */
    atomic {
        i = length;
        do
        :: i > 0 ->
            sender_at[i] = sender_at[i - 1];
            number_at[i] = number_at[i - 1];
            priority_at[i] = priority_at[i - 1];
            i--
        :: else -> break
        od;
        sender_at[0] = s;
        number_at[0] = n;
        priority_at[0] = p;
        length++
    };
    goto end
#endif
}

active proctype at_rest() {
end:
    timeout;
    assert(length == 0 && expected[0] == 3 && expected[1] == 2)
}
