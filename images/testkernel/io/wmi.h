/* SPDX-License-Identifier: MIT */
/* Private to io/: WMI data providers, what they registered, and requests to them. */
#ifndef IO_WMI_H
#define IO_WMI_H
#include "kernel.h"
#include <wmistr.h>

/* Exported, but not in mingw's headers. */
VOID FASTCALL ExEnterCriticalRegionAndAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex);
VOID FASTCALL ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(PFAST_MUTEX FastMutex);

#define WMI_TAG 'imWI'

/* A data or event block that a provider registered. */
typedef struct _WMI_BLOCK {
    LIST_ENTRY Link;
    GUID Guid;
    ULONG Flags; /* WMIREG_FLAG_* */
    ULONG InstanceCount;
    PUNICODE_STRING Names; /* of static instances, InstanceCount of them; NULL: the names are dynamic */
} WMI_BLOCK, *PWMI_BLOCK;

typedef struct _WMI_PROVIDER {
    LIST_ENTRY Link;
    PVOID Object; /* device object, or callback */
    BOOLEAN Callback;
    LONG References;
    ULONG Id;
    EX_RUNDOWN_REF Requests; /* IRPs under way; deregistration waits for them */
    PKTHREAD Thread;         /* that sends one of them now */
    WORK_QUEUE_ITEM Work;    /* asks for the registration information */
    volatile LONG Queued;
    ULONG DataPath;    /* WMIREGISTER or WMIUPDATE */
    LIST_ENTRY Blocks; /* from here on: IopWmiMutex */
    NTSTATUS Status;   /* of the last IRP_MN_REGINFO_EX */
    UNICODE_STRING RegistryPath, MofResource;
} WMI_PROVIDER, *PWMI_PROVIDER;

extern FAST_MUTEX IopWmiMutex;

/* IRQL <= DISPATCH_LEVEL. Is this device object registered with WMI? It must not be when it is deleted: 0xC4/0xDB. */
BOOLEAN IopIsWmiProvider(PVOID Object);
/* IRQL <= DISPATCH_LEVEL. A callback in the image that is registered (WMIREG_FLAG_CALLBACK). */
BOOLEAN IopFindWmiOfImage(PVOID Base, SIZE_T Size, PVOID *Callback);
/* IRQL <= DISPATCH_LEVEL. The provider after Provider (NULL: the first), referenced; Provider's reference is dropped. */
PWMI_PROVIDER IopNextWmiProvider(PWMI_PROVIDER Provider);
VOID IopDropWmiProvider(PWMI_PROVIDER Provider);
/* IopWmiMutex held. */
PWMI_BLOCK IopFindWmiBlock(PWMI_PROVIDER Provider, const GUID *Guid);
/*
 * wmireginfo.c. PASSIVE_LEVEL, IopWmiMutex held. Takes the blocks of a WMIREGINFO into the provider; Update: besides those that it has. FALSE:
 * malformed. Gives back the references to PDOs in it.
 */
BOOLEAN IopTakeWmiRegInfo(PWMI_PROVIDER Provider, const VOID *Info, ULONG Size, BOOLEAN Update);
VOID IopForgetWmiBlocks(PWMI_PROVIDER Provider);
/*
 * PASSIVE_LEVEL, no lock. Sends IRP_MJ_SYSTEM_CONTROL to the provider and waits. *Used: bytes that the provider wrote. STATUS_WMI_GUID_NOT_FOUND: it
 * is being deregistered.
 */
NTSTATUS IopSendWmi(PWMI_PROVIDER Provider, UCHAR Minor, PVOID DataPath, PVOID Buffer, ULONG Size, PULONG Used);
/* wmievent.c. PASSIVE_LEVEL. Delivers queued events to those who asked (IoWMISetNotificationCallback). */
VOID IopDeliverWmiEvent(PWNODE_HEADER Event);

#endif
