/* SPDX-License-Identifier: MIT */
/* Run-down protection by counts, and its cache-aware form. https://learn.microsoft.com/windows-hardware/drivers/kernel/run-down-protection */
#include "check.h"
#include "undeclared.h"

#define TAG 'tseT'

static EX_RUNDOWN_REF Rundown;
static PEX_RUNDOWN_REF_CACHE_AWARE Aware;
static KEVENT Reached;
static volatile LONG Released;

static void Counts(void)
{
    ExInitializeRundownProtection(&Rundown);
    CHECK(ExAcquireRundownProtectionEx(&Rundown, 3));
    CHECK(ExAcquireRundownProtection(&Rundown));
    ExReleaseRundownProtection(&Rundown);
    ExReleaseRundownProtectionEx(&Rundown, 2);
    ExReleaseRundownProtectionEx(&Rundown, 1);
    ExWaitForRundownProtectionRelease(&Rundown); /* returns: all three are gone */
    CHECK(!ExAcquireRundownProtectionEx(&Rundown, 1));
    ExRundownCompleted(&Rundown);
    CHECK(!ExAcquireRundownProtection(&Rundown)); /* completed: nobody enters until it is initialized again */
    ExReInitializeRundownProtection(&Rundown);
    CHECK(ExAcquireRundownProtectionEx(&Rundown, 1));
    ExReleaseRundownProtectionEx(&Rundown, 1);
}

static void NTAPI RunsDown(PVOID Context)
{
    KeSetEvent(&Reached, 0, FALSE);
    ExWaitForRundownProtectionReleaseCacheAware(Aware);
    CHECK(Released == 3); /* not before the last user is gone */
}

static void UseCacheAware(void)
{
    KIRQL irql;
    Released = 0;
    KeInitializeEvent(&Reached, NotificationEvent, FALSE);
    KeRaiseIrql(DISPATCH_LEVEL, &irql); /* documented: acquire and release at IRQL <= DISPATCH_LEVEL */
    CHECK(ExAcquireRundownProtectionCacheAware(Aware));
    CHECK(ExAcquireRundownProtectionCacheAwareEx(Aware, 2));
    KeLowerIrql(irql);
    PKTHREAD thread = Start(RunsDown, NULL);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
    CHECK(Wait(thread, 10) == STATUS_TIMEOUT);
    CHECK(!ExAcquireRundownProtectionCacheAware(Aware));
    CHECK(!ExAcquireRundownProtectionCacheAwareEx(Aware, 1));
    Released = 2;
    ExReleaseRundownProtectionCacheAwareEx(Aware, 2);
    CHECK(Wait(thread, 10) == STATUS_TIMEOUT);
    Released = 3;
    ExReleaseRundownProtectionCacheAware(Aware);
    Join(thread);
    ExRundownCompletedCacheAware(Aware);
    CHECK(!ExAcquireRundownProtectionCacheAware(Aware));
    ExReInitializeRundownProtectionCacheAware(Aware);
    CHECK(ExAcquireRundownProtectionCacheAware(Aware));
    ExReleaseRundownProtectionCacheAware(Aware);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Counts();
    Aware = ExAllocateCacheAwareRundownProtection(NonPagedPool, TAG);
    CHECK(Aware != NULL);
    UseCacheAware();
    ExFreeCacheAwareRundownProtection(Aware);
    SIZE_T size = ExSizeOfRundownProtectionCacheAware();
    CHECK(size >= sizeof(EX_RUNDOWN_REF));
    Aware = ExAllocatePoolWithTag(NonPagedPool, size, TAG); /* in the driver's own memory */
    ExInitializeRundownProtectionCacheAware(Aware, size);
    UseCacheAware();
    ExFreePoolWithTag(Aware, TAG);
    return Summary("rundown");
}
