/* SPDX-License-Identifier: MIT */
/* Pseudo-random numbers. Any IRQL; the caller keeps the seed. */
#include "rtl/rtl.h"

#define MODULUS 0x7FFFFFFFULL /* 2^31 - 1 */

/* A linear congruential generator of Lehmer's kind with Windows' documented range, 0 to MAXLONG - 1. */
ULONG NTAPI RtlRandomEx(PULONG Seed)
{
    ULONG64 Value = *Seed % MODULUS;
    Value = (Value ? Value : 1) * 48271 % MODULUS;
    *Seed = (ULONG)Value;
    return (ULONG)Value - 1;
}

ULONG NTAPI RtlRandom(PULONG Seed)
{
    return RtlRandomEx(Seed);
}
