/* SPDX-License-Identifier: MIT */
/*
 * The driver store: the INF files among the boot modules. Those of a driver package (module "x.inf package=folder") are added when somebody asks for it.
 * https://learn.microsoft.com/windows-hardware/drivers/install/driver-store
 */
#include "pnp/install.h"
#include "boot/modules.h"
#include "kd/log.h"
#include "pnp/legacy.h"
#include "rtl/format.h"

#define MAX_INFS 64

static INF_FILE Infs[MAX_INFS];
static ULONG InfCount;

VOID PnpInfPath(const INF_FILE *File, PSTR Path, ULONG Size)
{
    RtlFormat(Path, Size, "%s%s%s", File->Package, File->Package[0] ? "\\" : "", File->Name);
}

const INF_FILE *PnpFindInStore(PCSTR Path)
{
    CHAR Have[100];
    ULONG I;
    for (I = 0; I < InfCount; I++) {
        PnpInfPath(&Infs[I], Have, sizeof(Have));
        if (InfEqual(Have, Path)) {
            return &Infs[I];
        }
    }
    return NULL;
}

/* The store is only ever extended, and its memory is kept: an INF is used whenever a device comes. */
static NTSTATUS Add(const BOOT_MODULE *Module)
{
    INF_FILE *File = &Infs[InfCount];
    SIZE_T Length = strlen(Module->Name);
    char *Buffer = NULL;
    INF_LINE *Line;
    NTSTATUS Status = STATUS_SUCCESS;
    if (Length < 4 || !InfEqual(Module->Name + Length - 4, ".inf")) {
        return STATUS_INVALID_PARAMETER;
    }
    if (InfCount == MAX_INFS) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (Module->Size >= 2 && *(const USHORT *)Module->Base == 0xFEFF) {
        Buffer = ExAllocatePoolWithTag(PagedPool, Module->Size / 2, PNP_TAG);
    }
    if (!InfOpen(File, Module->Name, Module->Base, Module->Size, Buffer, Buffer ? Module->Size / 2 : 0)) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    File->Package = Module->Package;
    Line = ExAllocatePoolWithTag(PagedPool, sizeof(*Line), PNP_TAG);
    if (!Line) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (!InfFind(File, "Version", "Signature", Line)) {
        KdLog(LOG_WARNING, "%s is ignored: an INF file needs [Version] with Signature", Module->Name);
        Status = STATUS_INVALID_PARAMETER;
    } else {
        InfCount++;
    }
    ExFreePoolWithTag(Line, PNP_TAG);
    return Status;
}

VOID PnpReadInfs(VOID)
{
    const BOOT_MODULE *Module;
    ULONG I;
    for (I = 0; (Module = BootModule(I)) != NULL; I++) {
        if (!Module->Package[0] && NT_SUCCESS(Add(Module))) {
            PnpInstallServices(&Infs[InfCount - 1]);
        }
    }
    KdLog(LOG_DEBUG, "%u INF files", InfCount);
}

NTSTATUS PnpAddToStore(PCSTR Path, const INF_FILE **File)
{
    const BOOT_MODULE *Module = BootFindModule(Path);
    NTSTATUS Status = STATUS_SUCCESS;
    if (!Module) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    if (!PnpFindInStore(Path)) {
        Status = Add(Module);
    }
    *File = PnpFindInStore(Path);
    return *File ? STATUS_SUCCESS : Status;
}

VOID PnpMatchStore(PCSTR HardwareIds, PCSTR CompatibleIds, INF_MATCH *Match)
{
    ULONG I;
    for (I = 0; I < InfCount; I++) {
        InfMatchDevice(&Infs[I], HardwareIds, CompatibleIds, Match);
    }
}
