/* SPDX-License-Identifier: MIT */
/*
 * System power IRPs over the device tree. Going down, a device gets its IRP when all its children are done with theirs; coming up, when its
 * parent is in D0 (Microsoft, "System Set-Power IRPs" and "Device Power Management"). All devices of a level are asked at the same time, so
 * that their delays overlap.
 */
#include "po/po.h"
#include "io/io.h"
#include "kd/log.h"
#include "ke/perturb.h"
#include "rtl/format.h"

typedef struct _PASS {
    UCHAR Minor;
    SYSTEM_POWER_STATE State;
    POWER_ACTION Action;
    struct _MEMBER *Members;
    ULONG Count, Levels;
    volatile LONG Outstanding;
    KEVENT Done;
} PASS;

/* A device of the pass. */
typedef struct _MEMBER {
    PDEVICE_NODE Node;
    PASS *Pass;
    NTSTATUS Status;
    BOOLEAN Asked;
} MEMBER;

static BOOLEAN TakesPart(PDEVICE_NODE Node)
{
    return Node->PhysicalDeviceObject != NULL && Node->Parent != NULL &&
           (PnpIsStarted(Node) || Node->State == DeviceNodeStopped || Node->State == DeviceNodeQueryStopped);
}

static BOOLEAN Collect(PDEVICE_NODE Node, PVOID Context)
{
    PASS *pass = Context;

    if (!TakesPart(Node))
        return TRUE;
    if (pass->Members != NULL)
        pass->Members[pass->Count] = (MEMBER){Node, pass, STATUS_SUCCESS, FALSE};
    pass->Count++;
    pass->Levels = max(pass->Levels, Node->Level + 1);
    return TRUE;
}

