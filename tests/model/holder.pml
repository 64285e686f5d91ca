// holder.pml: the death of a task that holds a message, when its port lives on.  Tasks 1 and 2 both
// have a RECEIVE handle of one port.  A thread of task 1 gets (it may have begun to wait when the
// handle was still there) and replies or keeps the message; another closes task 1's handle at any
// moment; in the end task 1 is killed.  The caller has no deadline.
//
// Checked: the call ends, exactly once; nobody waits for ever.
//
// What the kernel does under a port's lock is one atomic step.
//
// spin-cc: -DSAFETY -w
// spin-break: BREAK_HANDLES_ONLY BREAK_SWEEP_EARLY BREAK_THREAD_WAITS_ON

mtype = { QUEUED, MOVING, HELD, ENDING };
mtype state = QUEUED;
byte holder;
bool completion, ended;

bool open_1 = true;   /* task 1's handle */
bool kill_1;          /* its threads are asked to end */
byte threads_1 = 2;
bool waits_1;         /* in the waiter stack */

inline ends() { assert(!ended); ended = true; state = ENDING; holder = 0 }

/* message_end_held: ends what task t holds; what is MOVING lands first. */
inline end_held(t) {
    atomic {
        state != MOVING;
        if
        :: state == HELD && holder == t -> ends(); completion = true
        :: else
        fi
    }
}

inline get_and_serve(t, keeps) {
    atomic {
        if
        :: state == QUEUED -> state = MOVING
        :: else -> goto served
        fi
    };
    atomic { state = HELD; holder = t };
    if
    :: keeps
    :: atomic {
            state == HELD && holder == t -> state = MOVING; holder = 0
        };
        atomic { ends(); completion = true }
    :: atomic { !(state == HELD && holder == t) } /* ended meanwhile */
    fi;
served:
    skip
}

active proctype caller() {
    completion
}

/* Task 1: one thread receives ... */
active proctype receiver_1() {
    bool may_keep = true;
    if
    :: open_1 -> /* looks its handle up; it may be closed from now on */
        if
        :: state == QUEUED -> get_and_serve(1, may_keep)
        :: waits_1 = true;
            if
            :: state == QUEUED -> waits_1 = false; get_and_serve(1, may_keep)
#ifndef BREAK_THREAD_WAITS_ON
            :: kill_1 -> waits_1 = false
#endif
            fi
        fi
    :: true
    fi;
    kill_1;
    threads_1--
}

/* ... another closes the handle, or leaves that to the end of the task. */
active proctype closer_1() {
    if
    :: atomic { open_1 = false };
        end_held(1) /* port_receiver_gone */
    :: true
    fi;
    kill_1;
    threads_1--
}

active proctype killer() {
    kill_1 = true;
#ifndef BREAK_SWEEP_EARLY
    threads_1 == 0;
#endif
#ifndef BREAK_HANDLES_ONLY
    end_held(1); /* whatever port it came by */
#endif
    threads_1 == 0;
    if
    :: open_1 -> open_1 = false; end_held(1)
    :: else
    fi
}

/* Task 2 is slow, but replies. */
active proctype receiver_2() {
    bool may_keep = false;
end:
    state == QUEUED;
    get_and_serve(2, may_keep)
}
