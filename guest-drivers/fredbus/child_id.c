/* SPDX-License-Identifier: MIT */
/* What a PDO says about itself. Strings are paged pool, freed by the PnP manager. */
#include "fredbus.h"

typedef struct _KIND_TEXTS {
    PCWSTR DeviceId;
    PCWSTR HardwareIds;   /* REG_MULTI_SZ: the literal's own end is the second zero */
    PCWSTR CompatibleIds; /* REG_MULTI_SZ */
    PCWSTR Description;
} KIND_TEXTS;

static const KIND_TEXTS Toaster = {L"FredBus\\FbToaster", L"FredBus\\FbToaster\0", L"FredBus\\CompatibleFbToaster\0",
                                   L"FredBus_FbToaster_"};
static const KIND_TEXTS Oven = {L"FredBus\\FbOven", L"FredBus\\FbOven\0", L"FredBus\\CompatibleFbOven\0",
                                L"FredBus_FbOven_"};
static const WCHAR Location[] = L"Fred Bus slot ";

static const KIND_TEXTS *Texts(PCHILD Child)
{
    return Child->Content.Kind == KindToaster ? &Toaster : &Oven;
}

/* Characters without the end. */
static SIZE_T Length(PCWSTR String)
{
    SIZE_T length = 0;

    while (String[length] != L'\0') {
        length++;
    }
    return length;
}

/* A copy of Characters characters with one zero behind them, or with two for a REG_MULTI_SZ; NULL without memory. */
static PWSTR Copy(PCWSTR String, SIZE_T Characters)
{
    PWSTR copy = ExAllocatePoolWithTag(PagedPool, (Characters + 2) * sizeof(WCHAR), POOL_TAG);

    if (copy != NULL) {
        RtlCopyMemory(copy, String, Characters * sizeof(WCHAR));
        copy[Characters] = L'\0';
        copy[Characters + 1] = MUTANT(FREDBUS_ENDS_LISTS_WITH_ONE_ZERO) ? L'x' : L'\0';
    }
    return copy;
}

#define NUMBER_DIGITS 10

/* Prefix followed by Number, at least two digits. */
static PWSTR CopyWithNumber(PCWSTR Prefix, ULONG Number)
{
    SIZE_T prefixLength = Length(Prefix);
    PWSTR copy = ExAllocatePoolWithTag(PagedPool, (prefixLength + NUMBER_DIGITS + 1) * sizeof(WCHAR), POOL_TAG);
    ULONG digits = 2;
    ULONG limit;
    ULONG index;

    if (copy == NULL) {
        return NULL;
    }
    for (limit = 100; digits < NUMBER_DIGITS && Number >= limit; limit *= 10) {
        digits++;
    }
    RtlCopyMemory(copy, Prefix, prefixLength * sizeof(WCHAR));
    for (index = digits; index > 0; index--) {
        copy[prefixLength + index - 1] = (WCHAR)(L'0' + Number % 10);
        Number /= 10;
    }
    copy[prefixLength + digits] = L'\0';
    return copy;
}

static NTSTATUS Answer(PWSTR String, ULONG_PTR *Information)
{
    *Information = (ULONG_PTR)String;
    return String != NULL ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS ChildQueryId(PCHILD Child, PIO_STACK_LOCATION Stack, NTSTATUS Status, ULONG_PTR *Information)
{
    const KIND_TEXTS *texts = Texts(Child);

    switch (Stack->Parameters.QueryId.IdType) {
    case BusQueryDeviceID:
        return Answer(Copy(texts->DeviceId, Length(texts->DeviceId)), Information);
    case BusQueryHardwareIDs:
        return Answer(Copy(texts->HardwareIds, Length(texts->HardwareIds)), Information);
    case BusQueryCompatibleIDs:
        if (MUTANT(FREDBUS_HAS_NO_COMPATIBLE_IDS)) {
            return Status;
        }
        return Answer(Copy(texts->CompatibleIds, Length(texts->CompatibleIds)), Information);
    case BusQueryInstanceID:
        return Answer(CopyWithNumber(L"", Child->Number), Information);
    default:
        return Status;
    }
}

NTSTATUS ChildQueryText(PCHILD Child, PIO_STACK_LOCATION Stack, NTSTATUS Status, ULONG_PTR *Information)
{
    /* One language serves all: the texts are names, not sentences. */
    switch (Stack->Parameters.QueryDeviceText.DeviceTextType) {
    case DeviceTextDescription:
        return Answer(
            CopyWithNumber(MUTANT(FREDBUS_CALLS_ALL_TOASTERS) ? Toaster.Description : Texts(Child)->Description,
                           Child->Number),
            Information);
    case DeviceTextLocationInformation:
        if (MUTANT(FREDBUS_ANSWERS_WITH_A_LITERAL)) {
            return Answer((PWSTR)Location, Information);
        }
        return Answer(CopyWithNumber(Location, Child->Slot), Information);
    default:
        return Status;
    }
}

NTSTATUS ChildQueryCapabilities(PCHILD Child, PIO_STACK_LOCATION Stack)
{
    PDEVICE_CAPABILITIES capabilities = Stack->Parameters.DeviceCapabilities.Capabilities;
    ULONG state;

    if (capabilities->Version != 1 || capabilities->Size < sizeof(*capabilities)) {
        return STATUS_UNSUCCESSFUL;
    }
    capabilities->DeviceD1 = FALSE;
    capabilities->DeviceD2 = FALSE;
    capabilities->LockSupported = FALSE;
    capabilities->EjectSupported = !MUTANT(FREDBUS_HIDES_EJECT);
    capabilities->WarmEjectSupported = FALSE;
    capabilities->Removable = TRUE;
    capabilities->SurpriseRemovalOK = TRUE; /* toast is not a file system */
    capabilities->DockDevice = FALSE;
    capabilities->UniqueID = FALSE; /* instance numbers are unique on this bus only */
    capabilities->SilentInstall = TRUE;
    capabilities->RawDeviceOK = FALSE;
    capabilities->Address = Child->Slot;
    capabilities->UINumber = Child->Slot;
    for (state = PowerSystemUnspecified; state < PowerSystemMaximum; state++) {
        capabilities->DeviceState[state] = PowerDeviceD3;
    }
    capabilities->DeviceState[PowerSystemWorking] = PowerDeviceD0;
    capabilities->SystemWake = PowerSystemUnspecified;
    capabilities->DeviceWake = PowerDeviceUnspecified;
    capabilities->D1Latency = 0;
    capabilities->D2Latency = 0;
    capabilities->D3Latency = 0;
    return STATUS_SUCCESS;
}

NTSTATUS ChildQueryBusInformation(PCHILD Child, ULONG_PTR *Information)
{
    PPNP_BUS_INFORMATION information = ExAllocatePoolWithTag(PagedPool, sizeof(*information), POOL_TAG);

    if (information == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (!MUTANT(FREDBUS_HAS_NO_BUS_TYPE)) {
        information->BusTypeGuid = GUID_FRED_BUS_TYPE;
    }
    information->LegacyBusType = PNPBus; /* what newer buses give, says the article */
    information->BusNumber = Child->Bus->Function.Number - 1;
    *Information = (ULONG_PTR)information;
    return STATUS_SUCCESS;
}
