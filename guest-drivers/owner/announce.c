/* SPDX-License-Identifier: MIT */
/*
 * The callback object and the named event, by which the owner says what its power does to whoever wants to know. Either side creates them if it comes
 * first. Source: seed article "Buddy Drivers", Method 2; "Beyond IRPs", its last paragraphs.
 */
#include "owner.h"

/* The owner's own registration: a borrower says hello. At the IRQL of ExNotifyCallback. */
static VOID NTAPI Notified(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    POWNER owner = (POWNER)Context;

    UNREFERENCED_PARAMETER(Argument2);
    if ((BUDDY_EVENT)(ULONG_PTR)Argument1 == BuddyEventHello) {
        Trace("callback-object event=hello device=%u", owner->Function.Number);
    }
}

static VOID OpenCallback(POWNER Owner)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status;

    RtlInitUnicodeString(&name, BUDDY_CALLBACK_NAME);
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_PERMANENT, NULL, NULL);
    status = ExCreateCallback(&Owner->Callback, &attributes, TRUE, TRUE);
    if (!NT_SUCCESS(status)) {
        Owner->Callback = NULL;
        Trace("talk-failed what=callback status=%x device=%u", status, Owner->Function.Number);
        return;
    }
    Owner->CallbackRegistration = ExRegisterCallback(Owner->Callback, Notified, Owner);
}

static VOID OpenEvent(POWNER Owner)
{
    UNICODE_STRING name;

    RtlInitUnicodeString(&name, BUDDY_EVENT_NAME);
    Owner->Event = IoCreateNotificationEvent(&name, &Owner->EventHandle);
    if (Owner->Event == NULL) {
        Trace("talk-failed what=event status=%x device=%u", (ULONG)STATUS_UNSUCCESSFUL, Owner->Function.Number);
        return;
    }
    KeClearEvent(Owner->Event); /* it is created signalled, and there is no power yet */
}

VOID AnnounceOpen(POWNER Owner)
{
    ULONG wanted = Owner->Function.Settings[SettingTalk];

    if (wanted & BUDDY_TALK_CALLBACK) {
        OpenCallback(Owner);
    }
    if (wanted & BUDDY_TALK_EVENT) {
        OpenEvent(Owner);
    }
}

VOID AnnounceClose(POWNER Owner)
{
    if (Owner->CallbackRegistration != NULL) {
        ExUnregisterCallback(Owner->CallbackRegistration);
    }
    if (Owner->Callback != NULL) {
        ObDereferenceObject(Owner->Callback);
    }
    if (Owner->Event != NULL) {
        ZwClose(Owner->EventHandle);
    }
}

VOID Announce(POWNER Owner, BUDDY_EVENT Event)
{
    if (Owner->Event != NULL && Event == BuddyEventPowerUp) {
        if (MUTANT(OWNER_PULSES_EVENT)) {
            KePulseEvent(Owner->Event, IO_NO_INCREMENT, FALSE);
        } else {
            KeSetEvent(Owner->Event, IO_NO_INCREMENT, FALSE);
        }
    }
    if (Owner->Event != NULL && Event == BuddyEventPowerDown) {
        KeClearEvent(Owner->Event);
    }
    if (Owner->Callback != NULL) {
        ExNotifyCallback(Owner->Callback, (PVOID)(ULONG_PTR)Event, (PVOID)(ULONG_PTR)Owner->Function.Number);
    }
}
