/* SPDX-License-Identifier: MIT */
/*
 * Security descriptors of objects. Any object keeps the one that it was given; only that of a device object decides anything (io/security.c).
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwsetsecurityobject
 */
#include "io/security.h"
#include "ob/header.h"

#define ACL_ROOM 128

typedef struct _PARTS {
    PSID Owner, Group;
    PACL Sacl, Dacl;
    SECURITY_DESCRIPTOR_CONTROL Control; /* SE_DACL_PRESENT …, without SE_SELF_RELATIVE */
} PARTS;

static SID System = {SID_REVISION, 1, {SECURITY_NT_AUTHORITY}, {SECURITY_LOCAL_SYSTEM_RID}};
static const struct {
    SID Sid;
    ULONG Second;
} Administrators = {{SID_REVISION, 2, {SECURITY_NT_AUTHORITY}, {SECURITY_BUILTIN_DOMAIN_RID}}, DOMAIN_ALIAS_RID_ADMINS};
static const SID Everyone = {SID_REVISION, 1, {SECURITY_WORLD_SID_AUTHORITY}, {SECURITY_WORLD_RID}};
static const SID Authenticated = {SID_REVISION, 1, {SECURITY_NT_AUTHORITY}, {SECURITY_AUTHENTICATED_USER_RID}};

static VOID Split(PISECURITY_DESCRIPTOR From, PARTS *To)
{
    PISECURITY_DESCRIPTOR_RELATIVE Relative = (PVOID)From;
    PUCHAR Base = (PUCHAR)From;
    BOOLEAN Offsets = (From->Control & SE_SELF_RELATIVE) != 0;
    *To = (PARTS){.Control = From->Control & ~SE_SELF_RELATIVE};
    To->Owner = !Offsets ? From->Owner : Relative->Owner ? Base + Relative->Owner : NULL;
    To->Group = !Offsets ? From->Group : Relative->Group ? Base + Relative->Group : NULL;
    To->Sacl = !Offsets ? From->Sacl : Relative->Sacl ? (PACL)(Base + Relative->Sacl) : NULL;
    To->Dacl = !Offsets ? From->Dacl : Relative->Dacl ? (PACL)(Base + Relative->Dacl) : NULL;
}

static ULONG Put(PUCHAR Base, ULONG Size, PULONG Used, const VOID *Part, ULONG Length)
{
    ULONG At = *Used;
    if (!Part) {
        return 0;
    }
    *Used = At + ((Length + 3) & ~3u);
    if (*Used <= Size) {
        RtlCopyMemory(Base + At, Part, Length);
    }
    return *Used <= Size ? At : 0;
}

/* A self-relative descriptor of Size bytes at the most; returns the size that it needs. */
static ULONG Join(const PARTS *Parts, PVOID Descriptor, ULONG Size)
{
    SECURITY_DESCRIPTOR_RELATIVE Head = {.Revision = SECURITY_DESCRIPTOR_REVISION,
                                         .Control = Parts->Control | SE_SELF_RELATIVE};
    ULONG Used = sizeof(Head);
    Head.Owner = Put(Descriptor, Size, &Used, Parts->Owner, Parts->Owner ? RtlLengthSid(Parts->Owner) : 0);
    Head.Group = Put(Descriptor, Size, &Used, Parts->Group, Parts->Group ? RtlLengthSid(Parts->Group) : 0);
    Head.Sacl = Put(Descriptor, Size, &Used, Parts->Sacl, Parts->Sacl ? Parts->Sacl->AclSize : 0);
    Head.Dacl = Put(Descriptor, Size, &Used, Parts->Dacl, Parts->Dacl ? Parts->Dacl->AclSize : 0);
    if (Used <= Size) {
        RtlCopyMemory(Descriptor, &Head, sizeof(Head));
    }
    return Used;
}

/* Is it a SID of the system's token? */
static BOOLEAN IsOurs(PSID Sid)
{
    return RtlEqualSid(Sid, &System) || RtlEqualSid(Sid, (PSID)(ULONG_PTR)&Administrators.Sid) ||
           RtlEqualSid(Sid, (PSID)(ULONG_PTR)&Everyone) || RtlEqualSid(Sid, (PSID)(ULONG_PTR)&Authenticated);
}

/* What the DACL grants to the system; no DACL grants everything. */
static ACCESS_MASK Evaluate(const PARTS *Parts)
{
    ACCESS_MASK Allowed = 0, Denied = 0;
    if (!(Parts->Control & SE_DACL_PRESENT) || !Parts->Dacl) {
        return SECURITY_ALL;
    }
    PUCHAR At = (PUCHAR)(Parts->Dacl + 1);
    for (USHORT I = 0; I < Parts->Dacl->AceCount; I++) {
        PACCESS_ALLOWED_ACE Ace = (PACCESS_ALLOWED_ACE)At; /* denying ones look the same */
        if (Ace->Header.AceType <= ACCESS_DENIED_ACE_TYPE && !(Ace->Header.AceFlags & INHERIT_ONLY_ACE) &&
            IsOurs(&Ace->SidStart)) {
            if (Ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE) {
                Allowed |= IopMapFileAccess(Ace->Mask) & ~Denied;
            } else {
                Denied |= IopMapFileAccess(Ace->Mask) & ~Allowed;
            }
        }
        At += Ace->Header.AceSize;
    }
    return Allowed;
}

