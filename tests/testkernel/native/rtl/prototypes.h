/* SPDX-License-Identifier: MIT */
/* What the tests (and rtl's files of each other) call. */
#ifndef NATIVE_PROTOTYPES_H
#define NATIVE_PROTOTYPES_H

size_t strlen(const char *Text);
size_t strnlen(const char *Text, size_t Limit);
int strcmp(const char *A, const char *B);
int strncmp(const char *A, const char *B, size_t Limit);
char *strcpy(char *Target, const char *Source);
char *strncpy(char *Target, const char *Source, size_t Count);
char *strcat(char *Target, const char *Source);
char *strncat(char *Target, const char *Source, size_t Count);
char *strchr(const char *Text, int c);
char *strrchr(const char *Text, int c);
char *strstr(const char *Text, const char *Part);
size_t strspn(const char *Text, const char *Set);
int _stricmp(const char *A, const char *B);
int _strnicmp(const char *A, const char *B, size_t Limit);
char *_strrev(char *Text);
size_t wcslen(const wchar_t *Text);
size_t wcsnlen(const wchar_t *Text, size_t Limit);
int wcscmp(const wchar_t *A, const wchar_t *B);
int wcsncmp(const wchar_t *A, const wchar_t *B, size_t Limit);
wchar_t *wcscpy(wchar_t *Target, const wchar_t *Source);
wchar_t *wcsncpy(wchar_t *Target, const wchar_t *Source, size_t Count);
wchar_t *wcschr(const wchar_t *Text, wchar_t c);
wchar_t *wcsstr(const wchar_t *Text, const wchar_t *Part);
int _wcsicmp(const wchar_t *A, const wchar_t *B);
unsigned long wcstoul(const wchar_t *Text, wchar_t **End, int Base);
int atoi(const char *Text);
wchar_t *_itow(int Value, wchar_t *Buffer, int Base);
void qsort(void *Base, size_t Count, size_t Size, int (*Compare)(const void *, const void *));
void *bsearch(const void *Key, const void *Base, size_t Count, size_t Size, int (*Compare)(const void *, const void *));
int _snprintf(char *Buffer, size_t Count, const char *Format, ...);
int _snprintf_s(char *Buffer, size_t Size, size_t Count, const char *Format, ...);
int _snwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, ...);

WCHAR RtlUpcaseUnicodeChar(WCHAR SourceCharacter);
WCHAR RtlDowncaseUnicodeChar(WCHAR SourceCharacter);
VOID RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString);
NTSTATUS RtlInitUnicodeStringEx(PUNICODE_STRING DestinationString, PCWSTR SourceString);
VOID RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString);
NTSTATUS RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source);
NTSTATUS RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source);
LONG RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive);
BOOLEAN RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive);
BOOLEAN RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive);
NTSTATUS RtlUpcaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString, BOOLEAN Allocate);
BOOLEAN RtlCreateUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString);
NTSTATUS RtlDuplicateUnicodeString(ULONG Flags, PCUNICODE_STRING SourceString, PUNICODE_STRING DestinationString);
VOID RtlFreeUnicodeString(PUNICODE_STRING UnicodeString);
NTSTATUS RtlHashUnicodeString(const UNICODE_STRING *String, BOOLEAN CaseInSensitive, ULONG Algorithm, PULONG HashValue);

VOID RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString);
VOID RtlFreeAnsiString(PANSI_STRING AnsiString);
BOOLEAN RtlEqualString(const PSTRING String1, const PSTRING String2, BOOLEAN CaseInSensitive);
NTSTATUS RtlAnsiStringToUnicodeString(PUNICODE_STRING DestinationString, PCANSI_STRING SourceString, BOOLEAN Allocate);
NTSTATUS RtlUnicodeStringToAnsiString(PANSI_STRING DestinationString, PCUNICODE_STRING SourceString, BOOLEAN Allocate);
NTSTATUS RtlUTF8ToUnicodeN(PWSTR Destination, ULONG MaxByteCount, PULONG ActualByteCount, PCCH Source, ULONG ByteCount);
NTSTATUS RtlUnicodeToUTF8N(PCHAR Destination, ULONG MaxByteCount, PULONG ActualByteCount, PCWCH Source,
                           ULONG ByteCount);

