/* SPDX-License-Identifier: MIT */
/* ACPI tables: RSDP, RSDT/XSDT, FADT, MADT, MCFG, HPET, and the \_Sx packages in the DSDT and the SSDTs (found by pattern: there is no AML interpreter). */
#include "hal/acpi.h"
#include "kd/log.h"
#include "mm/mm.h"

#pragma pack(push, 1)
typedef struct _ACPI_HEADER {
    CHAR Signature[4];
    ULONG Length;
    UCHAR Revision, Checksum;
    CHAR OemId[6], OemTableId[8];
    ULONG OemRevision, CreatorId, CreatorRevision;
} ACPI_HEADER;

typedef struct _ACPI_FADT {
    ACPI_HEADER Header;
    ULONG Facs, Dsdt;
    UCHAR Model, Profile;
    USHORT SciInterrupt;
    ULONG SmiCommand;
    UCHAR AcpiEnable, AcpiDisable, S4BiosRequest, PstateControl;
    ULONG Pm1aEvent, Pm1bEvent, Pm1aControl, Pm1bControl, Pm2Control, PmTimer, Gpe0, Gpe1;
    UCHAR Pm1EventLength, Pm1ControlLength, Pm2ControlLength, PmTimerLength, Gpe0Length, Gpe1Length, Gpe1Base,
        CstControl;
    USHORT C2Latency, C3Latency, FlushSize, FlushStride;
    UCHAR DutyOffset, DutyWidth, DayAlarm, MonthAlarm, Century;
    USHORT BootFlags;
    UCHAR Reserved;
    ULONG Flags;
    UCHAR ResetSpace, ResetWidth, ResetOffset, ResetAccess;
    ULONG64 ResetAddress;
    UCHAR ResetValue;
} ACPI_FADT;
#pragma pack(pop)

#define FADT_TIMER_32 0x100
#define FADT_RESET    0x400

ACPI_INFO HalAcpi;
static ULONG64 HalpTables[32];
static ULONG HalpTableCount;

/* The firmware's tables lie in RAM, which is mapped as a whole up to the highest RAM address. */
static const VOID *Table(ULONG64 Physical)
{
    return MiPhysicalToVirtual(Physical);
}

static BOOLEAN ChecksumGood(const VOID *Bytes, SIZE_T Length)
{
    UCHAR sum = 0;
    for (SIZE_T i = 0; i < Length; i++) {
        sum = (UCHAR)(sum + ((const UCHAR *)Bytes)[i]);
    }
    return sum == 0;
}

static BOOLEAN SameBytes(const VOID *A, const VOID *B, SIZE_T Length)
{
    return RtlCompareMemory(A, B, Length) == Length;
}

static const UCHAR *FindRsdp(VOID)
{
    for (ULONG address = 0xE0000; address < 0x100000; address += 16) {
        const UCHAR *candidate = Table(address);
        if (SameBytes(candidate, "RSD PTR ", 8) && ChecksumGood(candidate, 20)) {
            return candidate;
        }
    }
    return NULL;
}

const VOID *HalAcpiTable(PCSTR Signature, PULONG Length)
{
    for (ULONG i = 0; i < HalpTableCount; i++) {
        const ACPI_HEADER *header = Table(HalpTables[i]);
        if (SameBytes(header->Signature, Signature, 4) && ChecksumGood(header, header->Length)) {
            if (Length) {
                *Length = header->Length;
            }
            return header;
        }
    }
    return NULL;
}

/* \_Sx: Name (_Sx_, Package (n) {SLP_TYPa, SLP_TYPb, …}) is 08 [5C] '_Sx_' 12 PkgLength n, then an integer: 0A byte, 00 or 01. */
static VOID ReadSleepTypes(const ACPI_HEADER *Table)
{
    const UCHAR *bytes = (const UCHAR *)Table;
    for (ULONG i = sizeof(*Table) + 1; i + 8 < Table->Length; i++) {
        if (bytes[i] == '_' && bytes[i + 1] == 'S' && bytes[i + 2] >= '0' && bytes[i + 2] <= '5' &&
            bytes[i + 3] == '_' && bytes[i + 4] == 0x12 && bytes[bytes[i - 1] == '\\' ? i - 2 : i - 1] == 0x08) {
            const UCHAR *p = bytes + i + 5;
            p += 1 + (*p >> 6); /* package length */
            p += 1;             /* element count */
            HalAcpi.SleepType[bytes[i + 2] - '0'] = *p == 0x0A ? p[1] : *p;
        }
    }
}

/* Of two objects of one name the DSDT's counts, which comes last here: in ACPI the first definition wins, a second is an error. */
static VOID ReadAllSleepTypes(ULONG64 Dsdt)
{
    RtlFillMemory(HalAcpi.SleepType, sizeof(HalAcpi.SleepType), 0xFF);
    for (ULONG i = 0; i < HalpTableCount; i++) {
        const ACPI_HEADER *header = Table(HalpTables[i]);
        if (SameBytes(header->Signature, "SSDT", 4) && ChecksumGood(header, header->Length)) {
            ReadSleepTypes(header);
        }
    }
    if (Dsdt) {
        ReadSleepTypes(Table(Dsdt));
    }
}