/* The descriptor of an object that was given none: the system's, which has what a device's SDDL string grants to it. */
static VOID Default(PVOID Object, PARTS *Parts, PACL Dacl)
{
    BOOLEAN Device = ObpTypeOf(Object) == &IopDeviceType;
    ACCESS_MASK Granted = Device ? IoExtra(Object)->Granted : GENERIC_ALL;
    RtlCreateAcl(Dacl, ACL_ROOM, ACL_REVISION);
    RtlAddAccessAllowedAce(Dacl, ACL_REVISION, Granted, &System);
    *Parts = (PARTS){
        .Owner = (PSID)(ULONG_PTR)&Administrators.Sid, .Group = &System, .Dacl = Dacl, .Control = SE_DACL_PRESENT};
}

/* The object whose descriptor is meant: of a file that is a device, the device. */
static NTSTATUS Reference(HANDLE Handle, ACCESS_MASK Access, PVOID *Object)
{
    NTSTATUS Status = ObReferenceObjectByHandle(Handle, Access, NULL, KernelMode, Object, NULL);
    if (NT_SUCCESS(Status) && ObpIsThread(*Object)) {
        ObfDereferenceObject(*Object);
        return STATUS_NOT_SUPPORTED;
    }
    if (NT_SUCCESS(Status) && ObpTypeOf(*Object) == OB_TYPE(IoFileObjectType)) {
        PVOID Device = ((PFILE_OBJECT)*Object)->DeviceObject;
        ObfReferenceObject(Device);
        ObfDereferenceObject(*Object);
        *Object = Device;
    }
    return Status;
}

static VOID Current(PVOID Object, PARTS *Parts, PACL Room)
{
    PVOID Stored = ObpHeader(Object)->Security;
    if (Stored) {
        Split(Stored, Parts);
    } else {
        Default(Object, Parts, Room);
    }
}

/*
 * PASSIVE_LEVEL. The parts that SecurityInformation names take the place of the object's. STATUS_INVALID_SECURITY_DESCR; STATUS_NOT_SUPPORTED for a
 * thread.
 */
NTSTATUS NTAPI ZwSetSecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                                   PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    UCHAR Room[ACL_ROOM] DECLSPEC_ALIGN(4);
    PARTS New, Parts;
    PVOID Object;
    if (!SecurityDescriptor || !RtlValidSecurityDescriptor(SecurityDescriptor)) {
        return STATUS_INVALID_SECURITY_DESCR;
    }
    NTSTATUS Status = Reference(Handle, WRITE_DAC, &Object);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Split(SecurityDescriptor, &New);
    Current(Object, &Parts, (PACL)Room);
    Parts.Owner = SecurityInformation & OWNER_SECURITY_INFORMATION ? New.Owner : Parts.Owner;
    Parts.Group = SecurityInformation & GROUP_SECURITY_INFORMATION ? New.Group : Parts.Group;
    if (SecurityInformation & DACL_SECURITY_INFORMATION) {
        Parts.Dacl = New.Dacl;
        Parts.Control = (Parts.Control & ~(SE_DACL_PRESENT | SE_DACL_PROTECTED)) |
                        (New.Control & (SE_DACL_PRESENT | SE_DACL_PROTECTED));
    }
    if (SecurityInformation & SACL_SECURITY_INFORMATION) {
        Parts.Sacl = New.Sacl;
        Parts.Control = (Parts.Control & ~SE_SACL_PRESENT) | (New.Control & SE_SACL_PRESENT);
    }
    ULONG Size = Join(&Parts, NULL, 0);
    PVOID Stored = ExAllocatePoolWithTag(NonPagedPool, Size, OB_TAG);
    if (Stored) {
        Join(&Parts, Stored, Size);
        if (ObpTypeOf(Object) == &IopDeviceType) {
            IoExtra(Object)->Granted = Evaluate(&Parts);
        }
        Stored = InterlockedExchangePointer(&ObpHeader(Object)->Security, Stored);
        if (Stored) {
            ExFreePoolWithTag(Stored, OB_TAG);
        }
    } else {
        Status = STATUS_INSUFFICIENT_RESOURCES;
    }
    ObfDereferenceObject(Object);
    return Status;
}

/*
 * PASSIVE_LEVEL. A self-relative descriptor with the parts that SecurityInformation names. STATUS_BUFFER_TOO_SMALL: *LengthNeeded says the size.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwquerysecurityobject
 */
NTSTATUS NTAPI ZwQuerySecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                                     PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Length, PULONG LengthNeeded)
{
    UCHAR Room[ACL_ROOM] DECLSPEC_ALIGN(4);
    PARTS Parts;
    PVOID Object;
    NTSTATUS Status = Reference(Handle, READ_CONTROL, &Object);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Current(Object, &Parts, (PACL)Room);
    Parts.Owner = SecurityInformation & OWNER_SECURITY_INFORMATION ? Parts.Owner : NULL;
    Parts.Group = SecurityInformation & GROUP_SECURITY_INFORMATION ? Parts.Group : NULL;
    if (!(SecurityInformation & DACL_SECURITY_INFORMATION)) {
        Parts.Dacl = NULL;
        Parts.Control &= ~(SE_DACL_PRESENT | SE_DACL_PROTECTED);
    }
    if (!(SecurityInformation & SACL_SECURITY_INFORMATION)) {
        Parts.Sacl = NULL;
        Parts.Control &= ~SE_SACL_PRESENT;
    }
    *LengthNeeded = Join(&Parts, SecurityDescriptor, SecurityDescriptor ? Length : 0);
    Status = SecurityDescriptor && *LengthNeeded <= Length ? STATUS_SUCCESS : STATUS_BUFFER_TOO_SMALL;
    ObfDereferenceObject(Object);
    return Status;
}
