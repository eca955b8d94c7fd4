/* SPDX-License-Identifier: MIT */
/*
 * The direct-call interface that fredbus exports to the function drivers of its children, by IRP_MN_QUERY_INTERFACE.
 * Source: seed article "So You Wanna Be a Bus Driver?", IRP_MN_QUERY_INTERFACE; Microsoft, "Using a Driver-Defined Interface".
 *
 * QUERY_INTERFACE references the interface; the child dereferences it once it makes no further call (at remove). Until then its functions are safe to
 * call, whatever became of the hardware: they then answer with an error.
 */
#ifndef FRED_INTERFACE_H
#define FRED_INTERFACE_H

#include "ddk_compat.h"

/* {6F4B0D31-5A5C-4E0B-9E6B-B0DD00000010} */
DEFINE_GUID(GUID_FRED_CHILD_INTERFACE, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x10);
/* {6F4B0D31-5A5C-4E0B-9E6B-B0DD00000011}: the bus type in PNP_BUS_INFORMATION */
DEFINE_GUID(GUID_FRED_BUS_TYPE, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x11);

#define FRED_CHILD_INTERFACE_VERSION 1

/* The child's work is done, or the child has gone (StartWork and GetWorkCount then say so). DISPATCH_LEVEL. */
typedef VOID(NTAPI FRED_WORK_DONE)(PVOID Context);

typedef struct _FRED_CHILD_INFO {
    ULONG Slot;
    ULONG Kind; /* FRED_SLOT STATUS.kind: 1 toaster, 2 oven */
    ULONG Serial;
    ULONG Property; /* toaster: slices; oven: highest temperature in degrees Celsius */
    ULONG Colour;   /* 0xRRGGBB */
} FRED_CHILD_INFO;

typedef struct _FRED_CHILD_INTERFACE {
    INTERFACE Header; /* Size, Version, Context, InterfaceReference, InterfaceDereference */
    /* What the bus knows of the child. IRQL <= DISPATCH_LEVEL. */
    VOID(NTAPI *GetInfo)(PVOID Context, FRED_CHILD_INFO *Info);
    /*
     * Whom to tell that work is done; NULL Done: nobody. After it returned the former function is not running and will not be called.
     * IRQL < DISPATCH_LEVEL.
     */
    VOID(NTAPI *SetDone)(PVOID Context, FRED_WORK_DONE *Done, PVOID DoneContext);
    /*
     * Starts Microseconds of work. IRQL <= DISPATCH_LEVEL. STATUS_NO_SUCH_DEVICE: the child is gone.
     * STATUS_DEVICE_POWERED_OFF: the child, or the bus, is not in D0.
     */
    NTSTATUS(NTAPI *StartWork)(PVOID Context, ULONG Microseconds);
    /* How many pieces of work the child has done; errors as StartWork. IRQL <= DISPATCH_LEVEL. */
    NTSTATUS(NTAPI *GetWorkCount)(PVOID Context, ULONG *Count);
} FRED_CHILD_INTERFACE;

#endif
