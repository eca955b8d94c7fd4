/* SPDX-License-Identifier: MIT */
/*
 * `settings`: the numbers under the device's hardware key ("Device Parameters"), where the INF's DDInstall.HW AddReg put them and where drivers read
 * them by IoOpenDeviceRegistryKey(PLUGPLAY_REGKEY_DEVICE). After a change the driver is told, so that it takes effect at once.
 */
#include "agent/verb.h"
#include "cm/registry.h"
#include "io/io.h"
#include "ob/object.h"
#include "buddy_ioctl.h"

static VOID AnswerSettings(PCM_KEY Key, JSON_WRITER *Out)
{
    JsonBeginObject(Out);
    JsonKey(Out, "settings");
    JsonBeginObject(Out);
    CmLock();
    for (PLIST_ENTRY link = Key->Values.Flink; link != &Key->Values; link = link->Flink) {
        PCM_VALUE value = CONTAINING_RECORD(link, CM_VALUE, Link);
        CHAR name[64];
        ULONG length = value->Name.Length / sizeof(WCHAR);

        /* Values that are no numbers, or have longer names, belong to others. */
        if (value->Type != REG_DWORD || value->Size != sizeof(ULONG) || length >= sizeof(name)) {
            continue;
        }
        for (ULONG i = 0; i < length; i++) {
            name[i] = (CHAR)value->Name.Buffer[i];
        }
        name[length] = 0;
        JsonPutUnsigned(Out, name, *(ULONG UNALIGNED *)value->Data);
    }
    CmUnlock();
    JsonEndObject(Out);
    JsonEndObject(Out);
}

static NTSTATUS Store(PCM_KEY Key, PCSTR Name, ULONG Value)
{
    WCHAR wide[64];
    SIZE_T length = strlen(Name);

    if (!length || length >= COUNT_OF(wide)) {
        return STATUS_OBJECT_NAME_INVALID;
    }
    for (SIZE_T i = 0; i <= length; i++) {
        wide[i] = (UCHAR)Name[i];
    }
    CmLock();
    NTSTATUS status = CmSetDword(Key, wide, Value);
    CmUnlock();
    return status;
}

/* A device that is not started reads its settings when it starts. */
static int TellDriver(const VERB_DEVICE *Device, JSON_WRITER *Out)
{
    PFILE_OBJECT file;
    HANDLE handle;
    IO_STATUS_BLOCK iosb;
    BOOLEAN started;

    PnpLockTree();
    PDEVICE_NODE node = PnpDevnodeOfPdo(Device->Pdo);
    started = node && PnpIsStarted(node);
    PnpUnlockTree();
    if (!started) {
        return EXIT_DONE;
    }
    int code = VerbOpenDevice(Device, &file, &handle, Out);
    if (code == EXIT_DONE) {
        NTSTATUS status = IopDeviceControl(file, IOCTL_BUDDY_SETTINGS_CHANGED, NULL, 0, NULL, 0, FALSE, &iosb);
        if (!NT_SUCCESS(status)) {
            code =
                VerbFail(Out, EXIT_FAILED, status,
                         "the value is stored and counts from the next start; telling the driver about it now failed");
        }
        ObDereferenceObject(file);
        ObpCloseHandle(handle);
    }
    return code;
}

int VerbSettings(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    VERB_DEVICE device;
    ULONG64 number = 0;
    HANDLE handle;
    PCM_KEY key;
    PVOID body;

    if (Count == 2 || (Count == 3 && (!VerbNumber(Arguments[2], &number) || number > MAXULONG))) {
        return VerbUsage(Out, "usage: buddyctl settings INSTANCE [NAME NUMBER]");
    }
    int code = VerbFindDevice(Arguments[0], &device, Out);
    if (code != EXIT_DONE) {
        return code;
    }
    NTSTATUS status = IoOpenDeviceRegistryKey(device.Pdo, PLUGPLAY_REGKEY_DEVICE, KEY_READ | KEY_WRITE, &handle);
    if (NT_SUCCESS(status)) {
        status = CmKeyOfHandle(handle, &key, &body);
        if (NT_SUCCESS(status)) {
            status = Count == 3 ? Store(key, Arguments[1], (ULONG)number) : STATUS_SUCCESS;
            code = NT_SUCCESS(status) && Count == 3 ? TellDriver(&device, Out) : EXIT_DONE;
            if (NT_SUCCESS(status) && code == EXIT_DONE) {
                AnswerSettings(key, Out);
            }
            ObDereferenceObject(body);
        }
        ObpCloseHandle(handle);
    }
    if (!NT_SUCCESS(status)) {
        code =
            VerbFail(Out, EXIT_FAILED, status, "the device's settings in the registry could not be opened or written");
    }
    ObDereferenceObject(device.Pdo);
    return code;
}
