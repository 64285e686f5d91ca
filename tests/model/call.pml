// call.pml: do and its endings.  A thread calls twice with its one envelope, to two ports of one
// task.  Of that task's two threads one is on the caller's CPU (it may reply the fast way), one
// elsewhere; they get, use the loan, and reply with any token they ever had, old ones too.  Meanwhile
// the caller's deadline passes or it is killed, receivers have no room, and the ports die.
//
// Checked: a message ends exactly once and its caller learns exactly that ending; its loan is dead
// before the caller runs on; nobody reads the caller's message page by then; an old token ends
// nothing; whatever dies, the caller does not wait for ever (invalid end state).
//
// What the kernel does under a port's lock is one atomic step; forward.pml looks into the locks.
//
// spin-cc: -DSAFETY -w
// spin-break: BREAK_GENERATION BREAK_WAKE_FIRST BREAK_CLAIM_UNLOCKED BREAK_LOSER_RETURNS
// spin-break: BREAK_HELD_FORGOTTEN BREAK_COPY_LATE BREAK_DEAD_UNCHECKED BREAK_NO_COMPLETION
// spin-break: BREAK_HOLDER_KEPT BREAK_LAND_UNLOCKED BREAK_PUT_BACK_DEAD

#define MESSAGES 2 /* message m goes to port m: an old token meets an envelope that has moved */

mtype = { IDLE, QUEUED, HELD, MOVING, ENDING };
mtype = { NONE, REPLIED, EABORTED, EDEAD, REFUSED };

/* The caller's envelope, and which message it carries (ghost). */
mtype state = IDLE;
byte port, generation, carried;
bool holder;   /* the receiving task holds it; false while MOVING: the fast reply looks at this only */
bool has_loan; /* cargo: not for the fast reply */
mtype result = NONE;

/* Ports: death, queue (the one envelope is in it or not), number held. */
bool dead[MESSAGES], in_queue[MESSAGES];
byte held[MESSAGES];

bool loan_live[MESSAGES]; /* loans.pml looks into how it dies */

bool caller_cpu; /* taken by who is in the kernel on the caller's CPU */
bool completion; /* in the mail of that CPU */

/* What the receiving task knows: the token of each message.  Stopped: it has been killed. */
bool stopped;
bool known[MESSAGES];
byte token[MESSAGES];

/* Ghosts. */
bool ended[MESSAGES];
mtype ending = NONE;    /* of the message carried */
bool runs_on[MESSAGES]; /* the caller has returned from the call */
byte reading[MESSAGES]; /* receivers that read the caller's message page */

/* The step that only one makes; part of an atomic step. */
inline ends(how) {
    assert(!ended[carried]);
    ended[carried] = true;
    ending = how;
    state = ENDING;
    in_queue[port] = false;
#ifndef BREAK_HOLDER_KEPT
    holder = false
#endif
}

/* The rest, by whoever made that step; no lock held.  The envelope is the caller's afterwards. */
inline finish(m, how) {
#ifndef BREAK_GENERATION
    generation++;
#endif
#ifdef BREAK_WAKE_FIRST
    complete(how);
    loan_live[m] = false
#else
    loan_live[m] = false;
    complete(how)
#endif
}

inline complete(how) {
    atomic {
        result = how;
        holder = false;
        state = IDLE;
        assert(!completion);
#ifndef BREAK_NO_COMPLETION
        completion = true
#endif
    }
}

/* ---- The caller and its CPU ------------------------------------------------------------------- */

inline enter_caller_cpu() { atomic { !caller_cpu -> caller_cpu = true } }

active proctype caller() {
    byte m = 0;
    bool killed = false, gives_up, won;

    do
    :: m == MESSAGES || killed -> break
    :: m < MESSAGES && !killed ->
        atomic {
            !caller_cpu -> caller_cpu = true;
            if
            :: has_loan = true
            :: has_loan = false
            fi;
            if
            :: gives_up = true /* its deadline will pass, or it will be killed */
            :: gives_up = false
            fi;
            carried = m;
            result = NONE;
            ending = NONE;
            loan_live[m] = has_loan
        };
        atomic { /* under the port's lock */
            if
#ifndef BREAK_DEAD_UNCHECKED
            :: dead[m] ->
                loan_live[m] = false;
                ended[m] = true;
                ending = REFUSED;
                result = REFUSED;
                goto returned
            :: else ->
#else
            :: true ->
#endif
                port = m;
                state = QUEUED;
                in_queue[m] = true
            fi;
            caller_cpu = false
        };

        /* Blocked; only this CPU's mail, timer and requests touch the thread. */
        if
        :: atomic { completion && !caller_cpu -> caller_cpu = true };
            completion = false;
            goto returned
        :: atomic { gives_up && !caller_cpu -> caller_cpu = true };
            if /* how it comes to that makes no difference to the message */
            :: killed = true
            :: true
            fi
        fi;
        (state != MOVING); /* waits for what lands in a bounded moment */
#ifdef BREAK_CLAIM_UNLOCKED
        won = (state == QUEUED || state == HELD);
#endif
        atomic { /* under the port's lock */
            state != MOVING ->
#ifndef BREAK_CLAIM_UNLOCKED
            won = (state == QUEUED || state == HELD);
#endif
            if
            :: won ->
                if
                :: state == HELD -> held[port]--
                :: else
                fi;
                ends(EABORTED)
            :: else
            fi
        };
        if
        :: won ->
#ifndef BREAK_GENERATION
            generation++;
#endif
            loan_live[m] = false;
            atomic {
                result = EABORTED;
                holder = false;
                state = IDLE
            }
        :: !won ->
#ifdef BREAK_LOSER_RETURNS
            result = EABORTED
#else
            caller_cpu = false;
            atomic { completion && !caller_cpu -> caller_cpu = true };
            completion = false
#endif
        fi;

returned:
        atomic {
            assert(ended[m] && result != NONE && result == ending);
            assert(!loan_live[m] && reading[m] == 0);
            assert(state == IDLE && !completion);
            runs_on[m] = true;
            won = false;
            m++;
            caller_cpu = false
        }
    od
}

