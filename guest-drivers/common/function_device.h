/* SPDX-License-Identifier: MIT */
/*
 * The scaffold that all function drivers share: one FUNCTION_DEVICE at the start of the device extension, one table of operations that says
 * what is particular to the driver. PnP state changes are treated as implied power changes, so that a driver has ONE place where it
 * gets the hardware (PowerUp) and ONE where it loses it (PowerDown), whatever the cause: this is what makes the article's
 * "one solution for all 4 scenarios" possible.
 */
#ifndef FUNCTION_DEVICE_H
#define FUNCTION_DEVICE_H

#include "ddk_compat.h"
#include "trace.h"
#include "mutant.h"
#include "settings.h"
#include "waiters.h"
#include "wait_wake.h"

#define MAX_SETTINGS 8

/*
 * PnP states, and the IRPs that lead from one to the next:
 *
 *                 +--------------------------- START ---------------------------+
 *                 v                                                             |
 *  NotStarted -START-> Started <-CANCEL_STOP- StopPending -STOP-> Stopped ------+
 *      |              |   |  ^ `-QUERY_STOP---^                      |
 *      |              |   |  `-CANCEL_REMOVE- RemovePending          |
 *      |              |   `----QUERY_REMOVE---^    |                 |
 *      |              `-SURPRISE_REMOVAL-> SurpriseRemoved <---------+   (from every state that has been started)
 *      v                                           v
 *      `-------------------REMOVE-------------> Removed
 */
typedef enum _PNP_STATE {
    PnpNotStarted,
    PnpStarted,
    PnpStopPending,
    PnpStopped,
    PnpRemovePending,
    PnpSurpriseRemoved,
    PnpRemoved,
} PNP_STATE;

/* Which kind of device object an IRP came to; the first member of every extension (seed article on bus drivers, "The Basics, Continued"). */
typedef enum _DEVICE_ROLE {
    RoleFunction,
    RoleChild, /* a PDO that this driver enumerates */
} DEVICE_ROLE;

/* Why the hardware is lost. After a surprise removal it is gone already and must not be touched. */
typedef enum _POWER_DOWN_REASON {
    PowerDownSleep,
    PowerDownIdle, /* runtime: no system power IRP caused it */
    PowerDownStop,
    PowerDownRemove,
    PowerDownSurprise,
} POWER_DOWN_REASON;

typedef struct _FUNCTION_DEVICE {
    DEVICE_ROLE Role;
    ULONG Number; /* from 1, in the order of AddDevice: `device=` in trace lines */
    PDEVICE_OBJECT Self;
    PDEVICE_OBJECT Pdo;
    PDEVICE_OBJECT Lower;
    IO_REMOVE_LOCK RemoveLock;

    PNP_STATE State; /* changed by PnP IRPs only, which the PnP manager sends one at a time */
    PNP_STATE StateBeforeQuery;
    BOOLEAN ResourcesHeld; /* between AcquireResources and ReleaseResources */
    UNICODE_STRING InterfaceName;
    BOOLEAN InterfaceEnabled;

    KMUTEX HardwareLock; /* serializes PowerUp and PowerDown, which PnP and power IRPs both cause */
    BOOLEAN HardwareOn;  /* between PowerUp and PowerDown */
    WAITERS Waiters;     /* requests that want to know when that changes */

    DEVICE_POWER_STATE DeviceState; /* entered, or about to be */
    BOOLEAN SystemSleeping;         /* from the system power IRP that leads out of S0 to the one that leads back */
    PIRP SystemPowerIrp;            /* the system power IRP that waits for the device power IRP that it caused */
    PIRP DevicePowerIrp;            /* the D0 IRP that waits for its work item */
    PIO_WORKITEM PowerUpItem;
    WAIT_WAKE Wake;

    BOOLEAN RequirementsChanged;  /* IOCTL_BUDDY_REBALANCE: to be told by the next QUERY_PNP_DEVICE_STATE */
    ULONG Settings[MAX_SETTINGS]; /* values of FUNCTION_OPERATIONS.Settings */
} FUNCTION_DEVICE, *PFUNCTION_DEVICE;

/*
 * What is particular to a driver. Every pointer may be NULL unless it says otherwise. All at PASSIVE_LEVEL.
 * Order of a life: Initialize, (AcquireResources, PowerUp, Started, (PowerDown, PowerUp)*, Stopping, PowerDown, ReleaseResources)*, Leaving, Uninitialize.
 */
