/* SPDX-License-Identifier: MIT */
/*
 * Every query that the PnP manager makes of a PDO (seed article "So You Wanna Be a Bus Driver?"), sent once more and its answer traced, so that a scenario
 * can compare it. Only a test does so: other drivers ask IoGetDeviceProperty. QUERY_PNP_DEVICE_STATE is the PnP manager's alone: pnp.c traces its answer.
 */
#include "pnptest.h"

#define TEXT_LENGTH   80
#define UNKNOWN_MINOR 0xFE

/* Nobody has such an interface. */
static const GUID UnknownInterface = {0x6f4b0d31, 0x5a5c, 0x4e0b, {0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 0xFF}};

/* Sends Request down and waits. Information may be NULL. PASSIVE_LEVEL. */
static NTSTATUS Send(PFILTER Filter, const IO_STACK_LOCATION *Request, ULONG_PTR *Information)
{
    KEVENT done;
    IO_STATUS_BLOCK result = {{STATUS_SUCCESS}, 0};
    PIO_STACK_LOCATION stack;
    PIRP irp;
    NTSTATUS status;

    KeInitializeEvent(&done, NotificationEvent, FALSE);
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Filter->Lower, NULL, 0, NULL, &done, &result);
    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED; /* a PnP IRP starts so; nobody who knows it leaves it so */
    stack = IoGetNextIrpStackLocation(irp);
    stack->MinorFunction = Request->MinorFunction;
    stack->Parameters = Request->Parameters;
    status = IoCallDriver(Filter->Lower, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
        status = result.Status;
    }
    if (Information != NULL) {
        *Information = result.Information;
    }
    return status;
}

/* The answer's text with what would break a trace line replaced: commas between the strings of a list, underscores for blanks. */
static VOID TraceText(PFILTER Filter, const CHAR *Query, const CHAR *Type, NTSTATUS Status, PWSTR Answer, BOOLEAN List)
{
    WCHAR buffer[TEXT_LENGTH];
    UNICODE_STRING text = {0, sizeof(buffer), buffer};
    ULONG index;

    for (index = 0; Answer != NULL && index < TEXT_LENGTH; index++) {
        if (Answer[index] == L'\0' && (!List || Answer[index + 1] == L'\0')) {
            break;
        }
        buffer[index] = Answer[index] == L'\0' ? L',' : Answer[index] == L' ' ? L'_' : Answer[index];
        text.Length += sizeof(WCHAR);
    }
    Trace("%s on=%S type=%s status=%x text=%S", Query, &Filter->Service, Type, Status, &text);
    if (Answer != NULL) {
        ExFreePool(Answer);
    }
}

static VOID QueryIds(PFILTER Filter)
{
    static const struct {
        BUS_QUERY_ID_TYPE Type;
        const CHAR *Name;
        BOOLEAN List;
    } ids[] = {
        {BusQueryDeviceID, "device", FALSE},
        {BusQueryHardwareIDs, "hardware", TRUE},
        {BusQueryCompatibleIDs, "compatible", TRUE},
        {BusQueryInstanceID, "instance", FALSE},
    };
    ULONG index;

    for (index = 0; index < RTL_NUMBER_OF(ids); index++) {
        IO_STACK_LOCATION request = {.MinorFunction = IRP_MN_QUERY_ID};
        ULONG_PTR answer;
        NTSTATUS status;

        request.Parameters.QueryId.IdType = ids[index].Type;
        status = Send(Filter, &request, &answer);
        TraceText(Filter, "id", ids[index].Name, status, NT_SUCCESS(status) ? (PWSTR)answer : NULL, ids[index].List);
    }
}

static VOID QueryTexts(PFILTER Filter)
{
    static const struct {
        DEVICE_TEXT_TYPE Type;
        const CHAR *Name;
    } texts[] = {{DeviceTextDescription, "description"}, {DeviceTextLocationInformation, "location"}};
    ULONG index;

    for (index = 0; index < RTL_NUMBER_OF(texts); index++) {
        IO_STACK_LOCATION request = {.MinorFunction = IRP_MN_QUERY_DEVICE_TEXT};
        ULONG_PTR answer;
        NTSTATUS status;

        request.Parameters.QueryDeviceText.DeviceTextType = texts[index].Type;
        request.Parameters.QueryDeviceText.LocaleId = 0x409; /* US English */
        status = Send(Filter, &request, &answer);
        TraceText(Filter, "text", texts[index].Name, status, NT_SUCCESS(status) ? (PWSTR)answer : NULL, FALSE);
    }
}

