/* SPDX-License-Identifier: MIT */
/*
 * A driver package for devices that are running: DiInstallDriver. All devices that take the new driver are asked together; when they are gone, the old image is
 * unloaded, and the new one is loaded by the first device that starts.
 * https://learn.microsoft.com/windows/win32/api/newdev/nf-newdev-diinstalldriverw
 */
#include "pnp/install.h"
#include "io/driver.h"
#include "kd/log.h"

/* How long the old image may stay in use after its last device is gone: references that are left after a second are a leak and stop (io/driver.c). */
#define UNLOAD_LIMIT 3000 /* ms */
#define UNLOAD_LOOK  5    /* ms */

typedef struct _PNP_UPDATE {
    const INF_FILE *File;
    BOOLEAN Force;
    ULONG Count, Capacity;
    PDEVICE_OBJECT *Pdos;  /* Capacity of them; referenced */
    UNICODE_STRING *Old;   /* the services that they had */
    PDEVICE_NODE *Targets; /* what of them is still there, while the tree is locked */
} PNP_UPDATE, *PPNP_UPDATE;

/* Does the device take a driver from File? */
static BOOLEAN Takes(PDEVICE_NODE Node, PPNP_UPDATE Update, PPNP_DRIVER_CHOICE Choice)
{
    const INF_FILE *Installed;
    ULONG Rank;
    if (!PnpChooseDriver(Node, Update->File, Choice) || (Node->Flags & DNF_BUILTIN)) {
        return FALSE;
    }
    Installed = PnpInstalledInf(Node);
    Rank = Choice->Match.Rank;
    if (!Installed || Update->Force) {
        return TRUE;
    }
    return PnpChooseDriver(Node, Installed, Choice) &&
           (Rank < Choice->Match.Rank || (Rank == Choice->Match.Rank && InfIsNewer(Update->File, Installed)));
}

typedef struct _COLLECT {
    PPNP_UPDATE Update;
    PPNP_DRIVER_CHOICE Choice;
} COLLECT;

static BOOLEAN CountOne(PDEVICE_NODE Node, PVOID Context)
{
    (void)Node;
    ++*(PULONG)Context;
    return TRUE;
}

/* Room for every devnode there is. Tree locked. */
static NTSTATUS MakeRoom(PPNP_UPDATE Update)
{
    SIZE_T Size;
    PnpWalkParentsFirst(PnpRootDevnode(), CountOne, &Update->Capacity);
    Size = Update->Capacity * (sizeof(*Update->Pdos) + sizeof(*Update->Old) + sizeof(*Update->Targets));
    Update->Old = ExAllocatePoolWithTag(NonPagedPool, Size, PNP_TAG);
    if (!Update->Old) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(Update->Old, Size);
    Update->Pdos = (PVOID)(Update->Old + Update->Capacity);
    Update->Targets = (PVOID)(Update->Pdos + Update->Capacity);
    return STATUS_SUCCESS;
}

static BOOLEAN Collect(PDEVICE_NODE Node, PVOID Context)
{
    COLLECT *Collect = Context;
    PPNP_UPDATE Update = Collect->Update;
    if (Node->Parent && Node->InstancePath.Length && !(Node->Flags & DNF_MISSING) && Update->Count < Update->Capacity &&
        Takes(Node, Update, Collect->Choice)) {
        Update->Pdos[Update->Count] = Node->PhysicalDeviceObject;
        ObfReferenceObject(Node->PhysicalDeviceObject);
        if (Node->ServiceName.Buffer) {
            PnpSetUnicode(&Update->Old[Update->Count], Node->ServiceName.Buffer);
        }
        Update->Count++;
    }
    return TRUE;
}

/* The devnodes that are still there. Tree locked. */
static ULONG Nodes(PPNP_UPDATE Update)
{
    ULONG I, Count = 0;
    for (I = 0; I < Update->Count; I++) {
        PDEVICE_NODE Node = PnpDevnodeOfPdo(Update->Pdos[I]);
        if (Node && !(Node->Flags & DNF_MISSING)) {
            Update->Targets[Count++] = Node;
        }
    }
    return Count;
}

NTSTATUS PnpRemoveForUpdate(PPNP_UPDATE Update, PPNP_VETO Veto)
{
    ULONG Count = Nodes(Update);
    return Count ? PnpRemoveGracefully(Update->Targets, Count, PnpRemoveUpdate, Veto) : STATUS_SUCCESS;
}

static BOOLEAN AnyLoaded(PPNP_UPDATE Update, PCUNICODE_STRING New)
{
    BOOLEAN Any = FALSE;
    ULONG I;
    for (I = 0; I < Update->Count; I++) {
        Any |= Update->Old[I].Length && ObpEqualNames(&Update->Old[I], New) && IopFindDriver(New) != NULL;
    }
    return Any;
}

