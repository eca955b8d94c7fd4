/* SPDX-License-Identifier: MIT */
/*
 * WMI registration. Nobody queries WMI here; registrations are kept so that a device that is deleted while it is registered is found
 * (bug check 0xC4/0xDB), and so that drivers with WMI support load and start.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/registering-as-a-wmi-data-provider
 */
#include "io/wmi.h"
#include "io/verify.h"

#define WMI_TAG 'imWI'

typedef struct _PROVIDER {
    LIST_ENTRY Link;
    PVOID Object; /* device object, or callback */
} PROVIDER, *PPROVIDER;

static LIST_ENTRY Providers;
static KSPIN_LOCK ProvidersLock;

/* ProvidersLock held. */
static PPROVIDER Find(PVOID Object)
{
    for (PLIST_ENTRY Entry = Providers.Flink; Entry && Entry != &Providers; Entry = Entry->Flink) {
        PPROVIDER Provider = CONTAINING_RECORD(Entry, PROVIDER, Link);
        if (Provider->Object == Object) {
            return Provider;
        }
    }
    return NULL;
}

/*
 * PASSIVE_LEVEL. Action is one of WMIREG_ACTION_*, perhaps with WMIREG_FLAG_CALLBACK.
 * Partial: IRP_MN_REGINFO is not sent, as no data consumer exists.
 */
NTSTATUS NTAPI IoWMIRegistrationControl(PDEVICE_OBJECT DeviceObject, ULONG Action)
{
    PPROVIDER Provider, New = NULL;
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL Irql;
    IoRequireIrql("IoWMIRegistrationControl", PASSIVE_LEVEL, _ReturnAddress());
    if ((Action & 0xFFFF) == WMIREG_ACTION_REGISTER) {
        New = ExAllocatePoolWithTag(NonPagedPool, sizeof(*New), WMI_TAG);
        if (!New) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        New->Object = DeviceObject;
    }
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    if (!Providers.Flink) {
        InitializeListHead(&Providers);
    }
    Provider = Find(DeviceObject);
    switch (Action & 0xFFFF) {
    case WMIREG_ACTION_REGISTER:
        if (Provider) {
            Status = STATUS_OBJECT_NAME_EXISTS;
        } else {
            InsertTailList(&Providers, &New->Link);
            New = NULL;
        }
        break;
    case WMIREG_ACTION_DEREGISTER:
        if (Provider) {
            RemoveEntryList(&Provider->Link);
            New = Provider;
        } else {
            Status = STATUS_INVALID_PARAMETER;
        }
        break;
    case WMIREG_ACTION_REREGISTER:
    case WMIREG_ACTION_UPDATE_GUIDS:
        Status = Provider ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
        break;
    default:
        Status = STATUS_INVALID_PARAMETER;
    }
    KeReleaseSpinLock(&ProvidersLock, Irql);
    if (New) {
        ExFreePoolWithTag(New, WMI_TAG);
    }
    return Status;
}

/* IRQL <= APC_LEVEL. On success the event buffer belongs to WMI. Partial: nobody listens, so the event is dropped. */
NTSTATUS NTAPI IoWMIWriteEvent(PVOID WnodeEventItem)
{
    IoRequireIrql("IoWMIWriteEvent", APC_LEVEL, _ReturnAddress());
    ExFreePool(WnodeEventItem);
    return STATUS_SUCCESS;
}

BOOLEAN IopIsWmiProvider(PVOID Object)
{
    BOOLEAN Found;
    KIRQL Irql;
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    Found = Find(Object) != NULL;
    KeReleaseSpinLock(&ProvidersLock, Irql);
    return Found;
}

BOOLEAN IopFindWmiOfImage(PVOID Base, SIZE_T Size, PVOID *Callback)
{
    KIRQL Irql;
    *Callback = NULL;
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    for (PLIST_ENTRY Entry = Providers.Flink; Entry && Entry != &Providers && !*Callback; Entry = Entry->Flink) {
        PPROVIDER Provider = CONTAINING_RECORD(Entry, PROVIDER, Link);
        if ((ULONG_PTR)Provider->Object - (ULONG_PTR)Base < Size) {
            *Callback = Provider->Object;
        }
    }
    KeReleaseSpinLock(&ProvidersLock, Irql);
    return *Callback != NULL;
}
