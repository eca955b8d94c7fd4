/* SPDX-License-Identifier: MIT */
/*
 * Share access: which opens of one thing may be open together. The caller serializes. What the present opens do and allow is counted in
 * SHARE_ACCESS; opens for neither reading, writing nor deleting do not count. PASSIVE_LEVEL.
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocheckshareaccess
 */
#include "io/io.h"

static VOID Count(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess, LONG By)
{
    if (!FileObject->ReadAccess && !FileObject->WriteAccess && !FileObject->DeleteAccess) {
        return;
    }
    ShareAccess->OpenCount += (ULONG)By;
    ShareAccess->Readers += FileObject->ReadAccess ? (ULONG)By : 0;
    ShareAccess->Writers += FileObject->WriteAccess ? (ULONG)By : 0;
    ShareAccess->Deleters += FileObject->DeleteAccess ? (ULONG)By : 0;
    ShareAccess->SharedRead += FileObject->SharedRead ? (ULONG)By : 0;
    ShareAccess->SharedWrite += FileObject->SharedWrite ? (ULONG)By : 0;
    ShareAccess->SharedDelete += FileObject->SharedDelete ? (ULONG)By : 0;
}

/* What this open does and allows goes into the file object. */
static VOID Note(PFILE_OBJECT FileObject, ACCESS_MASK Access, ULONG Share)
{
    BOOLEAN Counts;
    FileObject->ReadAccess = (Access & (FILE_EXECUTE | FILE_READ_DATA)) != 0;
    FileObject->WriteAccess = (Access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
    FileObject->DeleteAccess = (Access & DELETE) != 0;
    Counts = FileObject->ReadAccess || FileObject->WriteAccess || FileObject->DeleteAccess;
    FileObject->SharedRead = Counts && (Share & FILE_SHARE_READ);
    FileObject->SharedWrite = Counts && (Share & FILE_SHARE_WRITE);
    FileObject->SharedDelete = Counts && (Share & FILE_SHARE_DELETE);
}

/* The first open. */
VOID NTAPI IoSetShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess, PFILE_OBJECT FileObject,
                            PSHARE_ACCESS ShareAccess)
{
    RtlZeroMemory(ShareAccess, sizeof(*ShareAccess));
    Note(FileObject, DesiredAccess, DesiredShareAccess);
    Count(FileObject, ShareAccess, 1);
}

/* STATUS_SHARING_VIOLATION if this open and the present ones do not get on; else counted in, if Update. */
NTSTATUS NTAPI IoCheckShareAccess(ACCESS_MASK DesiredAccess, ULONG DesiredShareAccess, PFILE_OBJECT FileObject,
                                  PSHARE_ACCESS ShareAccess, BOOLEAN Update)
{
    ULONG Open = ShareAccess->OpenCount;
    Note(FileObject, DesiredAccess, DesiredShareAccess);
    if (!FileObject->ReadAccess && !FileObject->WriteAccess && !FileObject->DeleteAccess) {
        return STATUS_SUCCESS;
    }
    if ((FileObject->ReadAccess && ShareAccess->SharedRead < Open) ||
        (FileObject->WriteAccess && ShareAccess->SharedWrite < Open) ||
        (FileObject->DeleteAccess && ShareAccess->SharedDelete < Open) ||
        (ShareAccess->Readers && !FileObject->SharedRead) || (ShareAccess->Writers && !FileObject->SharedWrite) ||
        (ShareAccess->Deleters && !FileObject->SharedDelete)) {
        return STATUS_SHARING_VIOLATION;
    }
    if (Update) {
        Count(FileObject, ShareAccess, 1);
    }
    return STATUS_SUCCESS;
}

/* After a successful IoCheckShareAccess without Update. */
VOID NTAPI IoUpdateShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    Count(FileObject, ShareAccess, 1);
}

/* When the open ends. */
VOID NTAPI IoRemoveShareAccess(PFILE_OBJECT FileObject, PSHARE_ACCESS ShareAccess)
{
    Count(FileObject, ShareAccess, -1);
}
