/* SPDX-License-Identifier: MIT */
/*
 * Event tracing for Windows: providers register and unregister; no session ever enables one, so events are dropped, as on a Windows without a
 * trace session. A provider left registered at unload is 0xC4/0xDD (io/unloadcheck.c), a wrong handle 0xC4/0xDC.
 * https://learn.microsoft.com/windows-hardware/drivers/devtest/adding-event-tracing-to-kernel-mode-drivers
 */
#include "ex/ex.h"
#include <evntprov.h>

#define CALLER  __builtin_return_address(0)
#define ETW_TAG 'RwtE'

typedef struct _ETW_PROVIDER {
    LIST_ENTRY Link;
    PVOID Registrar; /* who called EtwRegister */
} ETW_PROVIDER, *PETW_PROVIDER;

static LIST_ENTRY Providers;
static KSPIN_LOCK ProvidersLock;

/* PASSIVE_LEVEL. The callback is never called: nobody enables the provider. */
NTSTATUS NTAPI EtwRegister(LPCGUID ProviderId, PETWENABLECALLBACK EnableCallback, PVOID CallbackContext,
                           PREGHANDLE RegHandle)
{
    PETW_PROVIDER Provider;
    KIRQL Irql;
    Provider = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Provider), ETW_TAG);
    if (!Provider) {
        return STATUS_NO_MEMORY;
    }
    Provider->Registrar = CALLER;
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    if (!Providers.Flink) {
        InitializeListHead(&Providers);
    }
    InsertTailList(&Providers, &Provider->Link);
    KeReleaseSpinLock(&ProvidersLock, Irql);
    *RegHandle = (REGHANDLE)Provider;
    return STATUS_SUCCESS;
}

/* PASSIVE_LEVEL. */
NTSTATUS NTAPI EtwUnregister(REGHANDLE RegHandle)
{
    PETW_PROVIDER Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&ProvidersLock, &Irql);
    for (PLIST_ENTRY Entry = Providers.Flink; Entry && Entry != &Providers; Entry = Entry->Flink) {
        if (Entry == (PLIST_ENTRY)RegHandle) {
            Found = CONTAINING_RECORD(Entry, ETW_PROVIDER, Link);
            RemoveEntryList(Entry);
            break;
        }
    }
    KeReleaseSpinLock(&ProvidersLock, Irql);
    if (!Found) {
        KeBugCheckReason(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_ETW_BAD_HANDLE, 0, 0, 0, CALLER,
                         "EtwUnregister of 0x%I64x, which EtwRegister did not return or which is unregistered already",
                         (ULONG64)RegHandle);
    }
    ExFreePoolWithTag(Found, ETW_TAG);
    return STATUS_SUCCESS;
}

/* Any IRQL. */
BOOLEAN NTAPI EtwEventEnabled(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor)
{
    return FALSE;
}

BOOLEAN NTAPI EtwProviderEnabled(REGHANDLE RegHandle, UCHAR Level, ULONGLONG Keyword)
{
    return FALSE;
}

/* Any IRQL. The event is dropped. */
NTSTATUS NTAPI EtwWrite(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor, LPCGUID ActivityId,
                        ULONG UserDataCount, PEVENT_DATA_DESCRIPTOR UserData)
{
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI EtwWriteTransfer(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor, LPCGUID ActivityId,
                                LPCGUID RelatedActivityId, ULONG UserDataCount, PEVENT_DATA_DESCRIPTOR UserData)
{
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI EtwWriteString(REGHANDLE RegHandle, UCHAR Level, ULONGLONG Keyword, LPCGUID ActivityId, PCWSTR String)
{
    return STATUS_SUCCESS;
}

PVOID ExFindEtwProvider(const VOID *Base, SIZE_T Size, REGHANDLE *Handle)
{
    PVOID found = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&ProvidersLock, &irql);
    for (PLIST_ENTRY entry = Providers.Flink; entry && entry != &Providers && !found; entry = entry->Flink) {
        PETW_PROVIDER provider = CONTAINING_RECORD(entry, ETW_PROVIDER, Link);
        if ((ULONG_PTR)provider->Registrar - (ULONG_PTR)Base < Size) {
            *Handle = (REGHANDLE)provider;
            found = provider->Registrar;
        }
    }
    KeReleaseSpinLock(&ProvidersLock, irql);
    return found;
}
