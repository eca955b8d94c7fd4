/* SPDX-License-Identifier: MIT */
/*
 * Resource assignment. The PnP manager asks the PDO for requirements and lets the function driver filter them
 * (IRP_MN_FILTER_RESOURCE_REQUIREMENTS); the arbiter of the bus then decides.
 */
#ifndef TESTKERNEL_PNP_RESOURCE_H
#define TESTKERNEL_PNP_RESOURCE_H

#include "devnode.h"

/*
 * A bus's arbiter: reads Node->Requirements and Node->BootResources, and sets Node->RawResources and Node->TranslatedResources to lists
 * from pool (ExAllocatePoolWithTag(PagedPool, size, 'RpnP')); the PnP manager frees them. Leaves both NULL when the device needs nothing.
 * During a rebalance (Node->State is DeviceNodeStopped) it should choose other resources than Node->RawResources if it can; the old lists
 * are still in place then and the arbiter frees what it replaces with PnpFreeResources first.
 * PASSIVE_LEVEL, tree lock held. Errors: STATUS_CONFLICTING_ADDRESSES (CM_PROB_NORMAL_CONFLICT), STATUS_INSUFFICIENT_RESOURCES.
 */
typedef NTSTATUS (*PNP_ARBITER)(PDEVICE_NODE Node);

/* The bus driver registers its arbiter for the children of its own devnode (BusPdo), and for theirs unless they have one. */
NTSTATUS PnpRegisterArbiter(PDEVICE_OBJECT BusPdo, PNP_ARBITER Arbiter);

/* Asks the nearest arbiter above Node. No arbiter and no requirements: success without resources. */
NTSTATUS PnpAssignResources(PDEVICE_NODE Node);
/* FALSE: no arbiter could ever give what Node->Requirements asks for. */
BOOLEAN PnpCanAssignResources(PDEVICE_NODE Node);
/* Frees raw and translated lists (at removal, or before they are replaced). */
void PnpFreeResources(PDEVICE_NODE Node);
/* Size in bytes, walking all full and partial descriptors, device-specific data included; 0 for NULL. */
SIZE_T PnpResourceListSize(const CM_RESOURCE_LIST *List);

#define PNP_RESOURCE_TAG 'RpnP'

#endif
