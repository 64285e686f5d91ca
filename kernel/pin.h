/*
 * Pins of memory for a device's DMA.
 */
#ifndef PIN_H
#define PIN_H

#include "vmo.h"

struct domain;

/* SYS_PIN: the number of addresses (at most 512: the caller has checked), and an id; or an error.
 */
i64 pin_create(const struct span *span, u64 offset, u64 length, struct domain *domain, u32 rights,
               struct budget *budget, u64 *addresses, u64 *id);
i64 pin_remove(struct domain *domain, u64 id); /* 0 or -ENOENT */

#endif
