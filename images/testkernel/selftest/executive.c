/* SPDX-License-Identifier: MIT */
/* Executive support as a driver uses it: work items, fast mutexes, resources, run-down protection, lists. */
#include "check.h"

int __cdecl _snprintf(char *Buffer, size_t Count, const char *Format, ...);

#define TAG 'tseT'

static KEVENT Reached, Proceed;
static FAST_MUTEX FastMutex;
static ERESOURCE Resource;
static EX_RUNDOWN_REF Rundown;
static WORK_QUEUE_ITEM First, Second;
static volatile LONG Stage, ItemIrql;

static void Reset(void)
{
    KeInitializeEvent(&Reached, NotificationEvent, FALSE);
    KeInitializeEvent(&Proceed, NotificationEvent, FALSE);
    Stage = 0;
}

static void NTAPI NoteIrql(PVOID Context)
{
    ItemIrql = KeGetCurrentIrql();
    CHECK(Context == &First);
    if (InterlockedIncrement(&Stage) < 3) {
        ExQueueWorkItem(&First, DelayedWorkQueue); /* from its own routine, as documented */
    } else {
        KeSetEvent(&Reached, 0, FALSE);
    }
}

static void NTAPI NeedsSecond(PVOID Context)
{
    CHECK(Wait(&Proceed, 5000) == STATUS_SUCCESS);
    KeSetEvent(&Reached, 0, FALSE);
}

static void NTAPI HelpsFirst(PVOID Context)
{
    KeSetEvent(&Proceed, 0, FALSE);
}

static void NTAPI FreesItself(PVOID Context)
{
    ExFreePoolWithTag(Context, TAG);
    KeSetEvent(&Reached, 0, FALSE);
}

static void WorkItems(void)
{
    KIRQL irql;
    Reset();
    ItemIrql = 99;
    ExInitializeWorkItem(&First, NoteIrql, &First);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    ExQueueWorkItem(&First, CriticalWorkQueue);
    CHECK(Stage == 0); /* no thread runs at DISPATCH_LEVEL */
    KeLowerIrql(irql);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
    CHECK(Stage == 3 && ItemIrql == PASSIVE_LEVEL);

    Reset(); /* an item that waits for a later item of the same queue gets it */
    ExInitializeWorkItem(&First, NeedsSecond, NULL);
    ExInitializeWorkItem(&Second, HelpsFirst, NULL);
    ExQueueWorkItem(&First, DelayedWorkQueue);
    ExQueueWorkItem(&Second, DelayedWorkQueue);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);

    Reset();
    PWORK_QUEUE_ITEM item = ExAllocatePoolWithTag(NonPagedPool, sizeof(*item), TAG);
    ExInitializeWorkItem(item, FreesItself, item);
    ExQueueWorkItem(item, HyperCriticalWorkQueue);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
}

static void NTAPI Contender(PVOID Context)
{
    CHECK(Wait(&Proceed, 5000) == STATUS_SUCCESS);
    CHECK(!ExTryToAcquireFastMutex(&FastMutex));
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
    KeSetEvent(&Reached, 0, FALSE);
    ExAcquireFastMutex(&FastMutex);
    CHECK(Stage == 1); /* only after the owner released it */
    Stage = 2;
    ExReleaseFastMutex(&FastMutex);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void FastMutexes(void)
{
    Reset();
    ExInitializeFastMutex(&FastMutex);
    PKTHREAD thread = Start(Contender, NULL);
    ExAcquireFastMutex(&FastMutex);
    CHECK(KeGetCurrentIrql() == APC_LEVEL);
    KeSetEvent(&Proceed, 0, FALSE);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
    CHECK(Wait(thread, 10) == STATUS_TIMEOUT);
    Stage = 1;
    ExReleaseFastMutex(&FastMutex);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
    Join(thread);
    CHECK(Stage == 2);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&FastMutex);
    CHECK(KeGetCurrentIrql() == PASSIVE_LEVEL);
    ExReleaseFastMutexUnsafe(&FastMutex);
    KeLeaveCriticalRegion();
}

