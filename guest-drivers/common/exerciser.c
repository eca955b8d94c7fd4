/* SPDX-License-Identifier: MIT */
#include "exerciser.h"
#include "trace.h"

VOID ExerciserInitialize(PEXERCISER Exerciser, PHARDWARE_GATE Gate, EXERCISE_STEP Step, PVOID Context)
{
    RtlZeroMemory(Exerciser, sizeof(*Exerciser));
    Exerciser->Gate = Gate;
    Exerciser->Step = Step;
    Exerciser->Context = Context;
    KeInitializeMutex(&Exerciser->Control, 0);
    KeInitializeEvent(&Exerciser->StopRequest, NotificationEvent, FALSE);
    KeInitializeEvent(&Exerciser->WakeNeeded, NotificationEvent, FALSE);
}

VOID ExerciserCount(PEXERCISER Exerciser, BOOLEAN Good)
{
    InterlockedIncrement64(&Exerciser->Operations);
    if (!Good) {
        InterlockedIncrement64(&Exerciser->Errors);
    }
}

VOID ExerciserSetUrgent(PEXERCISER Exerciser, BOOLEAN Urgent)
{
    /* System threads start at 8, the middle of the dynamic priorities. */
    if (Exerciser->Thread != NULL && Exerciser->Urgent != Urgent) {
        Exerciser->Urgent = Urgent;
        KeSetPriorityThread(Exerciser->Thread, LOW_REALTIME_PRIORITY / 2 + (Urgent ? 4 : 0));
    }
}

static VOID NTAPI ExerciserThread(PVOID Context)
{
    PEXERCISER exerciser = (PEXERCISER)Context;
    /* When several are signalled the lowest index wins. */
    PVOID events[] = {&exerciser->StopRequest, &exerciser->Gate->Opened, &exerciser->WakeNeeded};
    NTSTATUS which;

    while ((which = KeWaitForMultipleObjects(3, events, WaitAny, Executive, KernelMode, FALSE, NULL, NULL)) !=
           STATUS_WAIT_0) {
        if (which == STATUS_WAIT_2) {
            KeClearEvent(&exerciser->WakeNeeded);
            exerciser->Wake(exerciser, exerciser->Context);
        } else if (GateEnter(exerciser->Gate)) {
            exerciser->Step(exerciser, exerciser->Context);
            exerciser->Round++;
            GateLeave(exerciser->Gate);
        }
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS StartThread(PEXERCISER Exerciser)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    PVOID thread;
    NTSTATUS status;

    KeClearEvent(&Exerciser->StopRequest);
    Exerciser->Urgent = FALSE;
    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, &attributes, NULL, NULL, ExerciserThread, Exerciser);
    if (NT_SUCCESS(status)) {
        status = ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode, &thread, NULL);
        if (NT_SUCCESS(status)) {
            Exerciser->Thread = (PKTHREAD)thread;
        } else {
            /* Cannot happen with a handle just made; without the object the thread could not be waited for, so it is told to go. */
            KeSetEvent(&Exerciser->StopRequest, IO_NO_INCREMENT, FALSE);
        }
        ZwClose(handle);
    }
    return status;
}

NTSTATUS ExerciserStart(PEXERCISER Exerciser, ULONG Pattern)
{
    NTSTATUS status = STATUS_SUCCESS;

    if (Pattern > BUDDY_PATTERN_LAST) {
        return STATUS_INVALID_PARAMETER;
    }
    KeWaitForSingleObject(&Exerciser->Control, Executive, KernelMode, FALSE, NULL);
    Exerciser->Pattern = Pattern;
    if (Exerciser->Thread == NULL) {
        status = StartThread(Exerciser);
        Trace("exercise-start status=%x pattern=%u", status, Pattern);
    }
    KeReleaseMutex(&Exerciser->Control, FALSE);
    return status;
}

VOID ExerciserStop(PEXERCISER Exerciser)
{
    KeWaitForSingleObject(&Exerciser->Control, Executive, KernelMode, FALSE, NULL);
    if (Exerciser->Thread != NULL) {
        KeSetEvent(&Exerciser->StopRequest, IO_NO_INCREMENT, FALSE);
        KeWaitForSingleObject(Exerciser->Thread, Executive, KernelMode, FALSE, NULL);
        ObDereferenceObject(Exerciser->Thread);
        Exerciser->Thread = NULL;
        Trace("exercise-stop");
    }
    KeReleaseMutex(&Exerciser->Control, FALSE);
}

static NTSTATUS GetStatus(PEXERCISER Exerciser, PVOID Buffer, ULONG OutputLength, ULONG_PTR *Information)
{
    BUDDY_EXERCISE_STATUS *status = (BUDDY_EXERCISE_STATUS *)Buffer;

    if (OutputLength < sizeof(*status)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    status->Running = Exerciser->Thread != NULL;
    status->Powered = GateIsOpen(Exerciser->Gate);
    status->Operations = (ULONGLONG)Exerciser->Operations;
    status->Errors = (ULONGLONG)Exerciser->Errors;
    status->PowerUps = (ULONG)Exerciser->PowerUps;
    status->PowerDowns = (ULONG)Exerciser->PowerDowns;
    *Information = sizeof(*status);
    return STATUS_SUCCESS;
}

NTSTATUS ExerciserControl(PEXERCISER Exerciser, ULONG Code, PVOID Buffer, ULONG InputLength, ULONG OutputLength,
                          ULONG_PTR *Information)
{
    switch (Code) {
    case IOCTL_BUDDY_EXERCISE_START:
        if (InputLength != 0 && InputLength < sizeof(BUDDY_EXERCISE)) {
            return STATUS_INVALID_PARAMETER;
        }
        return ExerciserStart(Exerciser,
                              InputLength != 0 ? ((BUDDY_EXERCISE *)Buffer)->Pattern : Exerciser->DefaultPattern);
    case IOCTL_BUDDY_EXERCISE_STOP:
        ExerciserStop(Exerciser);
        return STATUS_SUCCESS;
    case IOCTL_BUDDY_EXERCISE_STATUS:
        return GetStatus(Exerciser, Buffer, OutputLength, Information);
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}
