/* SPDX-License-Identifier: MIT */
/* Raising exceptions. IRQL <= DISPATCH_LEVEL unless the handler is nearby; do not return unless the exception was continuable. */
#include "ex/ex.h"

VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD ExceptionRecord);

DECLSPEC_NORETURN VOID NTAPI ExRaiseStatus(NTSTATUS Status)
{
    EXCEPTION_RECORD Record = {
        .ExceptionCode = Status,
        .ExceptionFlags = EXCEPTION_NONCONTINUABLE,
        .ExceptionAddress = __builtin_return_address(0),
    };
    RtlRaiseException(&Record);
    __builtin_unreachable();
}

#undef ExRaiseException
VOID NTAPI ExRaiseException(PEXCEPTION_RECORD ExceptionRecord);
VOID NTAPI ExRaiseException(PEXCEPTION_RECORD ExceptionRecord)
{
    RtlRaiseException(ExceptionRecord);
}

DECLSPEC_NORETURN VOID NTAPI ExRaiseAccessViolation(VOID)
{
    ExRaiseStatus(STATUS_ACCESS_VIOLATION);
}

DECLSPEC_NORETURN VOID NTAPI ExRaiseDatatypeMisalignment(VOID)
{
    ExRaiseStatus(STATUS_DATATYPE_MISALIGNMENT);
}
