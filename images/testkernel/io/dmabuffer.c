/* SPDX-License-Identifier: MIT */
/* Where the bytes of a transfer are: places in a chain of MDLs, runs of adjacent pages, and the copy for a device that cannot scatter. */
#include "io/dma.h"
#include "mm/mm.h"

MDL_PLACE DmaPlace(PMDL Mdl, PVOID CurrentVa, PVOID Caller)
{
    ULONG_PTR start = (ULONG_PTR)MmGetMdlVirtualAddress(Mdl), at = (ULONG_PTR)CurrentVa;

    if (!(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL)))
        DmaStop(DMA_NOT_LOCKED, Mdl, 0, 0, Caller,
                "DMA with MDL %p, whose pages are neither locked nor nonpaged pool: call MmProbeAndLockPages or "
                "MmBuildMdlForNonPagedPool",
                Mdl);
    if (at < start || at - start >= MmGetMdlByteCount(Mdl))
        DmaStop(
            DMA_OUTSIDE_MDL, CurrentVa, Mdl, 0, Caller,
            "DMA at %p, which does not lie in the buffer of MDL %p (%p, %u bytes): the address is an index into the "
            "MDL, from MmGetMdlVirtualAddress",
            CurrentVa, Mdl, (PVOID)start, MmGetMdlByteCount(Mdl));
    return (MDL_PLACE){Mdl, (ULONG)(at - start)};
}

ULONG DmaBytesFrom(MDL_PLACE Place, BOOLEAN FirstOnly)
{
    ULONG bytes = MmGetMdlByteCount(Place.Mdl) - Place.Offset;

    for (PMDL mdl = Place.Mdl->Next; mdl != NULL && !FirstOnly; mdl = mdl->Next)
        bytes += MmGetMdlByteCount(mdl);
    return bytes;
}

/* The physical address of Place, which moves on past the bytes that follow it in its page (at most Most); *Part gets their number. */
static ULONGLONG NextPart(MDL_PLACE *Place, ULONG Most, PULONG Part)
{
    ULONG offset;
    ULONGLONG at;

    while (Place->Offset == MmGetMdlByteCount(Place->Mdl) && Place->Mdl->Next != NULL)
        *Place = (MDL_PLACE){Place->Mdl->Next, 0};
    offset = MmGetMdlByteOffset(Place->Mdl) + Place->Offset;
    at = ((ULONGLONG)MmGetMdlPfnArray(Place->Mdl)[offset >> PAGE_SHIFT] << PAGE_SHIFT) | (offset & (PAGE_SIZE - 1));
    *Part = min(Most, PAGE_SIZE - (offset & (PAGE_SIZE - 1)));
    *Part = min(*Part, MmGetMdlByteCount(Place->Mdl) - Place->Offset);
    Place->Offset += *Part;
    return at;
}

ULONG DmaPages(MDL_PLACE Place, ULONG Length)
{
    ULONG pages = 0, part;

    for (; Length != 0; Length -= part, pages++)
        NextPart(&Place, Length, &part);
    return pages;
}

ULONG DmaFill(MDL_PLACE Place, ULONG Length, PSCATTER_GATHER_ELEMENT Elements)
{
    ULONGLONG next = 0;
    ULONG count = 0, part;

    for (; Length != 0; Length -= part) {
        ULONGLONG at = NextPart(&Place, Length, &part);

        if (count != 0 && at == next) {
            if (Elements != NULL)
                Elements[count - 1].Length += part;
        } else {
            if (Elements != NULL)
                Elements[count] = (SCATTER_GATHER_ELEMENT){.Address.QuadPart = (LONGLONG)at, .Length = part};
            count++;
        }
        next = at + part;
    }
    return count;
}

static VOID Copy(const BOUNCE *Bounce, BOOLEAN ToCopy)
{
    MDL_PLACE place = Bounce->Start;
    ULONG part;

    for (ULONG done = 0; done < Bounce->Length; done += part) {
        PVOID page = MiPhysicalToVirtual(NextPart(&place, Bounce->Length - done, &part));
        PVOID copy = (PUCHAR)Bounce->Copy + done;

        RtlCopyMemory(ToCopy ? copy : page, ToCopy ? page : copy, part);
    }
}

BOOLEAN DmaBounce(BOUNCE *Bounce, MDL_PLACE Start, ULONG Length, BOOLEAN WriteToDevice)
{
    PHYSICAL_ADDRESS highest = {.QuadPart = 0xFFFFFFFF};

    *Bounce = (BOUNCE){.Start = Start, .Length = Length, .FromDevice = !WriteToDevice};
    if (DmaFill(Start, Length, NULL) <= 1)
        return TRUE;
    Bounce->Copy = MmAllocateContiguousMemory(Length, highest);
    if (Bounce->Copy == NULL)
        return FALSE;
    /* Also for a transfer from the device: what it does not write must come back as it was. */
    Copy(Bounce, TRUE);
    return TRUE;
}

VOID DmaUnbounce(BOUNCE *Bounce)
{
    if (Bounce->Copy == NULL)
        return;
    if (Bounce->FromDevice)
        Copy(Bounce, FALSE);
    MmFreeContiguousMemory(Bounce->Copy);
    Bounce->Copy = NULL;
}