static NTSTATUS Begin(PASS *Pass)
{
    PnpWalkParentsFirst(PnpRootDevnode(), Collect, Pass);
    Pass->Members = ExAllocatePoolWithTag(NonPagedPool, (Pass->Count + 1) * sizeof(MEMBER), PO_TAG);
    if (Pass->Members == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Pass->Count = 0;
    PnpWalkParentsFirst(PnpRootDevnode(), Collect, Pass);
    KeInitializeEvent(&Pass->Done, SynchronizationEvent, FALSE);
    return STATUS_SUCCESS;
}

static VOID NTAPI MemberDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                             PIO_STATUS_BLOCK Status)
{
    MEMBER *member = Context;
    PASS *pass = member->Pass;

    /* A stack that knows no power management keeps the initial status, and does not object. */
    member->Status = Status->Status == STATUS_NOT_SUPPORTED ? STATUS_SUCCESS : Status->Status;
    if (InterlockedDecrement(&pass->Outstanding) == 0)
        KeSetEvent(&pass->Done, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS Ask(MEMBER *Member)
{
    PASS *pass = Member->Pass;
    POWER_STATE state = {.SystemState = pass->State};
    PO_REQUEST *request =
        PopNewRequest(Member->Node->PhysicalDeviceObject, pass->Minor, SystemPowerState, state, pass->Action);

    if (request == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    request->Completion = MemberDone;
    request->Context = Member;
    Member->Asked = TRUE;
    InterlockedIncrement(&pass->Outstanding);
    PopSend(request);
    return STATUS_SUCCESS;
}

/* A driver may complete its system IRP before its device IRP (fast resume); the next level must not find a parent without power. */
static VOID WaitForDeviceIrps(PASS *Pass, ULONG Level)
{
    for (ULONG i = 0; i < Pass->Count; i++) {
        while (Pass->Members[i].Node->Level == Level && PopDeviceIrps(Pass->Members[i].Node->PhysicalDeviceObject) != 0)
            KeWaitForSingleObject(&PopRetired, Executive, KernelMode, FALSE,
                                  NULL); /* the watchdog ends a wait that is too long */
    }
}

/* Ask all devices of one level and wait for them. Returns the first failure. */
static NTSTATUS RunLevel(PASS *Pass, ULONG Level)
{
    ULONG first = KiPerturb(max(Pass->Count, 1));
    NTSTATUS status = STATUS_SUCCESS;

    Pass->Outstanding = 1;
    for (ULONG n = 0; n < Pass->Count; n++) {
        ULONG i = (n + first) % Pass->Count; /* siblings have no order: a seed changes it */

        if (Pass->Members[i].Node->Level == Level && !Pass->Members[i].Asked) {
            NTSTATUS asked = Ask(&Pass->Members[i]);

            if (!NT_SUCCESS(asked))
                Pass->Members[i].Status = asked;
        }
    }
    if (InterlockedDecrement(&Pass->Outstanding) != 0)
        KeWaitForSingleObject(&Pass->Done, Executive, KernelMode, FALSE, NULL);
    if (Pass->Minor == IRP_MN_SET_POWER)
        WaitForDeviceIrps(Pass, Level);
    for (ULONG i = 0; i < Pass->Count; i++) {
        if (Pass->Members[i].Node->Level == Level && NT_SUCCESS(status))
            status = Pass->Members[i].Status;
    }
    return status;
}

static VOID ReportVeto(PASS *Pass, PSTR Veto, SIZE_T Size)
{
    for (ULONG i = 0; i < Pass->Count; i++) {
        const MEMBER *member = &Pass->Members[i];

        if (!NT_SUCCESS(member->Status)) {
            RtlFormat(Veto, Size, "%wZ (driver %wZ) %s S%u with status %08x", &member->Node->InstancePath,
                      &member->Node->ServiceName, Pass->Minor == IRP_MN_QUERY_POWER ? "refused" : "failed to follow to",
                      Pass->State - PowerSystemWorking, member->Status);
            KdLog(LOG_INFO, "power: %s", Veto);
            return;
        }
    }
}

/* Tell those who were asked that the system stays in S0, parents first. */
static VOID Cancel(PASS *Pass)
{
    PASS again = {
        .Minor = IRP_MN_SET_POWER, .State = PowerSystemWorking, .Action = Pass->Action, .Levels = Pass->Levels};

    again.Members = Pass->Members;
    again.Count = Pass->Count;
    KeInitializeEvent(&again.Done, SynchronizationEvent, FALSE);
    for (ULONG i = 0; i < again.Count; i++) {
        again.Members[i].Asked = !again.Members[i].Asked; /* RunLevel passes over those that are marked */
        again.Members[i].Pass = &again;
    }
    for (ULONG level = 0; level < again.Levels; level++)
        RunLevel(&again, level);
}

NTSTATUS PopQuerySystem(SYSTEM_POWER_STATE State, POWER_ACTION Action, PSTR Veto, SIZE_T VetoSize)
{
    PASS pass = {.Minor = IRP_MN_QUERY_POWER, .State = State, .Action = Action};
    NTSTATUS status = Begin(&pass);

    if (!NT_SUCCESS(status))
        return status;
    for (ULONG level = pass.Levels; level-- > 0 && NT_SUCCESS(status);)
        status = RunLevel(&pass, level);
    if (!NT_SUCCESS(status)) {
        ReportVeto(&pass, Veto, VetoSize);
        Cancel(&pass);
    }
    ExFreePoolWithTag(pass.Members, PO_TAG);
    return status;
}

/* A set-power IRP cannot be refused; one that fails all the same is logged, and the transition goes on. */
NTSTATUS PopSetSystem(SYSTEM_POWER_STATE State, POWER_ACTION Action)
{
    PASS pass = {.Minor = IRP_MN_SET_POWER, .State = State, .Action = Action};
    NTSTATUS status = Begin(&pass), one;
    CHAR text[200];

    if (!NT_SUCCESS(status))
        return status;
    for (ULONG step = 0; step < pass.Levels; step++) {
        one = RunLevel(&pass, State == PowerSystemWorking ? step : pass.Levels - 1 - step);
        if (!NT_SUCCESS(one)) {
            ReportVeto(&pass, text, sizeof(text));
            status = one;
        }
    }
    ExFreePoolWithTag(pass.Members, PO_TAG);
    return status;
}
