/* SPDX-License-Identifier: MIT */
#include "resources.h"

PCM_PARTIAL_RESOURCE_DESCRIPTOR ResourceDescriptors(PCM_RESOURCE_LIST List, ULONG *Count)
{
    *Count = 0;
    if (List == NULL || List->Count == 0) {
        return NULL;
    }
    *Count = List->List[0].PartialResourceList.Count;
    return List->List[0].PartialResourceList.PartialDescriptors;
}
