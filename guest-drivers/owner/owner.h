/* SPDX-License-Identifier: MIT */
/* The owner (A) of a buddy device: PCI function driver, power policy owner, lender of the device's resources. */
#ifndef OWNER_H
#define OWNER_H

#include "function_device.h"
#include "interrupt.h"
#include "page_user.h"

#define MAX_CLIENTS   8 /* register pages; number 0 is the owner's own */
#define CLIENT_PAGE   sizeof(buddy__page__stride1000_t)
#define MAX_RESOURCES 8 /* six BARs, an interrupt, and one to spare */

/* Settings, by their index in FUNCTION_DEVICE.Settings. */
enum {
    SettingTraceDetail,
    SettingTalk,
    SettingDeviceName,
    SettingCoordination,
    SettingIdleSeconds,
    SettingIdleState,
    SettingWake,
    SettingCount
};

/* One client of the device. All members under OWNER.ClientsLock, except where said. */
typedef struct _CLIENT {
    BOOLEAN Lent;
    BOOLEAN ToldUp;          /* its PowerUp was the last call */
    BOOLEAN GateOpened;      /* it was ever called up */
    PFILE_OBJECT FileObject; /* the open through which it borrowed; identity only, never dereferenced */
    BUDDY_BORROW
    Borrow; /* Borrow.Interrupt and Borrow.Context are also read by the service routine while the bit in Delivering is set */
} CLIENT, *PCLIENT;

typedef struct _OWNER {
    FUNCTION_DEVICE Function; /* first */

    PUCHAR Registers; /* BAR0, mapped; NULL without */
    SIZE_T RegistersLength;
    CM_PARTIAL_RESOURCE_DESCRIPTOR Raw[MAX_RESOURCES]; /* all that may be lent; the first is BAR0 */
    CM_PARTIAL_RESOURCE_DESCRIPTOR Translated[MAX_RESOURCES];
    ULONG ResourceCount;

    PAGE_USER Own; /* the owner's own use of the hardware, as client 0 */
    KMUTEX SoftwareLock;
    PULONG IdleCounter; /* of the power manager; NULL: not registered */

    INTERRUPT Interrupt;
    ULONG
    Delivering; /* mask of clients, the owner (bit 0) among them, that take interrupts; under the interrupt's lock only */
    KDPC Dpc;
    volatile LONG PendingCauses; /* the owner's own INT_STATUS bits but JOB, from the service routine to the DPC */

    KMUTEX ClientsLock;
    BOOLEAN Powered;   /* clients may be up */
    ULONG ClientCount; /* register pages of this device */
    CLIENT Clients[MAX_CLIENTS];

    KMUTEX SharedLock;
    PBUDDY_SHARED_CONTEXT Shared[MAX_CLIENTS]; /* under SharedLock; slots are not client numbers */

    PCALLBACK_OBJECT Callback; /* with BUDDY_TALK_CALLBACK */
    PVOID CallbackRegistration;
    HANDLE EventHandle; /* with BUDDY_TALK_EVENT */
    PKEVENT Event;
} OWNER, *POWNER;

static inline POWNER Owner(PFUNCTION_DEVICE Device)
{
    return (POWNER)Device;
}

#define OwnerRead(owner, reg)         RegisterRead((owner)->Registers, buddy__page__stride1000_t, reg)
#define OwnerWrite(owner, reg, value) RegisterWrite((owner)->Registers, buddy__page__stride1000_t, reg, value)

