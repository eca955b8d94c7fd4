/* SPDX-License-Identifier: MIT */
/* Stops with one of Windows' bug-check codes and a sentence that says which rule was broken by which driver. */
#ifndef IO_VERIFY_H
#define IO_VERIFY_H
#include "kernel.h"
#include "ke/rules.h"

#define _ReturnAddress() __builtin_return_address(0)

/* Driver Verifier I/O error codes (bug check 0xC9, WDM DRIVER ERROR nnn), by Microsoft's page on 0xC9. */
#define DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE 0xC9
#ifndef DRIVER_VERIFIER_DETECTED_VIOLATION
#define DRIVER_VERIFIER_DETECTED_VIOLATION 0xC4
#endif

/*
 * Any IRQL; does not return. Caller is the address in the offending driver; the reason is prefixed with its driver and symbol and is
 * part of the bug-check report.
 */
DECLSPEC_NORETURN VOID IoStop(ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4, PVOID Caller,
                              PCSTR Format, ...);
/* As IoStop with code 0xC9 and its usual parameters: the I/O error code, the driver's address, the IRP, the device object. */
DECLSPEC_NORETURN VOID IoStopRule(ULONG Rule, PVOID Caller, PIRP Irp, PDEVICE_OBJECT DeviceObject, PCSTR Format, ...);
/* Stops with 0xC4 when the current IRQL is above Irql. Name is the function that was called, Caller its caller. */
VOID IoRequireIrql(PCSTR Name, KIRQL Irql, PVOID Caller);
/* A value that no NTSTATUS has: the reserved bit, or what fills new and freed pool. */
static inline BOOLEAN IopIsSuspicious(NTSTATUS Status)
{
    return ((ULONG)Status & 0x10000000) || (ULONG)Status == 0xA5A5A5A5 || (ULONG)Status == 0xDDDDDDDD;
}
/*
 * PASSIVE_LEVEL. Stops when the driver at Caller called a Zw function with a user-mode address (0xC4/0xE3) or a malformed UNICODE_STRING (0xE4) in
 * Attributes, which may be NULL.
 */
VOID IoCheckZwAttributes(PCSTR Function, const OBJECT_ATTRIBUTES *Attributes, PVOID Caller);
/* TRUE when Address is in a loaded driver (not in the kernel): only drivers are held to some rules. */
BOOLEAN IoIsDriverCode(PVOID Address);

#endif
