/* SPDX-License-Identifier: MIT */
/*
 * The callback object and the named event. Either side creates them if it comes first, so the drivers may start in any order.
 * Source: seed article "Buddy Drivers", Method 2; "Beyond IRPs", its last paragraphs.
 */
#include "borrower.h"

static const CHAR *EventName(BUDDY_EVENT Event)
{
    static const CHAR *const names[] = {"?", "power-up", "power-down", "doorbell", "hello"};

    return Event < RTL_NUMBER_OF(names) ? names[Event] : "?";
}

/* The first registrant. At the IRQL of ExNotifyCallback: PASSIVE_LEVEL, or DISPATCH_LEVEL for the doorbell. */
static VOID NTAPI FirstNotified(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PBORROWER borrower = (PBORROWER)Context;
    BUDDY_EVENT event = (BUDDY_EVENT)(ULONG_PTR)Argument1;

    borrower->Talk.Order = 1;
    if (event == BuddyEventDoorbell) {
        InterlockedIncrement(&borrower->Talk.Doorbells);
        if (MUTANT(BORROWER_WAITS_IN_CALLBACK)) {
            KeWaitForSingleObject(&borrower->Answered, Executive, KernelMode, FALSE, NULL);
        }
        return; /* too many for a line each */
    }
    Trace("callback-object event=%s owner=%u irql=%u device=%u", EventName(event), (ULONG)(ULONG_PTR)Argument2,
          (ULONG)KeGetCurrentIrql(), borrower->Function.Number);
}

/* The second registrant: only checks that the first was called before it. */
static VOID NTAPI SecondNotified(PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PBORROWER borrower = (PBORROWER)Context;

    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    ExerciserCount(&borrower->Hardware.User.Exerciser, borrower->Talk.Order == 1);
    borrower->Talk.Order = 2;
}

static VOID OpenCallback(PBORROWER Borrower)
{
    static PCALLBACK_FUNCTION const functions[CALLBACK_REGISTRANTS] = {FirstNotified, SecondNotified};
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    PTALK talk = &Borrower->Talk;
    NTSTATUS status;
    ULONG index;

    RtlInitUnicodeString(&name, BUDDY_CALLBACK_NAME);
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_PERMANENT, NULL, NULL);
    status = ExCreateCallback(&talk->Object, &attributes, TRUE, !MUTANT(BORROWER_ALLOWS_ONE_CALLBACK));
    if (!NT_SUCCESS(status)) {
        talk->Object = NULL;
        Trace("talk-failed what=callback status=%x device=%u", status, Borrower->Function.Number);
        return;
    }
    for (index = 0; index < CALLBACK_REGISTRANTS; index++) {
        talk->Registrations[index] = ExRegisterCallback(talk->Object, functions[index], Borrower);
        ExerciserCount(&Borrower->Hardware.User.Exerciser, talk->Registrations[index] != NULL);
    }
    ExNotifyCallback(talk->Object, (PVOID)(ULONG_PTR)BuddyEventHello, (PVOID)(ULONG_PTR)0);
}

static VOID CloseCallback(PTALK Talk)
{
    ULONG index;

    if (Talk->Object == NULL) {
        return;
    }
    for (index = 0; index < CALLBACK_REGISTRANTS; index++) {
        if (Talk->Registrations[index] != NULL) {
            if (!MUTANT(BORROWER_STAYS_REGISTERED)) {
                ExUnregisterCallback(Talk->Registrations[index]);
            }
            Talk->Registrations[index] = NULL;
        }
    }
    ObDereferenceObject(Talk->Object);
    Talk->Object = NULL;
}

static VOID OpenEvent(PBORROWER Borrower)
{
    UNICODE_STRING name;

    RtlInitUnicodeString(&name, BUDDY_EVENT_NAME);
    Borrower->Talk.Event = IoCreateNotificationEvent(&name, &Borrower->Talk.EventHandle);
    if (Borrower->Talk.Event == NULL) {
        Trace("talk-failed what=event status=%x device=%u", (ULONG)STATUS_UNSUCCESSFUL, Borrower->Function.Number);
    }
}

static VOID CloseEvent(PTALK Talk)
{
    if (Talk->Event != NULL) {
        Talk->Event = NULL;
        ZwClose(Talk->EventHandle);
    }
}

VOID TalkStart(PBORROWER Borrower)
{
    ULONG wanted = Borrower->Function.Settings[SettingTalk];

    if (wanted & BUDDY_TALK_CALLBACK) {
        OpenCallback(Borrower);
    }
    if (wanted & BUDDY_TALK_EVENT) {
        OpenEvent(Borrower);
    }
}

VOID TalkStop(PBORROWER Borrower)
{
    CloseCallback(&Borrower->Talk);
    CloseEvent(&Borrower->Talk);
}

/*
 * A question through the shared context, a ring at the owner's doorbell (answered by a callback at DISPATCH_LEVEL), and a look at the event, which must be
 * signalled while we are inside the gate.
 */
VOID TalkRound(PPAGE_USER User)
{
    PBORROWER borrower = CONTAINING_RECORD(User, BORROWER, Hardware.User);
    ULONG wanted = borrower->Function.Settings[SettingTalk];
    PKEVENT event = borrower->Talk.Event;

    if (wanted & BUDDY_TALK_SHARED_CONTEXT) {
        ExerciserCount(&User->Exerciser, SharedAsk(borrower, User->Exerciser.Round));
    }
    if (wanted & BUDDY_TALK_CALLBACK) {
        PageWrite(User, DOORBELL, 1);
        ExerciserCount(&User->Exerciser, TRUE);
    }
    if (event != NULL) {
        ExerciserCount(&User->Exerciser, KeReadStateEvent(event) != 0);
    }
}
