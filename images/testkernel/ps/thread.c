/* SPDX-License-Identifier: MIT */
/* Threads as drivers see them. There is one process, the system's. */
#include "ke/thread.h"
#include "ke/threads.h"
#include "ke/processor.h"
#include "ob/object.h"
#include "boot/loader.h"
#include "rtl/format.h"

PEPROCESS PsInitialSystemProcess = &KiSystemProcess;

/* PASSIVE_LEVEL. The thread starts at priority 8 (Windows: the system process' normal priority). The handle must be closed. */
NTSTATUS NTAPI PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                                    HANDLE ProcessHandle, PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine,
                                    PVOID StartContext)
{
    SYMBOL symbol;
    CHAR name[32];
    PKTHREAD thread;
    LdrSymbolFromAddress((PVOID)StartRoutine, &symbol);
    RtlFormat(name, sizeof(name), "%s!%s", symbol.Image, symbol.Name);
    NTSTATUS status = KiCreateThread(name, 8, StartRoutine, StartContext, &thread);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (ClientId) {
        ClientId->UniqueProcess = (HANDLE)4;
        ClientId->UniqueThread = (HANDLE)(ULONG_PTR)thread->Id;
    }
    status = ThreadHandle ? ObpCreateHandle(thread, DesiredAccess, ThreadHandle) : STATUS_SUCCESS;
    KiDereferenceThread(thread);
    return status;
}

/* PASSIVE_LEVEL. Ends the calling system thread. */
NTSTATUS NTAPI PsTerminateSystemThread(NTSTATUS ExitStatus)
{
    PVOID caller = __builtin_return_address(0);
    KiCheckThreadReturn(KiCurrentThread(), caller);
    KiTerminateThread(ExitStatus);
}

PEPROCESS NTAPI IoGetCurrentProcess(VOID)
{
    return &KiSystemProcess;
}

HANDLE NTAPI PsGetCurrentThreadId(VOID)
{
    return (HANDLE)(ULONG_PTR)KiCurrentThread()->Id;
}

HANDLE NTAPI PsGetThreadId(PETHREAD Thread)
{
    return (HANDLE)(ULONG_PTR)Thread->Tcb.Id;
}

HANDLE NTAPI PsGetCurrentProcessId(VOID)
{
    return (HANDLE)4;
}

HANDLE NTAPI PsGetProcessId(PEPROCESS Process)
{
    return (HANDLE)4;
}

BOOLEAN NTAPI PsIsSystemThread(PETHREAD Thread)
{
    return TRUE;
}

BOOLEAN NTAPI PsIsThreadTerminating(PETHREAD Thread)
{
    return Thread->Tcb.State == ThreadTerminated;
}

/* Windows 10 2004, as rtl/version.c. */
BOOLEAN NTAPI PsGetVersion(PULONG MajorVersion, PULONG MinorVersion, PULONG BuildNumber, PUNICODE_STRING CSDVersion)
{
    if (MajorVersion) {
        *MajorVersion = 10;
    }
    if (MinorVersion) {
        *MinorVersion = 0;
    }
    if (BuildNumber) {
        *BuildNumber = 19041;
    }
    if (CSDVersion && CSDVersion->MaximumLength >= sizeof(WCHAR)) {
        CSDVersion->Length = 0;
        CSDVersion->Buffer[0] = 0;
    }
    return TRUE;
}
