/* SPDX-License-Identifier: MIT */
/*
 * Security descriptors, absolute (pointers) and self-relative (offsets). Any IRQL if the memory is resident.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcreatesecuritydescriptor
 */
#include "rtl/rtl.h"

BOOLEAN RtlpValidAcl(PACL Acl);

/* A part by its pointer or by its offset; NULL for none. */
static PVOID Part(PISECURITY_DESCRIPTOR Descriptor, PVOID Absolute, ULONG Offset)
{
    if (!(Descriptor->Control & SE_SELF_RELATIVE)) {
        return Absolute;
    }
    return Offset ? (PUCHAR)Descriptor + Offset : NULL;
}

#define RELATIVE(Descriptor)    ((PISECURITY_DESCRIPTOR_RELATIVE)(PVOID)(Descriptor))
#define PART(Descriptor, Field) Part((Descriptor), (Descriptor)->Field, RELATIVE(Descriptor)->Field)

static PACL DaclOf(PISECURITY_DESCRIPTOR Descriptor)
{
    if (!(Descriptor->Control & SE_DACL_PRESENT)) {
        return NULL;
    }
    return Descriptor->Control & SE_SELF_RELATIVE ? PART(Descriptor, Dacl) : Descriptor->Dacl;
}

static PACL SaclOf(PISECURITY_DESCRIPTOR Descriptor)
{
    if (!(Descriptor->Control & SE_SACL_PRESENT)) {
        return NULL;
    }
    return Descriptor->Control & SE_SELF_RELATIVE ? PART(Descriptor, Sacl) : Descriptor->Sacl;
}

