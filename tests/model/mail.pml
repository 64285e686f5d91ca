// mail.pml: the mailbox of a CPU (cpu_post, cpu_run_mail).  Two CPUs push calls onto a third's list
// without a lock; it takes the whole list, turns it round, and runs it, when interrupted or before
// it idles with interrupts off.  Each poster posts its first call again once that has run.
//
// Checked: every call runs once for each time it was posted; those of one poster run in the order
// posted; a CPU does not sleep on mail for ever.
//
// spin-cc: -DSAFETY -w
// spin-break: BREAK_INTERRUPT_FIRST BREAK_NOT_REVERSED BREAK_NEXT_READ_LATE BREAK_NOT_LATCHED
// spin-break: BREAK_PUSH_NOT_ATOMIC

#define CALLS 4
#define NONE CALLS /* calls 0, 1 are poster 0's; 2, 3 poster 1's */

byte head = NONE;    /* cpu->mail */
byte next[CALLS] = NONE;
bool interrupt;      /* latched by the local APIC */

byte posted[CALLS], ran[CALLS];

inline post(c) {
    assert(posted[c] == ran[c]); /* not under way */
    posted[c]++;
#ifdef BREAK_INTERRUPT_FIRST
    if
    :: head == NONE -> interrupt = true
    :: else
    fi;
#endif
    old = head;
    do
    :: next[c] = old;
#ifndef BREAK_PUSH_NOT_ATOMIC
        atomic { /* compare and exchange */
            if
            :: head == old -> head = c; break
            :: else -> old = head
            fi
        }
#else
        head = c; break
#endif
    od;
#ifndef BREAK_INTERRUPT_FIRST
    if
    :: old == NONE -> interrupt = true
    :: else
    fi
#endif
}

active [2] proctype poster() {
    byte c = 2 * _pid, old;
    post(c);
    c++;
    post(c);
    c--;
    ran[c] == 1;
    post(c)
}

active proctype target() {
    byte list, back, c;
end:
    do
    :: interrupt ->
        interrupt = false; /* acknowledged before the list is taken */
        atomic { list = head; head = NONE }; /* exchange */
        back = NONE;
#ifdef BREAK_NOT_REVERSED
        back = list;
#else
        do
        :: list != NONE ->
            atomic { c = list; list = next[c]; next[c] = back; back = c }
        :: else -> break
        od;
#endif
        do
        :: back != NONE ->
            c = back;
#ifndef BREAK_NEXT_READ_LATE
            back = next[c];
#endif
            atomic {
                ran[c]++;
                assert(ran[c] <= posted[c]);
                assert((c & 1) == 0 || ran[c - 1] >= ran[c]) /* the first one before */
            };
#ifdef BREAK_NEXT_READ_LATE
            back = next[c]
#endif
        :: else -> break
        od
#ifdef BREAK_NOT_LATCHED
        ; interrupt = false /* one that came meanwhile is thrown away */
#endif
    od
}

active proctype at_rest() {
    byte c = 0;
end:
    timeout;
    do
    :: c < CALLS -> assert(ran[c] == (c & 1 -> 1 : 2) && posted[c] == ran[c]); c++
    :: c == CALLS -> break
    od
}