/* ---- The receiving task ------------------------------------------------------------------------- */

inline land() {
#ifdef BREAK_LAND_UNLOCKED
    holder = true;
    state = HELD
#else
    atomic { holder = true; state = HELD }
#endif
}

/* Delivery: MOVING until all is copied out of the caller's page, then HELD. */
inline get(p) {
    atomic {
        if
        :: !dead[p] && in_queue[p] ->
            in_queue[p] = false;
            held[p]++;
            state = MOVING;
            reading[p]++;
            /* The head will tell the token; that it can be guessed before must change nothing. */
            token[p] = generation;
            known[p] = true
        :: else -> goto got
        fi
    };
#ifndef BREAK_COPY_LATE
    reading[p]--;
#endif
    if
    :: land()
    :: atomic { /* -EMFILE: put back, unless the port has died meanwhile */
            held[p]--;
            if
#ifndef BREAK_PUT_BACK_DEAD
            :: dead[p] -> ends(EDEAD)
            :: else ->
#else
            :: true ->
#endif
                state = QUEUED;
                in_queue[p] = true;
                goto landed
            fi
        };
        finish(p, EDEAD)
    fi;
landed:
    skip;
#ifdef BREAK_COPY_LATE
    reading[p]--;
#endif
got:
    skip
}

inline reply(m) {
    (state != MOVING);
    atomic {
        if
        :: state == HELD && generation == token[m] && holder ->
            state = MOVING;
#ifndef BREAK_HOLDER_KEPT
            holder = false
#endif
        :: else -> goto replied /* -ESTALE_TOKEN */
        fi
    };
    /* Here the handles of the reply are taken. */
    if
    :: land() /* a wrong one: nothing has happened */
    :: atomic {
            assert(carried == m); /* an old token ends nothing */
            held[port]--;
            ends(REPLIED)
        };
        finish(m, REPLIED)
    fi;
replied:
    skip
}

/* On the caller's CPU: no state looked at, nothing MOVING, straight back to the caller. */
inline fast_reply(m) {
    atomic {
        if
        :: generation == token[m] && holder && port == m && !has_loan ->
            assert(carried == m);
            ends(REPLIED);
            held[m]--;
#ifndef BREAK_GENERATION
            generation++;
#endif
            complete(REPLIED)
        :: else
        fi
    }
}

active [2] proctype receiver() {
    byte m, p;
    bool here = (_pid == 1); /* on the caller's CPU */
    byte idle_calls = 1;     /* with a token when the task holds nothing */
end:
    do
    :: atomic {
            !stopped && (in_queue[0] || in_queue[1] || holder || (idle_calls > 0 && known[0])) ->
            if
            :: here -> !caller_cpu -> caller_cpu = true
            :: !here
            fi
        };
        if
        :: in_queue[0] -> p = 0; get(p)
        :: in_queue[1] -> p = 1; get(p)
        :: atomic {
                (known[0] || known[1]) && (holder || idle_calls > 0) ->
                if
                :: holder
                :: !holder -> idle_calls--
                fi;
                if
                :: known[0] -> m = 0
                :: known[1] -> m = 1
                fi
            };
            if
            :: reply(m)
            :: here -> fast_reply(m)
            :: assert(!loan_live[m] || !runs_on[m]) /* uses the loan */
            fi
        :: else
        fi;
        d_step {
            m = 0;
            p = 0;
            if
            :: here -> caller_cpu = false
            :: else
            fi
        }
    od
}

/* The task's ports die: it closes them itself, or is killed.  Its threads finish what they are at. */
active proctype death() {
    byte p;

    if
    :: stopped = true /* killed: its threads make no more calls, and both ports die */
    :: true
    fi;
    if
    :: p = 0
    :: p = 1
    :: !stopped -> goto done
    fi;
die:
    atomic {
        dead[p] = true;
        if
        :: in_queue[p] -> ends(EDEAD)
        :: else -> goto drained
        fi
    };
    finish(p, EDEAD);
drained:
    skip;
#ifndef BREAK_HELD_FORGOTTEN
    if
    :: held[p] ->
        atomic { /* what is MOVING lands first */
            state != MOVING || port != p;
            if
            :: state == HELD && port == p -> held[p]--; ends(EDEAD)
            :: else -> goto gone
            fi
        };
        finish(p, EDEAD)
    :: else
    fi;
gone:
    skip;
#endif
    if
    :: !dead[0] -> p = 0; goto die
    :: !dead[1] -> p = 1; goto die
    :: (dead[0] && dead[1]) || !stopped
    fi;
done:
    skip
}
