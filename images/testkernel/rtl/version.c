/* SPDX-License-Identifier: MIT */
/* The version that this kernel claims: Windows 10 2004, 10.0.19041, workstation. PASSIVE_LEVEL on Windows. */
#include "rtl/rtl.h"

#define MAJOR 10
#define MINOR 0
#define BUILD 19041

NTSTATUS NTAPI RtlGetVersion(PRTL_OSVERSIONINFOW VersionInformation)
{
    VersionInformation->dwMajorVersion = MAJOR;
    VersionInformation->dwMinorVersion = MINOR;
    VersionInformation->dwBuildNumber = BUILD;
    VersionInformation->dwPlatformId = 2; /* VER_PLATFORM_WIN32_NT */
    VersionInformation->szCSDVersion[0] = 0;
    if (VersionInformation->dwOSVersionInfoSize >= sizeof(RTL_OSVERSIONINFOEXW)) {
        PRTL_OSVERSIONINFOEXW Extended = (PRTL_OSVERSIONINFOEXW)VersionInformation;
        Extended->wServicePackMajor = 0;
        Extended->wServicePackMinor = 0;
        Extended->wSuiteMask = 0x100; /* VER_SUITE_SINGLEUSERTS */
        Extended->wProductType = 1;   /* VER_NT_WORKSTATION */
        Extended->wReserved = 0;
    }
    return STATUS_SUCCESS;
}

/* Three bits a field; the field's number is that of its bit in TypeMask. */
ULONGLONG NTAPI VerSetConditionMask(ULONGLONG ConditionMask, ULONG TypeMask, UCHAR Condition)
{
    for (ULONG Field = 0; Field < 8; Field++) {
        if (TypeMask >> Field & 1) {
            ConditionMask |= (ULONGLONG)(Condition & 7) << (Field * 3);
        }
    }
    return ConditionMask | 1ULL << 63;
}

static BOOLEAN Holds(ULONG Have, ULONG Want, ULONG Condition)
{
    switch (Condition) {
    case 1: /* VER_EQUAL */
        return Have == Want;
    case 2: /* VER_GREATER */
        return Have > Want;
    case 3: /* VER_GREATER_EQUAL */
        return Have >= Want;
    case 4: /* VER_LESS */
        return Have < Want;
    case 5: /* VER_LESS_EQUAL */
        return Have <= Want;
    case 6: /* VER_AND */
        return (Have & Want) == Want;
    case 7: /* VER_OR */
        return (Have & Want) != 0;
    default:
        return FALSE;
    }
}

/* Major, minor and service pack are compared as one number, most significant part first. STATUS_REVISION_MISMATCH if it does not hold. */
NTSTATUS NTAPI RtlVerifyVersionInfo(PRTL_OSVERSIONINFOEXW VersionInfo, ULONG TypeMask, ULONGLONG ConditionMask)
{
    static const UCHAR Order[] = {1, 0, 5, 4}; /* VER_MAJORVERSION, MINOR, SERVICEPACKMAJOR, MINOR by bit number */
    const ULONG Have[8] = {MINOR, MAJOR, BUILD, 2, 0, 0, 0x100, 1};
    const ULONG Want[8] = {VersionInfo->dwMinorVersion, VersionInfo->dwMajorVersion,    VersionInfo->dwBuildNumber,
                           VersionInfo->dwPlatformId,   VersionInfo->wServicePackMinor, VersionInfo->wServicePackMajor,
                           VersionInfo->wSuiteMask,     VersionInfo->wProductType};
    BOOLEAN Decided = FALSE;
    if (!TypeMask || !ConditionMask) {
        return STATUS_INVALID_PARAMETER;
    }
    for (ULONG i = 0; i < COUNT_OF(Order) && !Decided; i++) {
        ULONG Field = Order[i], Condition = (ULONG)(ConditionMask >> (Field * 3)) & 7;
        BOOLEAN Last = TRUE;
        if (!(TypeMask >> Field & 1)) {
            continue;
        }
        for (ULONG j = i + 1; j < COUNT_OF(Order); j++) {
            Last &= !(TypeMask >> Order[j] & 1);
        }
        Decided = Have[Field] != Want[Field] || Last;
        if (Decided && !Holds(Have[Field], Want[Field], Condition)) {
            return STATUS_REVISION_MISMATCH;
        }
    }
    for (ULONG Field = 0; Field < 8; Field++) {
        if (Field != 0 && Field != 1 && Field != 4 && Field != 5 && (TypeMask >> Field & 1) &&
            !Holds(Have[Field], Want[Field], (ULONG)(ConditionMask >> (Field * 3)) & 7)) {
            return STATUS_REVISION_MISMATCH;
        }
    }
    return STATUS_SUCCESS;
}

/* Version is an NTDDI_ constant. */
BOOLEAN NTAPI RtlIsNtDdiVersionAvailable(ULONG Version);
BOOLEAN NTAPI RtlIsNtDdiVersionAvailable(ULONG Version)
{
    return !(Version & 0xFFFF) && Version <= 0x0A000000;
}

BOOLEAN NTAPI RtlIsServicePackVersionInstalled(ULONG Version);
BOOLEAN NTAPI RtlIsServicePackVersionInstalled(ULONG Version)
{
    return Version <= 0x0A000000;
}
