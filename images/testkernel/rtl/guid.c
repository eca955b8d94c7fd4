/* SPDX-License-Identifier: MIT */
/* GUIDs as text: {XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}. */
#include "rtl/rtl.h"

#define CALLER      __builtin_return_address(0)
#define GUID_LENGTH 38

/* Where the digits of the GUID's bytes stand in the text, in memory order. */
static const UCHAR Position[16] = {7, 5, 3, 1, 12, 10, 17, 15, 20, 22, 25, 27, 29, 31, 33, 35};

/* PASSIVE_LEVEL. Allocates the text; freed by RtlFreeUnicodeString. */
NTSTATUS NTAPI RtlStringFromGUID(REFGUID Guid, PUNICODE_STRING GuidString)
{
    static const CHAR Digits[] = "0123456789ABCDEF";
    static const CHAR Frame[] = "{--------x----x----x----x------------}";
    const UCHAR *Bytes = (const UCHAR *)Guid;
    GuidString->Buffer = RtlAllocateString((GUID_LENGTH + 1) * sizeof(WCHAR), CALLER);
    if (!GuidString->Buffer) {
        return STATUS_NO_MEMORY;
    }
    for (ULONG i = 0; i <= GUID_LENGTH; i++) {
        GuidString->Buffer[i] = Frame[i] == 'x' ? '-' : (WCHAR)Frame[i];
    }
    for (ULONG i = 0; i < sizeof(Position); i++) {
        GuidString->Buffer[Position[i]] = (WCHAR)Digits[Bytes[i] >> 4];
        GuidString->Buffer[Position[i] + 1] = (WCHAR)Digits[Bytes[i] & 15];
    }
    GuidString->Length = GUID_LENGTH * sizeof(WCHAR);
    GuidString->MaximumLength = (GUID_LENGTH + 1) * sizeof(WCHAR);
    return STATUS_SUCCESS;
}

static int HexValue(WCHAR c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Any IRQL. STATUS_INVALID_PARAMETER if the text is no GUID with braces. */
NTSTATUS NTAPI RtlGUIDFromString(PUNICODE_STRING GuidString, GUID *Guid)
{
    PCWCH Text = GuidString->Buffer;
    UCHAR *Bytes = (UCHAR *)Guid;
    if (GuidString->Length < GUID_LENGTH * sizeof(WCHAR) || Text[0] != '{' || Text[9] != '-' || Text[14] != '-' ||
        Text[19] != '-' || Text[24] != '-' || Text[37] != '}') {
        return STATUS_INVALID_PARAMETER;
    }
    for (ULONG i = 0; i < sizeof(Position); i++) {
        int High = HexValue(Text[Position[i]]), Low = HexValue(Text[Position[i] + 1]);
        if (High < 0 || Low < 0) {
            return STATUS_INVALID_PARAMETER;
        }
        Bytes[i] = (UCHAR)(High << 4 | Low);
    }
    return STATUS_SUCCESS;
}
