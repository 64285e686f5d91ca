// wake.pml: waking a receiver on another CPU.  A sender on one CPU queues messages and pops whom it
// finds waiting; the mail to the popped thread's CPU follows later. Two receivers, on CPUs of their
// own, get with and without deadline, and are interrupted, killed, or have no room for the
// message; the port dies or lives.
//
// Checked: when nothing moves any more, no thread waits while a message lies in the queue, or when
// its deadline has passed, or it was interrupted or killed, or the port is dead; a mail is not
// posted again before it has run, and never to a thread that does not wait.
//
// What the kernel does under the port's lock is one atomic step.
//
// spin-cc: -DSAFETY -w
// spin-break: BREAK_NO_KICK_EMFILE BREAK_NO_KICK_KILLED BREAK_DEADLINE_RETURNS
// spin-break: BREAK_DEADLINE_FORGOTTEN BREAK_INTERRUPT_LOST BREAK_PENDING_UNLOCKED BREAK_DEATH_SILENT
// spin-break: BREAK_POPPED_TWICE

#define THREADS 2
#define MESSAGES 3
#define GETS 2

byte queued;
bool dead;
bool on_stack[THREADS]; /* which of them is popped is left open: more than the kernel can do */
bool mail[THREADS];

bool waits[THREADS];    /* GETTING */

/* What, if anything, ends this wait early; it comes at any moment. */
mtype = { NEVER, DEADLINE, INTERRUPT, KILL };
mtype early[THREADS] = NEVER;
bool past[THREADS], interrupted[THREADS], killed[THREADS];
bool missed[THREADS]; /* ghost, for the faults */

/* Under the lock. NOBODY: none waits. */
#define NOBODY THREADS
inline pop(t) {
    if
    :: on_stack[0] -> t = 0
    :: on_stack[1] -> t = 1
    :: !on_stack[0] && !on_stack[1] -> t = NOBODY
    fi;
    if
    :: t != NOBODY ->
#ifndef BREAK_POPPED_TWICE
        on_stack[t] = false
#endif
    :: else
    fi
}

inline post(t) {
    atomic {
        if
        :: t != NOBODY -> assert(waits[t] && !mail[t]); mail[t] = true
        :: else
        fi;
        t = NOBODY
    }
}

/* Somebody leaves a message to others. */
inline kick(t) {
    atomic {
        if
        :: queued || dead -> pop(t)
        :: else
        fi
    };
    post(t)
}

active proctype sender() {
    byte i = 0, t = NOBODY;
    do
    :: i < MESSAGES ->
        atomic {
            if
            :: dead -> break
            :: else -> queued++; pop(t)
            fi
        };
        post(t);
        i++
    :: i == MESSAGES -> break
    od
}

active proctype death() {
    byte t;
    bool woken[THREADS];

    if
    :: goto lives
    :: true
    fi;
    atomic {
        dead = true;
        queued = 0; /* ended with EDEAD */
        woken[0] = on_stack[0];
        woken[1] = on_stack[1];
        on_stack[0] = false;
        on_stack[1] = false
    };
#ifndef BREAK_DEATH_SILENT
    t = (woken[0] -> 0 : NOBODY);
    post(t);
    t = (woken[1] -> 1 : NOBODY);
    post(t);
#endif
lives:
    skip
}

/* Takes a message, if there is room for what it brings. */
inline take(t) {
    waits[me] = false;
    if
    :: true
    :: atomic { /* -EMFILE */
            if
            :: !dead -> queued++
            :: else
            fi
        };
#ifndef BREAK_NO_KICK_EMFILE
        kick(t)
#endif
    fi
}

/* One thread and its CPU, which runs nothing else: what it handles while the thread waits. */
active [THREADS] proctype receiver() {
    byte me = _pid - 2, gets = 0, t = NOBODY;
    bool found;

    do
    :: gets == GETS || killed[me] -> break
    :: gets < GETS && !killed[me] ->
        gets++;
        if
        :: early[me] = NEVER
        :: early[me] = DEADLINE
        :: early[me] = INTERRUPT
        :: early[me] = KILL
        fi;
#ifdef BREAK_PENDING_UNLOCKED
        found = (dead || queued);
#endif
look:
        atomic {
#ifndef BREAK_PENDING_UNLOCKED
            found = (dead || queued);
#endif
            if
            :: dead -> waits[me] = false; goto got
            :: !dead && found && queued -> queued--
            :: !dead && !found && (past[me] || interrupted[me]) ->
                waits[me] = false;
                goto got
            :: else -> on_stack[me] = true; waits[me] = true; goto end_wait
            fi
        };
        take(t);
        goto got;

end_wait:
        if
        :: atomic { mail[me] -> mail[me] = false };
            found = false;
            if
            :: killed[me] ->
                waits[me] = false;
#ifndef BREAK_NO_KICK_KILLED
                kick(t);
#endif
                goto got
            :: else
            fi;
#ifdef BREAK_PENDING_UNLOCKED
            found = (dead || queued);
#endif
            goto look
        :: early[me] == DEADLINE -> early[me] = NEVER; past[me] = true
        :: early[me] == INTERRUPT -> early[me] = NEVER; interrupted[me] = true
        :: early[me] == KILL -> early[me] = NEVER; killed[me] = true
        fi;
        atomic {
            if
            :: on_stack[me] -> on_stack[me] = false; waits[me] = false; goto got
#ifdef BREAK_DEADLINE_RETURNS
            :: else -> waits[me] = false; goto got
#else
            :: else /* popped: the mail is on its way, and whoever reads it looks again */
#endif
            fi
        };
#ifdef BREAK_DEADLINE_FORGOTTEN
        missed[me] = past[me];
        past[me] = false;
#endif
#ifdef BREAK_INTERRUPT_LOST
        missed[me] = interrupted[me];
        interrupted[me] = false;
#endif
        goto end_wait;
got:
        atomic {
            past[me] = false;
            interrupted[me] = false;
            missed[me] = false;
            found = false
        }
    od
}

active proctype at_rest() {
    byte t = 0;
end:
    timeout;
    do
    :: t < THREADS ->
        assert(!waits[t] || on_stack[t]);
        assert(!on_stack[t] || !(queued || dead || past[t] || interrupted[t] || killed[t] ||
                                  missed[t]));
        t++
    :: t == THREADS -> break
    od
}
