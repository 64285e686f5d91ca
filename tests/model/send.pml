// send.pml: send and its endings.  A client sends two messages to port P, to be answered on reply
// ports 0 and 1, and may abort the first; another of its threads gets the answers.  A server gets
// from P in turn, and replies with any token it ever had or keeps what it got.  P and reply
// port 0 may die.  The second message may be in the first one's memory, once that is free.
//
// Checked: a message ends exactly once, its client gets exactly one answer for it, its envelope is
// freed exactly once and not used afterwards, its loan is dead before the answer can be got; an
// old token or id ends nothing; messages of one sender arrive in order; when either side has died,
// nothing is left behind.
//
// What the kernel does under a port's lock is one atomic step; forward.pml looks into the locks.
//
// spin-cc: -DSAFETY -DCOLLAPSE -w
// spin-break: BREAK_GENERATION BREAK_NO_RECHECK BREAK_NO_QUIESCENCE BREAK_ANSWER_CLAIMED
// spin-break: BREAK_REVOKE_LATE BREAK_DEAD_REPLY_PORT BREAK_AWAITING_FORGOTTEN BREAK_PUT_BACK_DEAD

#define MESSAGES 2
#define ENVELOPES 2

mtype = { IDLE, NEW, QUEUED, HELD, MOVING, ENDING };
mtype = { REPLIED, EABORTED, EDEAD };

/* Envelopes.  The id that send gives, and the receiver's token, are generation and index. */
mtype state[ENVELOPES] = IDLE;
byte generation[ENVELOPES];
bool answer[ENVELOPES];   /* end_kind: it has ended, and lies in its reply port's queue */
bool awaited[ENVELOPES];  /* in its reply port's list */
byte carried[ENVELOPES];  /* ghost: which message.  Message m is answered on reply port m. */
byte unquiet[ENVELOPES];  /* processes that have been in the kernel since before it was freed */

/* Port P, and the reply ports. */
bool dead, reply_dead[MESSAGES];
chan queue = [ENVELOPES] of { byte };
chan answers = [ENVELOPES] of { byte }; /* of both reply ports */

/* What user mode knows. */
bool sent[MESSAGES], known[MESSAGES];
byte index[MESSAGES], token[MESSAGES];
bool keeps; /* the server never replies of its own accord */

/* Ghosts. */
bool ended[MESSAGES], learned[MESSAGES], freed[MESSAGES], loan_live[MESSAGES];
bool abort_asked[MESSAGES];
byte inside; /* processes that are in the kernel */

#define ME (1 << _pid)
inline enter() { inside = inside | ME }
inline leave() {
    d_step {
        inside = inside & ~ME;
        unquiet[0] = unquiet[0] & ~ME;
        unquiet[1] = unquiet[1] & ~ME
    }
}

/* The step that only one makes; part of an atomic step. */
inline ends(e, how) {
    assert(!ended[carried[e]]);
    assert(how != EABORTED || abort_asked[carried[e]] || reply_dead[carried[e]]);
    ended[carried[e]] = true;
    state[e] = ENDING
}

inline free(e) {
    d_step {
        assert(!freed[carried[e]]);
        freed[carried[e]] = true;
        loan_live[carried[e]] = false;
        answer[e] = false;
#ifndef BREAK_NO_QUIESCENCE
        unquiet[e] = inside;
#endif
        state[e] = IDLE
    }
}

/* The rest of an end; no lock held. */
inline finish(e) {
#ifndef BREAK_GENERATION
    generation[e]++;
#endif
#ifndef BREAK_REVOKE_LATE
    loan_live[carried[e]] = false;
#endif
    atomic { /* under the reply port's lock */
        awaited[e] = false;
        if
#ifndef BREAK_DEAD_REPLY_PORT
        :: reply_dead[carried[e]] -> free(e)
#endif
        :: else ->
            answer[e] = true;
            state[e] = QUEUED;
            answers!e
        fi
    };
#ifdef BREAK_REVOKE_LATE
    loan_live[carried[e]] = false
#endif
}

#ifdef BREAK_ANSWER_CLAIMED
#define IS_ANSWER(e) false
#else
#define IS_ANSWER(e) answer[e]
#endif

/* message_end: the envelope may have ended, or been freed, since it was found. */
inline end_if_alive(e, how) {
    atomic {
        state[e] != MOVING;
        if
        :: (state[e] == QUEUED || state[e] == HELD) && !IS_ANSWER(e) ->
            if
            :: state[e] == QUEUED && !answer[e] -> queue??eval(e)
            :: else
            fi;
            ends(e, how);
            claimed = true
        :: else -> claimed = false
        fi
    };
    if
    :: claimed -> finish(e)
    :: else
    fi
}

/* ---- The client ----------------------------------------------------------------------------------- */

active proctype client() {
    byte m = 0, e;
    bool claimed;

    do
    :: m == MESSAGES -> break
    :: m < MESSAGES ->
        atomic {
            if
            :: state[0] == IDLE && !unquiet[0] -> e = 0
            :: state[1] == IDLE && !unquiet[1] -> e = 1
            fi;
            enter();
            state[e] = NEW;
            carried[e] = m;
            loan_live[m] = true;
#ifndef BREAK_GENERATION
            generation[e]++;
#endif
            index[m] = e;
            token[m] = generation[e]
        };
        atomic { /* under the reply port's lock */
            if
            :: reply_dead[m] -> ended[m] = true; free(e); goto refused /* -EDEAD */
            :: else -> awaited[e] = true
            fi
        };
        atomic { /* under P's lock */
            if
            :: dead -> goto dropped
            :: else ->
                queue!e;
                state[e] = QUEUED;
                sent[m] = true
            fi
        };
#ifndef BREAK_NO_RECHECK
        if
        :: reply_dead[m] -> end_if_alive(e, EABORTED) /* it died before there was anything to end */
        :: else
        fi;
#endif
        goto refused;
dropped:
        awaited[e] = false;
        ended[m] = true;
        free(e);
refused:
        atomic { leave(); m++ }
    od;

    /* abort(id) of the first, perhaps long after it ended. */
    m = 0;
    if
    :: sent[0]
    :: true -> goto done
    fi;
    atomic {
        enter();
        e = index[m];
        generation[e] != token[m] || state[e] != MOVING;
        if
        :: generation[e] == token[m] && state[e] == QUEUED && !answer[e] ->
            assert(carried[e] == m);
            abort_asked[m] = true;
            queue??eval(e);
            ends(e, EABORTED)
        :: else -> goto asked /* held: its receiver is told; ended: -ESTALE_TOKEN */
        fi
    };
    finish(e);
asked:
    atomic { leave(); m = 0; e = 0 };
done:
    skip
}

