/* SPDX-License-Identifier: MIT */
/*
 * The object namespace: directories and symbolic links.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/object-directories
 */
#include "ob/header.h"
#include "io/verify.h"

#define MAX_LINKS 16 /* as many symbolic links as one look-up follows */

static VOID DeleteLinkBody(PVOID Object)
{
    ExFreePoolWithTag(((POBJECT_SYMLINK)Object)->Target.Buffer, OB_TAG);
}

struct _OBJECT_TYPE ObpDirectoryType = {OB_TYPE_LIST(ObpDirectoryType), .Name = "Directory", .Temporary = TRUE};
struct _OBJECT_TYPE ObpLinkType = {OB_TYPE_LIST(ObpLinkType), .Name = "SymbolicLink", .Delete = DeleteLinkBody};
static OBJECT_DIRECTORY *Root;

static WCHAR Fold(WCHAR C)
{
    if ((C >= 'a' && C <= 'z') || (C >= 0xE0 && C <= 0xFE && C != 0xF7)) {
        return C - 0x20;
    }
    return C;
}

BOOLEAN ObpEqualNames(PCUNICODE_STRING A, PCUNICODE_STRING B)
{
    USHORT I;
    if (A->Length != B->Length) {
        return FALSE;
    }
    for (I = 0; I < A->Length / sizeof(WCHAR); I++) {
        if (Fold(A->Buffer[I]) != Fold(B->Buffer[I])) {
            return FALSE;
        }
    }
    return TRUE;
}

static VOID LockNames(VOID)
{
    KeWaitForSingleObject(ObpNameMutex, Executive, KernelMode, FALSE, NULL);
}

static VOID UnlockNames(VOID)
{
    KeReleaseMutex(ObpNameMutex, FALSE);
}

static POBJECT_HEADER FindEntry(OBJECT_DIRECTORY *Directory, PCUNICODE_STRING Name)
{
    PLIST_ENTRY Entry;
    for (Entry = Directory->Entries.Flink; Entry != &Directory->Entries; Entry = Entry->Flink) {
        POBJECT_HEADER Header = CONTAINING_RECORD(Entry, OBJECT_HEADER, DirectoryLink);
        if (ObpEqualNames(&Header->Name, Name)) {
            return Header;
        }
    }
    return NULL;
}

/* Splits the next component off Path (which then starts behind its backslash). */
static BOOLEAN NextComponent(PUNICODE_STRING Path, PUNICODE_STRING Component)
{
    USHORT I = 0, Count = Path->Length / sizeof(WCHAR);
    if (Count == 0) {
        return FALSE;
    }
    while (I < Count && Path->Buffer[I] != L'\\') {
        I++;
    }
    Component->Buffer = Path->Buffer;
    Component->Length = Component->MaximumLength = I * sizeof(WCHAR);
    if (I < Count) {
        I++;
    }
    Path->Buffer += I;
    Path->Length -= I * sizeof(WCHAR);
    Path->MaximumLength = Path->Length;
    return TRUE;
}

/*
 * Walks Path with names locked. Stops at the first object that is neither a directory nor a symbolic link; Remainder is what is left.
 * Buffer (256 characters) holds the path after symbolic links were followed.
 */
