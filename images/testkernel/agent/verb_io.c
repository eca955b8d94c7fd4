/* SPDX-License-Identifier: MIT */
/* The verbs that open a device: exercise, ioctl, hold and release. */
#include "agent/verb.h"
#include "ob/object.h"
#include "pnp/internal.h"
#include "rtl/format.h"
#include "buddy_ioctl.h"

#define TAG          'oiAB'
#define HELD_HANDLES 32
#define IOCTL_OUTPUT 4096
#define LINK_LENGTH  260

static HANDLE Held[HELD_HANDLES];

typedef struct FIRST_LINK {
    WCHAR Text[LINK_LENGTH];
    BOOLEAN Found;
} FIRST_LINK;

static VOID TakeFirst(const GUID *Class, PUNICODE_STRING Link, PDEVICE_NODE Node, PVOID Context)
{
    FIRST_LINK *first = Context;

    /* Behind a reference string (`…#{class}\\name`) is something else than the device itself. */
    if (wcschr(Link->Buffer + 4, L'\\') != NULL)
        return;
    if (!first->Found && Link->Length < sizeof(first->Text)) {
        RtlCopyMemory(first->Text, Link->Buffer, Link->Length);
        first->Text[Link->Length / sizeof(WCHAR)] = 0;
        first->Found = TRUE;
    }
}

int VerbOpenDevice(const VERB_DEVICE *Device, PFILE_OBJECT *File, PHANDLE Handle, JSON_WRITER *Out)
{
    FIRST_LINK link = {.Found = FALSE};
    UNICODE_STRING path;

    PnpLockTree();
    PDEVICE_NODE node = PnpDevnodeOfPdo(Device->Pdo);
    if (node) {
        IopVisitInterfaces(NULL, node, FALSE, TakeFirst, &link);
    }
    PnpUnlockTree();
    if (!link.Found) {
        return VerbFail(Out, EXIT_FAILED, STATUS_DEVICE_NOT_READY,
                        "the device has no enabled device interface: it is not started, or its driver registers none");
    }
    RtlInitUnicodeString(&path, link.Text);
    NTSTATUS status = IopOpenFile(&path, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                  FILE_NON_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT, File, Handle, NULL);
    return NT_SUCCESS(status) ? EXIT_DONE : VerbFail(Out, EXIT_FAILED, status, "the device could not be opened");
}

/* Opens by the path of a device interface, which Win32 writes with `\\\\?\\` for the kernel's `\\??\\`. */
static int OpenPath(PCSTR Path, PFILE_OBJECT *File, PHANDLE Handle, JSON_WRITER *Out)
{
    WCHAR text[400];
    UNICODE_STRING name;
    NTSTATUS status;

    if (strlen(Path) >= COUNT_OF(text))
        return VerbFail(Out, EXIT_FAILED, STATUS_NAME_TOO_LONG, "the path is too long");
    for (ULONG i = 0; (text[i] = (UCHAR)Path[i]) != 0; i++) {
    }
    text[1] = L'?';
    RtlInitUnicodeString(&name, text);
    status = IopOpenFile(&name, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                         FILE_NON_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT, File, Handle, NULL);
    return NT_SUCCESS(status) ? EXIT_DONE : VerbFail(Out, EXIT_FAILED, status, "the path could not be opened");
}

/* Finds and opens in one. The file object is referenced for the caller. */
static int Open(PCSTR Name, PFILE_OBJECT *File, PHANDLE Handle, JSON_WRITER *Out)
{
    VERB_DEVICE device;
    int code;

    if (strncmp(Name, "\\\\?\\", 4) == 0)
        return OpenPath(Name, File, Handle, Out);
    code = VerbFindDevice(Name, &device, Out);
    if (code == EXIT_DONE) {
        code = VerbOpenDevice(&device, File, Handle, Out);
        ObDereferenceObject(device.Pdo);
    }
    return code;
}

