/* SPDX-License-Identifier: MIT */
/*
 * Access control lists: a header, then entries, each with its size. Any IRQL if the memory is resident.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlcreateacl
 */
#include "rtl/rtl.h"

#define FIRST(Acl) ((PACE_HEADER)((Acl) + 1))
#define END(Acl)   ((PUCHAR)(Acl) + (Acl)->AclSize)

static PACE_HEADER Next(PACE_HEADER Ace)
{
    return (PACE_HEADER)((PUCHAR)Ace + Ace->AceSize);
}

/* The place behind the last entry; NULL if the entries do not lie within the list. */
static PACE_HEADER Behind(PACL Acl)
{
    PACE_HEADER Ace = FIRST(Acl);
    for (ULONG i = 0; i < Acl->AceCount; i++) {
        if ((PUCHAR)(Ace + 1) > END(Acl) || Ace->AceSize < sizeof(*Ace) || (PUCHAR)Next(Ace) > END(Acl)) {
            return NULL;
        }
        Ace = Next(Ace);
    }
    return Ace;
}

BOOLEAN RtlpValidAcl(PACL Acl)
{
    return Acl->AclRevision >= MIN_ACL_REVISION && Acl->AclRevision <= MAX_ACL_REVISION &&
           Acl->AclSize >= sizeof(*Acl) && Behind(Acl) != NULL;
}

/* An empty list in AclLength bytes. An empty DACL allows nobody anything. */
NTSTATUS NTAPI RtlCreateAcl(PACL Acl, ULONG AclLength, ULONG AclRevision)
{
    if (AclLength < sizeof(*Acl)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (AclRevision < MIN_ACL_REVISION || AclRevision > MAX_ACL_REVISION || AclLength > MAXUSHORT) {
        return STATUS_INVALID_PARAMETER;
    }
    memset(Acl, 0, sizeof(*Acl));
    Acl->AclRevision = (UCHAR)AclRevision;
    Acl->AclSize = (USHORT)(AclLength & ~3u);
    return STATUS_SUCCESS;
}

/* At the end of the list. */
NTSTATUS NTAPI RtlAddAccessAllowedAce(PACL Acl, ULONG AceRevision, ACCESS_MASK AccessMask, PSID Sid)
{
    ULONG SidLength, Size;
    PACE_HEADER Ace;
    if (!RtlValidSid(Sid)) {
        return STATUS_INVALID_SID;
    }
    if (AceRevision > MAX_ACL_REVISION || Acl->AclRevision > MAX_ACL_REVISION) {
        return STATUS_REVISION_MISMATCH;
    }
    if (!RtlpValidAcl(Acl)) {
        return STATUS_INVALID_ACL;
    }
    Ace = Behind(Acl);
    SidLength = RtlLengthSid(Sid);
    Size = (ULONG)FIELD_OFFSET(ACCESS_ALLOWED_ACE, SidStart) + SidLength;
    if ((PUCHAR)Ace + Size > END(Acl)) {
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    }
    Ace->AceType = ACCESS_ALLOWED_ACE_TYPE;
    Ace->AceFlags = 0;
    Ace->AceSize = (USHORT)Size;
    ((PACCESS_ALLOWED_ACE)Ace)->Mask = AccessMask;
    memmove(&((PACCESS_ALLOWED_ACE)Ace)->SidStart, Sid, SidLength);
    Acl->AceCount++;
    if (AceRevision > Acl->AclRevision) {
        Acl->AclRevision = (UCHAR)AceRevision;
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetAce(PACL Acl, ULONG AceIndex, PVOID *Ace)
{
    PACE_HEADER Entry = FIRST(Acl);
    if (AceIndex >= Acl->AceCount || !RtlpValidAcl(Acl)) {
        return STATUS_INVALID_PARAMETER;
    }
    while (AceIndex--) {
        Entry = Next(Entry);
    }
    *Ace = Entry;
    return STATUS_SUCCESS;
}

/* Generic rights become what they mean for the object. */
VOID NTAPI RtlMapGenericMask(PACCESS_MASK AccessMask, PGENERIC_MAPPING GenericMapping)
{
    ACCESS_MASK Mask = *AccessMask;
    Mask |= Mask & GENERIC_READ ? GenericMapping->GenericRead : 0;
    Mask |= Mask & GENERIC_WRITE ? GenericMapping->GenericWrite : 0;
    Mask |= Mask & GENERIC_EXECUTE ? GenericMapping->GenericExecute : 0;
    Mask |= Mask & GENERIC_ALL ? GenericMapping->GenericAll : 0;
    *AccessMask = Mask & ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
}
