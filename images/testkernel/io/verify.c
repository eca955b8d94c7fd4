/* SPDX-License-Identifier: MIT */
/* Reports of the I/O and PnP verifier. */
#include "io/verify.h"
#include "boot/loader.h"
#include "ke/bugcheck.h"
#include "rtl/format.h"

static CHAR Reason[600]; /* written once: the system stops right after */

VOID IoStop(ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4, PVOID Caller, PCSTR Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    RtlFormatV(Reason, sizeof(Reason), Format, Arguments);
    va_end(Arguments);
    KeBugCheckReason(Code, P1, P2, P3, P4, Caller && IoIsDriverCode(Caller) ? Caller : NULL, "%s", Reason);
}

VOID IoStopRule(ULONG Rule, PVOID Caller, PIRP Irp, PDEVICE_OBJECT DeviceObject, PCSTR Format, ...)
{
    va_list Arguments;
    SIZE_T Length;
    va_start(Arguments, Format);
    RtlFormatV(Reason, sizeof(Reason), Format, Arguments);
    va_end(Arguments);
    Length = strlen(Reason);
    RtlFormat(Reason + Length, sizeof(Reason) - Length, " (WDM DRIVER ERROR %x)", Rule);
    KeBugCheckReason(DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE, Rule, (ULONG_PTR)Caller, (ULONG_PTR)Irp,
                     (ULONG_PTR)DeviceObject, Caller && IoIsDriverCode(Caller) ? Caller : NULL, "%s", Reason);
}

VOID IoRequireIrql(PCSTR Name, KIRQL Irql, PVOID Caller)
{
    if (KeGetCurrentIrql() > Irql) {
        KiIrqlTooHigh(Name, Irql, Caller);
    }
}

BOOLEAN IoIsDriverCode(PVOID Address)
{
    PLOADED_IMAGE Image = LdrImageFromAddress(Address);
    return Image && !Image->Kernel;
}

static VOID CheckKernelAddress(PCSTR Function, const VOID *Address, PVOID Caller)
{
    if (Address && Address <= MmHighestUserAddress) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_ZW_USER_ADDRESS, (ULONG_PTR)Caller, (ULONG_PTR)Address, 0,
               Caller, "%s with %p, a user-mode address: the Zw function does not probe it", Function, Address);
    }
}

VOID IoCheckZwAttributes(PCSTR Function, const OBJECT_ATTRIBUTES *Attributes, PVOID Caller)
{
    const UNICODE_STRING *Name;
    if (!Attributes || !IoIsDriverCode(Caller)) {
        return;
    }
    CheckKernelAddress(Function, Attributes, Caller);
    Name = Attributes->ObjectName;
    CheckKernelAddress(Function, Name, Caller);
    if (!Name) {
        return;
    }
    CheckKernelAddress(Function, Name->Buffer, Caller);
    if (Name->Length % sizeof(WCHAR) || Name->Length > Name->MaximumLength || (Name->Length && !Name->Buffer)) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_ZW_BAD_STRING, (ULONG_PTR)Caller, (ULONG_PTR)Name, 0, Caller,
               "%s with a malformed UNICODE_STRING: Length %u, MaximumLength %u, Buffer %p", Function, Name->Length,
               Name->MaximumLength, Name->Buffer);
    }
}
