/* SPDX-License-Identifier: MIT */
/* Where the device's memory is, and requirements that lead somewhere else. Source: Microsoft, IO_RESOURCE_DESCRIPTOR; "PnP Tests", Request New Resources. */
#include "pnptest.h"

BOOLEAN NoteResources(PFILTER Filter, PCM_RESOURCE_LIST Raw)
{
    ULONGLONG now[MAX_MEMORY];
    ULONG count = 0;
    ULONG index;
    BOOLEAN moved;

    for (index = 0; Raw != NULL && index < Raw->List[0].PartialResourceList.Count && count < MAX_MEMORY; index++) {
        PCM_PARTIAL_RESOURCE_DESCRIPTOR descriptor = &Raw->List[0].PartialResourceList.PartialDescriptors[index];

        if (descriptor->Type == CmResourceTypeMemory) {
            now[count++] = (ULONGLONG)descriptor->u.Memory.Start.QuadPart;
        }
    }
    moved = Filter->MemoryCount != 0 &&
            (count != Filter->MemoryCount ||
             RtlCompareMemory(now, Filter->Memory, count * sizeof(now[0])) != count * sizeof(now[0]));
    RtlCopyMemory(Filter->Memory, now, count * sizeof(now[0]));
    Filter->MemoryCount = count;
    return moved;
}

/* A place that the device has now, with something else behind it to choose from. */
static BOOLEAN HasAlternative(const IO_RESOURCE_DESCRIPTOR *Descriptor, const IO_RESOURCE_DESCRIPTOR *End)
{
    return (Descriptor->Type == CmResourceTypeMemory || Descriptor->Type == CmResourceTypePort) &&
           (Descriptor->Option & IO_RESOURCE_PREFERRED) && Descriptor + 1 < End &&
           (Descriptor[1].Option & IO_RESOURCE_ALTERNATIVE) && Descriptor[1].Type == Descriptor->Type;
}

/* [preferred place][alternative range] becomes [below][above][place]. Returns behind the last one written. */
static PIO_RESOURCE_DESCRIPTOR PutElsewhere(PIO_RESOURCE_DESCRIPTOR Out, const IO_RESOURCE_DESCRIPTOR *Place)
{
    const IO_RESOURCE_DESCRIPTOR *range = Place + 1;
    LONGLONG first = Place->u.Generic.MinimumAddress.QuadPart;
    LONGLONG last = Place->u.Generic.MaximumAddress.QuadPart;
    UCHAR option = 0;

    if ((ULONGLONG)first > (ULONGLONG)range->u.Generic.MinimumAddress.QuadPart) {
        *Out = *range;
        Out->Option = option;
        Out->u.Generic.MaximumAddress.QuadPart = first - 1;
        Out++;
        option = IO_RESOURCE_ALTERNATIVE;
    }
    if ((ULONGLONG)last < (ULONGLONG)range->u.Generic.MaximumAddress.QuadPart) {
        *Out = *range;
        Out->Option = option;
        Out->u.Generic.MinimumAddress.QuadPart = last + 1;
        Out++;
        option = IO_RESOURCE_ALTERNATIVE;
    }
    *Out = *Place;
    Out->Option = option;
    return Out + 1;
}

PIO_RESOURCE_REQUIREMENTS_LIST MoveRequirements(PIO_RESOURCE_REQUIREMENTS_LIST Wanted)
{
    /* At most one descriptor more for every two. Lists beyond the first are kept out: the first is the one that Windows tries first. */
    const IO_RESOURCE_LIST *list = &Wanted->List[0];
    const IO_RESOURCE_DESCRIPTOR *end = list->Descriptors + list->Count;
    const IO_RESOURCE_DESCRIPTOR *from;
    SIZE_T size = FIELD_OFFSET(IO_RESOURCE_REQUIREMENTS_LIST, List[0].Descriptors) +
                  (list->Count + list->Count / 2 + 1) * sizeof(IO_RESOURCE_DESCRIPTOR);
    PIO_RESOURCE_REQUIREMENTS_LIST moved = ExAllocatePoolWithTag(PagedPool, size, POOL_TAG);
    PIO_RESOURCE_DESCRIPTOR out;
    BOOLEAN changed = FALSE;

    if (moved == NULL) {
        return NULL;
    }
    RtlZeroMemory(moved, size);
    RtlCopyMemory(moved, Wanted, FIELD_OFFSET(IO_RESOURCE_REQUIREMENTS_LIST, List[0].Descriptors));
    out = moved->List[0].Descriptors;
    for (from = list->Descriptors; from < end; from++) {
        if (HasAlternative(from, end)) {
            out = PutElsewhere(out, from);
            from++;
            changed = TRUE;
        } else {
            *out++ = *from;
        }
    }
    if (!changed) {
        ExFreePoolWithTag(moved, POOL_TAG);
        return NULL;
    }
    moved->AlternativeLists = 1;
    moved->List[0].Count = (ULONG)(out - moved->List[0].Descriptors);
    moved->ListSize = (ULONG)((PUCHAR)out - (PUCHAR)moved);
    return moved;
}