static int AnswerExercise(PFILE_OBJECT File, JSON_WRITER *Out)
{
    BUDDY_EXERCISE_STATUS status;
    IO_STATUS_BLOCK iosb;
    NTSTATUS result =
        IopDeviceControl(File, IOCTL_BUDDY_EXERCISE_STATUS, NULL, 0, &status, sizeof(status), FALSE, &iosb);

    if (!NT_SUCCESS(result)) {
        return VerbFail(Out, EXIT_FAILED, result, "reading the exercise status failed");
    }
    if (iosb.Information != sizeof(status)) {
        return VerbFail(
            Out, EXIT_FAILED, STATUS_INFO_LENGTH_MISMATCH,
            "the driver's exercise status has another size: driver and kernel were built from different headers");
    }
    JsonBeginObject(Out);
    JsonPutBool(Out, "running", status.Running != 0);
    JsonPutBool(Out, "powered", status.Powered != 0);
    JsonPutUnsigned(Out, "operations", status.Operations);
    JsonPutUnsigned(Out, "errors", status.Errors);
    JsonPutUnsigned(Out, "power_ups", status.PowerUps);
    JsonPutUnsigned(Out, "power_downs", status.PowerDowns);
    JsonEndObject(Out);
    return EXIT_DONE;
}

static BOOLEAN FindPattern(PCSTR Name, PULONG Pattern)
{
    static const PCSTR patterns[] = {
        [BUDDY_PATTERN_MIXED] = "mixed", [BUDDY_PATTERN_REGISTERS] = "registers",
        [BUDDY_PATTERN_JOBS] = "jobs",   [BUDDY_PATTERN_TRANSACTIONS] = "transactions",
        [BUDDY_PATTERN_TALK] = "talk",   [BUDDY_PATTERN_RESOURCES] = "resources",
    };
    for (ULONG i = 0; i < COUNT_OF(patterns); i++) {
        if (strcmp(patterns[i], Name) == 0) {
            *Pattern = i;
            return TRUE;
        }
    }
    return FALSE;
}

int VerbExercise(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    BOOLEAN start = strcmp(Arguments[1], "start") == 0;
    BOOLEAN stop = strcmp(Arguments[1], "stop") == 0;
    BOOLEAN pattern = Count == 3; /* without one the driver takes its setting's */
    BUDDY_EXERCISE exercise = {.Pattern = BUDDY_PATTERN_MIXED};
    PFILE_OBJECT file;
    HANDLE handle;
    IO_STATUS_BLOCK iosb;
    NTSTATUS status = STATUS_SUCCESS;

    if ((!start && !stop && strcmp(Arguments[1], "status") != 0) ||
        (Count == 3 && (!start || !FindPattern(Arguments[2], &exercise.Pattern)))) {
        return VerbUsage(Out, "usage: buddyctl exercise INSTANCE start "
                              "[mixed|registers|jobs|transactions|talk|resources] | stop | status");
    }
    int code = Open(Arguments[0], &file, &handle, Out);
    if (code != EXIT_DONE) {
        return code;
    }
    if (start || stop) {
        status = IopDeviceControl(file, start ? IOCTL_BUDDY_EXERCISE_START : IOCTL_BUDDY_EXERCISE_STOP,
                                  pattern ? &exercise : NULL, pattern ? sizeof(exercise) : 0, NULL, 0, FALSE, &iosb);
    }
    code = NT_SUCCESS(status) ? AnswerExercise(file, Out)
                              : VerbFail(Out, EXIT_FAILED, status,
                                         start ? "starting the exercise failed" : "stopping the exercise failed");
    ObDereferenceObject(file);
    ObpCloseHandle(handle);
    return code;
}

BOOLEAN VerbParseHex(PCSTR Text, PUCHAR Bytes, ULONG Size, PULONG Length)
{
    SIZE_T digits = strlen(Text);

    if (digits % 2 || digits / 2 > Size) {
        return FALSE;
    }
    for (SIZE_T i = 0; i < digits; i += 2) {
        const CHAR pair[5] = {'0', 'x', Text[i], Text[i + 1], 0};
        ULONG64 value;
        if (!VerbNumber(pair, &value)) {
            return FALSE;
        }
        Bytes[i / 2] = (UCHAR)value;
    }
    *Length = (ULONG)(digits / 2);
    return TRUE;
}

