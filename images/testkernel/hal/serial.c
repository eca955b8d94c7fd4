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

VOID HalSerialInitialize(USHORT Port)
{
    __outbyte(Port + 1, 0);    /* no interrupts */
    __outbyte(Port + 3, 0x80); /* divisor latch */
    __outbyte(Port + 0, 1);    /* 115200 */
    __outbyte(Port + 1, 0);
    __outbyte(Port + 3, 3);    /* 8N1 */
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
    while (count < Size && (__inbyte(Port + 5) & (LSR_DATA | 0x80)) == LSR_DATA) {
        bytes[count++] = __inbyte(Port);
    }
    return count;
}

VOID HalSerialEnableReceiveInterrupt(USHORT Port)
{
    __outbyte(Port + 1, 1);
}