NTSTATUS RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String);
NTSTATUS RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value);
NTSTATUS RtlIntegerToChar(ULONG Value, ULONG Base, LONG Length, PCHAR String);
NTSTATUS RtlStringFromGUID(REFGUID Guid, PUNICODE_STRING GuidString);
NTSTATUS RtlGUIDFromString(PUNICODE_STRING GuidString, GUID *Guid);

VOID RtlInitializeBitMap(PRTL_BITMAP BitMapHeader, PULONG BitMapBuffer, ULONG SizeOfBitMap);
VOID RtlClearAllBits(PRTL_BITMAP BitMapHeader);
VOID RtlSetBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToSet);
VOID RtlClearBits(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG NumberToClear);
BOOLEAN RtlTestBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber);
BOOLEAN RtlAreBitsClear(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length);
BOOLEAN RtlAreBitsSet(PRTL_BITMAP BitMapHeader, ULONG StartingIndex, ULONG Length);
ULONG RtlFindClearBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex);
ULONG RtlFindClearBitsAndSet(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex);
ULONG RtlNumberOfSetBits(PRTL_BITMAP BitMapHeader);
ULONG RtlFindLongestRunClear(PRTL_BITMAP BitMapHeader, PULONG StartingIndex);
ULONG RtlFindClearRuns(PRTL_BITMAP BitMapHeader, PRTL_BITMAP_RUN RunArray, ULONG SizeOfRunArray, BOOLEAN Longest);
ULONG RtlFindLastBackwardRunClear(PRTL_BITMAP BitMapHeader, ULONG FromIndex, PULONG StartingRunIndex);

VOID RtlTimeToTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields);
BOOLEAN RtlTimeFieldsToTime(PTIME_FIELDS TimeFields, PLARGE_INTEGER Time);
ULONG RtlRandomEx(PULONG Seed);
ULONGLONG VerSetConditionMask(ULONGLONG ConditionMask, ULONG TypeMask, UCHAR Condition);
NTSTATUS RtlVerifyVersionInfo(PRTL_OSVERSIONINFOEXW VersionInfo, ULONG TypeMask, ULONGLONG ConditionMask);
NTSTATUS RtlGetVersion(PRTL_OSVERSIONINFOW VersionInformation);
SIZE_T RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length);

VOID RtlInitializeGenericTableAvl(PRTL_AVL_TABLE Table, PRTL_AVL_COMPARE_ROUTINE Compare,
                                  PRTL_AVL_ALLOCATE_ROUTINE Allocate, PRTL_AVL_FREE_ROUTINE Free, PVOID Context);
PVOID RtlInsertElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize, PBOOLEAN NewElement);
PVOID RtlLookupElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer);
BOOLEAN RtlDeleteElementGenericTableAvl(PRTL_AVL_TABLE Table, PVOID Buffer);
PVOID RtlEnumerateGenericTableAvl(PRTL_AVL_TABLE Table, BOOLEAN Restart);
PVOID RtlGetElementGenericTableAvl(PRTL_AVL_TABLE Table, ULONG I);
ULONG RtlNumberGenericTableElementsAvl(PRTL_AVL_TABLE Table);

int memcpy_s(void *Target, size_t Size, const void *Source, size_t Count);
int strcpy_s(char *Target, size_t Size, const char *Source);
int strcat_s(char *Target, size_t Size, const char *Source);
int strncpy_s(char *Target, size_t Size, const char *Source, size_t Count);
int wcscat_s(wchar_t *Target, size_t Size, const wchar_t *Source);

