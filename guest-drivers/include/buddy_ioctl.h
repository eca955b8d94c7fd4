/* SPDX-License-Identifier: MIT */
/*
 * What user mode (buddyctl) asks of the drivers: device interface GUIDs and I/O control codes.
 * Shared by the drivers, buddyctl and the test kernel's agent. Include after <initguid.h> in exactly one
 * file of a program to define the GUIDs.
 */
#ifndef BUDDY_IOCTL_H
#define BUDDY_IOCTL_H

/* {6F4B0D31-5A5C-4E0B-9E6B-B0DD00000001}: the owner (device A) */
DEFINE_GUID(GUID_DEVINTERFACE_BUDDY_OWNER, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 1);
/* {6F4B0D31-5A5C-4E0B-9E6B-B0DD00000002}: a borrower (device B) */
DEFINE_GUID(GUID_DEVINTERFACE_BUDDY_BORROWER, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 2);
/* {6F4B0D31-5A5C-4E0B-9E6B-B0DD00000003}: a Fred Bus child (toaster, oven) */
DEFINE_GUID(GUID_DEVINTERFACE_FRED_CHILD, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 3);
/* {6F4B0D31-5A5C-4E0B-9E6B-B0DD00000004}: the Fred Bus controller */
DEFINE_GUID(GUID_DEVINTERFACE_FREDBUS, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 4);

/* Vendor-defined device type and functions (0x8000.. and 0x800..), METHOD_BUFFERED, FILE_ANY_ACCESS. */
#define FILE_DEVICE_BUDDY 0xB0DD

/* Input: BUDDY_EXERCISE (may be absent: default pattern). The driver exercises its hardware flat out whenever it has power, until STOP. */
#define IOCTL_BUDDY_EXERCISE_START CTL_CODE(FILE_DEVICE_BUDDY, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* No input. Returns when the exerciser no longer touches the hardware. */
#define IOCTL_BUDDY_EXERCISE_STOP CTL_CODE(FILE_DEVICE_BUDDY, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* Output: BUDDY_EXERCISE_STATUS. */
#define IOCTL_BUDDY_EXERCISE_STATUS CTL_CODE(FILE_DEVICE_BUDDY, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* No input. The driver has read its settings (registry, INF AddReg) again when this returns. */
#define IOCTL_BUDDY_SETTINGS_CHANGED CTL_CODE(FILE_DEVICE_BUDDY, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* No input. The driver reports its resource requirements as changed, whereupon the PnP manager stops and starts it (buddyctl rebalance). */
#define IOCTL_BUDDY_REBALANCE CTL_CODE(FILE_DEVICE_BUDDY, 0x804, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* Output: ULONG. Pending until the driver gets (1) or loses (0) its hardware; can be cancelled. */
#define IOCTL_BUDDY_WAIT_POWER CTL_CODE(FILE_DEVICE_BUDDY, 0x805, METHOD_BUFFERED, FILE_ANY_ACCESS)

#define BUDDY_PATTERN_MIXED        0 /* all others in turn */
#define BUDDY_PATTERN_REGISTERS    1 /* scratch write and read back */
#define BUDDY_PATTERN_JOBS         2 /* timed jobs that end by interrupt */
#define BUDDY_PATTERN_TRANSACTIONS 3
#define BUDDY_PATTERN_TALK                                                                                             \
    4 /* the mechanisms beside borrowing: shared context, doorbell, callback object, named event (setting Talk) */
#define BUDDY_PATTERN_RESOURCES 5 /* what was handed over beside the register page: memory BARs, the I/O window */
#define BUDDY_PATTERN_LAST      BUDDY_PATTERN_RESOURCES

typedef struct _BUDDY_EXERCISE {
    unsigned long Pattern; /* BUDDY_PATTERN_* */
} BUDDY_EXERCISE;

typedef struct _BUDDY_EXERCISE_STATUS {
    unsigned long Running;         /* asked to exercise */
    unsigned long Powered;         /* may touch the hardware now */
    unsigned long long Operations; /* hardware operations done */
    unsigned long long Errors;     /* results that were wrong (all ones, lost interrupt, ...) */
    unsigned long PowerUps;        /* power-up calls since the device was added */
    unsigned long PowerDowns;
} BUDDY_EXERCISE_STATUS;

#endif
