/* SPDX-License-Identifier: MIT */
/*
 * Object directories and symbolic links by handle. PASSIVE_LEVEL.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwcreatedirectoryobject
 */
#include "ob/header.h"
#include "io/verify.h"

/* OBJ_OPENIF opens one that exists (STATUS_OBJECT_NAME_EXISTS); without OBJ_PERMANENT it goes with its last handle and entry. */
NTSTATUS NTAPI ZwCreateDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                                       POBJECT_ATTRIBUTES ObjectAttributes)
{
    PVOID Object;
    WCHAR Buffer[256];
    NTSTATUS Status;
    IoCheckZwAttributes("ZwCreateDirectoryObject", ObjectAttributes, _ReturnAddress());
    Status = ObpLookup(ObjectAttributes->ObjectName, &ObpDirectoryType, &Object, NULL, Buffer);
    if (NT_SUCCESS(Status)) {
        Status = ObjectAttributes->Attributes & OBJ_OPENIF ? ObpCreateHandle(Object, DesiredAccess, DirectoryHandle)
                                                           : STATUS_OBJECT_NAME_COLLISION;
        ObfDereferenceObject(Object);
        return NT_SUCCESS(Status) ? STATUS_OBJECT_NAME_EXISTS : Status;
    }
    if (Status != STATUS_OBJECT_NAME_NOT_FOUND) {
        return Status == STATUS_OBJECT_TYPE_MISMATCH ? STATUS_OBJECT_NAME_COLLISION : Status;
    }
    Status = ObpCreateObject(&ObpDirectoryType, sizeof(OBJECT_DIRECTORY), &Object);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    InitializeListHead(&((OBJECT_DIRECTORY *)Object)->Entries);
    Status = ObpInsertName(Object, ObjectAttributes->ObjectName);
    if (NT_SUCCESS(Status)) {
        Status = ObpCreateHandle(Object, DesiredAccess, DirectoryHandle);
        if (NT_SUCCESS(Status) && (ObjectAttributes->Attributes & OBJ_PERMANENT)) {
            ObpMakePermanent(Object);
        }
    }
    ObfDereferenceObject(Object);
    return Status;
}

/* The link itself, not what it leads to. */
NTSTATUS NTAPI ZwOpenSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                                        POBJECT_ATTRIBUTES ObjectAttributes)
{
    PVOID Object;
    WCHAR Buffer[256];
    NTSTATUS Status;
    IoCheckZwAttributes("ZwOpenSymbolicLinkObject", ObjectAttributes, _ReturnAddress());
    Status = ObpLookup(ObjectAttributes->ObjectName, &ObpLinkType, &Object, NULL, Buffer);
    if (NT_SUCCESS(Status)) {
        Status = ObpCreateHandle(Object, DesiredAccess, LinkHandle);
        ObfDereferenceObject(Object);
    }
    return Status;
}

/* LinkTarget gets the target without terminator; ReturnedLength (may be NULL) the bytes that it takes. */
NTSTATUS NTAPI ZwQuerySymbolicLinkObject(HANDLE LinkHandle, PUNICODE_STRING LinkTarget, PULONG ReturnedLength)
{
    PVOID Object;
    PUNICODE_STRING Target;
    NTSTATUS Status;
    Status = ObReferenceObjectByHandle(LinkHandle, 0, &ObpLinkType, KernelMode, &Object, NULL);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Target = &((POBJECT_SYMLINK)Object)->Target;
    if (ReturnedLength) {
        *ReturnedLength = Target->Length;
    }
    if (Target->Length > LinkTarget->MaximumLength) {
        Status = STATUS_BUFFER_TOO_SMALL;
    } else {
        RtlCopyMemory(LinkTarget->Buffer, Target->Buffer, Target->Length);
        LinkTarget->Length = Target->Length;
    }
    ObfDereferenceObject(Object);
    return Status;
}
