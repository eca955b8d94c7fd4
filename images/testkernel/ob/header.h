/* SPDX-License-Identifier: MIT */
/* Private to ob/: the header in front of each object's body, and directories. */
#ifndef OB_HEADER_H
#define OB_HEADER_H
#include "ob/object.h"

#define OBJECT_MAGIC 0x004A424Fu
#define OBJECT_DEAD  0x44414544u
/* KOBJECTS.ThreadObject: DISPATCHER_HEADER.Type of a thread. */
#define DISPATCHER_THREAD_TYPE 6

typedef struct _OBJECT_DIRECTORY OBJECT_DIRECTORY;

typedef struct _OBJECT_HEADER {
    ULONG Magic;
    LONG Permanent; /* TRUE: the name holds a reference (OBJ_PERMANENT) */
    LONG64 PointerCount;
    LONG64 HandleCount;
    volatile LONG Referenced; /* how often, so far */
    POBJECT_TYPE Type;
    UNICODE_STRING Name;         /* last component, in pool; empty for none */
    OBJECT_DIRECTORY *Directory; /* where the name stands, or NULL */
    LIST_ENTRY DirectoryLink;
    struct _OBJECT_HEADER *NextToDelete;
    PVOID Security; /* self-relative descriptor that ZwSetSecurityObject set, in pool, or NULL */
    PVOID Creator;  /* return address of the driver that made the name */
    DECLSPEC_ALIGN(16) UCHAR Body[];
} OBJECT_HEADER, *POBJECT_HEADER;

struct _OBJECT_DIRECTORY {
    LIST_ENTRY Entries; /* OBJECT_HEADER.DirectoryLink */
};

typedef struct _OBJECT_SYMLINK {
    UNICODE_STRING Target;
} OBJECT_SYMLINK, *POBJECT_SYMLINK;

extern struct _OBJECT_TYPE ObpDirectoryType, ObpLinkType;

/* The header of Object; stops with 0x18 if it is no live object. Any IRQL. */
POBJECT_HEADER ObpHeader(PVOID Object);
/* TRUE for a thread object, which has no header of ours. Any IRQL. */
BOOLEAN ObpIsThread(PVOID Object);
/* Takes the name out of the namespace and frees it. PASSIVE_LEVEL. */
VOID ObpFreeName(POBJECT_HEADER Header);
VOID ObpInitNamespace(VOID);
VOID ObpInitHandles(VOID);

extern PKMUTEX ObpNameMutex;

#endif
