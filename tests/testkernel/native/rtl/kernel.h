/* SPDX-License-Identifier: MIT */
/*
 * Stands in for images/testkernel/kernel.h when rtl/ is compiled for the host (gcc -fshort-wchar): Windows' types, and other names for what
 * the host's C library also defines, so that the tests run the kernel's functions and not the host's.
 */
#ifndef TESTKERNEL_KERNEL_H
#define TESTKERNEL_KERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define memcpy   TkMemcpy
#define memmove  TkMemmove
#define memset   TkMemset
#define memcmp   TkMemcmp
#define memchr   TkMemchr
#define strlen   TkStrlen
#define strnlen  TkStrnlen
#define strcmp   TkStrcmp
#define strncmp  TkStrncmp
#define strcpy   TkStrcpy
#define strncpy  TkStrncpy
#define strcat   TkStrcat
#define strncat  TkStrncat
#define strchr   TkStrchr
#define strrchr  TkStrrchr
#define strstr   TkStrstr
#define strspn   TkStrspn
#define tolower  TkTolower
#define toupper  TkToupper
#define isdigit  TkIsdigit
#define isxdigit TkIsxdigit
#define islower  TkIslower
#define isupper  TkIsupper
#define isspace  TkIsspace
#define isprint  TkIsprint
#define towlower TkTowlower
#define towupper TkTowupper
#define wcslen   TkWcslen
#define wcsnlen  TkWcsnlen
#define wcscmp   TkWcscmp
#define wcsncmp  TkWcsncmp
#define wcscpy   TkWcscpy
#define wcsncpy  TkWcsncpy
#define wcscat   TkWcscat
#define wcsncat  TkWcsncat
#define wcschr   TkWcschr
#define wcsrchr  TkWcsrchr
#define wcsstr   TkWcsstr
#define wcsspn   TkWcsspn
#define wcscspn  TkWcscspn
#define wcstoul  TkWcstoul
#define atoi     TkAtoi
#define atol     TkAtol
#define qsort    TkQsort
#define bsearch  TkBsearch
#define sprintf  TkSprintf
#define vsprintf TkVsprintf
/* clang-format on */

#define __cdecl
#define NTAPI
#define FASTCALL
#define CONST const
#define VOID  void

