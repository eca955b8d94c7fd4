/* SPDX-License-Identifier: MIT */
/*
 * WMI data providers: a registration is followed by IRP_MN_REGINFO_EX from a system thread, whose answer says which blocks the provider has.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/registering-as-a-wmi-data-provider
 */
#include "io/wmi.h"
#include "io/io.h"
#include "io/verify.h"
#include "kd/log.h"
#include "ke/processor.h"

#define FIRST_SIZE    PAGE_SIZE /* of the buffer for registration information */
#define MOST_SIZE     (256 * PAGE_SIZE)
#define FLAG_CALLBACK 0x80000000 /* WMIREG_FLAG_CALLBACK */

FAST_MUTEX IopWmiMutex;
static LIST_ENTRY Providers = {&Providers, &Providers};
static KSPIN_LOCK ProvidersLock;
static ULONG LastId;

/* ProvidersLock held. */
static PWMI_PROVIDER Find(PVOID Object)
{
    for (PLIST_ENTRY Entry = Providers.Flink; Entry != &Providers; Entry = Entry->Flink) {
        PWMI_PROVIDER Provider = CONTAINING_RECORD(Entry, WMI_PROVIDER, Link);
        if (Provider->Object == Object) {
            return Provider;
        }
    }
    return NULL;
}

VOID IopDropWmiProvider(PWMI_PROVIDER Provider)
{
    if (InterlockedDecrement(&Provider->References) == 0) {
        IopForgetWmiBlocks(Provider);
        ExFreePoolWithTag(Provider, WMI_TAG);
    }
}

PWMI_PROVIDER IopNextWmiProvider(PWMI_PROVIDER Provider)
{
    PWMI_PROVIDER Next = NULL;
    ULONG Id = Provider ? Provider->Id : 0;
    KIRQL Irql;
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    /* By its number, as Provider may be out of the list by now; the list is in the order of numbers. */
    for (PLIST_ENTRY Entry = Providers.Flink; Entry != &Providers && !Next; Entry = Entry->Flink) {
        PWMI_PROVIDER Candidate = CONTAINING_RECORD(Entry, WMI_PROVIDER, Link);
        if (Candidate->Id > Id) {
            Next = Candidate;
            InterlockedIncrement(&Next->References);
        }
    }
    KeReleaseSpinLock(&ProvidersLock, Irql);
    if (Provider) {
        IopDropWmiProvider(Provider);
    }
    return Next;
}

NTSTATUS IopSendWmi(PWMI_PROVIDER Provider, UCHAR Minor, PVOID DataPath, PVOID Buffer, ULONG Size, PULONG Used)
{
    IO_STATUS_BLOCK Iosb = {.Information = 0};
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;
    *Used = 0;
    if (Provider->Callback || !ExAcquireRundownProtection(&Provider->Requests)) {
        return STATUS_WMI_GUID_NOT_FOUND;
    }
    PDEVICE_OBJECT Top = IoGetAttachedDeviceReference(Provider->Object);
    PIRP Irp = IoAllocateIrp(Top->StackSize, FALSE);
    if (Irp) {
        PIO_STACK_LOCATION Stack = IoGetNextIrpStackLocation(Irp);
        Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
        Stack->MajorFunction = IRP_MJ_SYSTEM_CONTROL;
        Stack->MinorFunction = Minor;
        Stack->Parameters.WMI.ProviderId = (ULONG_PTR)Provider->Object;
        Stack->Parameters.WMI.DataPath = DataPath;
        Stack->Parameters.WMI.Buffer = Buffer;
        Stack->Parameters.WMI.BufferSize = Size;
        Provider->Thread = KiCurrentThread();
        Status = IopCallSynchronously(Top, Irp, &Iosb);
        Provider->Thread = NULL;
        *Used = (ULONG)min(Iosb.Information, Size);
    }
    ObDereferenceObject(Top);
    ExReleaseRundownProtection(&Provider->Requests);
    return Status;
}

