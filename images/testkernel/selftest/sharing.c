/* SPDX-License-Identifier: MIT */
/* Share access as a driver of a serial port or a disk keeps it. */
#include "check.h"
#include "undeclared.h"

static SHARE_ACCESS Share;
static FILE_OBJECT Files[3];

static NTSTATUS Open(int Which, ACCESS_MASK Access, ULONG Allowed)
{
    return IoCheckShareAccess(Access, Allowed, &Files[Which], &Share, TRUE);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    const ULONG all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    IoSetShareAccess(FILE_READ_DATA, FILE_SHARE_READ, &Files[0], &Share);
    CHECK(Share.OpenCount == 1 && Share.Readers == 1 && Share.SharedRead == 1 && Share.SharedWrite == 0);
    CHECK(Files[0].ReadAccess && !Files[0].WriteAccess && Files[0].SharedRead);
    CHECK(Open(1, FILE_WRITE_DATA, all) == STATUS_SHARING_VIOLATION);                  /* the first allows no writer */
    CHECK(Open(1, FILE_READ_DATA, FILE_SHARE_WRITE) == STATUS_SHARING_VIOLATION);      /* this one allows no reader */
    CHECK(Share.OpenCount == 1);                                                       /* nothing was counted */
    CHECK(Open(1, FILE_READ_ATTRIBUTES, 0) == STATUS_SUCCESS && Share.OpenCount == 1); /* gets on with all */
    CHECK(IoCheckShareAccess(FILE_READ_DATA, all, &Files[1], &Share, FALSE) == STATUS_SUCCESS && Share.OpenCount == 1);
    IoUpdateShareAccess(&Files[1], &Share);
    CHECK(Share.OpenCount == 2 && Share.Readers == 2 && Share.SharedWrite == 1);
    CHECK(Open(2, DELETE, all) == STATUS_SHARING_VIOLATION);
    IoRemoveShareAccess(&Files[0], &Share);
    CHECK(Share.OpenCount == 1 && Share.Readers == 1 && Share.SharedRead == 1 && Share.SharedDelete == 1);
    CHECK(Open(2, FILE_WRITE_DATA | DELETE, all) == STATUS_SUCCESS); /* only the one that allows it is left */
    CHECK(Share.Writers == 1 && Share.Deleters == 1);
    IoRemoveShareAccess(&Files[1], &Share);
    IoRemoveShareAccess(&Files[2], &Share);
    CHECK(Share.OpenCount == 0 && Share.Readers == 0 && Share.Writers == 0 && Share.SharedRead == 0);
    CHECK(Open(0, FILE_ALL_ACCESS, 0) == STATUS_SUCCESS); /* exclusive */
    CHECK(Open(1, FILE_READ_DATA, all) == STATUS_SHARING_VIOLATION);
    return Summary("sharing");
}
