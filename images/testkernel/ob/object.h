/* SPDX-License-Identifier: MIT */
/*
 * Objects: a header with reference counts in front of the body, typed, optionally named in the namespace, optionally with handles.
 * Inside the kernel an exported type variable (IoFileObjectType, ...) holds the type's address: see OB_TYPE.
 */
#ifndef OB_OBJECT_H
#define OB_OBJECT_H
#include "kernel.h"

struct _OBJECT_TYPE {
    /*
     * First and linked to itself, as on Windows. mingw's headers import IoFileObjectType one level too deep, so that *IoFileObjectType reads this
     * Flink: it is the type's own address there as here.
     */
    LIST_ENTRY TypeList;
    PCSTR Name;
    VOID (*Close)(PVOID Object, ULONG HandlesLeft); /* a handle was closed; PASSIVE_LEVEL; may be NULL */
    VOID (*Delete)(PVOID Object);                   /* the last reference is gone; PASSIVE_LEVEL; may be NULL */
    /* What a report calls it, where that is not its name in the namespace; PASSIVE_LEVEL; may be NULL. */
    VOID (*NameForReport)(PVOID Object, PWCHAR Text, ULONG Characters);
    LONG Objects;
    BOOLEAN
    Temporary; /* the name goes with the last handle, unless OBJ_PERMANENT; of other types it stays until ObpRemoveName */
};

#define OB_TYPE_LIST(type) .TypeList = {&(type).TypeList, &(type).TypeList}

/* The exported variables hold struct _OBJECT_TYPE *, but the DDK declares them one level up. */
#define OB_TYPE(variable) ((POBJECT_TYPE)(PVOID)(variable))

/*
 * ObpCreateObject: a zeroed body of Size bytes in nonpaged pool with one reference. IRQL <= DISPATCH_LEVEL.
 * Errors: STATUS_INSUFFICIENT_RESOURCES.
 */
NTSTATUS ObpCreateObject(POBJECT_TYPE Type, SIZE_T Size, PVOID *Object);
POBJECT_TYPE ObpTypeOf(PVOID Object);
LONG_PTR ObpReferences(PVOID Object);
LONG_PTR ObpHandles(PVOID Object);
/* How often the object was referenced since it was made, modulo 2^32. Any IRQL. */
ULONG ObpReferencesMade(PVOID Object);
/* As ObfReferenceObject, but FALSE when the object is already being deleted. */
BOOLEAN ObpReferenceUnlessDeleted(PVOID Object);

/*
 * The namespace (PASSIVE_LEVEL). Paths are absolute: \Device\Name, \??\Name, \Callback\Name, \KernelObjects\Name.
 * A named object stays findable until its last handle is closed (if it ever had one), its last reference goes, or until ObpRemoveName;
 * a permanent one until ObpMakeTemporary.
 */
NTSTATUS ObpInsertName(PVOID Object, PCUNICODE_STRING Path);
VOID ObpRemoveName(PVOID Object);
VOID ObpMakePermanent(PVOID Object);
VOID ObpMakeTemporary(PVOID Object);
/*
 * Finds the object at Path, following symbolic links. Type may be NULL (any). Remainder (may be NULL: none allowed) receives what follows
 * a device's name, pointing into Buffer (at least 512 bytes). The object comes with a reference.
 * Errors: STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_PATH_NOT_FOUND, STATUS_OBJECT_TYPE_MISMATCH, STATUS_OBJECT_PATH_SYNTAX_BAD.
 */
NTSTATUS ObpLookup(PCUNICODE_STRING Path, POBJECT_TYPE Type, PVOID *Object, PUNICODE_STRING Remainder, PWCHAR Buffer);
/* The full path of a named object into Text (terminated, truncated); empty for none. Returns Text. */
PWCHAR ObpPathOf(PVOID Object, PWCHAR Text, ULONG Characters);
NTSTATUS ObpCreateDirectory(PCWSTR Path);
NTSTATUS ObpCreateSymbolicLink(PCUNICODE_STRING Path, PCUNICODE_STRING Target);
NTSTATUS ObpDeleteSymbolicLink(PCUNICODE_STRING Path);
/* Symbolic links whose creator's return address lies in [Base, Base+Size): the first one's name, for leak checks at unload. */
BOOLEAN ObpFindLinkOfImage(PVOID Base, SIZE_T Size, PWCHAR Text, ULONG Characters);
/* Remembers which driver made the symbolic link at Path. */
VOID ObpSetCreator(PCUNICODE_STRING Path, PVOID Creator);

/* The one handle table (there is no user mode). PASSIVE_LEVEL. The handle takes a reference of its own; it is the innermost driver's on the stack. */
NTSTATUS ObpCreateHandle(PVOID Object, ACCESS_MASK Access, PHANDLE Handle);
NTSTATUS ObpCloseHandle(HANDLE Handle);

VOID ObInitSystem(VOID);

/* Compares two names without regard to case (ASCII and Latin-1); any IRQL. */
BOOLEAN ObpEqualNames(PCUNICODE_STRING A, PCUNICODE_STRING B);

#define OB_TAG 'jbOK'

#endif
