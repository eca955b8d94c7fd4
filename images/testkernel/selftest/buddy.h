/* SPDX-License-Identifier: MIT */
/* What the checks of selftest/buddy.c work with; not a driver of its own. */
#ifndef SELFTEST_BUDDY_H
#define SELFTEST_BUDDY_H
#include <ntddk.h>

/* The registers that are used here (docs/device.md), client 0's page. */
#define REG_ID         0x000
#define REG_INT_STATUS 0x018
#define REG_INT_ENABLE 0x01C
#define REG_DOORBELL   0x030
#define REG_DMA_BASE   0x080
#define REG_DMA_SIZE   0x088
#define REG_DMA_HEAD   0x08C
#define REG_DMA_CTRL   0x094
#define INT_DOORBELL   0x2
#define INT_DMA        0x8
#define BUDDY_ID       0x42554459

typedef struct _BUDDY {
    PDEVICE_OBJECT Self, Pdo, Lower;
    volatile UCHAR *Bar;
    ULONG BarLength;
    PHYSICAL_ADDRESS Ram; /* BAR2 */
    PIO_WORKITEM Work;
    KEVENT Interrupted, PowerDone, WakeDone;
    NTSTATUS PowerStatus, WakeStatus;
    volatile LONG Interrupts;
    PIRP WakeIrp;
    KIRQL PowerIrql; /* at which the last device power IRP came */
    PIO_INTERRUPT_MESSAGE_INFO Messages;
} BUDDY;

static inline ULONG Read(BUDDY *Buddy, ULONG Register)
{
    return READ_REGISTER_ULONG((PULONG)(Buddy->Bar + Register));
}

static inline void Write(BUDDY *Buddy, ULONG Register, ULONG Value)
{
    WRITE_REGISTER_ULONG((PULONG)(Buddy->Bar + Register), Value);
}

#define CHECK(what, condition) DbgPrint("buddy: %s %s\n", what, (condition) ? "ok" : "FAILED")

#endif
