/* SPDX-License-Identifier: MIT */
/*
 * UNICODE_STRINGs. Lengths are in bytes. Contracts: the Rtl…UnicodeString pages of
 * https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ and …/ntifs/
 */
#include "rtl/rtl.h"

#define CALLER    __builtin_return_address(0)
#define MAX_BYTES 0xFFFE /* the largest even USHORT */

/* Any IRQL. Source may be NULL. A text that is too long is cut off, as on Windows. */
VOID NTAPI RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    SIZE_T Bytes = SourceString ? wcslen(SourceString) * sizeof(WCHAR) : 0;
    if (Bytes > MAX_BYTES - sizeof(WCHAR)) {
        Bytes = MAX_BYTES - sizeof(WCHAR);
    }
    DestinationString->Buffer = (PWSTR)(ULONG_PTR)SourceString;
    DestinationString->Length = (USHORT)Bytes;
    DestinationString->MaximumLength = SourceString ? (USHORT)(Bytes + sizeof(WCHAR)) : 0;
}

/* Any IRQL. STATUS_NAME_TOO_LONG instead of cutting off. */
NTSTATUS NTAPI RtlInitUnicodeStringEx(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    if (SourceString && wcslen(SourceString) * sizeof(WCHAR) > MAX_BYTES - sizeof(WCHAR)) {
        RtlZeroMemory(DestinationString, sizeof(*DestinationString));
        return STATUS_NAME_TOO_LONG;
    }
    RtlInitUnicodeString(DestinationString, SourceString);
    return STATUS_SUCCESS;
}

/* Any IRQL if the buffers are resident. Copies what fits; Source may be NULL. */
VOID NTAPI RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString)
{
    USHORT Bytes = SourceString ? SourceString->Length : 0;
    if (Bytes > DestinationString->MaximumLength) {
        Bytes = DestinationString->MaximumLength;
    }
    if (Bytes) {
        memmove(DestinationString->Buffer, SourceString->Buffer, Bytes);
    }
    DestinationString->Length = Bytes;
    if (Bytes + sizeof(WCHAR) <= DestinationString->MaximumLength) {
        DestinationString->Buffer[Bytes / sizeof(WCHAR)] = 0;
    }
}

static NTSTATUS Append(PUNICODE_STRING Destination, PCWSTR Source, SIZE_T Bytes)
{
    if (Destination->Length + Bytes > Destination->MaximumLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    if (Bytes) {
        memmove((PUCHAR)Destination->Buffer + Destination->Length, Source, Bytes);
        Destination->Length = (USHORT)(Destination->Length + Bytes);
    }
    if (Destination->Length + sizeof(WCHAR) <= Destination->MaximumLength) {
        Destination->Buffer[Destination->Length / sizeof(WCHAR)] = 0;
    }
    return STATUS_SUCCESS;
}

/* Any IRQL if the buffers are resident. STATUS_BUFFER_TOO_SMALL leaves the destination as it was. */
NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    return Append(Destination, Source->Buffer, Source->Length);
}

NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source)
{
    return Append(Destination, Source, Source ? wcslen(Source) * sizeof(WCHAR) : 0);
}

LONG NTAPI RtlCompareUnicodeStrings(PCWCH String1, SIZE_T String1Length, PCWCH String2, SIZE_T String2Length,
                                    BOOLEAN CaseInSensitive);

/* Lengths in characters. Any IRQL for case-sensitive comparison, else PASSIVE_LEVEL. */
LONG NTAPI RtlCompareUnicodeStrings(PCWCH String1, SIZE_T String1Length, PCWCH String2, SIZE_T String2Length,
                                    BOOLEAN CaseInSensitive)
{
    SIZE_T Common = String1Length < String2Length ? String1Length : String2Length;
    if (CaseInSensitive) {
        RTL_PAGEABLE("RtlCompareUnicodeStrings");
    }
    for (SIZE_T i = 0; i < Common; i++) {
        WCHAR A = String1[i], B = String2[i];
        if (A != B && CaseInSensitive) {
            A = RtlUpcaseUnicodeChar(A);
            B = RtlUpcaseUnicodeChar(B);
        }
        if (A != B) {
            return (LONG)A - (LONG)B;
        }
    }
    return String1Length == String2Length ? 0 : String1Length < String2Length ? -1 : 1;
}

LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    if (CaseInSensitive) {
        RTL_PAGEABLE("RtlCompareUnicodeString");
    }
    return RtlCompareUnicodeStrings(String1->Buffer, String1->Length / sizeof(WCHAR), String2->Buffer,
                                    String2->Length / sizeof(WCHAR), CaseInSensitive);
}

BOOLEAN NTAPI RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    if (CaseInSensitive) {
        RTL_PAGEABLE("RtlEqualUnicodeString");
    }
    return String1->Length == String2->Length &&
           RtlCompareUnicodeStrings(String1->Buffer, String1->Length / sizeof(WCHAR), String2->Buffer,
                                    String2->Length / sizeof(WCHAR), CaseInSensitive) == 0;
}

/* Is String1 a prefix of String2? */
BOOLEAN NTAPI RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    SIZE_T Characters = String1->Length / sizeof(WCHAR);
    if (CaseInSensitive) {
        RTL_PAGEABLE("RtlPrefixUnicodeString");
    }
    return String1->Length <= String2->Length &&
           RtlCompareUnicodeStrings(String1->Buffer, Characters, String2->Buffer, Characters, CaseInSensitive) == 0;
}

typedef WCHAR(NTAPI *CASE_FUNCTION)(WCHAR);

