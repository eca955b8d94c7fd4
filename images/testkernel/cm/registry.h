/* SPDX-License-Identifier: MIT */
/*
 * The registry: a tree of keys in memory, lost at power-off. Zw*Key and RtlQueryRegistryValues work on it; the kernel uses these functions.
 * All at PASSIVE_LEVEL. Paths are absolute (\Registry\Machine\...) or relative to a key.
 */
#ifndef CM_REGISTRY_H
#define CM_REGISTRY_H
#include "kernel.h"

#define CM_TAG 'yeKC'

typedef struct _CM_VALUE {
    LIST_ENTRY Link;
    UNICODE_STRING Name;
    ULONG Type; /* REG_* */
    ULONG Size;
    UCHAR Data[];
} CM_VALUE, *PCM_VALUE;

typedef struct _CM_KEY {
    LIST_ENTRY Link; /* in Parent->Keys */
    struct _CM_KEY *Parent;
    UNICODE_STRING Name;
    LIST_ENTRY Keys;
    LIST_ENTRY Values;
    BOOLEAN Deleted;
    LONG Opens;
} CM_KEY, *PCM_KEY;

/* A handle's object. */
typedef struct _CM_KEY_BODY {
    PCM_KEY Key;
} CM_KEY_BODY, *PCM_KEY_BODY;

VOID CmInitSystem(VOID);
VOID CmLock(VOID);
VOID CmUnlock(VOID);

/* The key at Path below Root (NULL: Path is absolute); created with all its parents if Create. NULL: not there, or no memory. Registry locked. */
PCM_KEY CmKey(PCM_KEY Root, PCUNICODE_STRING Path, BOOLEAN Create);
PCM_KEY CmSubkey(PCM_KEY Root, PCWSTR Path, BOOLEAN Create);
PCM_VALUE CmValue(PCM_KEY Key, PCUNICODE_STRING Name);
NTSTATUS CmSetValue(PCM_KEY Key, PCUNICODE_STRING Name, ULONG Type, const VOID *Data, ULONG Size);
NTSTATUS CmSetDword(PCM_KEY Key, PCWSTR Name, ULONG Value);
NTSTATUS CmSetString(PCM_KEY Key, PCWSTR Name, PCWSTR Value);
VOID CmDeleteValue(PCM_VALUE Value);
NTSTATUS CmDeleteKey(PCM_KEY Key);
/* The full path into Text, truncated and not terminated; returns its length in characters. The topmost key has no name. Registry locked. */
ULONG CmPathOf(PCM_KEY Key, PWCHAR Text, ULONG Characters);
/* A handle on Key. */
NTSTATUS CmOpenHandle(PCM_KEY Key, ACCESS_MASK Access, PHANDLE Handle);
/* The key of a handle with a reference on *Body (ObfDereferenceObject). */
NTSTATUS CmKeyOfHandle(HANDLE Handle, PCM_KEY *Key, PVOID *Body);

/* Services: \Registry\Machine\System\CurrentControlSet\Services\<name>. These take the lock themselves. */
PWCHAR CmServicePath(PCUNICODE_STRING Service, PWCHAR Text, ULONG Characters);
BOOLEAN CmServiceValue(PCUNICODE_STRING Service, PCSTR Name, PULONG Value);
/*
 * The module of ImagePath ("\SystemRoot\System32\drivers\owner.sys" -> "owner.sys", "...\DriverStore\FileRepository\owner-2\owner.sys" ->
 * "owner-2\owner.sys"). FALSE: no such service.
 */
BOOLEAN CmServiceImage(PCUNICODE_STRING Service, PSTR Module, ULONG Size);
PUNICODE_STRING CmHardwareDatabase(VOID);

/* In an image path: what follows is a driver package's folder and a file in it. */
#define CM_STORE L"FileRepository\\"

#define CM_SERVICES L"\\Registry\\Machine\\System\\CurrentControlSet\\Services"
#define CM_ENUM     L"\\Registry\\Machine\\System\\CurrentControlSet\\Enum"
#define CM_CLASS    L"\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class"
#define CM_DEVCLASS L"\\Registry\\Machine\\System\\CurrentControlSet\\Control\\DeviceClasses"

#endif
