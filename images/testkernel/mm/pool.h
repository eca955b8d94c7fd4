/* SPDX-License-Identifier: MIT */
/* Pool internals: who allocated what, for checks and reports. */
#ifndef MM_POOL_H
#define MM_POOL_H
#include "kernel.h"

typedef struct _POOL_BLOCK_INFO {
    PVOID Address;
    SIZE_T Size;
    ULONG Tag;
    POOL_TYPE Type;
    PVOID Allocator; /* return address of the allocation */
    PVOID Liberator; /* return address of the free, when it is freed */
    BOOLEAN Freed;
} POOL_BLOCK_INFO;

VOID MiInitializePool(VOID);
/* IRQL <= DISPATCH_LEVEL. As ExAllocatePoolWithTag, on behalf of Caller: a driver's blocks end at a guard page. NULL when out of memory. */
PVOID MiAllocatePool(POOL_TYPE Type, SIZE_T Size, ULONG Tag, PVOID Caller);
VOID MiFreePool(PVOID Block, ULONG Tag, PVOID Caller);

/* Guarded blocks (mm/guarded.c). */
VOID MiInitializeGuardedPool(VOID);
PVOID MiAllocateGuarded(POOL_TYPE Type, SIZE_T Size, ULONG Tag, PVOID Caller);
BOOLEAN MiIsGuarded(const VOID *Address);
VOID MiFreeGuarded(PVOID Block, ULONG Tag, PVOID Caller);
BOOLEAN MiDescribeGuarded(const VOID *Address, POOL_BLOCK_INFO *Info);
ULONG MiReportGuardedLeaks(PVOID Base, SIZE_T Size);

/* Blocks of more than a page (mm/largepool.c). Guarded: between unmapped pages. */
VOID MiInitializeLargePool(VOID);
PVOID MiAllocateLarge(POOL_TYPE Type, SIZE_T Size, ULONG Tag, BOOLEAN Guarded, PVOID Caller);
VOID MiFreeLarge(PVOID Block, ULONG Tag, PVOID Caller);
BOOLEAN MiIsLargeGuarded(const VOID *Address);
BOOLEAN MiDescribeLarge(const VOID *Address, POOL_BLOCK_INFO *Info);
ULONG MiReportLargeLeaks(PVOID Base, SIZE_T Size);
/* Stop when the block was allocated with another tag, or the bytes behind it (up to Room) were written to. */
VOID MiCheckTag(PVOID Block, ULONG Allocated, ULONG Given, PVOID Caller);
VOID MiCheckZone(PVOID Block, SIZE_T Size, SIZE_T Room, ULONG Tag, PVOID Allocator);

/* Any IRQL, no lock (bugcheck). Describes a pool address, also a freed guarded one; FALSE if it is in no known block. */
BOOLEAN MiDescribePool(const VOID *Address, POOL_BLOCK_INFO *Info);
/* Stops if the memory that is about to be freed holds an active timer, DPC, work item or lock (ke/verify.c). */
VOID KiCheckFreedMemory(PVOID Base, SIZE_T Size, PVOID Caller);

#define POOL_FILL_NEW   0xA5 /* contents of a new block: who relies on zeroes finds out */
#define POOL_FILL_FREED 0xDD
#define POOL_FILL_ZONE  0xFB

#endif