static NTSTATUS Walk(PCUNICODE_STRING Path, POBJECT_HEADER *Found, PUNICODE_STRING Remainder, PWCHAR Buffer,
                     BOOLEAN OpenLink)
{
    UNICODE_STRING Rest, Name;
    OBJECT_DIRECTORY *Directory = Root;
    ULONG Links = 0;
    if (Path->Length < sizeof(WCHAR) || Path->Buffer[0] != L'\\') {
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    if (Path->Length > 255 * sizeof(WCHAR)) {
        return STATUS_NAME_TOO_LONG;
    }
    RtlMoveMemory(Buffer, Path->Buffer, Path->Length);
    Rest.Buffer = Buffer + 1;
    Rest.Length = Rest.MaximumLength = Path->Length - sizeof(WCHAR);
    while (NextComponent(&Rest, &Name)) {
        POBJECT_HEADER Header = FindEntry(Directory, &Name);
        if (!Header) {
            return Rest.Length ? STATUS_OBJECT_PATH_NOT_FOUND : STATUS_OBJECT_NAME_NOT_FOUND;
        }
        if (Header->Type == &ObpLinkType && !(OpenLink && Rest.Length == 0)) {
            POBJECT_SYMLINK Link = (POBJECT_SYMLINK)Header->Body;
            USHORT Prefix = Link->Target.Length / sizeof(WCHAR);
            USHORT Tail = Rest.Length / sizeof(WCHAR);
            if (++Links > MAX_LINKS || Prefix + Tail + 1 > 255) {
                return STATUS_OBJECT_NAME_INVALID;
            }
            RtlMoveMemory(Buffer + Prefix + (Tail ? 1 : 0), Rest.Buffer, Rest.Length);
            RtlMoveMemory(Buffer, Link->Target.Buffer, Link->Target.Length);
            if (Tail) {
                Buffer[Prefix] = L'\\';
            }
            Rest.Buffer = Buffer + 1;
            Rest.Length = Rest.MaximumLength = (Prefix + Tail + (Tail ? 1 : 0) - 1) * sizeof(WCHAR);
            Directory = Root;
            continue;
        }
        if (Header->Type == &ObpDirectoryType && Rest.Length) {
            Directory = (OBJECT_DIRECTORY *)Header->Body;
            continue;
        }
        *Found = Header;
        *Remainder = Rest;
        return STATUS_SUCCESS;
    }
    return STATUS_OBJECT_PATH_SYNTAX_BAD;
}

NTSTATUS ObpLookup(PCUNICODE_STRING Path, POBJECT_TYPE Type, PVOID *Object, PUNICODE_STRING Remainder, PWCHAR Buffer)
{
    POBJECT_HEADER Header;
    UNICODE_STRING Rest;
    NTSTATUS Status;
    *Object = NULL;
    LockNames();
    Status = Walk(Path, &Header, &Rest, Buffer, Type == &ObpLinkType);
    if (NT_SUCCESS(Status)) {
        if (Type && Header->Type != Type) {
            Status = STATUS_OBJECT_TYPE_MISMATCH;
        } else if (Rest.Length && !Remainder) {
            Status = STATUS_OBJECT_PATH_NOT_FOUND;
        } else if (!ObpReferenceUnlessDeleted(Header->Body)) {
            Status = STATUS_OBJECT_NAME_NOT_FOUND;
        } else {
            *Object = Header->Body;
            if (Remainder) {
                *Remainder = Rest;
            }
        }
    }
    UnlockNames();
    return Status;
}

NTSTATUS ObpInsertName(PVOID Object, PCUNICODE_STRING Path)
{
    POBJECT_HEADER Header = ObpHeader(Object), Found;
    UNICODE_STRING Parent = *Path, Name, Rest;
    OBJECT_DIRECTORY *Directory = Root;
    PWCHAR Buffer = NULL, Copy = NULL;
    NTSTATUS Status = STATUS_SUCCESS;
    USHORT I = Path->Length / sizeof(WCHAR);
    if (I == 0 || Path->Buffer[0] != L'\\' || Path->Buffer[I - 1] == L'\\') {
        return STATUS_OBJECT_NAME_INVALID;
    }
    while (Path->Buffer[I - 1] != L'\\') {
        I--;
    }
    Name.Buffer = Path->Buffer + I;
    Name.Length = Name.MaximumLength = Path->Length - I * sizeof(WCHAR);
    Parent.Length = (I - 1) * sizeof(WCHAR);
    Buffer = ExAllocatePoolWithTag(NonPagedPool, 256 * sizeof(WCHAR), OB_TAG);
    Copy = ExAllocatePoolWithTag(NonPagedPool, Name.Length, OB_TAG);
    if (!Buffer || !Copy) {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto Out;
    }
    LockNames();
    if (Parent.Length) {
        Status = Walk(&Parent, &Found, &Rest, Buffer, FALSE);
        if (Status == STATUS_OBJECT_NAME_NOT_FOUND ||
            (NT_SUCCESS(Status) && (Found->Type != &ObpDirectoryType || Rest.Length))) {
            Status = STATUS_OBJECT_PATH_NOT_FOUND; /* what should be the directory */
        }
        if (NT_SUCCESS(Status)) {
            Directory = (OBJECT_DIRECTORY *)Found->Body;
        }
    }
    if (NT_SUCCESS(Status) && FindEntry(Directory, &Name)) {
        Status = STATUS_OBJECT_NAME_COLLISION;
    }
    if (NT_SUCCESS(Status)) {
        RtlCopyMemory(Copy, Name.Buffer, Name.Length);
        Header->Name.Buffer = Copy;
        Header->Name.Length = Header->Name.MaximumLength = Name.Length;
        Header->Directory = Directory;
        InsertTailList(&Directory->Entries, &Header->DirectoryLink);
        ObfReferenceObject(Directory); /* a directory stays as long as something is in it */
        Copy = NULL;
    }
    UnlockNames();
Out:
    if (Copy) {
        ExFreePoolWithTag(Copy, OB_TAG);
    }
    if (Buffer) {
        ExFreePoolWithTag(Buffer, OB_TAG);
    }
    return Status;
}

VOID ObpFreeName(POBJECT_HEADER Header)
{
    OBJECT_DIRECTORY *Directory;
    LockNames();
    Directory = Header->Directory;
    if (Directory) {
        RemoveEntryList(&Header->DirectoryLink);
        Header->Directory = NULL;
    }
    UnlockNames();
    if (!Directory) {
        return;
    }
    ObfDereferenceObject(Directory);
    ExFreePoolWithTag(Header->Name.Buffer, OB_TAG);
    Header->Name.Buffer = NULL;
    Header->Name.Length = 0;
}

VOID ObpRemoveName(PVOID Object)
{
    ObpFreeName(ObpHeader(Object));
}

/* The name holds a reference from now on (OBJ_PERMANENT). */
VOID ObpMakePermanent(PVOID Object)
{
    if (!InterlockedExchange(&ObpHeader(Object)->Permanent, TRUE)) {
        ObfReferenceObject(Object);
    }
}

VOID ObpMakeTemporary(PVOID Object)
{
    POBJECT_HEADER Header = ObpHeader(Object);
    if (InterlockedExchange(&Header->Permanent, FALSE)) {
        if (Header->HandleCount == 0) {
            ObpFreeName(Header);
        }
        ObfDereferenceObject(Object);
    }
}

PWCHAR ObpPathOf(PVOID Object, PWCHAR Text, ULONG Characters)
{
    POBJECT_HEADER Header = ObpHeader(Object);
    PUNICODE_STRING Parts[8];
    ULONG Depth = 0, At = 0, I;
    while (Header && Header->Directory && Depth < 8) {
        Parts[Depth++] = &Header->Name;
        Header = Header->Directory == Root ? NULL : CONTAINING_RECORD(Header->Directory, OBJECT_HEADER, Body);
    }
    while (Depth--) {
        if (At + 1 < Characters) {
            Text[At++] = L'\\';
        }
        for (I = 0; I < Parts[Depth]->Length / sizeof(WCHAR) && At + 1 < Characters; I++) {
            Text[At++] = Parts[Depth]->Buffer[I];
        }
    }
    Text[At] = 0;
    return Text;
}

static NTSTATUS InsertNewDirectory(PCWSTR Path)
{
    UNICODE_STRING Name;
    PVOID Object;
    NTSTATUS Status = ObpCreateObject(&ObpDirectoryType, sizeof(OBJECT_DIRECTORY), &Object);
    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    InitializeListHead(&((OBJECT_DIRECTORY *)Object)->Entries);
    ObpHeader(Object)->Permanent = TRUE; /* the reference of its making is the name's */
    if (!Path) {
        Root = Object;
        return STATUS_SUCCESS;
    }
    RtlInitUnicodeString(&Name, Path);
    Status = ObpInsertName(Object, &Name);
    if (!NT_SUCCESS(Status)) {
        ObfDereferenceObject(Object);
    }
    return Status;
}

NTSTATUS ObpCreateDirectory(PCWSTR Path)
{
    return InsertNewDirectory(Path);
}

NTSTATUS ObpCreateSymbolicLink(PCUNICODE_STRING Path, PCUNICODE_STRING Target)
{
    PVOID Object;
    POBJECT_SYMLINK Link;
    NTSTATUS Status;
    PWCHAR Copy = ExAllocatePoolWithTag(NonPagedPool, Target->Length + sizeof(WCHAR), OB_TAG);
    if (!Copy) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = ObpCreateObject(&ObpLinkType, sizeof(OBJECT_SYMLINK), &Object);
    if (!NT_SUCCESS(Status)) {
        ExFreePoolWithTag(Copy, OB_TAG);
        return Status;
    }
    Link = Object;
    RtlCopyMemory(Copy, Target->Buffer, Target->Length);
    Link->Target.Buffer = Copy;
    Link->Target.Length = Link->Target.MaximumLength = Target->Length;
    Status = ObpInsertName(Object, Path);
    if (!NT_SUCCESS(Status)) {
        ObfDereferenceObject(Object);
    }
    return Status; /* the name keeps the creation reference until ObpDeleteSymbolicLink */
}

NTSTATUS ObpDeleteSymbolicLink(PCUNICODE_STRING Path)
{
    PVOID Object;
    NTSTATUS Status;
    PWCHAR Buffer = ExAllocatePoolWithTag(NonPagedPool, 256 * sizeof(WCHAR), OB_TAG);
    if (!Buffer) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = ObpLookup(Path, &ObpLinkType, &Object, NULL, Buffer);
    ExFreePoolWithTag(Buffer, OB_TAG);
    if (NT_SUCCESS(Status)) {
        ObpRemoveName(Object);
        ObfDereferenceObject(Object); /* the look-up's */
        ObfDereferenceObject(Object); /* the name's */
    }
    return Status;
}

VOID ObpSetCreator(PCUNICODE_STRING Path, PVOID Creator)
{
    WCHAR Buffer[256];
    PVOID Object;
    if (NT_SUCCESS(ObpLookup(Path, &ObpLinkType, &Object, NULL, Buffer))) {
        ObpHeader(Object)->Creator = Creator;
        ObfDereferenceObject(Object);
    }
}

static BOOLEAN FindLinkIn(OBJECT_DIRECTORY *Directory, PVOID Base, SIZE_T Size, PWCHAR Text, ULONG Characters)
{
    PLIST_ENTRY Entry;
    for (Entry = Directory->Entries.Flink; Entry != &Directory->Entries; Entry = Entry->Flink) {
        POBJECT_HEADER Header = CONTAINING_RECORD(Entry, OBJECT_HEADER, DirectoryLink);
        if (Header->Type == &ObpDirectoryType &&
            FindLinkIn((OBJECT_DIRECTORY *)Header->Body, Base, Size, Text, Characters)) {
            return TRUE;
        }
        if (Header->Type == &ObpLinkType && (ULONG_PTR)Header->Creator - (ULONG_PTR)Base < Size) {
            ObpPathOf(Header->Body, Text, Characters);
            return TRUE;
        }
    }
    return FALSE;
}

BOOLEAN ObpFindLinkOfImage(PVOID Base, SIZE_T Size, PWCHAR Text, ULONG Characters)
{
    BOOLEAN Found;
    LockNames();
    Found = FindLinkIn(Root, Base, Size, Text, Characters);
    UnlockNames();
    return Found;
}

VOID ObpInitNamespace(VOID)
{
    static const PCWSTR Directories[] = {
        NULL,          L"\\Device",        L"\\Driver",      L"\\FileSystem",      L"\\GLOBAL??",
        L"\\Callback", L"\\KernelObjects", L"\\ObjectTypes", L"\\BaseNamedObjects"};
    UNICODE_STRING Path, Target;
    ULONG I;
    for (I = 0; I < COUNT_OF(Directories); I++) {
        InsertNewDirectory(Directories[I]);
    }
    RtlInitUnicodeString(&Target, L"\\GLOBAL??");
    RtlInitUnicodeString(&Path, L"\\??");
    ObpCreateSymbolicLink(&Path, &Target);
    RtlInitUnicodeString(&Path, L"\\DosDevices");
    ObpCreateSymbolicLink(&Path, &Target);
}