static VOID PutHex(JSON_WRITER *Out, PUCHAR Bytes, ULONG_PTR Length, PCHAR Text)
{
    for (ULONG_PTR i = 0; i < Length; i++) {
        RtlFormat(Text + 2 * i, 3, "%02x", Bytes[i]);
    }
    Text[2 * Length] = 0;
    JsonBeginObject(Out);
    JsonPutString(Out, "output", Text);
    JsonEndObject(Out);
}

int VerbIoctl(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    struct {
        UCHAR Input[IOCTL_OUTPUT];
        UCHAR Output[IOCTL_OUTPUT];
        CHAR Text[2 * IOCTL_OUTPUT + 1];
    } *buffers = ExAllocatePoolWithTag(NonPagedPool, sizeof(*buffers), TAG);
    ULONG64 ioctl;
    ULONG length = 0;
    PFILE_OBJECT file;
    HANDLE handle;
    IO_STATUS_BLOCK iosb;
    int code;

    if (!buffers) {
        return VerbFail(Out, EXIT_FAILED, STATUS_NO_MEMORY, "not enough memory for the buffers");
    }
    if (!VerbNumber(Arguments[1], &ioctl) || ioctl > MAXULONG ||
        (Count == 3 && !VerbParseHex(Arguments[2], buffers->Input, sizeof(buffers->Input), &length))) {
        code = VerbUsage(
            Out, "usage: buddyctl ioctl INSTANCE CODE [HEX]; CODE is a number (0x… or decimal), HEX an even number "
                 "of hexadecimal digits");
    } else {
        code = Open(Arguments[0], &file, &handle, Out);
        if (code == EXIT_DONE) {
            NTSTATUS status = IopDeviceControl(file, (ULONG)ioctl, buffers->Input, length, buffers->Output,
                                               sizeof(buffers->Output), FALSE, &iosb);
            if (NT_SUCCESS(status)) {
                PutHex(Out, buffers->Output, min(iosb.Information, (ULONG_PTR)IOCTL_OUTPUT), buffers->Text);
            } else {
                code = VerbFail(Out, EXIT_FAILED, status, "the I/O control failed");
            }
            ObDereferenceObject(file);
            ObpCloseHandle(handle);
        }
    }
    ExFreePoolWithTag(buffers, TAG);
    return code;
}

int VerbHold(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    PFILE_OBJECT file;
    HANDLE handle;
    int code = Open(Arguments[0], &file, &handle, Out);

    if (code != EXIT_DONE) {
        return code;
    }
    ObDereferenceObject(file); /* the handle keeps it */
    for (ULONG i = 0; i < HELD_HANDLES; i++) {
        if (!InterlockedCompareExchangePointer(&Held[i], handle, NULL)) {
            JsonBeginObject(Out);
            JsonPutUnsigned(Out, "handle", (ULONG_PTR)handle);
            JsonEndObject(Out);
            return EXIT_DONE;
        }
    }
    ObpCloseHandle(handle);
    return VerbFail(Out, EXIT_FAILED, STATUS_INSUFFICIENT_RESOURCES, "too many handles are held; release some");
}

int VerbRelease(int Count, const char *const *Arguments, JSON_WRITER *Out)
{
    ULONG64 number;

    if (!VerbNumber(Arguments[0], &number) || !number) {
        return VerbUsage(Out, "usage: buddyctl release HANDLE; HANDLE is the number that `hold` answered");
    }
    for (ULONG i = 0; i < HELD_HANDLES; i++) {
        HANDLE handle = (HANDLE)(ULONG_PTR)number;
        if (InterlockedCompareExchangePointer(&Held[i], NULL, handle) == handle) {
            ObpCloseHandle(handle);
            JsonBeginObject(Out);
            JsonEndObject(Out);
            return EXIT_DONE;
        }
    }
    return VerbFail(Out, EXIT_ABSENT, STATUS_INVALID_HANDLE,
                    "no device is held under this handle; it may have been released already");
}
