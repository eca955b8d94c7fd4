/* SPDX-License-Identifier: MIT */
/*
 * `io` and `kill`: a process that keeps a device busy, and its violent end. There is no user mode, so the process is a system thread that does what one
 * would do: it opens the device, leaves one request pending, and sends others one after the other. Its end is what Windows makes of TerminateProcess: the
 * pending request is cancelled, waited for, and only then the handle is closed (CLEANUP, CLOSE).
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-cancelable-irps
 */
#include "agent/verb.h"
#include "ke/thread.h"
#include "ob/object.h"
#include "pnp/internal.h"
#include "buddy_ioctl.h"

#define TAG          'pgAB'
#define PROCESSES    8
#define IO_PRIORITY  8
#define CANCEL_LIMIT (-50000000LL) /* 5 s in units of 100 ns, relative: what a cancelled request may take */

typedef struct IO_PROCESS {
    ULONG Id;
    PFILE_OBJECT File;
    HANDLE Handle;
    PIRP Pending; /* the process' own: freed by it alone, so that it can be cancelled at any time */
    ULONG Output; /* of the pending request */
    KEVENT Done;  /* the pending request is completed */
    KEVENT Kill;
    KEVENT Ended;
    NTSTATUS Status; /* of the end */
} IO_PROCESS;

/* Whoever takes an entry out by exchange owns it. */
static IO_PROCESS *Processes[PROCESSES];
static LONG LastId;