static void NTAPI Reader(PVOID Context)
{
    KeEnterCriticalRegion();
    CHECK(!ExAcquireResourceExclusiveLite(&Resource, FALSE));
    CHECK(ExAcquireResourceSharedLite(&Resource, FALSE)); /* beside another reader */
    InterlockedIncrement(&Stage);
    KeSetEvent(&Reached, 0, FALSE);
    CHECK(Wait(&Proceed, 5000) == STATUS_SUCCESS);
    ExReleaseResourceLite(&Resource);
    KeLeaveCriticalRegion();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void NTAPI Writer(PVOID Context)
{
    KeEnterCriticalRegion();
    KeSetEvent(&Reached, 0, FALSE);
    CHECK(ExAcquireResourceExclusiveLite(&Resource, TRUE));
    CHECK(ExIsResourceAcquiredExclusiveLite(&Resource));
    Stage = 10;
    ExReleaseResourceLite(&Resource);
    KeLeaveCriticalRegion();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void Resources(void)
{
    Reset();
    CHECK(NT_SUCCESS(ExInitializeResourceLite(&Resource)));
    KeEnterCriticalRegion();
    CHECK(ExAcquireResourceSharedLite(&Resource, TRUE));
    CHECK(ExAcquireResourceSharedLite(&Resource, TRUE));
    CHECK(ExIsResourceAcquiredSharedLite(&Resource) == 2);
    PKTHREAD reader = Start(Reader, NULL);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
    CHECK(Stage == 1);
    ExReleaseResourceLite(&Resource);
    ExReleaseResourceLite(&Resource);
    CHECK(ExIsResourceAcquiredSharedLite(&Resource) == 0);

    KeClearEvent(&Reached);
    PKTHREAD writer = Start(Writer, NULL);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
    CHECK(Wait(writer, 10) == STATUS_TIMEOUT);
    CHECK(ExGetExclusiveWaiterCount(&Resource) == 1);
    CHECK(!ExAcquireResourceSharedLite(&Resource, FALSE)); /* behind the waiting writer */
    CHECK(ExAcquireSharedStarveExclusive(&Resource, FALSE));
    ExReleaseResourceLite(&Resource);
    KeSetEvent(&Proceed, 0, FALSE);
    Join(reader);
    Join(writer);
    CHECK(Stage == 10);

    CHECK(ExAcquireResourceExclusiveLite(&Resource, FALSE));
    CHECK(ExAcquireResourceExclusiveLite(&Resource, FALSE)); /* recursive */
    ExReleaseResourceLite(&Resource);
    CHECK(ExIsResourceAcquiredExclusiveLite(&Resource));
    ExConvertExclusiveToSharedLite(&Resource);
    CHECK(!ExIsResourceAcquiredExclusiveLite(&Resource) && ExIsResourceAcquiredSharedLite(&Resource) == 1);
    ExReleaseResourceLite(&Resource);
    KeLeaveCriticalRegion();
    CHECK(NT_SUCCESS(ExDeleteResourceLite(&Resource)));
}

static void NTAPI RunsDown(PVOID Context)
{
    KeSetEvent(&Reached, 0, FALSE);
    ExWaitForRundownProtectionRelease(&Rundown);
    CHECK(Stage == 1);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void RundownProtection(void)
{
    Reset();
    ExInitializeRundownProtection(&Rundown);
    CHECK(ExAcquireRundownProtection(&Rundown));
    CHECK(ExAcquireRundownProtection(&Rundown));
    ExReleaseRundownProtection(&Rundown);
    PKTHREAD thread = Start(RunsDown, NULL);
    CHECK(Wait(&Reached, 5000) == STATUS_SUCCESS);
    CHECK(Wait(thread, 10) == STATUS_TIMEOUT);
    CHECK(!ExAcquireRundownProtection(&Rundown)); /* no new users */
    Stage = 1;
    ExReleaseRundownProtection(&Rundown);
    Join(thread);
    CHECK(!ExAcquireRundownProtection(&Rundown));
    ExReInitializeRundownProtection(&Rundown);
    CHECK(ExAcquireRundownProtection(&Rundown));
    ExReleaseRundownProtection(&Rundown);
    ExWaitForRundownProtectionRelease(&Rundown); /* nobody uses it: at once */
}

static void Lists(void)
{
    static NPAGED_LOOKASIDE_LIST lookaside;
    static DECLSPEC_ALIGN(16) SLIST_HEADER head;
    static DECLSPEC_ALIGN(16) SLIST_ENTRY entries[4];
    static KSPIN_LOCK lock;
    LIST_ENTRY list, a, b;
    PUCHAR blocks[16];

    ExInitializeNPagedLookasideList(&lookaside, NULL, NULL, 0, 100, TAG, 0);
    for (int i = 0; i < 16; i++) {
        blocks[i] = ExAllocateFromNPagedLookasideList(&lookaside);
        CHECK(blocks[i] != NULL);
        RtlFillMemory(blocks[i], 100, i);
    }
    for (int i = 0; i < 16; i++) {
        CHECK(blocks[i][0] == i && blocks[i][99] == i);
        ExFreeToNPagedLookasideList(&lookaside, blocks[i]);
    }
    ExDeleteNPagedLookasideList(&lookaside);

    InitializeSListHead(&head);
    CHECK(InterlockedPopEntrySList(&head) == NULL);
    for (int i = 0; i < 4; i++) {
        CHECK(InterlockedPushEntrySList(&head, &entries[i]) == (i ? &entries[i - 1] : NULL));
    }
    CHECK(ExQueryDepthSList(&head) == 4);
    CHECK(InterlockedPopEntrySList(&head) == &entries[3]); /* last in, first out */
    CHECK(InterlockedFlushSList(&head) == &entries[2]);
    CHECK(entries[2].Next == &entries[1] && ExQueryDepthSList(&head) == 0);

    InitializeListHead(&list);
    KeInitializeSpinLock(&lock);
    CHECK(ExInterlockedInsertTailList(&list, &a, &lock) == NULL);
    CHECK(ExInterlockedInsertHeadList(&list, &b, &lock) == &a);
    CHECK(ExInterlockedRemoveHeadList(&list, &lock) == &b);
    CHECK(ExInterlockedRemoveHeadList(&list, &lock) == &a);
    CHECK(ExInterlockedRemoveHeadList(&list, &lock) == NULL);
}

static void Information(void)
{
    RTL_OSVERSIONINFOW version = {.dwOSVersionInfoSize = sizeof(version)};
    UUID one, two;
    CHAR text[32];
    CHECK(NT_SUCCESS(RtlGetVersion(&version)) && version.dwMajorVersion == 10);
    CHECK(NT_SUCCESS(ExUuidCreate(&one)) && NT_SUCCESS(ExUuidCreate(&two)));
    CHECK(RtlCompareMemory(&one, &two, sizeof(one)) != sizeof(one));
    CHECK(ExGetPreviousMode() == KernelMode);
    CHECK(_snprintf(text, sizeof(text), "%ws %I64x", L"wide", 0x123456789LL) == 14);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    WorkItems();
    FastMutexes();
    Resources();
    RundownProtection();
    Lists();
    Information();
    return Summary("executive");
}