static VOID ReadFadt(const ACPI_FADT *Fadt)
{
    HalAcpi.Pm1aEvent = (USHORT)Fadt->Pm1aEvent;
    HalAcpi.Pm1aControl = (USHORT)Fadt->Pm1aControl;
    HalAcpi.PmTimer = (USHORT)Fadt->PmTimer;
    HalAcpi.PmTimer32 = (Fadt->Flags & FADT_TIMER_32) != 0;
    HalAcpi.Gpe0 = (USHORT)Fadt->Gpe0;
    HalAcpi.Gpe0Length = Fadt->Gpe0Length;
    HalAcpi.SmiCommand = (USHORT)Fadt->SmiCommand;
    HalAcpi.AcpiEnable = Fadt->AcpiEnable;
    HalAcpi.AcpiDisable = Fadt->AcpiDisable;
    HalAcpi.SciInterrupt = Fadt->SciInterrupt;
    HalAcpi.FacsPhysical = Fadt->Facs;
    HalAcpi.Facs = Fadt->Facs ? (PUCHAR)MiPhysicalToVirtual(Fadt->Facs) : NULL;
    if ((Fadt->Flags & FADT_RESET) && Fadt->Header.Length >= sizeof(*Fadt) && Fadt->ResetSpace == 1) {
        HalAcpi.ResetPort = (ULONG)Fadt->ResetAddress;
        HalAcpi.ResetValue = Fadt->ResetValue;
    }
    ReadAllSleepTypes(Fadt->Dsdt);
}

static VOID ReadMadt(const UCHAR *Madt, ULONG Length)
{
    HalAcpi.LocalApic = *(const ULONG *)(Madt + 36);
    for (ULONG i = 0; i < 16; i++) {
        HalAcpi.IrqOverride[i] = i;
    }
    for (ULONG i = 44; i + 2 <= Length && Madt[i + 1]; i += Madt[i + 1]) {
        const UCHAR *entry = Madt + i;
        if (entry[0] == 1 && !HalAcpi.IoApic) {
            HalAcpi.IoApic = *(const ULONG *)(entry + 4);
            HalAcpi.IoApicGsiBase = *(const ULONG *)(entry + 8);
        } else if (entry[0] == 2 && entry[3] < 16) {
            HalAcpi.IrqOverride[entry[3]] = *(const ULONG *)(entry + 4);
            HalAcpi.IrqFlags[entry[3]] = *(const USHORT *)(entry + 8);
        }
    }
}

BOOLEAN HalAcpiInitialize(VOID)
{
    const UCHAR *rsdp = FindRsdp();
    if (!rsdp) {
        return FALSE;
    }
    BOOLEAN wide = rsdp[15] >= 2 && *(const ULONG64 *)(rsdp + 24);
    const ACPI_HEADER *root = Table(wide ? *(const ULONG64 *)(rsdp + 24) : *(const ULONG *)(rsdp + 16));
    const UCHAR *entry = (const UCHAR *)(root + 1);
    ULONG size = wide ? 8 : 4;
    for (; entry + size <= (const UCHAR *)root + root->Length && HalpTableCount < COUNT_OF(HalpTables); entry += size) {
        HalpTables[HalpTableCount++] = wide ? *(const ULONG64 *)entry : *(const ULONG *)entry;
    }
    ULONG length;
    const VOID *fadt = HalAcpiTable("FACP", &length);
    const UCHAR *madt = HalAcpiTable("APIC", &length);
    if (!fadt || !madt) {
        return FALSE;
    }
    ReadMadt(madt, length);
    ReadFadt(fadt);
    const UCHAR *mcfg = HalAcpiTable("MCFG", &length);
    if (mcfg && length >= 60) {
        HalAcpi.McfgBase = *(const ULONG64 *)(mcfg + 44);
        HalAcpi.McfgStartBus = mcfg[54];
        HalAcpi.McfgEndBus = mcfg[55];
    }
    const UCHAR *hpet = HalAcpiTable("HPET", &length);
    if (hpet && length >= 56) {
        HalAcpi.Hpet = *(const ULONG64 *)(hpet + 44);
    }
    return TRUE;
}

VOID HalAcpiEnable(VOID)
{
    if (!HalAcpi.SmiCommand || (__inword(HalAcpi.Pm1aControl) & ACPI_PM1_SCI_EN)) {
        return;
    }
    __outbyte(HalAcpi.SmiCommand, HalAcpi.AcpiEnable);
    /* QEMU switches within the write; hardware may take up to 3 s, and then nothing that needs the SCI works. */
    for (ULONG i = 0; i < 1000000 && !(__inword(HalAcpi.Pm1aControl) & ACPI_PM1_SCI_EN); i++) {
        YieldProcessor();
    }
}