/* An absolute one with nothing in it. */
NTSTATUS NTAPI RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Revision)
{
    if (Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    memset(SecurityDescriptor, 0, sizeof(SECURITY_DESCRIPTOR));
    ((PISECURITY_DESCRIPTOR)SecurityDescriptor)->Revision = SECURITY_DESCRIPTOR_REVISION;
    return STATUS_SUCCESS;
}

/* Dacl NULL with DaclPresent TRUE: everybody may do everything. The list is pointed to, not copied. */
NTSTATUS NTAPI RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, BOOLEAN DaclPresent, PACL Dacl,
                                            BOOLEAN DaclDefaulted)
{
    PISECURITY_DESCRIPTOR Descriptor = SecurityDescriptor;
    if (Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    if (Descriptor->Control & SE_SELF_RELATIVE) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    Descriptor->Control &= (SECURITY_DESCRIPTOR_CONTROL) ~(SE_DACL_PRESENT | SE_DACL_DEFAULTED);
    Descriptor->Dacl = NULL;
    if (DaclPresent) {
        Descriptor->Dacl = Dacl;
        Descriptor->Control |= SE_DACL_PRESENT | (DaclDefaulted ? SE_DACL_DEFAULTED : 0);
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PBOOLEAN DaclPresent, PACL *Dacl,
                                            PBOOLEAN DaclDefaulted)
{
    PISECURITY_DESCRIPTOR Descriptor = SecurityDescriptor;
    if (Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    *DaclPresent = (Descriptor->Control & SE_DACL_PRESENT) != 0;
    if (*DaclPresent) {
        *Dacl = DaclOf(Descriptor);
        *DaclDefaulted = (Descriptor->Control & SE_DACL_DEFAULTED) != 0;
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Owner,
                                             BOOLEAN OwnerDefaulted)
{
    PISECURITY_DESCRIPTOR Descriptor = SecurityDescriptor;
    if (Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    if (Descriptor->Control & SE_SELF_RELATIVE) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    Descriptor->Owner = Owner;
    Descriptor->Control &= (SECURITY_DESCRIPTOR_CONTROL)~SE_OWNER_DEFAULTED;
    Descriptor->Control |= OwnerDefaulted ? SE_OWNER_DEFAULTED : 0;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID *Owner,
                                             PBOOLEAN OwnerDefaulted)
{
    PISECURITY_DESCRIPTOR Descriptor = SecurityDescriptor;
    if (Descriptor->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return STATUS_UNKNOWN_REVISION;
    }
    *Owner = PART(Descriptor, Owner);
    *OwnerDefaulted = (Descriptor->Control & SE_OWNER_DEFAULTED) != 0;
    return STATUS_SUCCESS;
}

static ULONG Aligned(ULONG Length)
{
    return (Length + 3) & ~3u;
}

/* Bytes of the descriptor with all its parts, each rounded up to four. */
ULONG NTAPI RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    PISECURITY_DESCRIPTOR D = SecurityDescriptor;
    PSID Owner = PART(D, Owner), Group = PART(D, Group);
    PACL Dacl = DaclOf(D), Sacl = SaclOf(D);
    ULONG Length =
        (ULONG)(D->Control & SE_SELF_RELATIVE ? sizeof(SECURITY_DESCRIPTOR_RELATIVE) : sizeof(SECURITY_DESCRIPTOR));
    Length += Owner ? Aligned(RtlLengthSid(Owner)) : 0;
    Length += Group ? Aligned(RtlLengthSid(Group)) : 0;
    Length += Dacl ? Aligned(Dacl->AclSize) : 0;
    return Length + (Sacl ? Aligned(Sacl->AclSize) : 0);
}

BOOLEAN NTAPI RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    PISECURITY_DESCRIPTOR D = SecurityDescriptor;
    PSID Owner, Group;
    PACL Dacl, Sacl;
    if (!D || D->Revision != SECURITY_DESCRIPTOR_REVISION) {
        return FALSE;
    }
    Owner = PART(D, Owner);
    Group = PART(D, Group);
    Dacl = DaclOf(D);
    Sacl = SaclOf(D);
    return (!Owner || RtlValidSid(Owner)) && (!Group || RtlValidSid(Group)) && (!Dacl || RtlpValidAcl(Dacl)) &&
           (!Sacl || RtlpValidAcl(Sacl));
}

/* Do Size bytes at Offset lie within Length bytes? */
static BOOLEAN Within(ULONG Offset, ULONG Size, ULONG Length)
{
    return Offset >= sizeof(SECURITY_DESCRIPTOR_RELATIVE) && Offset % 4 == 0 && Offset <= Length &&
           Size <= Length - Offset;
}

static BOOLEAN SidWithin(PUCHAR Base, ULONG Offset, ULONG Length)
{
    return !Offset || (Within(Offset, RtlLengthRequiredSid(0), Length) && RtlValidSid(Base + Offset) &&
                       Within(Offset, RtlLengthSid(Base + Offset), Length));
}

static BOOLEAN AclWithin(PUCHAR Base, ULONG Offset, ULONG Length)
{
    PACL Acl = (PACL)(PVOID)(Base + Offset);
    return !Offset ||
           (Within(Offset, sizeof(ACL), Length) && Within(Offset, Acl->AclSize, Length) && RtlpValidAcl(Acl));
}

/* A self-relative one from outside, no part of which may lie beyond its length. RequiredInformation: OWNER_, GROUP_, DACL_, SACL_SECURITY_… */
BOOLEAN NTAPI RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptorInput,
                                                 ULONG SecurityDescriptorLength,
                                                 SECURITY_INFORMATION RequiredInformation)
{
    PISECURITY_DESCRIPTOR_RELATIVE D = SecurityDescriptorInput;
    PUCHAR Base = SecurityDescriptorInput;
    ULONG Length = SecurityDescriptorLength;
    if (Length < sizeof(*D) || D->Revision != SECURITY_DESCRIPTOR_REVISION || !(D->Control & SE_SELF_RELATIVE)) {
        return FALSE;
    }
    if (((RequiredInformation & OWNER_SECURITY_INFORMATION) && !D->Owner) ||
        ((RequiredInformation & GROUP_SECURITY_INFORMATION) && !D->Group)) {
        return FALSE;
    }
    return SidWithin(Base, D->Owner, Length) && SidWithin(Base, D->Group, Length) &&
           (!(D->Control & SE_DACL_PRESENT) || AclWithin(Base, D->Dacl, Length)) &&
           (!(D->Control & SE_SACL_PRESENT) || AclWithin(Base, D->Sacl, Length));
}

BOOLEAN NTAPI SeValidSecurityDescriptor(ULONG Length, PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    return RtlValidRelativeSecurityDescriptor(SecurityDescriptor, Length, OWNER_SECURITY_INFORMATION);
}
