// forward.pml: forward, and whose lock covers an envelope that moves.  Task 1 gets from port A,
// replies or forwards to B; task 2 gets from B, replies or forwards back to A; both use old tokens
// too.  Meanwhile the caller's deadline passes and each port dies or lives.
//
// Checked: the message ends exactly once, and its caller learns that; queue links are touched only
// under the lock of their port; a task that has forwarded can neither reply nor use its loan, and the
// next one has one of its own; after an error forward has changed nothing; a give-up in mid-transit
// waits and then ends it; nobody waits for ever.
//
// What happens under one lock is one atomic step, but where others look without that lock.
//
// spin-cc: -DSAFETY -w
// spin-break: BREAK_PORT_FIRST BREAK_STATE_FIRST BREAK_NO_REREAD BREAK_DEAD_UNCHECKED
// spin-break: BREAK_LOAN_KEPT BREAK_WAY_BACK BREAK_MOVING_CLAIMED

#define A 0
#define B 1
#define FORWARDS 2

mtype = { IDLE, QUEUED, HELD, MOVING, ENDING };
mtype = { NONE, REPLIED, EABORTED, EDEAD };

mtype state = QUEUED;
byte port = A;
byte holder = 0;     /* 1, 2: that task holds it */
bool live = true;    /* the token still names it */
byte forwards = 0;
mtype result = NONE;
bool completion;

/* lock: 0 free, else the process that has it, plus one. */
byte port_lock[2];
bool dead[2];
bool in_queue[2] = { true, false };
byte held[2];

bool known[3]; /* task knows the token */
bool loan[3];  /* task has a live one */

/* Ghosts. */
bool ended;
mtype ending = NONE;

inline lock(p) { port_lock[p] == 0 -> port_lock[p] = _pid + 1 } /* atomic with what follows it */
inline unlock(p) { port_lock[p] = 0 }

inline enqueue(p) {
    assert(port_lock[p] == _pid + 1);
    in_queue[p] = true
}

inline dequeue(p) {
    assert(port_lock[p] == _pid + 1 && in_queue[p]);
    in_queue[p] = false
}

/*
 * Locks the port where the envelope is, and sees that it stays there; found = false: its end has
 * begun. Under the lock the state is read first: who moves the envelope writes them the other way
 * round, holding the lock of the port where it goes, which need not be this one.
 */
inline lock_port_of(p, s, found) {
    do
    :: atomic { s = state; p = port };
        if
        :: s == IDLE || s == ENDING -> found = false; break
#ifndef BREAK_MOVING_CLAIMED
        :: s == MOVING -> state != MOVING
        :: s == QUEUED || s == HELD ->
#else
        :: s == MOVING || s == QUEUED || s == HELD ->
#endif
#ifdef BREAK_PORT_FIRST
            atomic { lock(p); found = (port == p) };
            s = state;
#else
            atomic { lock(p); s = state };
            found = (port == p);
#endif
#ifdef BREAK_NO_REREAD
            found = true;
#endif
            if
#ifdef BREAK_MOVING_CLAIMED
            :: found && s == MOVING -> break
#endif
            :: found && (s == QUEUED || s == HELD) -> break
            :: else -> unlock(p)
            fi
        fi
    od
}

/* The step that only one makes, under the lock of p. */
inline claim(p, how) {
    atomic {
        holds = holder;
        if
        :: state == QUEUED -> dequeue(p)
        :: else -> held[p]--
        fi;
        ends(how);
        unlock(p)
    }
}

inline ends(how) {
    assert(!ended);
    ended = true;
    ending = how;
    state = ENDING;
    holder = 0
}

inline finish(holds, how) {
    live = false;
    loan[holds] = false;
    atomic {
        result = how;
        state = IDLE;
        assert(!completion);
        completion = true
    }
}

/* ---- The caller ---------------------------------------------------------------------------------- */

active proctype caller() {
    byte p, holds;
    mtype s;
    bool found, gives_up;

    if
    :: gives_up = true
    :: gives_up = false
    fi;
    if
    :: completion
    :: gives_up ->
        lock_port_of(p, s, found);
        if
        :: found ->
            claim(p, EABORTED);
            live = false;
            loan[holds] = false;
            result = EABORTED
        :: !found -> completion
        fi
    fi;
    assert(ended && result == ending && !loan[1] && !loan[2])
}

