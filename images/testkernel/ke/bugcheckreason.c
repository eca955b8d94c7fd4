/* SPDX-License-Identifier: MIT */
/*
 * Callbacks that add to a crash dump. The dump is made by QEMU from outside, so their data go nowhere; they are called all the same, because what a
 * driver does in them must work when the system has stopped.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/writing-a-bug-check-reason-callback-routine
 */
#include "kernel.h"
#include "ke/bugcheck.h"
#include "ke/report.h"

#define BUFFER_SIZE 4096

static LIST_ENTRY Records = {&Records, &Records};
static UCHAR Buffer[BUFFER_SIZE];

/* Any IRQL. Partial: KbCallbackDumpIo is registered and not called, as the kernel itself writes no dump. */
BOOLEAN NTAPI KeRegisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD CallbackRecord,
                                               PKBUGCHECK_REASON_CALLBACK_ROUTINE CallbackRoutine,
                                               KBUGCHECK_CALLBACK_REASON Reason, PUCHAR Component)
{
    ULONG64 Flags = __readeflags();
    BOOLEAN Fresh;
    _disable();
    Fresh = CallbackRecord->State != BufferInserted;
    if (Fresh) {
        CallbackRecord->CallbackRoutine = CallbackRoutine;
        CallbackRecord->Component = Component;
        CallbackRecord->Reason = Reason;
        CallbackRecord->Checksum = (ULONG_PTR)CallbackRoutine + (ULONG_PTR)Component + Reason;
        CallbackRecord->State = BufferInserted;
        InsertTailList(&Records, &CallbackRecord->Entry);
    }
    if (Flags & 0x200) {
        _enable();
    }
    return Fresh;
}

/* Any IRQL. FALSE if it is not registered. */
BOOLEAN NTAPI KeDeregisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD CallbackRecord)
{
    ULONG64 Flags = __readeflags();
    BOOLEAN Registered;
    _disable();
    Registered = CallbackRecord->State == BufferInserted;
    if (Registered) {
        RemoveEntryList(&CallbackRecord->Entry);
        CallbackRecord->State = BufferEmpty;
    }
    if (Flags & 0x200) {
        _enable();
    }
    return Registered;
}

#define MOST_RANGES 64

/*
 * The dump holds all memory, and so every range that a driver adds: the report says which.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ns-wdm-_kbugcheck_add_pages
 */
static VOID AskForPages(PKBUGCHECK_REASON_CALLBACK_RECORD Record, ULONG Code)
{
    KBUGCHECK_ADD_PAGES Pages = {.BugCheckCode = Code};
    for (ULONG i = 0; i < MOST_RANGES; i++) {
        Pages.Flags = 0;
        Pages.Count = 0;
        Record->CallbackRoutine(Record->Reason, Record, &Pages, sizeof(Pages));
        if (Pages.Count && (Pages.Flags & (KB_ADD_PAGES_FLAG_VIRTUAL_ADDRESS | KB_ADD_PAGES_FLAG_PHYSICAL_ADDRESS))) {
            KiSay("In the dump for %s: %Iu pages at %s 0x%Ix\n", (PCSTR)Record->Component, Pages.Count,
                  Pages.Flags & KB_ADD_PAGES_FLAG_PHYSICAL_ADDRESS ? "physical" : "virtual", Pages.Address);
        }
        if (!(Pages.Flags & KB_ADD_PAGES_FLAG_ADDITIONAL_RANGES_EXIST)) {
            return;
        }
    }
}

VOID KiRunBugCheckReasonCallbacks(ULONG Code)
{
    for (PLIST_ENTRY Entry = Records.Flink; Entry != &Records; Entry = Entry->Flink) {
        PKBUGCHECK_REASON_CALLBACK_RECORD Record = CONTAINING_RECORD(Entry, KBUGCHECK_REASON_CALLBACK_RECORD, Entry);
        KBUGCHECK_SECONDARY_DUMP_DATA Data = {
            .InBuffer = Buffer, .InBufferLength = BUFFER_SIZE, .MaximumAllowed = BUFFER_SIZE};
        if (Record->Checksum != (ULONG_PTR)Record->CallbackRoutine + (ULONG_PTR)Record->Component + Record->Reason) {
            continue;
        }
        if (Record->Reason == KbCallbackSecondaryDumpData) {
            Record->CallbackRoutine(Record->Reason, Record, &Data, sizeof(Data));
        } else if (Record->Reason == KbCallbackAddPages) {
            AskForPages(Record, Code);
        }
    }
}
