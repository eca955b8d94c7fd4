/* SPDX-License-Identifier: MIT */
/*
 * Security identifiers: revision, number of sub-authorities, a 48-bit authority, the sub-authorities. Any IRQL if the memory is resident.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlinitializesid
 */
#include "rtl/rtl.h"

#define MAX_SUB_AUTHORITIES 15

ULONG NTAPI RtlLengthRequiredSid(ULONG SubAuthorityCount)
{
    return (ULONG)FIELD_OFFSET(SID, SubAuthority) + SubAuthorityCount * sizeof(ULONG);
}

ULONG NTAPI RtlLengthSid(PSID Sid)
{
    return RtlLengthRequiredSid(((PISID)Sid)->SubAuthorityCount);
}

BOOLEAN NTAPI RtlValidSid(PSID Sid)
{
    PISID Body = Sid;
    return Body && (Body->Revision & 0xF) == SID_REVISION && Body->SubAuthorityCount <= MAX_SUB_AUTHORITIES;
}

/* The sub-authorities are left to the caller. */
NTSTATUS NTAPI RtlInitializeSid(PSID Sid, PSID_IDENTIFIER_AUTHORITY IdentifierAuthority, UCHAR SubAuthorityCount)
{
    PISID Body = Sid;
    if (SubAuthorityCount > MAX_SUB_AUTHORITIES) {
        return STATUS_INVALID_PARAMETER;
    }
    Body->Revision = SID_REVISION;
    Body->SubAuthorityCount = SubAuthorityCount;
    Body->IdentifierAuthority = *IdentifierAuthority;
    return STATUS_SUCCESS;
}

PULONG NTAPI RtlSubAuthoritySid(PSID Sid, ULONG SubAuthority)
{
    return (PULONG)((PUCHAR)Sid + RtlLengthRequiredSid(SubAuthority));
}

PUCHAR NTAPI RtlSubAuthorityCountSid(PSID Sid)
{
    return &((PISID)Sid)->SubAuthorityCount;
}

BOOLEAN NTAPI RtlEqualSid(PSID Sid1, PSID Sid2)
{
    PISID A = Sid1, B = Sid2;
    return A->Revision == B->Revision && A->SubAuthorityCount == B->SubAuthorityCount &&
           memcmp(A, B, RtlLengthSid(A)) == 0;
}

NTSTATUS NTAPI RtlCopySid(ULONG DestinationSidLength, PSID DestinationSid, PSID SourceSid)
{
    ULONG Length = RtlLengthSid(SourceSid);
    if (Length > DestinationSidLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memmove(DestinationSid, SourceSid, Length);
    return STATUS_SUCCESS;
}
