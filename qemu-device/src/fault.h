/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults: mistakes of the hardware, armed and disarmed over QMP while the guest runs.
 *
 *     qom-set path=/machine/peripheral/buddy0 property=fault value="interrupt-lost,count=3,client=1"
 *     qom-set path=/machine/peripheral/buddy0 property=fault value="interrupt-lost,off"
 *     qom-get path=/machine/peripheral/buddy0 property=faults
 *
 * `count` limits a fault to the next N occurrences (default: until disarmed), `client` to one client, `delay` (us of
 * virtual time) is for the late ones, `xor` is what a corrupt read is changed by, `reg` limits it to one register.
 */
#ifndef BUDDY_FAULT_H
#define BUDDY_FAULT_H

#include <stdbool.h>
#include <stdint.h>
#include "qom/object.h"

typedef enum FaultKind {
    FAULT_INTERRUPT_LOST,     /* the message or level change does not go out */
    FAULT_INTERRUPT_LATE,     /* it goes out after `delay` */
    FAULT_INTERRUPT_SPURIOUS, /* one interrupt without a cause, at the moment of arming, `count` times */
    FAULT_STUCK_BUSY,         /* a job that is started never ends */
    FAULT_READ_CORRUPT,       /* a register read is changed by `xor` */
    FAULT_D0_LATE,            /* after D0 entry registers answer all ones for `delay` */
    FAULT_D0_FAIL,            /* the function stays in D3hot when D0 is written */
    FAULT_DMA_FAIL,           /* a descriptor fails, nothing is copied */
    FAULT_DMA_PARTIAL,        /* a descriptor fails after half of it */
    FAULT_LINK_DOWN,          /* the link to the port is down: neither configuration nor memory answers */
    FAULT_AER_CORRECTABLE,    /* a correctable error is reported, at the moment of arming */
    FAULT_AER_FATAL,          /* a fatal error is reported, at the moment of arming */
    FAULT_RESET_STICKY,       /* a reset does not clear the registers */
    FAULT_SEMAPHORE_STUCK,    /* the semaphore cannot be released or broken */
    FAULT_COUNT,
} FaultKind;

typedef struct Fault {
    bool armed;
    int64_t remaining; /* occurrences left; -1: until disarmed */
    uint64_t fired;
    int64_t client; /* -1: any */
    uint64_t delay_us;
    uint64_t xor ;
    int64_t reg; /* register offset in a client page or in the bus registers; -1: any */
} Fault;

typedef struct BuddyFunction BuddyFunction;

/* Slow halves of the functions of the same names in function.h. */
bool fault_consider(BuddyFunction *f, FaultKind kind, int client, int64_t offset);
/* The argument of a fault that has fired. */
const Fault *fault_argument(BuddyFunction *f, FaultKind kind);
void fault_class_init(ObjectClass *klass);

#endif