static NTSTATUS NTAPI PendingDone(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    KeSetEvent(&((IO_PROCESS *)Context)->Done, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* Sends the request that the driver keeps until something happens; it is not waited for. */
static VOID SendPending(IO_PROCESS *Process)
{
    PDEVICE_OBJECT top = IoGetRelatedDeviceObject(Process->File);
    PIRP irp = Process->Pending;

    IoReuseIrp(irp, STATUS_SUCCESS);
    irp->AssociatedIrp.SystemBuffer = &Process->Output;
    irp->RequestorMode = KernelMode;
    irp->Tail.Overlay.Thread = PsGetCurrentThread();
    PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(irp);
    stack->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    stack->FileObject = Process->File;
    stack->Parameters.DeviceIoControl.IoControlCode = IOCTL_BUDDY_WAIT_POWER;
    stack->Parameters.DeviceIoControl.OutputBufferLength = sizeof(Process->Output);
    IoSetCompletionRoutine(irp, PendingDone, Process, TRUE, TRUE, TRUE);
    KeClearEvent(&Process->Done);
    IoCallDriver(top, irp);
}

/* Until killed: other requests, and the pending one again whenever it has been answered. Returns STATUS_IO_TIMEOUT if it cannot be cancelled. */
static NTSTATUS Work(IO_PROCESS *Process)
{
    BUDDY_EXERCISE_STATUS status;
    IO_STATUS_BLOCK iosb;
    LARGE_INTEGER limit = {.QuadPart = CANCEL_LIMIT};
    LARGE_INTEGER now = {.QuadPart = 0};

    SendPending(Process);
    while (KeWaitForSingleObject(&Process->Kill, UserRequest, KernelMode, FALSE, &now) == STATUS_TIMEOUT) {
        IopDeviceControl(Process->File, IOCTL_BUDDY_EXERCISE_STATUS, NULL, 0, &status, sizeof(status), FALSE, &iosb);
        if (KeReadStateEvent(&Process->Done) && NT_SUCCESS(Process->Pending->IoStatus.Status)) {
            SendPending(Process);
        }
    }
    IoCancelIrp(Process->Pending);
    return KeWaitForSingleObject(&Process->Done, UserRequest, KernelMode, FALSE, &limit) == STATUS_TIMEOUT
               ? STATUS_IO_TIMEOUT
               : STATUS_SUCCESS;
}

static VOID Close(IO_PROCESS *Process)
{
    ObDereferenceObject(Process->File);
    ObpCloseHandle(Process->Handle);
    if (Process->Pending) {
        IoFreeIrp(Process->Pending);
    }
}

static VOID NTAPI RunIo(PVOID Context)
{
    IO_PROCESS *process = Context;

    process->Status = Work(process);
    if (!NT_SUCCESS(process->Status)) {
        KeSetEvent(&process->Ended, IO_NO_INCREMENT, FALSE);
        KeWaitForSingleObject(&process->Done, UserRequest, KernelMode, FALSE, NULL); /* as long as the driver likes */
    }
    Close(process);
    KeSetEvent(&process->Ended, IO_NO_INCREMENT, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID PutProcess(JSON_WRITER *Out, ULONG Id)
{
    JsonBeginObject(Out);
    JsonPutUnsigned(Out, "process", Id);
    JsonEndObject(Out);
}

static BOOLEAN Register(IO_PROCESS *Process)
{
    for (ULONG i = 0; i < PROCESSES; i++) {
        if (!InterlockedCompareExchangePointer((PVOID *)&Processes[i], Process, NULL)) {
            return TRUE;
        }
    }
    return FALSE;
}

static IO_PROCESS *Take(ULONG64 Id)
{
    for (ULONG i = 0; i < PROCESSES; i++) {
        IO_PROCESS *process = Processes[i];
        if (process && process->Id == Id &&
            InterlockedCompareExchangePointer((PVOID *)&Processes[i], NULL, process) == process) {
            return process;
        }
    }
    return NULL;
}

int VerbIo(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    VERB_DEVICE device;
    PKTHREAD thread;
    int code = VerbFindDevice(Arguments[0], &device, Out);

    if (code != EXIT_DONE) {
        return code;
    }
    IO_PROCESS *process = ExAllocatePoolWithTag(NonPagedPool, sizeof(*process), TAG);
    if (!process) {
        ObDereferenceObject(device.Pdo);
        return VerbFail(Out, EXIT_FAILED, STATUS_NO_MEMORY, "not enough memory for the process");
    }
    RtlZeroMemory(process, sizeof(*process));
    KeInitializeEvent(&process->Done, NotificationEvent, FALSE);
    KeInitializeEvent(&process->Kill, NotificationEvent, FALSE);
    KeInitializeEvent(&process->Ended, NotificationEvent, FALSE);
    ULONG id = process->Id = (ULONG)InterlockedIncrement(&LastId);
    code = VerbOpenDevice(&device, &process->File, &process->Handle, Out);
    ObDereferenceObject(device.Pdo);
    if (code != EXIT_DONE) {
        ExFreePoolWithTag(process, TAG);
        return code;
    }
    process->Pending = IoAllocateIrp(IoGetRelatedDeviceObject(process->File)->StackSize, FALSE);
    NTSTATUS status = process->Pending && Register(process) ? KiCreateThread("io", IO_PRIORITY, RunIo, process, &thread)
                                                            : STATUS_INSUFFICIENT_RESOURCES;
    if (!NT_SUCCESS(status)) {
        Take(id);
        Close(process);
        ExFreePoolWithTag(process, TAG);
        return VerbFail(Out, EXIT_FAILED, status, "the process could not be started; kill others first");
    }
    KiDereferenceThread(thread);
    PutProcess(Out, id);
    return EXIT_DONE;
}

int VerbKill(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    ULONG64 id;

    if (!VerbNumber(Arguments[0], &id)) {
        return VerbUsage(Out, "usage: buddyctl kill PROCESS; PROCESS is the number that `io` answered");
    }
    IO_PROCESS *process = Take(id);
    if (!process) {
        return VerbFail(Out, EXIT_ABSENT, STATUS_INVALID_CID,
                        "there is no such process; it may have been killed already");
    }
    KeSetEvent(&process->Kill, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(&process->Ended, UserRequest, KernelMode, FALSE, NULL);
    NTSTATUS status = process->Status;
    if (!NT_SUCCESS(status)) {
        /* The process stays, with its open handle, as it does on Windows. */
        return VerbFail(Out, EXIT_FAILED, status,
                        "the process does not end: a driver has not completed a request 5 s after it was cancelled");
    }
    ExFreePoolWithTag(process, TAG);
    PutProcess(Out, (ULONG)id);
    return EXIT_DONE;
}
