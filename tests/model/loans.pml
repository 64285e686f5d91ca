// loans.pml: how a loan dies.  CPU 0 ends the message (loan_revoke) and lets the lender run on.
// CPUs 1 and 2 run threads of the borrower: they map the loan, touch the mapping, copy through the
// handle, are switched away from and back to; one may close the handle, which revokes as well.
//
// Checked: no access through the loan, by page table, TLB or system call, and no mapping of it, once
// the lender runs on; nobody waits for ever (who waits for a lock answers TLB shootdowns).
//
// spin-cc: -DSAFETY -w
// spin-break: BREAK_COPY_UNLOCKED BREAK_SECOND_RETURNS BREAK_NO_SHOOTDOWN BREAK_NO_FENCE
// spin-break: BREAK_ASPACE_AFTER_CR3 BREAK_NO_POLL BREAK_FAULT_LATE BREAK_LINK_UNLOCKED

#define CPUS 3

mtype = { LIVE, ENDING, DEAD };
mtype state = LIVE;
bool space_lock, loan_lock, object_lock; /* taken in this order */

bool linked; /* the mapping is in the address space, and in the loan's list */
bool entry;  /* its page-table entry is present */

/* Of CPUs 1 and 2: cpu->aspace is the borrower's; so is CR3; the TLB has the page; shootdowns. */
bool aspace[CPUS], cr3[CPUS], tlb[CPUS];
byte asked[CPUS], done[CPUS];

bool closed; /* the borrower's handle */
bool lender_runs;

inline poll() { atomic { asked[me] != done[me] -> tlb[me] = false; done[me] = asked[me] } }

inline lock(word) {
    do
    :: atomic { !word -> word = true; break }
#ifndef BREAK_NO_POLL
    :: poll()
#endif
    od
}
inline unlock(word) { word = false }

/* One CPU's part of a shootdown: asked, if it has the address space loaded, and waited for. */
inline shoot(c) {
    if
    :: must[c] ->
        atomic { asked[c]++; wanted = asked[c] };
        do
        :: done[c] == wanted -> break
        :: poll()
        od
    :: else
    fi
}

/* Under the locks: clears the entry, and sees that no TLB has it. */
inline clear() {
#ifdef BREAK_NO_FENCE
    must[1] = aspace[1] && me != 1;
    must[2] = aspace[2] && me != 2;
    atomic { entry = false; tlb[me] = false };
#else
    atomic { entry = false; tlb[me] = false };
    must[1] = aspace[1] && me != 1;
    must[2] = aspace[2] && me != 2;
#endif
#ifndef BREAK_NO_SHOOTDOWN
    shoot(1);
    shoot(2);
#endif
    must[1] = false;
    must[2] = false;
    wanted = 0
}

inline revoke() {
    lock(loan_lock);
    atomic {
        first = (state == LIVE);
        busy = linked;
        if
        :: first -> state = ENDING
        :: else
        fi;
        unlock(loan_lock)
    };
    if
    :: !first ->
#ifndef BREAK_SECOND_RETURNS
        do
        :: state == DEAD -> break
        :: poll()
        od
#endif
    :: first ->
        if
        :: busy ->
            lock(space_lock);
            if
            :: linked ->
                lock(loan_lock);
                linked = false;
                lock(object_lock);
                clear();
                unlock(object_lock);
                unlock(loan_lock)
            :: else
            fi;
            unlock(space_lock)
        :: else
        fi;
        state = DEAD
    fi;
    first = false;
    busy = false
}

active proctype lender() {
    byte me = 0, wanted;
    bool first, busy, must[CPUS];
    revoke();
    lender_runs = true
}

inline access() { assert(!lender_runs) }

/* vmo_read, vmo_write through the handle. */
inline copy() {
#ifndef BREAK_COPY_UNLOCKED
    lock(loan_lock);
#endif
    lock(object_lock);
    if
    :: state == LIVE -> access()
    :: else
    fi;
    unlock(object_lock);
#ifndef BREAK_COPY_UNLOCKED
    unlock(loan_lock)
#endif
}

inline map() {
    lock(space_lock);
#ifdef BREAK_LINK_UNLOCKED
    if
    :: state == LIVE -> linked = true
    :: else
    fi;
#else
    lock(loan_lock);
    if
    :: state == LIVE -> linked = true
    :: else
    fi;
    unlock(loan_lock);
#endif
    unlock(space_lock);
    assert(!(linked && lender_runs))
}

/* aspace_fault: enters the page, if the mapping is found. */
inline fault() {
    lock(space_lock);
    if
    :: linked ->
#ifdef BREAK_FAULT_LATE
        unlock(space_lock);
        lock(object_lock);
#else
        lock(object_lock);
        unlock(space_lock);
#endif
        entry = true; /* who takes the mapping away has not come to clear it yet */
        unlock(object_lock)
    :: else -> unlock(space_lock)
    fi
}

/* One instruction of the borrower: interrupts, so answers too, come before or after it. */
inline touch() {
    if
    :: tlb[me] -> access()
    :: !tlb[me] ->
        walked = entry;
        if
        :: walked -> tlb[me] = true; access()
        :: !walked -> fault()
        fi
    fi;
    walked = false
}

active [2] proctype borrower() {
    byte me = _pid, wanted;
    bool walked, first, busy, must[CPUS];
end:
    do
    :: poll() /* interrupted in user mode, or idle */
    :: cr3[me] -> touch()
    :: cr3[me] && !closed -> copy()
    :: cr3[me] && !closed && !linked -> map()
    :: atomic { cr3[me] && !closed && me == 1 -> closed = true }; revoke()
    :: cr3[me] -> /* a thread of another task runs */
        aspace[me] = false;
        atomic { cr3[me] = false; tlb[me] = false }
    :: !cr3[me] -> /* and the borrower's again */
#ifdef BREAK_ASPACE_AFTER_CR3
        cr3[me] = true;
        walked = entry; /* the CPU may walk ahead of what it runs */
        tlb[me] = walked;
        walked = false;
        aspace[me] = true
#else
        aspace[me] = true;
        cr3[me] = true
#endif
    od
}