/* PASSIVE_LEVEL, system thread. Size: where the needed size goes when Buffer is too small. */
static NTSTATUS AskFor(PWMI_PROVIDER Provider, PVOID Buffer, PULONG Size)
{
    ULONG Used;
    PVOID DataPath = (PVOID)(ULONG_PTR)Provider->DataPath;
    *(PULONG)Buffer = 0;
    NTSTATUS Status = IopSendWmi(Provider, IRP_MN_REGINFO_EX, DataPath, Buffer, *Size, &Used);
    if (Status == STATUS_BUFFER_TOO_SMALL) {
        *Size = *(PULONG)Buffer;
    } else if (NT_SUCCESS(Status)) {
        ExEnterCriticalRegionAndAcquireFastMutexUnsafe(&IopWmiMutex);
        if (!IopTakeWmiRegInfo(Provider, Buffer, Used, Provider->DataPath == WMIUPDATE)) {
            Status = STATUS_INVALID_BUFFER_SIZE;
        }
        ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(&IopWmiMutex);
    }
    return Status;
}

static VOID NTAPI AskForRegInfo(PVOID Context)
{
    PWMI_PROVIDER Provider = Context;
    NTSTATUS Status = STATUS_BUFFER_TOO_SMALL;
    InterlockedExchange(&Provider->Queued, FALSE);
    for (ULONG Size = FIRST_SIZE, Asked = 0; Status == STATUS_BUFFER_TOO_SMALL && Size > Asked && Size <= MOST_SIZE;) {
        PVOID Buffer = ExAllocatePoolWithTag(NonPagedPool, Size, WMI_TAG);
        if (!Buffer) {
            Status = STATUS_INSUFFICIENT_RESOURCES;
            break;
        }
        Asked = Size;
        Status = AskFor(Provider, Buffer, &Size);
        ExFreePoolWithTag(Buffer, WMI_TAG);
    }
    Provider->Status = Status;
    if (!NT_SUCCESS(Status) && Status != STATUS_WMI_GUID_NOT_FOUND) {
        CHAR Name[160];
        KdLog(LOG_WARNING, "%s registered with WMI and answers IRP_MN_REGINFO_EX with 0x%08x",
              IopDescribeDevice(Provider->Object, Name, sizeof(Name)), Status);
    }
    IopDropWmiProvider(Provider);
}

/* IRQL <= DISPATCH_LEVEL. Provider's reference for the work is taken here. */
static VOID QueueRegInfo(PWMI_PROVIDER Provider, ULONG DataPath)
{
    Provider->DataPath = DataPath;
    if (!Provider->Callback && !InterlockedExchange(&Provider->Queued, TRUE)) {
        InterlockedIncrement(&Provider->References);
        ExInitializeWorkItem(&Provider->Work, AskForRegInfo, Provider);
        ExQueueWorkItem(&Provider->Work, DelayedWorkQueue);
    }
}

static NTSTATUS Register(PVOID Object, BOOLEAN Callback)
{
    PWMI_PROVIDER New = ExAllocatePoolWithTag(NonPagedPool, sizeof(*New), WMI_TAG);
    KIRQL Irql;
    BOOLEAN Known;
    if (!New) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(New, sizeof(*New));
    New->Object = Object;
    New->Callback = Callback;
    New->References = 1;
    New->Status = STATUS_PENDING;
    InitializeListHead(&New->Blocks);
    ExInitializeRundownProtection(&New->Requests);
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    if (!LastId) {
        ExInitializeFastMutex(&IopWmiMutex);
    }
    Known = Find(Object) != NULL;
    if (!Known) {
        New->Id = ++LastId;
        InsertTailList(&Providers, &New->Link);
        QueueRegInfo(New, WMIREGISTER);
    }
    KeReleaseSpinLock(&ProvidersLock, Irql);
    if (Known) {
        ExFreePoolWithTag(New, WMI_TAG);
    }
    return Known ? STATUS_OBJECT_NAME_EXISTS : STATUS_SUCCESS;
}

