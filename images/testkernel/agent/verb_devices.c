/* SPDX-License-Identifier: MIT */
/* `devices`: the device tree as JSON; and finding the device that an INSTANCE argument means. */
#include "agent/verb.h"
#include "pnp/internal.h"
#include "pnp/property.h"
#include "rtl/format.h"

static VOID PutUnicode(JSON_WRITER *Out, PCSTR Key, PCUNICODE_STRING Text)
{
    if (Text && Text->Length) {
        JsonPutWide(Out, Key, (const uint16_t *)Text->Buffer, Text->Length / sizeof(WCHAR));
    } else {
        JsonPutNull(Out, Key);
    }
}

static VOID PutText(JSON_WRITER *Out, PCSTR Key, PCWSTR Text)
{
    if (Text) {
        JsonPutWide(Out, Key, (const uint16_t *)Text, wcslen(Text));
    } else {
        JsonPutNull(Out, Key);
    }
}

/* REG_MULTI_SZ as an array. */
static VOID PutList(JSON_WRITER *Out, PCSTR Key, PCWSTR List)
{
    JsonKey(Out, Key);
    JsonBeginArray(Out);
    for (PCWSTR text = List; text && *text; text += wcslen(text) + 1) {
        JsonWide(Out, (const uint16_t *)text, wcslen(text));
    }
    JsonEndArray(Out);
}

static VOID PutInterface(const GUID *Class, PUNICODE_STRING Link, PDEVICE_NODE Node, PVOID Context)
{
    CHAR text[40];

    RtlFormat(text, sizeof(text), "{%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}", Class->Data1, Class->Data2,
              Class->Data3, Class->Data4[0], Class->Data4[1], Class->Data4[2], Class->Data4[3], Class->Data4[4],
              Class->Data4[5], Class->Data4[6], Class->Data4[7]);
    JsonString(Context, text);
}

static VOID PutContainer(JSON_WRITER *Out, PDEVICE_NODE Node)
{
    WCHAR text[39];
    GUID container;
    PutText(Out, "container", PnpGetContainer(Node, &container) ? IopGuidText(&container, text) : NULL);
}

static BOOLEAN IsPresent(PDEVICE_NODE Node)
{
    return !(Node->Flags & DNF_MISSING) && Node->State != DeviceNodeDeletePendingCloses &&
           Node->State != DeviceNodeDeleted && Node->InstancePath.Length;
}

typedef struct LISTING {
    JSON_WRITER *Out;
    BOOLEAN All;
    BOOLEAN Brief;
} LISTING;

static BOOLEAN PutDevice(PDEVICE_NODE Node, PVOID Context)
{
    LISTING *listing = Context;
    JSON_WRITER *out = listing->Out;

    if (!Node->Parent || (!IsPresent(Node) && !listing->All)) {
        return TRUE;
    }
    JsonBeginObject(out);
    PutUnicode(out, "instance", &Node->InstancePath);
    PutUnicode(out, "service", &Node->ServiceName);
    JsonPutBool(out, "started", PnpIsStarted(Node));
    JsonPutUnsigned(out, "problem", Node->Problem);
    JsonPutString(out, "problem_name", PnpProblemName(Node->Problem));
    PutUnicode(out, "parent", Node->Parent->Parent ? &Node->Parent->InstancePath : NULL);
    if (!listing->Brief) {
        PutList(out, "hardware_ids", Node->HardwareIds);
        PutList(out, "compatible_ids", Node->CompatibleIds);
        PutText(out, "description", Node->Description);
        PutText(out, "location", Node->LocationInformation);
        PutContainer(out, Node);
        JsonPutBool(out, "hidden", (Node->PnpState & PNP_DEVICE_DONT_DISPLAY_IN_UI) != 0);
        JsonKey(out, "interfaces");
        JsonBeginArray(out);
        IopVisitInterfaces(NULL, Node, FALSE, PutInterface, out);
        JsonEndArray(out);
    }
    JsonEndObject(out);
    return TRUE;
}

int VerbDevices(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    LISTING listing = {.Out = Out};

    if (Count == 1) {
        listing.All = strcmp(Arguments[0], "--all") == 0;
        listing.Brief = strcmp(Arguments[0], "--brief") == 0;
        if (!listing.All && !listing.Brief) {
            return VerbUsage(Out, "usage: buddyctl devices [--all|--brief]");
        }
    }
    JsonBeginObject(Out);
    JsonKey(Out, "devices");
    JsonBeginArray(Out);
    PnpLockTree();
    PnpWalkParentsFirst(PnpRootDevnode(), PutDevice, &listing);
    PnpUnlockTree();
    JsonEndArray(Out);
    JsonEndObject(Out);
    return EXIT_DONE;
}

typedef struct SEARCH {
    UNICODE_STRING Name;
    ULONG Services;      /* present devices whose service is Name */
    PDEVICE_NODE Device; /* the one with that instance path, or the last one with that service */
    BOOLEAN Exact;
} SEARCH;

static BOOLEAN Match(PDEVICE_NODE Node, PVOID Context)
{
    SEARCH *search = Context;

    if (!Node->Parent || !IsPresent(Node)) {
        return TRUE;
    }
    if (RtlEqualUnicodeString(&Node->InstancePath, &search->Name, TRUE)) {
        search->Device = Node;
        search->Exact = TRUE;
        return FALSE;
    }
    if (RtlEqualUnicodeString(&Node->ServiceName, &search->Name, TRUE)) {
        search->Device = Node;
        search->Services++;
    }
    return TRUE;
}

int VerbFindDevice(PCSTR Name, VERB_DEVICE *Device, JSON_WRITER *Out)
{
    WCHAR wide[INSTANCE_LENGTH];
    CHAR message[INSTANCE_LENGTH + 160];
    SIZE_T length = strlen(Name);
    SEARCH search = {.Services = 0};

    if (length == 0 || length >= INSTANCE_LENGTH) {
        return VerbUsage(Out, "INSTANCE is a device instance path or a service name; see `buddyctl devices`");
    }
    for (SIZE_T i = 0; i <= length; i++) {
        wide[i] = (UCHAR)Name[i]; /* instance paths and service names are ASCII */
    }
    RtlInitUnicodeString(&search.Name, wide);
    Device->Pdo = NULL;
    PnpLockTree();
    PnpWalkParentsFirst(PnpRootDevnode(), Match, &search);
    if (search.Exact || search.Services == 1) {
        Device->Pdo = search.Device->PhysicalDeviceObject;
        ObReferenceObject(Device->Pdo);
        RtlCopyMemory(Device->Instance, search.Device->InstancePath.Buffer, search.Device->InstancePath.Length);
        Device->Instance[search.Device->InstancePath.Length / sizeof(WCHAR)] = 0;
    }
    PnpUnlockTree();
    if (Device->Pdo) {
        return EXIT_DONE;
    }
    if (search.Services > 1) {
        RtlFormat(
            message, sizeof(message),
            "the service %s has %lu devices; give the instance path of the one that is meant, see `buddyctl devices`",
            Name, search.Services);
        return VerbFail(Out, EXIT_ABSENT, STATUS_OBJECT_NAME_COLLISION, message);
    }
    RtlFormat(message, sizeof(message),
              "there is no present device %s, and none uses a service of that name; `buddyctl devices` lists them",
              Name);
    return VerbFail(Out, EXIT_ABSENT, STATUS_NO_SUCH_DEVICE, message);
}