int tolower(int c);
int toupper(int c);
int isdigit(int c);
int isxdigit(int c);
int islower(int c);
int isupper(int c);
int isspace(int c);
int isprint(int c);
wint_t towlower(wint_t c);
wint_t towupper(wint_t c);
char *_strupr(char *Text);
char *_strlwr(char *Text);
wchar_t *_wcsupr(wchar_t *Text);
wchar_t *_wcslwr(wchar_t *Text);
wchar_t *_wcsrev(wchar_t *Text);
int _wcsnicmp(const wchar_t *A, const wchar_t *B, size_t Limit);
wchar_t *wcscat(wchar_t *Target, const wchar_t *Source);
wchar_t *wcsncat(wchar_t *Target, const wchar_t *Source, size_t Count);
wchar_t *wcsrchr(const wchar_t *Text, wchar_t c);
size_t wcsspn(const wchar_t *Text, const wchar_t *Set);
size_t wcscspn(const wchar_t *Text, const wchar_t *Set);
long atol(const char *Text);
int _wtoi(const wchar_t *Text);
long _wtol(const wchar_t *Text);
char *_itoa(int Value, char *Buffer, int Base);
int memmove_s(void *Target, size_t Size, const void *Source, size_t Count);
int strncat_s(char *Target, size_t Size, const char *Source, size_t Count);
int wcscpy_s(wchar_t *Target, size_t Size, const wchar_t *Source);
int wcsncpy_s(wchar_t *Target, size_t Size, const wchar_t *Source, size_t Count);
int wcsncat_s(wchar_t *Target, size_t Size, const wchar_t *Source, size_t Count);

int sprintf(char *Buffer, const char *Format, ...);
int _vsnprintf(char *Buffer, size_t Count, const char *Format, va_list Arguments);
int _vsnwprintf(wchar_t *Buffer, size_t Count, const wchar_t *Format, va_list Arguments);
int _swprintf(wchar_t *Buffer, const wchar_t *Format, ...);
int _vswprintf(wchar_t *Buffer, const wchar_t *Format, va_list Arguments);
int _vsnprintf_s(char *Buffer, size_t Size, size_t Count, const char *Format, va_list Arguments);
int vsprintf_s(char *Buffer, size_t Size, const char *Format, va_list Arguments);
int sprintf_s(char *Buffer, size_t Size, const char *Format, ...);
int _vsnwprintf_s(wchar_t *Buffer, size_t Size, size_t Count, const wchar_t *Format, va_list Arguments);
int _snwprintf_s(wchar_t *Buffer, size_t Size, size_t Count, const wchar_t *Format, ...);
int vswprintf_s(wchar_t *Buffer, size_t Size, const wchar_t *Format, va_list Arguments);
int swprintf_s(wchar_t *Buffer, size_t Size, const wchar_t *Format, ...);

VOID RtlInitString(PSTRING DestinationString, PCSZ SourceString);
VOID RtlCopyString(PSTRING DestinationString, const PSTRING SourceString);
LONG RtlCompareString(const PSTRING String1, const PSTRING String2, BOOLEAN CaseInSensitive);
CHAR RtlUpperChar(CHAR Character);
VOID RtlUpperString(PSTRING DestinationString, const PSTRING SourceString);
ULONG RtlAnsiStringToUnicodeSize(PANSI_STRING AnsiString);
ULONG RtlxAnsiStringToUnicodeSize(PCANSI_STRING AnsiString);
ULONG RtlUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString);
ULONG RtlxUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString);
VOID RtlFreeOemString(POEM_STRING OemString);
NTSTATUS RtlMultiByteToUnicodeN(PWCH UnicodeString, ULONG MaxBytes, PULONG Bytes, const CHAR *Text, ULONG TextBytes);
NTSTATUS RtlUnicodeToMultiByteN(PCHAR Text, ULONG MaxBytes, PULONG Bytes, PCWCH UnicodeString, ULONG UnicodeBytes);
WCHAR RtlAnsiCharToUnicodeChar(PUCHAR *SourceCharacter);
NTSTATUS RtlDowncaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString, BOOLEAN Allocate);
LONG RtlCompareUnicodeStrings(PCWCH String1, SIZE_T Length1, PCWCH String2, SIZE_T Length2, BOOLEAN CaseInSensitive);
NTSTATUS RtlValidateUnicodeString(ULONG Flags, PCUNICODE_STRING SourceString);
NTSTATUS RtlInt64ToUnicodeString(ULONGLONG Value, ULONG Base, PUNICODE_STRING String);
NTSTATUS RtlCharToInteger(PCSZ String, ULONG Base, PULONG Value);

