/* SPDX-License-Identifier: MIT */
/* What the files of io/ (and pnp/, po/) share: the hidden parts of device, driver and file objects, and internal functions. */
#ifndef IO_IO_H
#define IO_IO_H
#include "kernel.h"
#include "boot/loader.h"
#include "io/verify.h"
#include "ob/object.h"
#include "pnp/devnode.h"

#define IO_TAG 'oiOK'

/* Behind DEVOBJ_EXTENSION: what Windows keeps there too (EXTENDED_DEVOBJ_EXTENSION), in our own layout. */
typedef struct _DEVICE_EXTRA {
    DEVOBJ_EXTENSION Public;
    ULONG ExtensionFlags;      /* DOE_* */
    PDEVICE_NODE DeviceNode;   /* of a PDO */
    PDEVICE_OBJECT AttachedTo; /* the device object below */
    KDEVICE_QUEUE *StartIoQueue;
    PIO_TIMER Timer;
    BOOLEAN BusFilter;   /* attached to a PDO, but not by an AddDevice routine: pnp/busfilter.c */
    ACCESS_MASK Granted; /* to programs, by its security descriptor */
    PVOID Creator;       /* return address of IoCreateDevice's caller */
    LIST_ENTRY AllLink;  /* all device objects */
    ULONG64 DeletedAt;   /* when DOE_DELETED was set: unbiased interrupt time */
} DEVICE_EXTRA, *PDEVICE_EXTRA;

#define DOE_UNLOAD_PENDING   0x00000001
#define DOE_DELETE_PENDING   0x00000002
#define DOE_REMOVE_PENDING   0x00000004
#define DOE_REMOVE_PROCESSED 0x00000008
#define DOE_START_PENDING    0x00000010
#define DOE_DELETED          0x80000000 /* ours: IoDeleteDevice has finished, only references keep the memory */

static inline PDEVICE_EXTRA IoExtra(PDEVICE_OBJECT DeviceObject)
{
    return (PDEVICE_EXTRA)DeviceObject->DeviceObjectExtension;
}

/* reinitialize.c: PASSIVE_LEVEL, after DriverEntry. Runs what the driver registered (Call FALSE: forgets it, since DriverEntry failed). */
VOID IopReinitialize(PDRIVER_OBJECT DriverObject, BOOLEAN Call);
/* shutdown.c: PASSIVE_LEVEL, before the devices lose their power. */
VOID IopShutdownDevices(VOID);

/* The exported types of io/. */
extern struct _OBJECT_TYPE IopDeviceType, IopDriverType, IopFileType;

/* A driver: the object that drivers see, followed by what the I/O manager knows about it. */
typedef struct _DRIVER_DATA {
    DRIVER_OBJECT Object;
    DRIVER_EXTENSION Extension;
    LIST_ENTRY Link;       /* all drivers */
    LIST_ENTRY Extensions; /* IoAllocateDriverObjectExtension */
    PLOADED_IMAGE Image;   /* NULL for a driver inside the kernel */
    WCHAR NameBuffer[120]; /* \Driver\owner */
    WCHAR ServiceBuffer[100];
    UNICODE_STRING ServiceName;
    LONG Devnodes; /* devnodes whose stack it takes part in */
    KTIMER RecheckTimer;
    KDPC RecheckDpc;
    BOOLEAN Unloading;
    BOOLEAN UnloadPending; /* ZwUnloadDriver was called; its device objects are still in use */
} DRIVER_DATA, *PDRIVER_DATA;

static inline PDRIVER_DATA IoDriverData(PDRIVER_OBJECT DriverObject)
{
    return CONTAINING_RECORD(DriverObject, DRIVER_DATA, Object);
}

/* driver.c, PASSIVE_LEVEL */
/* Loads the service's image (or a built-in entry point) and calls DriverEntry. Already loaded: a reference more. Problem: a CM_PROB_*. */
NTSTATUS IopLoadDriver(PCUNICODE_STRING ServiceName, PDRIVER_DATA *Driver, PULONG Problem);
PDRIVER_DATA IopFindDriver(PCUNICODE_STRING ServiceName);
/* Calls DriverUnload and unmaps the image when no device object and no devnode needs the driver any more. */
VOID IopUnloadIfUnused(PDRIVER_DATA Driver);
/* Again, on the PnP event thread, when its device objects were still referenced the first time. */
VOID IopUnloadRecheck(PCUNICODE_STRING ServiceName);
PDRIVER_DATA IopDriverOfAddress(PVOID Address);