/* ---- The receiving tasks ------------------------------------------------------------------------ */

inline get(p, task) {
    atomic {
        lock(p);
        if
        :: !dead[p] && in_queue[p] ->
            dequeue(p);
            held[p]++;
            state = MOVING;
            unlock(p);
            loan[task] = true
        :: else -> unlock(p); goto got
        fi
    };
    atomic { known[task] = true; land(p, task) };
got:
    skip
}

inline land(p, task) {
    lock(p);
    holder = task;
    state = HELD;
    unlock(p)
}

/* HELD by the task -> MOVING. The lock is found as above, which the others here do step by step. */
inline seize(task) {
    atomic {
        state != MOVING && port_lock[port] == 0 ->
        if
        :: state == HELD && holder == task && live ->
            state = MOVING;
            p = port;
            found = true;
            holder = 0
        :: else -> found = false
        fi
    }
}

inline reply(task) {
    seize(task);
    if
    :: found ->
        assert(loan[task]);
        atomic { lock(p); claim(p, REPLIED) };
        finish(task, REPLIED)
    :: !found
    fi
}

inline forward(to, task) {
    seize(task);
    if
    :: found && dead[to] -> /* all that can fail is tried here, while the loans live */
        atomic {
            land(p, task);
            assert(loan[task]) /* -EDEAD: it has changed nothing */
        }
    :: found && !dead[to] ->
        forwards++;
#ifndef BREAK_LOAN_KEPT
        loan[task] = false; /* the old loan is revoked; the new one is given when the message is got */
#endif
        atomic { lock(p); held[p]--; holder = 0; unlock(p) };
        atomic {
            lock(to);
            if
#ifdef BREAK_WAY_BACK
            :: dead[to] -> /* too late for an error: its holder cannot go on as before */
                unlock(to);
                lock(p);
                held[p]++;
                holder = task;
                state = HELD;
                unlock(p);
                assert(loan[task]);
                goto forwarded
            :: else
#elif !defined(BREAK_DEAD_UNCHECKED)
            :: dead[to] -> /* as if it had died just after the message came there */
                unlock(to);
                ends(EDEAD);
                goto died
            :: else
#else
            :: true
#endif
            fi;
            enqueue(to);
#ifdef BREAK_STATE_FIRST
            state = QUEUED
        };
        atomic { port = to; unlock(to); goto forwarded };
#else
            port = to
        };
        atomic { state = QUEUED; unlock(to); goto forwarded };
#endif
died:
        finish(0, EDEAD);
forwarded:
        skip
    :: !found
    fi
}

inline serve(from, to, task) {
    if
    :: in_queue[from] && !dead[from] -> get(from, task)
    :: atomic {
            known[task] && (holder == task || old_tokens > 0) ->
            if
            :: holder == task
            :: holder != task -> old_tokens--
            fi
        };
        if
        :: reply(task)
        :: forwards < FORWARDS -> forward(to, task)
        fi
    :: else
    fi;
    d_step { p = 0; holds = 0; found = false }
}

active proctype task_1() {
    byte p, holds, old_tokens = 1;
    bool found;
end:
    do
    :: (in_queue[A] && !dead[A]) || holder == 1 || (known[1] && old_tokens > 0) -> serve(A, B, 1)
    od
}

active proctype task_2() {
    byte p, holds, old_tokens = 1;
    bool found;
end:
    do
    :: (in_queue[B] && !dead[B]) || holder == 2 || (known[2] && old_tokens > 0) -> serve(B, A, 2)
    od
}

/* A port dies, or not. */
active [2] proctype death() {
    byte p, holds, mine = _pid - 3;
    mtype s;
    bool found;
end:
    atomic {
        lock(mine);
        dead[mine] = true;
        if
        :: in_queue[mine] ->
            dequeue(mine);
            ends(EDEAD);
            unlock(mine)
        :: else -> unlock(mine); goto drained
        fi
    };
    finish(holds, EDEAD);
drained:
    if
    :: held[mine] ->
        lock_port_of(p, s, found);
        if
        :: found && p == mine && state == HELD ->
            claim(p, EDEAD);
            finish(holds, EDEAD)
        :: found && !(p == mine && state == HELD) -> unlock(p)
        :: !found
        fi
    :: else
    fi
}