/* Gets answers; those of a dead port are drained by its death. */
active proctype client_get() {
    byte e;
end:
    do
    :: atomic {
            if
            :: answers??[0] && !reply_dead[carried[0]] -> e = 0
            :: answers??[1] && !reply_dead[carried[1]] -> e = 1
            fi;
            enter();
            answers??eval(e);
            state[e] = MOVING
        };
        if
        :: atomic {
                assert(ended[carried[e]] && !loan_live[carried[e]]);
                assert(!learned[carried[e]]);
                learned[carried[e]] = true;
                free(e)
            }
        :: atomic { /* -EMFILE: put back, unless the port has died meanwhile */
                true ->
                if
#ifndef BREAK_PUT_BACK_DEAD
                :: reply_dead[carried[e]] -> free(e)
                :: else ->
#else
                :: true ->
#endif
                    state[e] = QUEUED;
                    answers!e
                fi
            }
        fi;
        atomic { e = 0; leave() }
    od
}

/* ---- The server ----------------------------------------------------------------------------------- */

active proctype server() {
    byte m, e, expected = 0, old_tokens = 1;

    if
    :: keeps = true
    :: keeps = false
    fi;
end:
    do
    :: old_tokens > 0 -> old_tokens-- /* or it does not try */
    :: atomic {
            !dead && nempty(queue) ->
            enter();
            queue?e;
            state[e] = MOVING;
            m = carried[e];
            assert(m >= expected); /* in the order sent */
            expected = m
        };
        atomic { state[e] = HELD; known[m] = true; m = 0; e = 0; leave() }
    :: atomic {
            known[0] && ((state[index[0]] == HELD && !keeps) || old_tokens > 0) ->
            m = 0;
            if
            :: state[index[0]] == HELD && !keeps
            :: old_tokens > 0 -> old_tokens--
            fi;
            enter()
        };
        goto replies;
    :: atomic {
            known[1] && ((state[index[1]] == HELD && !keeps) || old_tokens > 0) ->
            m = 1;
            if
            :: state[index[1]] == HELD && !keeps
            :: old_tokens > 0 -> old_tokens--
            fi;
            enter()
        };
replies:
        atomic {
            e = index[m];
            state[e] != MOVING;
            if
            :: state[e] == HELD && generation[e] == token[m] ->
                assert(carried[e] == m); /* an old token ends nothing */
                ends(e, REPLIED)
            :: else -> goto replied /* -ESTALE_TOKEN */
            fi
        };
        finish(e);
replied:
        atomic { m = 0; e = 0; leave() }
    od
}

/* ---- Deaths --------------------------------------------------------------------------------------- */

active proctype death() {
    byte e;

    if
    :: goto lives
    :: true
    fi;
end:
    atomic { true -> enter(); dead = true };
    do
    :: atomic { nempty(queue) -> queue?e; ends(e, EDEAD) };
        finish(e)
    :: empty(queue) -> break
    od;
    e = 0;
    do
    :: atomic { /* held */
            e < ENVELOPES && (state[e] != MOVING || answer[e]) ->
            if
            :: state[e] == HELD -> ends(e, EDEAD)
            :: else -> e++; goto next
            fi
        };
        finish(e);
next:
        skip
    :: e == ENVELOPES -> break
    od;
    atomic { e = 0; leave() };
lives:
    skip
}

active proctype reply_death() {
    byte e, i;
    bool claimed;

    if
    :: goto lives
    :: true
    fi;
end:
    atomic { true -> enter(); reply_dead[0] = true };
    /* Its queue: answers nobody will get. */
    do
    :: atomic {
            i < ENVELOPES ->
            if
            :: answers??[eval(i)] && carried[i] == 0 -> answers??eval(i); free(i)
            :: !answers??[eval(i)] || carried[i] != 0
            fi;
            i++
        }
    :: i == ENVELOPES -> break
    od;
    /* What it awaits. */
    do
#ifndef BREAK_AWAITING_FORGOTTEN
    :: atomic {
            if
            :: awaited[0] && carried[0] == 0 -> e = 0
            :: awaited[1] && carried[1] == 0 -> e = 1
            :: else -> goto drained
            fi;
            awaited[e] = false
        };
        end_if_alive(e, EABORTED)
#else
    :: goto drained
#endif
    od;
drained:
    atomic { e = 0; i = 0; claimed = false; leave() };
lives:
    skip
}

/* When nothing more can happen. */
active proctype at_rest() {
    byte m = 0;
end:
    timeout;
    do
    :: m < MESSAGES ->
        assert(!sent[m] || ended[m] || (keeps && !dead && !reply_dead[m]));
        assert(!ended[m] || (freed[m] && !loan_live[m]));
        assert(!sent[m] || !ended[m] || reply_dead[m] || learned[m]);
        m++
    :: m == MESSAGES -> break
    od
}