/* The service is the same and its old image is still mapped: references to a deleted device object may be short-lived. */
static BOOLEAN OldImageStays(PPNP_UPDATE Update, PCUNICODE_STRING New)
{
    LARGE_INTEGER Look = {.QuadPart = -UNLOAD_LOOK * 10000LL};
    ULONG Waited;
    for (Waited = 0; AnyLoaded(Update, New) && Waited < UNLOAD_LIMIT; Waited += UNLOAD_LOOK) {
        KeDelayExecutionThread(KernelMode, FALSE, &Look);
    }
    return AnyLoaded(Update, New);
}

/* Writes the new driver's keys; TRUE when some device will go on with the old image. */
static BOOLEAN InstallAll(PPNP_UPDATE Update, PPNP_DRIVER_CHOICE Choice)
{
    BOOLEAN Stays = FALSE;
    UNICODE_STRING New;
    ULONG I, Count;
    PnpLockTree();
    Count = Nodes(Update);
    for (I = 0; I < Count; I++) {
        if (PnpChooseDriver(Update->Targets[I], Update->File, Choice)) {
            PnpInstall(Update->Targets[I], Choice);
            RtlInitUnicodeString(&New, PnpWiden(Choice->Service, Choice->Wide));
        }
    }
    PnpUnlockTree();
    if (Count) {
        Stays = OldImageStays(Update, &New); /* without the lock: the event thread looks again at references */
    }
    return Stays;
}

/* https://learn.microsoft.com/windows-hardware/drivers/install/cm-prob-need-restart: it works, but not yet with its new driver. */
static VOID AskForRestart(PPNP_UPDATE Update)
{
    ULONG I, Count;
    PnpLockTree();
    Count = Nodes(Update);
    for (I = 0; I < Count; I++) {
        if (!Update->Targets[I]->Problem) {
            PnpSetProblem(Update->Targets[I], CM_PROB_NEED_RESTART, STATUS_SUCCESS);
        }
    }
    PnpUnlockTree();
}

static BOOLEAN IsDisabled(PDEVICE_OBJECT Pdo)
{
    PDEVICE_NODE Node;
    BOOLEAN Disabled;
    PnpLockTree();
    Node = PnpDevnodeOfPdo(Pdo);
    Disabled = Node && PnpIsDisabled(Node);
    PnpUnlockTree();
    return Disabled;
}

static NTSTATUS Run(PPNP_UPDATE Update, PPNP_DRIVER_CHOICE Choice, PBOOLEAN Restart)
{
    PPNP_EVENT Event = PnpNewEvent(PnpEventUpdate, NULL);
    NTSTATUS Status;
    ULONG I;
    if (!Event) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Event->Update = Update;
    Status = PnpRunEvent(Event);
    if (!NT_SUCCESS(Status)) {
        KdLog(LOG_WARNING, "update: %ws keeps the old driver (veto type %u): a restart is needed", Event->Veto.Name,
              Event->Veto.Type);
    }
    PnpFreeEvent(Event);
    *Restart = InstallAll(Update, Choice) || !NT_SUCCESS(Status);
    for (I = 0; NT_SUCCESS(Status) && I < Update->Count; I++) {
        if (!IsDisabled(Update->Pdos[I])) {
            PnpEnable(Update->Pdos[I]);
        }
    }
    if (*Restart) {
        AskForRestart(Update);
    }
    return STATUS_SUCCESS;
}

NTSTATUS PnpUpdateDriver(PCSTR Path, BOOLEAN Force, PBOOLEAN Restart)
{
    PPNP_UPDATE Update = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Update), PNP_TAG);
    PPNP_DRIVER_CHOICE Choice = ExAllocatePoolWithTag(PagedPool, sizeof(*Choice), PNP_TAG);
    COLLECT Context = {Update, Choice};
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;
    ULONG I;
    *Restart = FALSE;
    if (Update && Choice) {
        RtlZeroMemory(Update, sizeof(*Update));
        Update->Force = Force;
        PnpLockTree();
        Status = MakeRoom(Update);
        if (NT_SUCCESS(Status)) {
            Status = PnpAddToStore(Path, &Update->File);
        }
        if (NT_SUCCESS(Status)) {
            PnpWalkParentsFirst(PnpRootDevnode(), Collect, &Context);
        }
        PnpUnlockTree();
        if (NT_SUCCESS(Status)) {
            Status = Update->Count ? Run(Update, Choice, Restart) : STATUS_NO_MORE_ENTRIES;
        }
        KdTrace("update inf=%s devices=%u restart=%u status=0x%08x", Path, Update->Count, *Restart, Status);
        for (I = 0; I < Update->Count; I++) {
            ObfDereferenceObject(Update->Pdos[I]);
            if (Update->Old[I].Buffer) {
                ExFreePool(Update->Old[I].Buffer);
            }
        }
    }
    if (Update) {
        if (Update->Old) {
            ExFreePoolWithTag(Update->Old, PNP_TAG);
        }
        ExFreePoolWithTag(Update, PNP_TAG);
    }
    if (Choice) {
        ExFreePoolWithTag(Choice, PNP_TAG);
    }
    return Status;
}
