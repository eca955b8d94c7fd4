/* SPDX-License-Identifier: MIT */
/* Interrupt vectors. On x64 the IRQL of a vector is Vector >> 4 (CR8 masks by it), so choosing an IRQL means choosing a vector's row. */
#ifndef HAL_VECTOR_H
#define HAL_VECTOR_H
#include "kernel.h"

#define DEVICE_IRQL_LOW  3
#define DEVICE_IRQL_HIGH 11

/*
 * Any IRQL. Allocates Count (1, 2, 4, 8 or 16) consecutive vectors of IRQL Irql (DEVICE_IRQL_LOW..HIGH; 0 = the least used row),
 * aligned to Count as a multi-message MSI needs. Returns the first vector, 0 if the row is full.
 */
ULONG HalAllocateVectors(KIRQL Irql, ULONG Count);
VOID HalFreeVectors(ULONG Vector, ULONG Count);
static inline KIRQL HalVectorIrql(ULONG Vector)
{
    return (KIRQL)(Vector >> 4);
}

#endif
