/* SPDX-License-Identifier: MIT */
/*
 * Callbacks that add to a crash dump. The dump is made by QEMU from outside, so their data go nowhere; they are called all the same, because what a
 * driver does in them must work when the system has stopped.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/writing-a-bug-check-reason-callback-routine
 */
#include "kernel.h"
#include "ke/bugcheck.h"

#define BUFFER_SIZE 4096

static LIST_ENTRY Records = {&Records, &Records};
static UCHAR Buffer[BUFFER_SIZE];

/* Any IRQL. Partial: only KbCallbackSecondaryDumpData is called; KbCallbackAddPages and KbCallbackDumpIo are registered and stay silent. */
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

VOID KiRunBugCheckReasonCallbacks(VOID)
{
    for (PLIST_ENTRY Entry = Records.Flink; Entry != &Records; Entry = Entry->Flink) {
        PKBUGCHECK_REASON_CALLBACK_RECORD Record = CONTAINING_RECORD(Entry, KBUGCHECK_REASON_CALLBACK_RECORD, Entry);
        KBUGCHECK_SECONDARY_DUMP_DATA Data = {
            .InBuffer = Buffer, .InBufferLength = BUFFER_SIZE, .MaximumAllowed = BUFFER_SIZE};
        if (Record->Reason == KbCallbackSecondaryDumpData &&
            Record->Checksum == (ULONG_PTR)Record->CallbackRoutine + (ULONG_PTR)Record->Component + Record->Reason) {
            Record->CallbackRoutine(Record->Reason, Record, &Data, sizeof(Data));
        }
    }
}