typedef char CHAR, CCHAR, *PCHAR, *PSTR;
typedef const char *PCSTR, *PCSZ, *PCCH;
typedef uint8_t UCHAR, BOOLEAN, *PUCHAR;
typedef int16_t SHORT, CSHORT;
typedef uint16_t USHORT;
typedef int32_t LONG, NTSTATUS;
typedef uint32_t ULONG, *PULONG;
typedef int64_t LONG64;
typedef uint64_t ULONG64, ULONGLONG;
typedef size_t SIZE_T;
typedef uintptr_t ULONG_PTR;
typedef wchar_t WCHAR, *PWCHAR, *PWSTR, *PWCH;
typedef const wchar_t *PCWSTR, *PCWCH;
typedef unsigned int wint_t;
typedef void *PVOID;
typedef UCHAR KIRQL;
typedef union {
    LONG64 QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef struct {
    USHORT Length, MaximumLength;
    PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;
typedef struct {
    USHORT Length, MaximumLength;
    PCHAR Buffer;
} STRING, ANSI_STRING, OEM_STRING, *PSTRING, *PANSI_STRING, *POEM_STRING;
typedef const ANSI_STRING *PCANSI_STRING;

typedef struct {
    ULONG Data1;
    USHORT Data2, Data3;
    UCHAR Data4[8];
} GUID;
typedef const GUID *REFGUID;

typedef struct {
    ULONG SizeOfBitMap;
    PULONG Buffer;
} RTL_BITMAP, *PRTL_BITMAP;
typedef struct {
    ULONG StartingIndex, NumberOfBits;
} RTL_BITMAP_RUN, *PRTL_BITMAP_RUN;

typedef struct {
    CSHORT Year, Month, Day, Hour, Minute, Second, Milliseconds, Weekday;
} TIME_FIELDS, *PTIME_FIELDS;

typedef struct {
    ULONG dwOSVersionInfoSize, dwMajorVersion, dwMinorVersion, dwBuildNumber, dwPlatformId;
    WCHAR szCSDVersion[128];
} RTL_OSVERSIONINFOW, *PRTL_OSVERSIONINFOW;
typedef struct {
    ULONG dwOSVersionInfoSize, dwMajorVersion, dwMinorVersion, dwBuildNumber, dwPlatformId;
    WCHAR szCSDVersion[128];
    USHORT wServicePackMajor, wServicePackMinor, wSuiteMask;
    UCHAR wProductType, wReserved;
} RTL_OSVERSIONINFOEXW, *PRTL_OSVERSIONINFOEXW;

typedef enum { TableEmptyTree, TableFoundNode, TableInsertAsLeft, TableInsertAsRight } TABLE_SEARCH_RESULT;
typedef enum { GenericLessThan, GenericGreaterThan, GenericEqual } RTL_GENERIC_COMPARE_RESULTS;
typedef ULONG CLONG;
typedef BOOLEAN *PBOOLEAN;
typedef struct _RTL_BALANCED_LINKS {
    struct _RTL_BALANCED_LINKS *Parent, *LeftChild, *RightChild;
    CHAR Balance;
    UCHAR Reserved[3];
} RTL_BALANCED_LINKS, *PRTL_BALANCED_LINKS;
typedef struct _RTL_AVL_TABLE RTL_AVL_TABLE, *PRTL_AVL_TABLE;
typedef RTL_GENERIC_COMPARE_RESULTS (*PRTL_AVL_COMPARE_ROUTINE)(PRTL_AVL_TABLE Table, PVOID First, PVOID Second);
typedef PVOID (*PRTL_AVL_ALLOCATE_ROUTINE)(PRTL_AVL_TABLE Table, CLONG ByteSize);
typedef VOID (*PRTL_AVL_FREE_ROUTINE)(PRTL_AVL_TABLE Table, PVOID Buffer);
struct _RTL_AVL_TABLE {
    RTL_BALANCED_LINKS BalancedRoot;
    PVOID OrderedPointer;
    ULONG WhichOrderedElement, NumberGenericTableElements, DepthOfTree;
    PRTL_BALANCED_LINKS RestartKey;
    ULONG DeleteCount;
    PRTL_AVL_COMPARE_ROUTINE CompareRoutine;
    PRTL_AVL_ALLOCATE_ROUTINE AllocateRoutine;
    PRTL_AVL_FREE_ROUTINE FreeRoutine;
    PVOID TableContext;
};

typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink, *Blink;
} LIST_ENTRY, *PLIST_ENTRY;
typedef struct _RTL_SPLAY_LINKS {
    struct _RTL_SPLAY_LINKS *Parent, *LeftChild, *RightChild;
} RTL_SPLAY_LINKS, *PRTL_SPLAY_LINKS;
typedef struct _RTL_GENERIC_TABLE RTL_GENERIC_TABLE, *PRTL_GENERIC_TABLE;
typedef RTL_GENERIC_COMPARE_RESULTS (*PRTL_GENERIC_COMPARE_ROUTINE)(PRTL_GENERIC_TABLE Table, PVOID First,
                                                                    PVOID Second);
typedef PVOID (*PRTL_GENERIC_ALLOCATE_ROUTINE)(PRTL_GENERIC_TABLE Table, CLONG ByteSize);
typedef VOID (*PRTL_GENERIC_FREE_ROUTINE)(PRTL_GENERIC_TABLE Table, PVOID Buffer);
struct _RTL_GENERIC_TABLE {
    PRTL_SPLAY_LINKS TableRoot;
    LIST_ENTRY InsertOrderList;
    PLIST_ENTRY OrderedPointer;
    ULONG WhichOrderedElement, NumberGenericTableElements;
    PRTL_GENERIC_COMPARE_ROUTINE CompareRoutine;
    PRTL_GENERIC_ALLOCATE_ROUTINE AllocateRoutine;
    PRTL_GENERIC_FREE_ROUTINE FreeRoutine;
    PVOID TableContext;
};

typedef struct {
    UCHAR Value[6];
} SID_IDENTIFIER_AUTHORITY, *PSID_IDENTIFIER_AUTHORITY;
typedef struct {
    UCHAR Revision, SubAuthorityCount;
    SID_IDENTIFIER_AUTHORITY IdentifierAuthority;
    ULONG SubAuthority[1];
} SID, *PISID;
typedef PVOID PSID;
typedef ULONG ACCESS_MASK, *PACCESS_MASK, SECURITY_INFORMATION;
typedef USHORT SECURITY_DESCRIPTOR_CONTROL;
typedef struct {
    UCHAR AclRevision, Sbz1;
    USHORT AclSize, AceCount, Sbz2;
} ACL, *PACL;
typedef struct {
    UCHAR AceType, AceFlags;
    USHORT AceSize;
} ACE_HEADER, *PACE_HEADER;
typedef struct {
    ACE_HEADER Header;
    ACCESS_MASK Mask;
    ULONG SidStart;
} ACCESS_ALLOWED_ACE, *PACCESS_ALLOWED_ACE;
typedef struct {
    UCHAR Revision, Sbz1;
    SECURITY_DESCRIPTOR_CONTROL Control;
    PSID Owner, Group;
    PACL Sacl, Dacl;
} SECURITY_DESCRIPTOR, *PISECURITY_DESCRIPTOR;
typedef struct {
    UCHAR Revision, Sbz1;
    SECURITY_DESCRIPTOR_CONTROL Control;
    ULONG Owner, Group, Sacl, Dacl;
} SECURITY_DESCRIPTOR_RELATIVE, *PISECURITY_DESCRIPTOR_RELATIVE;
typedef PVOID PSECURITY_DESCRIPTOR;
typedef struct {
    ACCESS_MASK GenericRead, GenericWrite, GenericExecute, GenericAll;
} GENERIC_MAPPING, *PGENERIC_MAPPING;

typedef struct {
    ULONG LowPart;
    LONG HighPart;
} LUID, *PLUID;
typedef ULONGLONG *PULONGLONG;

#define SID_REVISION                 1
#define MIN_ACL_REVISION             2
#define MAX_ACL_REVISION             4
#define ACCESS_ALLOWED_ACE_TYPE      0
#define SECURITY_DESCRIPTOR_REVISION 1
#define SE_OWNER_DEFAULTED           0x0001
#define SE_DACL_PRESENT              0x0004
#define SE_DACL_DEFAULTED            0x0008
#define SE_SACL_PRESENT              0x0010
#define SE_SELF_RELATIVE             0x8000
#define OWNER_SECURITY_INFORMATION   1u
#define GROUP_SECURITY_INFORMATION   2u
#define GENERIC_ALL                  0x10000000u
#define GENERIC_EXECUTE              0x20000000u
#define GENERIC_WRITE                0x40000000u
#define GENERIC_READ                 0x80000000u
#define FIELD_OFFSET(type, field)    ((LONG)offsetof(type, field))

#define CONTAINING_RECORD(address, type, field) ((type *)((char *)(address)-offsetof(type, field)))
#define DECLSPEC_ALIGN(bytes)                   __attribute__((aligned(bytes)))

#define C_ASSERT(condition) _Static_assert(condition, #condition)
#define TRUE                1
#define FALSE               0
#define MAXUSHORT           0xFFFF
#define PASSIVE_LEVEL       0
#define APC_LEVEL           1

#define STATUS_SUCCESS                 ((NTSTATUS)0)
#define STATUS_SOME_NOT_MAPPED         ((NTSTATUS)0x00000107)
#define STATUS_UNSUCCESSFUL            ((NTSTATUS)0xC0000001)
#define STATUS_BUFFER_OVERFLOW         ((NTSTATUS)0x80000005)
#define STATUS_INVALID_PARAMETER       ((NTSTATUS)0xC000000D)
#define STATUS_NO_MEMORY               ((NTSTATUS)0xC0000017)
#define STATUS_BUFFER_TOO_SMALL        ((NTSTATUS)0xC0000023)
#define STATUS_UNKNOWN_REVISION        ((NTSTATUS)0xC0000058)
#define STATUS_INVALID_ACL             ((NTSTATUS)0xC0000077)
#define STATUS_INVALID_SID             ((NTSTATUS)0xC0000078)
#define STATUS_INVALID_SECURITY_DESCR  ((NTSTATUS)0xC0000079)
#define STATUS_ALLOTTED_SPACE_EXCEEDED ((NTSTATUS)0xC0000099)
#define STATUS_REVISION_MISMATCH       ((NTSTATUS)0xC0000059)
#define STATUS_INVALID_PARAMETER_2     ((NTSTATUS)0xC00000F0)
#define STATUS_NAME_TOO_LONG           ((NTSTATUS)0xC0000106)
#define NT_SUCCESS(Status)             ((NTSTATUS)(Status) >= 0)

#define HASH_STRING_ALGORITHM_DEFAULT 0
#define HASH_STRING_ALGORITHM_X65599  1

void *memset(void *Destination, int Value, size_t Length);
#define RtlZeroMemory(Destination, Length)         memset((Destination), 0, (Length))
#define RtlCopyMemory(Destination, Source, Length) memcpy((Destination), (Source), (Length))
#define COUNT_OF(array)                            (sizeof(array) / sizeof((array)[0]))

#include "prototypes.h"

#endif
