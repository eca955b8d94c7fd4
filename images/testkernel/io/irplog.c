/* SPDX-License-Identifier: MIT */
/* A ring of the last IRPs. Names are copied, because drivers and devices may be gone when the ring is read. */
#include "io/irplog.h"
#include "io/irp.h"
#include "hal/hal.h"
#include "ke/report.h"
#include "ke/thread.h"
#include "rtl/format.h"

#define LOG_SIZE 48

typedef struct _IRP_LOG {
    ULONG64 Time; /* ns; 0 = unused */
    PIRP Irp;
    ULONG Thread;
    NTSTATUS Status;
    UCHAR Major, Minor;
    BOOLEAN Completed;
    CHAR Driver[20];
} IRP_LOG;

static IRP_LOG IopLog[LOG_SIZE];
static volatile LONG IopLogNext;

static VOID Note(PIRP Irp, PDEVICE_OBJECT DeviceObject, BOOLEAN Completed)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    IRP_LOG *entry = &IopLog[(ULONG)InterlockedIncrement(&IopLogNext) % LOG_SIZE];
    *entry = (IRP_LOG){.Time = HalNanoseconds(),
                       .Irp = Irp,
                       .Thread = KeGetCurrentThread()->Id,
                       .Status = Completed ? Irp->IoStatus.Status : 0,
                       .Major = stack->MajorFunction,
                       .Minor = stack->MinorFunction,
                       .Completed = Completed};
    if (DeviceObject) {
        PUNICODE_STRING name = &DeviceObject->DriverObject->DriverName; /* \Driver\owner */
        ULONG skip = name->Length > 8 * sizeof(WCHAR) ? 8 : 0, length = name->Length / sizeof(WCHAR) - skip;
        for (ULONG i = 0; i < length && i + 1 < sizeof(entry->Driver); i++) {
            entry->Driver[i] = (CHAR)name->Buffer[skip + i];
        }
    }
}

VOID IopLogSent(PIRP Irp, PDEVICE_OBJECT DeviceObject)
{
    if (Irp->AllocationFlags & IRP_ALLOCATED_BY_KERNEL) {
        IopTracker(Irp)->Sent = HalNanoseconds();
    }
    Note(Irp, DeviceObject, FALSE);
}

VOID IopLogCompleted(PIRP Irp)
{
    if (Irp->CurrentLocation <= Irp->StackCount) {
        Note(Irp, IoGetCurrentIrpStackLocation(Irp)->DeviceObject, TRUE);
    }
}

PSTR IopIrpName(UCHAR Major, UCHAR Minor, PSTR Text, SIZE_T Size)
{
    static const PCSTR majors[] = {"CREATE",
                                   "CREATE_NAMED_PIPE",
                                   "CLOSE",
                                   "READ",
                                   "WRITE",
                                   "QUERY_INFORMATION",
                                   "SET_INFORMATION",
                                   "QUERY_EA",
                                   "SET_EA",
                                   "FLUSH_BUFFERS",
                                   "QUERY_VOLUME_INFORMATION",
                                   "SET_VOLUME_INFORMATION",
                                   "DIRECTORY_CONTROL",
                                   "FILE_SYSTEM_CONTROL",
                                   "DEVICE_CONTROL",
                                   "INTERNAL_DEVICE_CONTROL",
                                   "SHUTDOWN",
                                   "LOCK_CONTROL",
                                   "CLEANUP",
                                   "CREATE_MAILSLOT",
                                   "QUERY_SECURITY",
                                   "SET_SECURITY",
                                   "POWER",
                                   "SYSTEM_CONTROL",
                                   "DEVICE_CHANGE",
                                   "QUERY_QUOTA",
                                   "SET_QUOTA",
                                   "PNP"};
    static const PCSTR pnp[] = {"START_DEVICE",
                                "QUERY_REMOVE_DEVICE",
                                "REMOVE_DEVICE",
                                "CANCEL_REMOVE_DEVICE",
                                "STOP_DEVICE",
                                "QUERY_STOP_DEVICE",
                                "CANCEL_STOP_DEVICE",
                                "QUERY_DEVICE_RELATIONS",
                                "QUERY_INTERFACE",
                                "QUERY_CAPABILITIES",
                                "QUERY_RESOURCES",
                                "QUERY_RESOURCE_REQUIREMENTS",
                                "QUERY_DEVICE_TEXT",
                                "FILTER_RESOURCE_REQUIREMENTS",
                                "0x0E",
                                "READ_CONFIG",
                                "WRITE_CONFIG",
                                "EJECT",
                                "SET_LOCK",
                                "QUERY_ID",
                                "QUERY_PNP_DEVICE_STATE",
                                "QUERY_BUS_INFORMATION",
                                "DEVICE_USAGE_NOTIFICATION",
                                "SURPRISE_REMOVAL"};
    static const PCSTR power[] = {"WAIT_WAKE", "POWER_SEQUENCE", "SET_POWER", "QUERY_POWER"};
    PCSTR major = Major < COUNT_OF(majors) ? majors[Major] : "?";
    PCSTR minor = Major == IRP_MJ_PNP && Minor < COUNT_OF(pnp)       ? pnp[Minor]
                  : Major == IRP_MJ_POWER && Minor < COUNT_OF(power) ? power[Minor]
                                                                     : NULL;
    if (minor) {
        RtlFormat(Text, Size, "%s/%s", major, minor);
    } else {
        RtlFormat(Text, Size, "%s/%u", major, Minor);
    }
    return Text;
}

VOID IopSayIrps(VOID)
{
    CHAR name[64];
    KiSay("\nLast IRPs (oldest first):\n");
    for (ULONG i = 1; i <= LOG_SIZE; i++) {
        const IRP_LOG *entry = &IopLog[((ULONG)IopLogNext + i) % LOG_SIZE];
        if (!entry->Time) {
            continue;
        }
        KiSay("  %9I64u us  thread %-4u IRP %p  %s %-16s %s", entry->Time / 1000, entry->Thread, entry->Irp,
              entry->Completed ? "completed by" : "sent to     ", entry->Driver,
              IopIrpName(entry->Major, entry->Minor, name, sizeof(name)));
        if (entry->Completed) {
            KiSay(" 0x%08x", entry->Status);
        }
        KiSay("\n");
    }
}