/* clients.c. All at PASSIVE_LEVEL; they take ClientsLock and call the clients' callbacks with it held. */
VOID ClientsInitialize(POWNER Owner);
/* The device has power, registers initialised: every client may come in. */
VOID ClientsPowerUp(POWNER Owner);
/* The device loses power: returns when no client touches it any more. */
VOID ClientsPowerDown(POWNER Owner, BUDDY_POWER_DOWN_REASON Reason);
/* The device is removed: clients that have no open hear of it, if they have not. */
VOID ClientsLeave(POWNER Owner);
/* IOCTL_INTERNAL_BUDDY_BORROW and RETURN; completes the IRP. */
NTSTATUS ClientsControl(PFUNCTION_DEVICE Device, PIRP Irp);
/* Everything that was borrowed through FileObject is returned. */
VOID ClientsClose(PFUNCTION_DEVICE Device, PFILE_OBJECT FileObject);

/* hand_over.c. PASSIVE_LEVEL. */
/* Notes what the device was given. STATUS_DEVICE_CONFIGURATION_ERROR: no register BAR. */
NTSTATUS FindResources(POWNER Owner, PCM_RESOURCE_LIST RawList, PCM_RESOURCE_LIST TranslatedList);
/* The I/O window, NULL without. */
PULONG OwnWindow(POWNER Owner);
VOID DescribeServices(POWNER Owner, PBUDDY_SERVICES Services);
/*
 * Writes client's resource list to Resources if Length allows, else only its header with the Size that is needed.
 * STATUS_BUFFER_TOO_SMALL: not even the header fits. STATUS_BUFFER_OVERFLOW: only the header was written.
 */
NTSTATUS DescribeResources(POWNER Owner, ULONG Client, PBUDDY_RESOURCES Resources, ULONG Length);

/* idle.c: runtime idle detection, between the start and the loss of the resources. PASSIVE_LEVEL, except IdleBusy (IRQL <= DISPATCH_LEVEL). */
VOID IdleBegin(POWNER Owner);
VOID IdleSettingsChanged(POWNER Owner);
VOID IdleEnd(POWNER Owner);
VOID IdleBusy(POWNER Owner);

/* Borrows for Request as BORROW does, FileObject may be NULL; the client is called up by ClientsCallUp afterwards. */
NTSTATUS ClientsLend(POWNER Owner, const BUDDY_BORROW *Request, PFILE_OBJECT FileObject, PBUDDY_RESOURCES Answer,
                     ULONG Length, ULONG *Number);
VOID ClientsCallUp(POWNER Owner, ULONG Number);
NTSTATUS ClientsReturn(POWNER Owner, ULONG Number, PFILE_OBJECT FileObject);
/* As BORROW's answer for a client that has borrowed. */
NTSTATUS ClientsDescribe(POWNER Owner, ULONG Number, PBUDDY_RESOURCES Resources, ULONG Length);

/* lender_interface.c: IRP_MN_QUERY_INTERFACE. */
NTSTATUS LenderQueryInterface(PFUNCTION_DEVICE Device, PIRP Irp);

/* shared_context.c: IOCTL_INTERNAL_BUDDY_SHARE and UNSHARE. PASSIVE_LEVEL. */
VOID SharedInitialize(POWNER Owner);
NTSTATUS SharedAttach(POWNER Owner, PBUDDY_SHARED_CONTEXT Shared);
NTSTATUS SharedDetach(POWNER Owner, PBUDDY_SHARED_CONTEXT Shared);
/* The owner goes away: no block is touched afterwards, and no call of ours is under way. */
VOID SharedDetachAll(POWNER Owner);

/* announce.c: callback object and named event. PASSIVE_LEVEL, except Announce. */
VOID AnnounceOpen(POWNER Owner);
VOID AnnounceClose(POWNER Owner);
/* Tells all registrants, and sets or clears the event. IRQL <= DISPATCH_LEVEL. */
VOID Announce(POWNER Owner, BUDDY_EVENT Event);

/* interrupt_service.c */
NTSTATUS OwnerConnectInterrupt(POWNER Owner);
/* Passes client's interrupts on to it, or no longer; afterwards its callback is not running. IRQL <= DIRQL. */
VOID OwnerDeliverInterrupts(POWNER Owner, ULONG Client, BOOLEAN Deliver);

#endif