/* device.c */
/* Counts a file object (or any other opener) on DeviceObject; FALSE when it is being removed. IRQL <= DISPATCH_LEVEL. */
VOID IopDropDeviceReference(PDEVICE_OBJECT DeviceObject);
/* Sum of open handles over all device objects of the stack of Pdo. */
ULONG IopHandlesOfStack(PDEVICE_OBJECT Pdo);
/* Sets or clears DOE_* flags on all device objects of the stack. */
VOID IopMarkStack(PDEVICE_OBJECT Pdo, ULONG Set, ULONG Clear);
PDEVICE_OBJECT IopBottomOfStack(PDEVICE_OBJECT DeviceObject);
extern KSPIN_LOCK IopDeviceLock;
/* The oldest device object of the driver that was deleted but is still referenced, and since when (unbiased interrupt time), or NULL. */
PDEVICE_OBJECT IopDeletedDeviceOf(PDRIVER_OBJECT DriverObject, PULONG64 Since);
/* IRQL <= DISPATCH_LEVEL. Does Address lie in the device extension of a device object that still exists? */
BOOLEAN IopIsInDeviceExtension(const VOID *Address);
/* Does it belong to the function driver of its devnode (and not to a filter or to the bus driver)? */
BOOLEAN IopIsFunctionDevice(PDEVICE_OBJECT DeviceObject);
/* A name for reports: "\Device\NTPNP_PCI0001 (owner)". */
PSTR IopDescribeDevice(PDEVICE_OBJECT DeviceObject, PSTR Text, SIZE_T Size);

/* irp.c */
VOID IopQueueThreadIrp(PIRP Irp);
VOID IopDequeueThreadIrp(PIRP Irp);
/* Notes in *Completer (which must outlive the IRP) whose driver completes it first. */
VOID IopWatchCompleter(PIRP Irp, PDEVICE_OBJECT *Completer);
/* Sends Irp (thread-queued, UserEvent and UserIosb set by this function) and waits. PASSIVE_LEVEL. */
NTSTATUS IopCallSynchronously(PDEVICE_OBJECT DeviceObject, PIRP Irp, PIO_STATUS_BLOCK Iosb);

/*
 * file.c, PASSIVE_LEVEL. Caller: the code that opens, in a driver; NULL: a program, whose access is checked. Options may have IOP_CHECK_ACCESS.
 */
#define IOP_CHECK_ACCESS 0x80000000
NTSTATUS IopOpenFile(PCUNICODE_STRING Path, ACCESS_MASK Access, ULONG ShareAccess, ULONG Options,
                     PFILE_OBJECT *FileObject, PHANDLE Handle, PVOID Caller);
NTSTATUS IopDeviceControl(PFILE_OBJECT FileObject, ULONG Code, PVOID Input, ULONG InputLength, PVOID Output,
                          ULONG OutputLength, BOOLEAN Internal, PIO_STATUS_BLOCK Iosb);

/* pnp/remove.c: a file object of a device was closed; a surprise-removed device may now get its REMOVE. IRQL <= DISPATCH_LEVEL. */
VOID PnpFileClosed(PDEVICE_OBJECT DeviceObject);

/* irpcheck.c: the I/O verifier. */
typedef struct _IRP_CALL {
    LIST_ENTRY Link;
    PIRP Irp;
    PDEVICE_OBJECT DeviceObject;
    PDRIVER_DISPATCH Dispatch;
    PETHREAD Thread;
    CCHAR Location;
    KIRQL Irql;
    LONG ApcDisable; /* of the thread, before the call */
    UCHAR Major, Minor;
    BOOLEAN Completed;
    BOOLEAN WasPending; /* SL_PENDING_RETURNED when the location was completed */
    NTSTATUS Status;
} IRP_CALL, *PIRP_CALL;
/* Any IRQL. How deep the current thread is in critical and guarded regions: negative, as Windows counts. */
LONG IopApcDisableCount(VOID);
/* Stops with 0xC4/Rule when a driver's routine, What, left the count other than Before. */
VOID IopCheckApcDisable(ULONG Rule, PVOID Routine, PCSTR What, LONG Before);
VOID IopMarkForwarded(PIRP Irp);
VOID IopEnterDispatch(PIRP_CALL Call, PDEVICE_OBJECT DeviceObject, PIRP Irp, PDRIVER_DISPATCH Dispatch);
VOID IopLeaveDispatch(PIRP_CALL Call, NTSTATUS Status);
/* Location was just completed: Control is its control byte. */
VOID IopLocationCompleted(PIRP Irp, CCHAR Location, UCHAR Control);
/* Logs the dispatch routines that are running now, for bug-check reports. */
VOID IopDumpCalls(VOID);

/* workitem.c: a work item allocated by the image and not freed. */
BOOLEAN IopWorkItemOfImage(PVOID Base, SIZE_T Size);

/* The interface-change notification that the current thread is delivering, or NULL; see pnp/notify.c. */
typedef struct _NOTIFY_IN_PROGRESS {
    LIST_ENTRY Link;
    PETHREAD Thread;
    PVOID Entry;       /* the registration */
    BOOLEAN Interface; /* an interface-change callback */
    PVOID Callback;
    PCSTR Event;
    WCHAR Name[160];
} NOTIFY_IN_PROGRESS, *PNOTIFY_IN_PROGRESS;
PNOTIFY_IN_PROGRESS PnpCurrentNotification(VOID);

#endif