typedef struct _FUNCTION_OPERATIONS {
    SIZE_T ExtensionSize; /* of a structure that begins with FUNCTION_DEVICE */
    DEVICE_TYPE DeviceType;
    const GUID *InterfaceClass; /* enabled from start to remove; NULL: none */
    PCWSTR DeviceName; /* with the setting DeviceNameSetting = 1 the device object has this name and its number */
    ULONG DeviceNameSetting;
    const SETTING *Settings; /* number 0 is TraceDetail in every driver (TRACE_DETAIL_SETTING) */
    ULONG SettingCount;
    ULONG WakeSetting; /* index of the setting that says whether the device may wake (wait_wake.h); 0: it never does */

    /* The settings were read again because somebody changed them. */
    VOID (*SettingsChanged)(PFUNCTION_DEVICE Device);

    /* Once the device object is attached. A failure fails AddDevice; Uninitialize is not called then. */
    NTSTATUS (*Initialize)(PFUNCTION_DEVICE Device);
    /* Last call: free what Initialize made. */
    VOID (*Uninitialize)(PFUNCTION_DEVICE Device);
    /* The lower drivers have started the device. Lists may be NULL. A failure fails the start; clean up first. */
    NTSTATUS (*AcquireResources)(PFUNCTION_DEVICE Device, PCM_RESOURCE_LIST Raw, PCM_RESOURCE_LIST Translated);
    VOID (*ReleaseResources)(PFUNCTION_DEVICE Device);
    /* The device has entered D0, register context lost. Called with HardwareLock held. */
    VOID (*PowerUp)(PFUNCTION_DEVICE Device);
    /* The device is about to lose power (or has, see Reason). Returns once nothing touches the hardware any more. HardwareLock held. */
    VOID (*PowerDown)(PFUNCTION_DEVICE Device, POWER_DOWN_REASON Reason);
    /* After a successful start, with the interface enabled. */
    VOID (*Started)(PFUNCTION_DEVICE Device);
    /* Undoes Started, before a PnP stop takes anything away. */
    VOID (*Stopping)(PFUNCTION_DEVICE Device);
    /* Before a remove takes anything away, and first thing on surprise removal after PowerDown: let go of other drivers. May come after Stopping. */
    VOID (*Leaving)(PFUNCTION_DEVICE Device);
    /* May refuse the removal (or the stop). */
    NTSTATUS (*QueryRemove)(PFUNCTION_DEVICE Device);
    NTSTATUS (*QueryStop)(PFUNCTION_DEVICE Device);
    /* QUERY_DEVICE_RELATIONS of a bus driver: may fill Irp->IoStatus; the IRP then goes down. A failure completes it. */
    NTSTATUS (*QueryRelations)(PFUNCTION_DEVICE Device, PIRP Irp);
    /* QUERY_INTERFACE. Passes the IRP on itself (PassIrp), whether it has answered it or not. NULL: delegated. */
    NTSTATUS (*QueryInterface)(PFUNCTION_DEVICE Device, PIRP Irp);
    /* IRP_MJ_DEVICE_CONTROL, METHOD_BUFFERED only. NULL, and codes answered by STATUS_INVALID_DEVICE_REQUEST, fail. */
    NTSTATUS(*DeviceControl)
    (PFUNCTION_DEVICE Device, ULONG Code, PVOID Buffer, ULONG InputLength, ULONG OutputLength, ULONG_PTR *Information);
    /* IRP_MJ_INTERNAL_DEVICE_CONTROL. Completes the IRP itself. NULL: the IRP goes down. */
    NTSTATUS (*InternalDeviceControl)(PFUNCTION_DEVICE Device, PIRP Irp);
    /* The last reference to a file object is gone. */
    VOID (*Close)(PFUNCTION_DEVICE Device, PFILE_OBJECT FileObject);

    /* IRPs to the driver's own PDOs (bus drivers only). Complete the IRP themselves. */
    NTSTATUS (*ChildPnp)(PDEVICE_OBJECT Child, PIRP Irp);
    NTSTATUS (*ChildPower)(PDEVICE_OBJECT Child, PIRP Irp);
} FUNCTION_OPERATIONS;

/* Each driver defines it. */
extern const FUNCTION_OPERATIONS FunctionOperations;

#define TRACE_DETAIL_SETTING                                                                                           \
    {                                                                                                                  \
        L"TraceDetail", 1, 1                                                                                           \
    }

#define POOL_TAG 'yduB' /* "Budy" in a dump */

/* The function device behind a device object whose Role is RoleFunction. */
static inline PFUNCTION_DEVICE FunctionDevice(PDEVICE_OBJECT DeviceObject)
{
    return (PFUNCTION_DEVICE)DeviceObject->DeviceExtension;
}

/* Is the device object one of the driver's own PDOs? Every extension starts with a DEVICE_ROLE. */
static inline BOOLEAN IsChild(PDEVICE_OBJECT DeviceObject)
{
    return *(DEVICE_ROLE *)DeviceObject->DeviceExtension == RoleChild;
}

/* driver_entry.c: sets the dispatch table; to be called by each DriverEntry. */
NTSTATUS FunctionDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);

/* driver_entry.c: reads the settings. PASSIVE_LEVEL. */
VOID FunctionReadSettings(PFUNCTION_DEVICE Device);

/* hardware_power.c: calls the driver's PowerUp or PowerDown unless the hardware is in that state already. PASSIVE_LEVEL. */
VOID HardwarePowerUp(PFUNCTION_DEVICE Device);
VOID HardwarePowerDown(PFUNCTION_DEVICE Device, POWER_DOWN_REASON Reason);

/* power.c: asks for D0 if the device was switched off while the system works; PowerUp follows. IRQL <= DISPATCH_LEVEL. */
VOID FunctionRequestPower(PFUNCTION_DEVICE Device);

/* Dispatch routines, one a major function. */
DRIVER_DISPATCH DispatchPnp;
DRIVER_DISPATCH DispatchPower;
DRIVER_DISPATCH DispatchCreate;
DRIVER_DISPATCH DispatchCleanup;
DRIVER_DISPATCH DispatchClose;
DRIVER_DISPATCH DispatchDeviceControl;
DRIVER_DISPATCH DispatchInternalDeviceControl;
DRIVER_DISPATCH DispatchSystemControl;

#endif
