/* SPDX-License-Identifier: MIT */
/* Vector allocation: 16 vectors an IRQL. */
#include "hal/vector.h"

static USHORT HalpUsed[16]; /* a bit a vector */
static KSPIN_LOCK HalpVectorLock;

static ULONG CountBits(USHORT Bits)
{
    ULONG count = 0;
    for (; Bits; Bits &= (USHORT)(Bits - 1)) {
        count++;
    }
    return count;
}

static ULONG TakeFromRow(KIRQL Row, ULONG Count)
{
    for (ULONG first = 0; first + Count <= 16; first += Count) {
        USHORT mask = (USHORT)(((1u << Count) - 1) << first);
        if (!(HalpUsed[Row] & mask)) {
            HalpUsed[Row] |= mask;
            return Row * 16u + first;
        }
    }
    return 0;
}

ULONG HalAllocateVectors(KIRQL Irql, ULONG Count)
{
    KIRQL old;
    if (!Count || Count > 16 || (Count & (Count - 1)) ||
        (Irql && (Irql < DEVICE_IRQL_LOW || Irql > DEVICE_IRQL_HIGH))) {
        return 0;
    }
    KeAcquireSpinLock(&HalpVectorLock, &old);
    KIRQL row = Irql;
    if (!row) {
        row = DEVICE_IRQL_LOW;
        for (KIRQL i = DEVICE_IRQL_LOW; i <= DEVICE_IRQL_HIGH; i++) {
            if (CountBits(HalpUsed[i]) < CountBits(HalpUsed[row])) {
                row = i;
            }
        }
    }
    ULONG vector = TakeFromRow(row, Count);
    KeReleaseSpinLock(&HalpVectorLock, old);
    return vector;
}

VOID HalFreeVectors(ULONG Vector, ULONG Count)
{
    KIRQL old;
    KeAcquireSpinLock(&HalpVectorLock, &old);
    HalpUsed[Vector >> 4] &= (USHORT) ~(((1u << Count) - 1) << (Vector & 15));
    KeReleaseSpinLock(&HalpVectorLock, old);
}
