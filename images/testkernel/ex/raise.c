/* SPDX-License-Identifier: MIT */
/* Raising exceptions. IRQL <= DISPATCH_LEVEL unless the handler is nearby; do not return unless the exception was continuable. */
#include "ex/ex.h"

VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD ExceptionRecord);

DECLSPEC_NORETURN static VOID Raise(NTSTATUS Status, PVOID Address)
{
    EXCEPTION_RECORD Record = {
        .ExceptionCode = Status,
        .ExceptionFlags = EXCEPTION_NONCONTINUABLE,
        .ExceptionAddress = Address,
    };
    RtlRaiseException(&Record);
    __builtin_unreachable();
}

DECLSPEC_NORETURN VOID NTAPI ExRaiseStatus(NTSTATUS Status)
{
    Raise(Status, __builtin_return_address(0));
}

#undef ExRaiseException
VOID NTAPI ExRaiseException(PEXCEPTION_RECORD ExceptionRecord);
VOID NTAPI ExRaiseException(PEXCEPTION_RECORD ExceptionRecord)
{
    RtlRaiseException(ExceptionRecord);
}

DECLSPEC_NORETURN VOID NTAPI ExRaiseAccessViolation(VOID)
{
    Raise(STATUS_ACCESS_VIOLATION, __builtin_return_address(0));
}

DECLSPEC_NORETURN VOID NTAPI ExRaiseDatatypeMisalignment(VOID)
{
    Raise(STATUS_DATATYPE_MISALIGNMENT, __builtin_return_address(0));
}