static NTSTATUS ChangeCase(PUNICODE_STRING Destination, PCUNICODE_STRING Source, BOOLEAN Allocate, CASE_FUNCTION Map,
                           PVOID Caller)
{
    if (Allocate) {
        Destination->Buffer = RtlAllocateString(Source->Length ? Source->Length : sizeof(WCHAR), Caller);
        if (!Destination->Buffer) {
            return STATUS_NO_MEMORY;
        }
        Destination->MaximumLength = Source->Length;
    } else if (Source->Length > Destination->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    for (SIZE_T i = 0; i < Source->Length / sizeof(WCHAR); i++) {
        Destination->Buffer[i] = Map(Source->Buffer[i]);
    }
    Destination->Length = Source->Length;
    return STATUS_SUCCESS;
}

/* PASSIVE_LEVEL. With AllocateDestinationString the caller frees by RtlFreeUnicodeString; no terminator is added. */
NTSTATUS NTAPI RtlUpcaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString,
                                      BOOLEAN AllocateDestinationString)
{
    return ChangeCase(DestinationString, SourceString, AllocateDestinationString, RtlUpcaseUnicodeChar, CALLER);
}

NTSTATUS NTAPI RtlDowncaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString,
                                        BOOLEAN AllocateDestinationString)
{
    return ChangeCase(DestinationString, SourceString, AllocateDestinationString, RtlDowncaseUnicodeChar, CALLER);
}

/* PASSIVE_LEVEL. A copy in pool, to be freed by RtlFreeUnicodeString. */
BOOLEAN NTAPI RtlCreateUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    SIZE_T Bytes = (wcslen(SourceString) + 1) * sizeof(WCHAR);
    if (Bytes > MAX_BYTES) {
        return FALSE;
    }
    DestinationString->Buffer = RtlAllocateString(Bytes, CALLER);
    if (!DestinationString->Buffer) {
        return FALSE;
    }
    memcpy(DestinationString->Buffer, SourceString, Bytes);
    DestinationString->MaximumLength = (USHORT)Bytes;
    DestinationString->Length = (USHORT)(Bytes - sizeof(WCHAR));
    return TRUE;
}

/* PASSIVE_LEVEL. Flags: 1 = add a terminator, 2 = (with 1) allocate also for an empty string. */
NTSTATUS NTAPI RtlDuplicateUnicodeString(ULONG Flags, PCUNICODE_STRING SourceString, PUNICODE_STRING DestinationString)
{
    BOOLEAN Terminate = (Flags & 1) != 0;
    SIZE_T Bytes;
    if (!SourceString || !DestinationString || Flags > 3 || Flags == 2 || SourceString->Length % sizeof(WCHAR) ||
        SourceString->Length > SourceString->MaximumLength) {
        return STATUS_INVALID_PARAMETER;
    }
    Bytes = SourceString->Length + (Terminate ? sizeof(WCHAR) : 0);
    if (Bytes > MAX_BYTES) {
        return STATUS_NAME_TOO_LONG;
    }
    RtlZeroMemory(DestinationString, sizeof(*DestinationString));
    if (!SourceString->Length && Flags != 3) {
        return STATUS_SUCCESS;
    }
    DestinationString->Buffer = RtlAllocateString(Bytes, CALLER);
    if (!DestinationString->Buffer) {
        return STATUS_NO_MEMORY;
    }
    DestinationString->MaximumLength = (USHORT)Bytes;
    memcpy(DestinationString->Buffer, SourceString->Buffer, SourceString->Length);
    DestinationString->Length = SourceString->Length;
    if (Terminate) {
        DestinationString->Buffer[SourceString->Length / sizeof(WCHAR)] = 0;
    }
    return STATUS_SUCCESS;
}

/* PASSIVE_LEVEL. Frees what an Rtl function allocated, and clears the string. */
VOID NTAPI RtlFreeUnicodeString(PUNICODE_STRING UnicodeString)
{
    if (UnicodeString->Buffer) {
        RtlFreeString(UnicodeString->Buffer, CALLER);
        RtlZeroMemory(UnicodeString, sizeof(*UnicodeString));
    }
}

/* Flags must be 0. Any IRQL. */
NTSTATUS NTAPI RtlValidateUnicodeString(ULONG Flags, PCUNICODE_STRING SourceString);
NTSTATUS NTAPI RtlValidateUnicodeString(ULONG Flags, PCUNICODE_STRING SourceString)
{
    if (Flags ||
        (SourceString && (SourceString->Length % sizeof(WCHAR) || SourceString->MaximumLength % sizeof(WCHAR) ||
                          SourceString->Length > SourceString->MaximumLength ||
                          (SourceString->MaximumLength && !SourceString->Buffer)))) {
        return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

/* The x65599 hash, Windows' default. PASSIVE_LEVEL when case does not matter. */
NTSTATUS NTAPI RtlHashUnicodeString(CONST UNICODE_STRING *String, BOOLEAN CaseInSensitive, ULONG HashAlgorithm,
                                    PULONG HashValue)
{
    ULONG Hash = 0;
    if (!String || !HashValue || HashAlgorithm > HASH_STRING_ALGORITHM_X65599) {
        return STATUS_INVALID_PARAMETER;
    }
    if (CaseInSensitive) {
        RTL_PAGEABLE("RtlHashUnicodeString");
    }
    for (SIZE_T i = 0; i < String->Length / sizeof(WCHAR); i++) {
        Hash = Hash * 65599 + (CaseInSensitive ? RtlUpcaseUnicodeChar(String->Buffer[i]) : String->Buffer[i]);
    }
    *HashValue = Hash;
    return STATUS_SUCCESS;
}