VOID RtlSetAllBits(PRTL_BITMAP BitMapHeader);
VOID RtlSetBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber);
VOID RtlClearBit(PRTL_BITMAP BitMapHeader, ULONG BitNumber);
ULONG RtlFindSetBits(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex);
ULONG RtlFindSetBitsAndClear(PRTL_BITMAP BitMapHeader, ULONG NumberToFind, ULONG HintIndex);
ULONG RtlNumberOfClearBits(PRTL_BITMAP BitMapHeader);
ULONG RtlFindNextForwardRunClear(PRTL_BITMAP BitMapHeader, ULONG FromIndex, PULONG StartingRunIndex);
ULONG RtlFindFirstRunClear(PRTL_BITMAP BitMapHeader, PULONG StartingIndex);
CCHAR RtlFindMostSignificantBit(ULONGLONG Set);
CCHAR RtlFindLeastSignificantBit(ULONGLONG Set);
ULONG RtlNumberOfSetBitsUlongPtr(ULONG_PTR Target);

BOOLEAN RtlTimeToSecondsSince1970(PLARGE_INTEGER Time, PULONG ElapsedSeconds);
BOOLEAN RtlTimeToSecondsSince1980(PLARGE_INTEGER Time, PULONG ElapsedSeconds);
VOID RtlSecondsSince1970ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time);
VOID RtlSecondsSince1980ToTime(ULONG ElapsedSeconds, PLARGE_INTEGER Time);
VOID RtlTimeToElapsedTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields);
ULONG RtlRandom(PULONG Seed);
SIZE_T RtlCompareMemoryUlong(PVOID Source, SIZE_T Length, ULONG Pattern);
VOID RtlCopyMemoryNonTemporal(PVOID Destination, const VOID *Source, SIZE_T Length);
VOID RtlMoveMemory(PVOID Destination, const VOID *Source, SIZE_T Length);
VOID RtlFillMemory(PVOID Destination, SIZE_T Length, UCHAR Fill);

PVOID RtlEnumerateGenericTableWithoutSplayingAvl(PRTL_AVL_TABLE Table, PVOID *RestartKey);
PVOID RtlLookupElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer, PVOID *NodeOrParent,
                                          TABLE_SEARCH_RESULT *SearchResult);
PVOID RtlInsertElementGenericTableFullAvl(PRTL_AVL_TABLE Table, PVOID Buffer, CLONG BufferSize, PBOOLEAN NewElement,
                                          PVOID NodeOrParent, TABLE_SEARCH_RESULT SearchResult);
BOOLEAN RtlIsGenericTableEmptyAvl(PRTL_AVL_TABLE Table);

PRTL_SPLAY_LINKS RtlSplay(PRTL_SPLAY_LINKS Links);
PRTL_SPLAY_LINKS RtlDelete(PRTL_SPLAY_LINKS Links);
VOID RtlDeleteNoSplay(PRTL_SPLAY_LINKS Links, PRTL_SPLAY_LINKS *Root);
PRTL_SPLAY_LINKS RtlSubtreeSuccessor(PRTL_SPLAY_LINKS Links);
PRTL_SPLAY_LINKS RtlSubtreePredecessor(PRTL_SPLAY_LINKS Links);
PRTL_SPLAY_LINKS RtlRealSuccessor(PRTL_SPLAY_LINKS Links);
PRTL_SPLAY_LINKS RtlRealPredecessor(PRTL_SPLAY_LINKS Links);
VOID RtlInitializeGenericTable(PRTL_GENERIC_TABLE Table, PRTL_GENERIC_COMPARE_ROUTINE Compare,
                               PRTL_GENERIC_ALLOCATE_ROUTINE Allocate, PRTL_GENERIC_FREE_ROUTINE Free, PVOID Context);
