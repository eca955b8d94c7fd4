/* SPDX-License-Identifier: MIT */
/*
 * COM2 as a line channel. The interrupt (a rising edge on ISA line 3) drains the UART into a ring; a DPC wakes the reader. One producer (the
 * service routine) and one consumer (the agent thread), so the ring needs no lock.
 */
#include "agent/agent.h"
#include "hal/hal.h"
#include "hal/ioapic.h"
#include "hal/vector.h"
#include "kd/log.h"
#include "ke/interrupt.h"

#define COM2_GSI   3
#define RING_BYTES 65536 /* a power of two */

static UCHAR Ring[RING_BYTES];
static volatile ULONG RingHead; /* next to write */
static volatile ULONG RingTail; /* next to read */
static volatile BOOLEAN RingOverrun;
static KINTERRUPT Interrupt;
static KDPC ArrivalDpc;
static KEVENT Arrived;

static BOOLEAN NTAPI ServiceRoutine(PKINTERRUPT Object, PVOID Context)
{
    UCHAR bytes[64];
    SIZE_T count;
    BOOLEAN any = FALSE;

    while ((count = HalSerialRead(COM2, bytes, sizeof(bytes))) != 0) {
        for (SIZE_T i = 0; i < count; i++) {
            if (RingHead - RingTail == RING_BYTES) {
                RingOverrun = TRUE;
                break;
            }
            Ring[RingHead % RING_BYTES] = bytes[i];
            RingHead++;
        }
        any = TRUE;
    }
    if (any) {
        KeInsertQueueDpc(&ArrivalDpc, NULL, NULL);
    }
    return any;
}

static VOID NTAPI ArrivalRoutine(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    KeSetEvent(&Arrived, IO_SERIAL_INCREMENT, FALSE);
}

NTSTATUS AgentOpenChannel(VOID)
{
    KeInitializeEvent(&Arrived, SynchronizationEvent, FALSE);
    KeInitializeDpc(&ArrivalDpc, ArrivalRoutine, NULL);

    ULONG vector = HalAllocateVectors(DEVICE_IRQL_LOW, 1);
    if (!vector) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    KiInitializeInterrupt(&Interrupt, ServiceRoutine, NULL, 0, NULL, NULL, vector, HalVectorIrql(vector), Latched,
                          FALSE);
    if (!KiConnectInterrupt(&Interrupt)) {
        HalFreeVectors(vector, 1);
        return STATUS_INVALID_PARAMETER;
    }
    HalIoApicRoute(COM2_GSI, vector, FALSE, FALSE);
    HalIoApicMask(COM2_GSI, FALSE);
    AgentResumeChannel();
    return STATUS_SUCCESS;
}

VOID AgentResumeChannel(VOID)
{
    HalSerialInitialize(COM2);
    HalSerialEnableReceiveInterrupt(COM2);
}

static UCHAR NextByte(VOID)
{
    while (RingTail == RingHead) {
        KeWaitForSingleObject(&Arrived, Executive, KernelMode, FALSE, NULL);
    }
    UCHAR byte = Ring[RingTail % RING_BYTES];
    RingTail++;
    return byte;
}

SIZE_T AgentReadLine(PCHAR Line, SIZE_T Size)
{
    SIZE_T length = 0;

    for (;;) {
        UCHAR byte = NextByte();
        if (byte == 0xFF) {
            length = 0;
        } else if (byte == '\n') {
            break;
        } else if (length < Size) {
            Line[length++] = (CHAR)byte;
        }
    }
    if (RingOverrun) {
        RingOverrun = FALSE;
        KdLog(LOG_ERROR, "agent: input came faster than it could be read; a message was damaged");
        length = Size;
    }
    if (length < Size) {
        Line[length] = 0;
    }
    return length;
}

VOID AgentWrite(const VOID *Bytes, SIZE_T Length)
{
    HalSerialWrite(COM2, Bytes, Length);
}
