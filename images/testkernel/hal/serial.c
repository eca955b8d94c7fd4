/* SPDX-License-Identifier: MIT */
/* 16550A UARTs: COM1 is the console, COM2 the guest agent's channel. */
#include "hal/hal.h"

#define UART_FIFO_SIZE 16
#define LSR_DATA       0x01
#define LSR_THR_EMPTY  0x20

/*
 * One space in the transmit FIFO is worth waiting for: who reads on the other side may be a loaded host's process, and an answer that
 * is cut off is worse than a late one. A dead port (never empties) must not stop the kernel for good.
 */
#define WRITE_SPINS       2000000
#define WRITE_NANOSECONDS 10000000000ULL

/*
 * Switching the FIFO on empties it. After S3 the host may be sending its next request already, and while the FIFO is off QEMU hands it
 * over byte by byte as each is read: what comes is kept for HalSerialRead until nothing has come for a while.
 */
#define QUIET_ROUNDS 40
#define ROUND_SPINS                                                                                                    \
    20000 /* without device accesses: those would keep QEMU's main loop from handing the next byte over */
static UCHAR HalpKept[256];
static USHORT HalpKeptPort;
static ULONG HalpKeptCount, HalpKeptNext;

static VOID KeepReceived(USHORT Port)
{
    HalpKeptPort = Port;
    HalpKeptCount = HalpKeptNext = 0;
    if ((__inbyte(Port + 5) & (LSR_DATA | 0x80)) != LSR_DATA) {
        return;
    }
    for (ULONG quiet = 0; quiet < QUIET_ROUNDS && HalpKeptCount < sizeof(HalpKept); quiet++) {
        if (__inbyte(Port + 5) & LSR_DATA) {
            HalpKept[HalpKeptCount++] = __inbyte(Port);
            quiet = 0;
        }
        for (volatile ULONG spin = 0; spin < ROUND_SPINS; spin++) {
        }
    }
}

VOID HalSerialInitialize(USHORT Port)
{
    __outbyte(Port + 1, 0);    /* no interrupts */
    __outbyte(Port + 3, 0x80); /* divisor latch */
    __outbyte(Port + 0, 1);    /* 115200 */
    __outbyte(Port + 1, 0);
    __outbyte(Port + 3, 3); /* 8N1 */
    if (Port == COM2) {
        KeepReceived(Port);
    }
    __outbyte(Port + 2, 0xC7); /* FIFO on, cleared, receive trigger 14 (a character time-out reports fewer) */
    __outbyte(Port + 4, 0x0B); /* DTR, RTS, OUT2 (interrupt enable) */
}

VOID HalSerialWrite(USHORT Port, const VOID *Bytes, SIZE_T Length)
{
    const UCHAR *bytes = Bytes;
    while (Length) {
        ULONG spins = 0;
        ULONG64 since = HalNanoseconds();
        while (!(__inbyte(Port + 5) & LSR_THR_EMPTY)) {
            if (++spins > WRITE_SPINS && HalNanoseconds() - since > WRITE_NANOSECONDS) {
                return;
            }
        }
        SIZE_T burst = Length < UART_FIFO_SIZE ? Length : UART_FIFO_SIZE;
        __outbytestring(Port, (PUCHAR)bytes, (ULONG)burst);
        bytes += burst;
        Length -= burst;
    }
}

SIZE_T HalSerialRead(USHORT Port, PVOID Bytes, SIZE_T Size)
{
    PUCHAR bytes = Bytes;
    SIZE_T count = 0;
    while (HalpKeptPort == Port && HalpKeptNext < HalpKeptCount && count < Size) {
        bytes[count++] = HalpKept[HalpKeptNext++];
    }
    while (count < Size && (__inbyte(Port + 5) & (LSR_DATA | 0x80)) == LSR_DATA) {
        bytes[count++] = __inbyte(Port);
    }
    return count;
}

VOID HalSerialEnableReceiveInterrupt(USHORT Port)
{
    /* The transmitter's interrupt for a moment: an edge that makes the service routine fetch what KeepReceived has kept. */
    __outbyte(Port + 1, 3);
    __outbyte(Port + 1, 1);
}