PVOID RtlInsertElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize, PBOOLEAN NewElement);
PVOID RtlInsertElementGenericTableFull(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize, PBOOLEAN NewElement,
                                       PVOID NodeOrParent, TABLE_SEARCH_RESULT SearchResult);
PVOID RtlLookupElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer);
PVOID RtlLookupElementGenericTableFull(PRTL_GENERIC_TABLE Table, PVOID Buffer, PVOID *NodeOrParent,
                                       TABLE_SEARCH_RESULT *SearchResult);
BOOLEAN RtlDeleteElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer);
PVOID RtlEnumerateGenericTable(PRTL_GENERIC_TABLE Table, BOOLEAN Restart);
PVOID RtlEnumerateGenericTableWithoutSplaying(PRTL_GENERIC_TABLE Table, PVOID *RestartKey);
PVOID RtlGetElementGenericTable(PRTL_GENERIC_TABLE Table, ULONG I);
ULONG RtlNumberGenericTableElements(PRTL_GENERIC_TABLE Table);
BOOLEAN RtlIsGenericTableEmpty(PRTL_GENERIC_TABLE Table);

ULONG RtlLengthRequiredSid(ULONG SubAuthorityCount);
ULONG RtlLengthSid(PSID Sid);
BOOLEAN RtlValidSid(PSID Sid);
NTSTATUS RtlInitializeSid(PSID Sid, PSID_IDENTIFIER_AUTHORITY IdentifierAuthority, UCHAR SubAuthorityCount);
PULONG RtlSubAuthoritySid(PSID Sid, ULONG SubAuthority);
PUCHAR RtlSubAuthorityCountSid(PSID Sid);
BOOLEAN RtlEqualSid(PSID Sid1, PSID Sid2);
NTSTATUS RtlCopySid(ULONG DestinationSidLength, PSID DestinationSid, PSID SourceSid);
NTSTATUS RtlCreateAcl(PACL Acl, ULONG AclLength, ULONG AclRevision);
NTSTATUS RtlAddAccessAllowedAce(PACL Acl, ULONG AceRevision, ACCESS_MASK AccessMask, PSID Sid);
NTSTATUS RtlGetAce(PACL Acl, ULONG AceIndex, PVOID *Ace);
VOID RtlMapGenericMask(PACCESS_MASK AccessMask, PGENERIC_MAPPING GenericMapping);
NTSTATUS RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Revision);
NTSTATUS RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR Descriptor, BOOLEAN Present, PACL Dacl, BOOLEAN Defaulted);
NTSTATUS RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR Descriptor, PBOOLEAN Present, PACL *Dacl,
                                      PBOOLEAN Defaulted);
NTSTATUS RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID Owner, BOOLEAN OwnerDefaulted);
NTSTATUS RtlGetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, PSID *Owner, PBOOLEAN OwnerDefaulted);
ULONG RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor);
BOOLEAN RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor);
BOOLEAN RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR Descriptor, ULONG Length,
                                           SECURITY_INFORMATION RequiredInformation);
BOOLEAN SeValidSecurityDescriptor(ULONG Length, PSECURITY_DESCRIPTOR SecurityDescriptor);

BOOLEAN RtlEqualLuid(PLUID Luid1, PLUID Luid2);
VOID RtlPrefetchMemoryNonTemporal(PVOID Source, SIZE_T Length);
NTSTATUS RtlFindClosestEncodableLength(ULONGLONG SourceLength, PULONGLONG TargetLength);

#endif