/*
 * "Causes the calling thread to block until all IRP_MJ_SYSTEM_CONTROL requests … have completed. … Within a dispatch routine for an
 * IRP_MJ_SYSTEM_CONTROL request, the calling thread will deadlock": that is a stop at once.
 */
static NTSTATUS Deregister(PVOID Object, PVOID Caller)
{
    KIRQL Irql;
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    PWMI_PROVIDER Provider = Find(Object);
    if (Provider && Provider->Thread != KiCurrentThread()) {
        RemoveEntryList(&Provider->Link);
    }
    KeReleaseSpinLock(&ProvidersLock, Irql);
    if (!Provider) {
        return STATUS_INVALID_PARAMETER;
    }
    if (Provider->Thread == KiCurrentThread()) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x1001, (ULONG_PTR)Object, (ULONG_PTR)KiCurrentThread(), 0, Caller,
               "deadlock: IoWMIRegistrationControl(WMIREG_ACTION_DEREGISTER) waits for the WMI request in whose "
               "dispatch routine it is called");
    }
    ExWaitForRundownProtectionRelease(&Provider->Requests);
    IopDropWmiProvider(Provider);
    return STATUS_SUCCESS;
}

/*
 * PASSIVE_LEVEL. Action is one of WMIREG_ACTION_*, perhaps with WMIREG_FLAG_CALLBACK: then DeviceObject is a routine, which is asked nothing (Microsoft
 * does not document how).
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmiregistrationcontrol
 */
NTSTATUS NTAPI IoWMIRegistrationControl(PDEVICE_OBJECT DeviceObject, ULONG Action)
{
    KIRQL Irql;
    switch (Action & 0xFFFF) {
    case WMIREG_ACTION_REGISTER:
        return Register(DeviceObject, (Action & FLAG_CALLBACK) != 0);
    case WMIREG_ACTION_DEREGISTER:
        return Deregister(DeviceObject, _ReturnAddress());
    case WMIREG_ACTION_REREGISTER:
    case WMIREG_ACTION_UPDATE_GUIDS: {
        KeAcquireSpinLock(&ProvidersLock, &Irql);
        PWMI_PROVIDER Provider = Find(DeviceObject);
        if (Provider) {
            QueueRegInfo(Provider, (Action & 0xFFFF) == WMIREG_ACTION_REREGISTER ? WMIREGISTER : WMIUPDATE);
        }
        KeReleaseSpinLock(&ProvidersLock, Irql);
        return Provider ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
    }
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

#undef IoWMIDeviceObjectToProviderId
/* IRQL <= DISPATCH_LEVEL. The number that identifies the provider in a WNODE_HEADER; 0: it is not registered. */
ULONG NTAPI IoWMIDeviceObjectToProviderId(PDEVICE_OBJECT DeviceObject);
ULONG NTAPI IoWMIDeviceObjectToProviderId(PDEVICE_OBJECT DeviceObject)
{
    KIRQL Irql;
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    PWMI_PROVIDER Provider = Find(DeviceObject);
    ULONG Id = Provider ? Provider->Id : 0;
    KeReleaseSpinLock(&ProvidersLock, Irql);
    return Id;
}

BOOLEAN IopIsWmiProvider(PVOID Object)
{
    KIRQL Irql;
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    BOOLEAN Found = Find(Object) != NULL;
    KeReleaseSpinLock(&ProvidersLock, Irql);
    return Found;
}

BOOLEAN IopFindWmiOfImage(PVOID Base, SIZE_T Size, PVOID *Callback)
{
    KIRQL Irql;
    *Callback = NULL;
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    for (PLIST_ENTRY Entry = Providers.Flink; Entry != &Providers && !*Callback; Entry = Entry->Flink) {
        PWMI_PROVIDER Provider = CONTAINING_RECORD(Entry, WMI_PROVIDER, Link);
        if ((ULONG_PTR)Provider->Object - (ULONG_PTR)Base < Size) {
            *Callback = Provider->Object;
        }
    }
    KeReleaseSpinLock(&ProvidersLock, Irql);
    return *Callback != NULL;
}
