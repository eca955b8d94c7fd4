/* SPDX-License-Identifier: MIT */
/* What a driver leaves behind when it unloads: handles, references, locked pages, event tracing. See violations.c. */
#include "violations.h"
#include <evntprov.h>

static OBJECT_ATTRIBUTES Attributes;

static POBJECT_ATTRIBUTES Named(PCWSTR Text)
{
    static UNICODE_STRING name;
    RtlInitUnicodeString(&name, Text);
    InitializeObjectAttributes(&Attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    Unload = TRUE;
    return &Attributes;
}

BROKEN(event_handle_outlives_driver)
{
    HANDLE handle;
    ZwCreateEvent(&handle, EVENT_ALL_ACCESS, Named(L"\\BaseNamedObjects\\Left"), NotificationEvent, FALSE);
    Sink++;
}

BROKEN(key_handle_outlives_driver)
{
    HANDLE handle;
    ZwOpenKey(&handle, KEY_READ, Named(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services"));
    Sink++;
}

static void NTAPI Nothing(PVOID Context)
{
}

static HANDLE NewThread(void)
{
    HANDLE handle;
    PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Nothing, NULL);
    ZwWaitForSingleObject(handle, FALSE, NULL);
    Unload = TRUE;
    return handle;
}

BROKEN(thread_handle_outlives_driver)
{
    HANDLE handle;
    PVOID thread;
    PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, Nothing, NULL);
    ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, &thread, NULL);
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread);
    Unload = TRUE;
}

BROKEN(thread_reference_outlives_driver)
{
    HANDLE handle = NewThread();
    PVOID thread;
    ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, &thread, NULL);
    ZwClose(handle);
}

BROKEN(callback_ref_outlives_driver)
{
    PCALLBACK_OBJECT callback;
    ExCreateCallback(&callback, Named(L"\\Callback\\PowerState"), FALSE, TRUE);
    Sink++;
}

/* Two references taken, one dropped. */
BROKEN(event_reference_outlives_driver)
{
    HANDLE handle;
    PVOID event;
    ZwCreateEvent(&handle, EVENT_ALL_ACCESS, Named(L"\\BaseNamedObjects\\Shared"), NotificationEvent, FALSE);
    ObReferenceObjectByHandle(handle, EVENT_ALL_ACCESS, *ExEventObjectType, KernelMode, &event, NULL);
    ObReferenceObject(event);
    ZwClose(handle);
    ObDereferenceObject(event);
}

BROKEN(etw_outlives_driver)
{
    static const GUID provider = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0x42}};
    REGHANDLE handle;
    EtwRegister(&provider, NULL, NULL, &handle);
    Unload = TRUE;
}

BROKEN(locked_pages_outlive_driver)
{
    static UCHAR buffer[64];
    PMDL mdl = IoAllocateMdl(buffer, sizeof(buffer), FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    Sink = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) != NULL;
    Unload = TRUE;
}

static PMDL PagesOfMdl(void)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = -1};
    return MmAllocatePagesForMdl(low, high, low, PAGE_SIZE);
}

/* The MDL is freed, its pages are not. */
BROKEN(mdl_pages_outlive_driver)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = -1};
    ExFreePool(MmAllocatePagesForMdl(low, high, low, PAGE_SIZE));
    Unload = TRUE;
}

BROKEN(mdl_pages_freed_mapped)
{
    PMDL mdl = PagesOfMdl();
    MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    MmFreePagesFromMdl(mdl);
    Sink++;
}

BROKEN(mdl_mapped_twice)
{
    PMDL mdl = PagesOfMdl();
    MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    Sink++;
}

BROKEN(mdl_of_pool_mapped)
{
    PUCHAR block = Allocate(64);
    PMDL mdl = IoAllocateMdl(block, 64, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(mdl);
    MmMapLockedPages(mdl, KernelMode);
    Sink++;
}
