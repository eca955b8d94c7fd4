/* SPDX-License-Identifier: MIT */
/*
 * Drivers without devices (NT4 style): a service that is started and stopped.
 * https://learn.microsoft.com/windows-hardware/drivers/install/inf-defaultinstall-section
 */
#include "pnp/legacy.h"
#include "boot/options.h"
#include "cm/registry.h"
#include "io/driver.h"
#include "kd/log.h"
#include "pnp/internal.h"

#define SERVICE_DEMAND 3 /* Start value: on demand; smaller ones start by themselves */

typedef struct _SCRATCH {
    INF_CURSOR Cursor;
    INF_LINE Line, Detail;
} SCRATCH;

VOID PnpAddServices(const INF_FILE *File, PCSTR Section)
{
    SCRATCH *Scratch = ExAllocatePoolWithTag(PagedPool, sizeof(*Scratch), PNP_TAG);
    if (!Scratch) {
        return;
    }
    InfSeek(&Scratch->Cursor, File, Section);
    while (InfNext(&Scratch->Cursor, &Scratch->Line)) {
        if (InfEqual(Scratch->Line.Key, "AddService") && Scratch->Line.Count >= 3) {
            CmLock();
            PnpWriteService(File, Scratch->Line.Fields[0], Scratch->Line.Fields[2], &Scratch->Detail);
            CmUnlock();
        }
    }
    ExFreePoolWithTag(Scratch, PNP_TAG);
}

VOID PnpInstallServices(const INF_FILE *File)
{
    static const PCSTR Sections[] = {"DefaultInstall.NTamd64.Services", "DefaultInstall.NT.Services",
                                     "DefaultInstall.Services"};
    ULONG I;
    for (I = 0; I < COUNT_OF(Sections); I++) {
        if (InfHasSection(File, Sections[I])) {
            PnpAddServices(File, Sections[I]);
            KdLog(LOG_INFO, "services of %s installed", File->Name);
            return; /* the most specific decoration only */
        }
    }
}

static NTSTATUS Start(PCUNICODE_STRING Service)
{
    PDRIVER_DATA Driver;
    ULONG Problem;
    NTSTATUS Status;
    if (IopFindDriver(Service)) {
        return STATUS_IMAGE_ALREADY_LOADED;
    }
    Status = IopLoadDriver(Service, &Driver, &Problem);
    KdTrace("start-service name=%wZ status=0x%08x", Service, Status);
    if (!NT_SUCCESS(Status)) {
        KdLog(LOG_WARNING, "service %wZ does not start: 0x%08x (%s)", Service, Status, PnpProblemName(Problem));
    }
    return Status;
}

VOID PnpStartServices(VOID)
{
    CHAR Option[256], *At = Option, *Name;
    WCHAR Wide[40];
    UNICODE_STRING Service;
    ULONG I, Value;
    PCM_KEY Services;
    PLIST_ENTRY Entry;
    CmLock();
    Services = CmSubkey(NULL, CM_SERVICES, TRUE);
    /* The list only grows at its end, and only by this thread and the PnP manager, which is idle. */
    Entry = Services ? Services->Keys.Flink : NULL;
    CmUnlock();
    for (; Entry && Entry != &Services->Keys; Entry = Entry->Flink) {
        PCM_KEY Key = CONTAINING_RECORD(Entry, CM_KEY, Link);
        if (CmServiceValue(&Key->Name, "Start", &Value) && Value < SERVICE_DEMAND && !IopFindDriver(&Key->Name)) {
            Start(&Key->Name);
        }
    }
    if (!KeBootOption("load", Option, sizeof(Option))) {
        return;
    }
    while (*At) {
        for (Name = At; *At && *At != ','; At++) {
        }
        for (I = 0; Name + I < At && I + 1 < COUNT_OF(Wide); I++) {
            Wide[I] = (UCHAR)Name[I];
        }
        Wide[I] = 0;
        RtlInitUnicodeString(&Service, Wide);
        Start(&Service);
        if (*At) {
            At++;
        }
    }
}

/* The last component of \Registry\Machine\System\CurrentControlSet\Services\<name>. */
static VOID NameOf(PCUNICODE_STRING Path, PUNICODE_STRING Name)
{
    USHORT I = Path->Length / sizeof(WCHAR);
    while (I && Path->Buffer[I - 1] != L'\\') {
        I--;
    }
    Name->Buffer = Path->Buffer + I;
    Name->Length = Name->MaximumLength = Path->Length - I * sizeof(WCHAR);
}

NTSTATUS NTAPI ZwLoadDriver(PUNICODE_STRING DriverServiceName)
{
    UNICODE_STRING Name;
    NameOf(DriverServiceName, &Name);
    return Start(&Name);
}

NTSTATUS NTAPI ZwUnloadDriver(PUNICODE_STRING DriverServiceName)
{
    UNICODE_STRING Name;
    NameOf(DriverServiceName, &Name);
    return IopUnloadService(&Name);
}
