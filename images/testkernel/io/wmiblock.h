/* SPDX-License-Identifier: MIT */
/* Private to io/: an opened WMI block (IoWMIOpenBlock). */
#ifndef IO_WMIBLOCK_H
#define IO_WMIBLOCK_H
#include "io/wmi.h"
#include "ob/object.h"

typedef struct _WMI_OBJECT {
    GUID Guid;
    WMI_NOTIFICATION_CALLBACK Callback; /* NULL: none */
    PVOID Context;
    LIST_ENTRY Link; /* of those with a callback */
} WMI_OBJECT, *PWMI_OBJECT;

/* PASSIVE_LEVEL. What providers registered; not held while a request is sent. */
VOID IopLockWmi(VOID);
VOID IopUnlockWmi(VOID);
/* PASSIVE_LEVEL. Sends Minor (IRP_MN_ENABLE_EVENTS …) to all providers of the block. */
VOID IopControlWmi(const GUID *Guid, UCHAR Minor);
/* wmievent.c. The object goes: nobody is called any more. */
VOID IopForgetWmiCallback(PWMI_OBJECT Block);

#endif
