/* SPDX-License-Identifier: MIT */
/*
 * What a driver must not leave behind when it unloads, or when its DriverEntry has failed. First what would call into the freed image or write to
 * its memory, then what only leaks.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-functionality
 */
#include "io/driver.h"
#include "io/wmi.h"
#include "boot/loader.h"
#include "ex/ex.h"
#include "ke/verify.h"
#include "mm/lockedpages.h"
#include "mm/mm.h"
#include "ob/attribute.h"
#include "rtl/format.h"

/* Bug check 0xC4, 0xDA and 0xDD: WMI and ETW. WPP registers itself with one of them (WPP_INIT_TRACING). */
static VOID CheckTracing(PDRIVER_DATA Driver, PVOID Base, SIZE_T Size)
{
    PVOID Callback, Registrar;
    ULONG64 Handle;
    if (IopFindWmiOfImage(Base, Size, &Callback)) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_WMI_LEFT, (ULONG_PTR)Base, (ULONG_PTR)Callback, 0, Callback,
               "%wZ was unloaded, but its WMI callback is still registered: call "
               "IoWMIRegistrationControl(WMIREG_ACTION_DEREGISTER), or WPP_CLEANUP",
               &Driver->ServiceName);
    }
    Registrar = ExFindEtwProvider(Base, Size, &Handle);
    if (Registrar) {
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_ETW_REGISTERED, (ULONG_PTR)Registrar, (ULONG_PTR)Base, Handle,
               Registrar,
               "%wZ was unloaded, but the ETW provider 0x%I64x that it registered is still registered: call "
               "EtwUnregister, or WPP_CLEANUP",
               &Driver->ServiceName, Handle);
    }
}

/* Bug check 0xCE: what would still call into the image, and device memory. */
static VOID CheckPending(PDRIVER_DATA Driver, PVOID Base, SIZE_T Size, PVOID Blamed)
{
    WCHAR Name[160];
    PCSTR Left = NULL;
    LOCKED_PAGES Pages;
    Name[0] = 0;
    if (PnpFindNotificationOfImage(Base, Size)) {
        Left = "a PnP notification is still registered (IoUnregisterPlugPlayNotificationEx)";
    } else if (ExFindCallbackOfImage(Base, Size, Name, COUNT_OF(Name))) {
        Left = "a callback is still registered (ExUnregisterCallback)";
    } else if (ObpFindLinkOfImage(Base, Size, Name, COUNT_OF(Name))) {
        Left = "a symbolic link is left (IoDeleteSymbolicLink)";
    } else if (IopWorkItemOfImage(Base, Size)) {
        Left = "a work item is left (IoFreeWorkItem)";
    } else if (KeFindInterruptOfImage(Base, Size)) {
        Left = "an interrupt is still connected (IoDisconnectInterrupt)";
    } else if (MiFindLockedOfImage(Base, Size, TRUE, &Pages)) {
        Left = "pages that it allocated are not freed (MmFreePagesFromMdl)";
        Blamed = Pages.Caller;
    } else {
        Left = KeFindLeftoverOfImage(Base, Size);
    }
    if (Left) {
        IoStop(DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS, (ULONG_PTR)Base, 0, 0, 0, Blamed,
               "%wZ was unloaded, but %s%s%ws", &Driver->ServiceName, Left, Name[0] ? ": " : "", Name);
    }
}

static VOID CheckLockedPages(PDRIVER_DATA Driver, PVOID Base, SIZE_T Size)
{
    LOCKED_PAGES Left;
    SYMBOL By;
    if (!MiFindLockedOfImage(Base, Size, FALSE, &Left)) {
        return;
    }
    LdrSymbolFromAddress(Left.Caller, &By);
    IoStop(DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS, (ULONG_PTR)Left.Caller, (ULONG_PTR)Left.CallersCaller,
           (ULONG_PTR)Left.Mdl, Left.Count, Left.Caller,
           "%wZ was unloaded, but the pages of MDL %p, which %s!%s locked with MmProbeAndLockPages, are still locked: "
           "call MmUnlockPages",
           &Driver->ServiceName, Left.Mdl, By.Image, By.Name);
}

static VOID CheckObjects(PDRIVER_DATA Driver, PVOID Base, SIZE_T Size)
{
    OBJECT_LEFT Left;
    SYMBOL By;
    CHAR Object[200];
    if (ObpFindHandleOfImage(Base, Size, &Left)) {
        LdrSymbolFromAddress(Left.Taker, &By);
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_HANDLE_LEFT, (ULONG_PTR)Left.Handle, (ULONG_PTR)Left.Object,
               (ULONG_PTR)Left.Taker, Left.Taker,
               "%wZ was unloaded, but handle %p, which %s!%s+0x%I64x opened, is still open: %s. Call ZwClose",
               &Driver->ServiceName, Left.Handle, By.Image, By.Name, By.Offset,
               ObpDescribe(Left.Object, Object, sizeof(Object)));
    }
    if (ObpFindReferenceOfImage(Base, &Left)) {
        LdrSymbolFromAddress(Left.Taker, &By);
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, RULE_OBJECT_LEFT, (ULONG_PTR)Left.Object, Left.Count,
               (ULONG_PTR)Left.Taker, Left.Taker,
               "%wZ was unloaded with %d references to an object left, the latest taken by %s!%s+0x%I64x: %s. Call "
               "ObDereferenceObject",
               &Driver->ServiceName, Left.Count, By.Image, By.Name, By.Offset,
               ObpDescribe(Left.Object, Object, sizeof(Object)));
    }
}

VOID IopCheckUnloaded(PDRIVER_DATA Driver)
{
    PVOID Base = Driver->Image->Base;
    SIZE_T Size = Driver->Image->Size;
    PVOID Blamed = Driver->Object.DriverUnload ? (PVOID)Driver->Object.DriverUnload : Driver->Image->EntryPoint;
    CheckTracing(Driver, Base, Size);
    CheckPending(Driver, Base, Size, Blamed);
    CheckLockedPages(Driver, Base, Size);
    CheckObjects(Driver, Base, Size);
    if (MiReportLeaks(Base, Size)) {
        /* 0xC4 sub-code 0x62: a driver has unloaded without freeing its pool allocations. */
        IoStop(DRIVER_VERIFIER_DETECTED_VIOLATION, 0x62, (ULONG_PTR)&Driver->ServiceName, 0, 0, Blamed,
               "%wZ was unloaded without freeing all of its pool allocations (listed above)", &Driver->ServiceName);
    }
}
