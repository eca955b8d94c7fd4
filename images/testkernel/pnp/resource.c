/* SPDX-License-Identifier: MIT */
/* Resources of a devnode: which arbiter assigns them, sizes of lists. */
#include "pnp/internal.h"

NTSTATUS PnpRegisterArbiter(PDEVICE_OBJECT BusPdo, PNP_ARBITER Arbiter)
{
    PDEVICE_NODE Node = PnpDevnodeOfPdo(BusPdo);
    if (!Node) {
        return STATUS_NO_SUCH_DEVICE;
    }
    Node->Arbiter = Arbiter;
    return STATUS_SUCCESS;
}

static PDEVICE_NODE Arbiter(PDEVICE_NODE Node)
{
    PDEVICE_NODE Bus;
    for (Bus = Node->Parent; Bus && !Bus->Arbiter; Bus = Bus->Parent) {
    }
    return Bus;
}

BOOLEAN PnpCanAssignResources(PDEVICE_NODE Node)
{
    return !Node->Requirements || !Node->Requirements->List[0].Count || Arbiter(Node);
}

NTSTATUS PnpAssignResources(PDEVICE_NODE Node)
{
    PDEVICE_NODE Bus = Arbiter(Node);
    if (!PnpCanAssignResources(Node)) {
        return STATUS_CONFLICTING_ADDRESSES;
    }
    return Bus ? Bus->Arbiter(Node) : STATUS_SUCCESS;
}

void PnpFreeResources(PDEVICE_NODE Node)
{
    if (Node->RawResources) {
        ExFreePool(Node->RawResources);
    }
    if (Node->TranslatedResources) {
        ExFreePool(Node->TranslatedResources);
    }
    Node->RawResources = Node->TranslatedResources = NULL;
}

SIZE_T PnpResourceListSize(const CM_RESOURCE_LIST *List)
{
    const CM_FULL_RESOURCE_DESCRIPTOR *Full;
    ULONG I, J;
    if (!List) {
        return 0;
    }
    Full = &List->List[0];
    for (I = 0; I < List->Count; I++) {
        const CM_PARTIAL_RESOURCE_DESCRIPTOR *Partial = &Full->PartialResourceList.PartialDescriptors[0];
        for (J = 0; J < Full->PartialResourceList.Count; J++) {
            ULONG Extra = Partial->Type == CmResourceTypeDeviceSpecific ? Partial->u.DeviceSpecificData.DataSize : 0;
            Partial = (const CM_PARTIAL_RESOURCE_DESCRIPTOR *)((const UCHAR *)(Partial + 1) + Extra);
        }
        Full = (const CM_FULL_RESOURCE_DESCRIPTOR *)Partial;
    }
    return (const UCHAR *)Full - (const UCHAR *)List;
}