static VOID ReportCapabilities(PFILTER Filter)
{
    IO_STACK_LOCATION request = {.MinorFunction = IRP_MN_QUERY_CAPABILITIES};
    DEVICE_CAPABILITIES capabilities = {.Size = sizeof(capabilities), .Version = 1};
    NTSTATUS status;

    /* What the sender leaves: Microsoft, IRP_MN_QUERY_CAPABILITIES. */
    capabilities.Address = (ULONG)-1;
    capabilities.UINumber = (ULONG)-1;
    request.Parameters.DeviceCapabilities.Capabilities = &capabilities;
    status = Send(Filter, &request, NULL);
    Trace("capabilities on=%S status=%x eject=%u removable=%u surprise-ok=%u unique=%u address=%u number=%u s3=%u",
          &Filter->Service, status, (ULONG)capabilities.EjectSupported, (ULONG)capabilities.Removable,
          (ULONG)capabilities.SurpriseRemovalOK, (ULONG)capabilities.UniqueID, capabilities.Address,
          capabilities.UINumber, (ULONG)capabilities.DeviceState[PowerSystemSleeping3]);
}

static VOID QueryBusInformation(PFILTER Filter)
{
    IO_STACK_LOCATION request = {.MinorFunction = IRP_MN_QUERY_BUS_INFORMATION};
    PNP_BUS_INFORMATION nothing = {.LegacyBusType = InterfaceTypeUndefined};
    ULONG_PTR answer;
    NTSTATUS status = Send(Filter, &request, &answer);
    PPNP_BUS_INFORMATION information = NT_SUCCESS(status) && answer != 0 ? (PPNP_BUS_INFORMATION)answer : &nothing;

    Trace("bus-information on=%S status=%x type=%x legacy=%u number=%u", &Filter->Service, status,
          (ULONG)information->BusTypeGuid.Data1, (ULONG)information->LegacyBusType, information->BusNumber);
    if (information != &nothing) {
        ExFreePool(information);
    }
}

/* QUERY_RESOURCES and QUERY_RESOURCE_REQUIREMENTS: whether there is a list. */
static VOID QueryList(PFILTER Filter, UCHAR Minor, const CHAR *Name)
{
    IO_STACK_LOCATION request = {.MinorFunction = Minor};
    ULONG_PTR answer;
    NTSTATUS status = Send(Filter, &request, &answer);

    Trace("%s on=%S status=%x list=%u", Name, &Filter->Service, status, (ULONG)(answer != 0));
    if (NT_SUCCESS(status) && answer != 0) {
        ExFreePool((PVOID)answer);
    }
}

static VOID QueryUnknownInterface(PFILTER Filter)
{
    INTERFACE nothing = {0};
    NTSTATUS status = QueryInterface(Filter->Lower, &UnknownInterface, sizeof(nothing), 1, &nothing);

    Trace("interface on=%S status=%x", &Filter->Service, status);
}

static VOID QueryRelations(PFILTER Filter)
{
    static const struct {
        DEVICE_RELATION_TYPE Type;
        const CHAR *Name;
    } types[] = {{TargetDeviceRelation, "target"}, {EjectionRelations, "ejection"}, {RemovalRelations, "removal"}};
    ULONG index;
    ULONG each;

    for (index = 0; index < RTL_NUMBER_OF(types); index++) {
        IO_STACK_LOCATION request = {.MinorFunction = IRP_MN_QUERY_DEVICE_RELATIONS};
        PDEVICE_RELATIONS relations;
        ULONG_PTR answer;
        NTSTATUS status;

        request.Parameters.QueryDeviceRelations.Type = types[index].Type;
        status = Send(Filter, &request, &answer);
        relations = NT_SUCCESS(status) ? (PDEVICE_RELATIONS)answer : NULL;
        Trace("relations on=%S type=%s status=%x count=%u self=%u", &Filter->Service, types[index].Name, status,
              relations != NULL ? relations->Count : 0,
              (ULONG)(relations != NULL && relations->Count == 1 && relations->Objects[0] == Filter->Pdo));
        for (each = 0; relations != NULL && each < relations->Count; each++) {
            ObDereferenceObject(relations->Objects[each]);
        }
        if (relations != NULL) {
            ExFreePool(relations);
        }
    }
}

static VOID QueryUnknown(PFILTER Filter)
{
    IO_STACK_LOCATION request = {.MinorFunction = UNKNOWN_MINOR};
    ULONG_PTR answer;
    NTSTATUS status = Send(Filter, &request, &answer);

    Trace("unknown on=%S status=%x", &Filter->Service, status);
}

VOID QueryEverything(PFILTER Filter)
{
    QueryIds(Filter);
    QueryTexts(Filter);
    ReportCapabilities(Filter);
    QueryBusInformation(Filter);
    QueryList(Filter, IRP_MN_QUERY_RESOURCES, "resources");
    QueryList(Filter, IRP_MN_QUERY_RESOURCE_REQUIREMENTS, "requirements");
    QueryUnknownInterface(Filter);
    QueryRelations(Filter);
    QueryUnknown(Filter);
}
