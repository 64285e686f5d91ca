/*
 * The FPU registers (x87, SSE, AVX) are switched only between threads that both use them.
 *
 * cpu->fpu_owner is the thread whose values the registers hold; while another runs CR0.TS is set,
 * so that its first use traps (#NM) and the values are exchanged then.  ANOMALY_FPU says that TS is
 * clear.
 */
#ifndef FPU_H
#define FPU_H

#include "thread.h"

/* The CPU is about to run next, TS being clear (ANOMALY_FPU).  Spares the message registers. */
void fpu_leave(struct thread *next);

/* The current thread used the FPU with TS set.  0, or -ENOMEM. */
int fpu_use(void);

/* Brings this CPU's registers, if they are thread's, into its memory: it leaves this CPU, or is
 * about to be read.  The registers are nobody's then. */
void fpu_save(struct thread *thread);

/* Memory for a thread's registers, 64-byte aligned, charged to budget; NULL: none. */
u8 *fpu_area_alloc(struct budget *budget);
void fpu_area_free(u8 *area, struct budget *budget);

/* The thread is gone: its values need no saving. */
void fpu_forget(struct thread *thread);

#endif
