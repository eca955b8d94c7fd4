/* SPDX-License-Identifier: MIT */
/* What tests/testkernel/pnpbus.py may tell the test bus (pnpbus.c): I/O control codes, and the rules that a child or the bus breaks. */
#ifndef SELFTEST_PNPBUS_H
#define SELFTEST_PNPBUS_H

#define TAG      'tseT'
#define CHILDREN 100
/* {6F4B0D31-5A5C-4E0B-9E6B-B0DD00000009} */
DEFINE_GUID(GUID_SELFTEST, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 9);

/* Input of all: ULONG child (CHILDREN: the bus), ULONG value. */
#define IOCTL(n)    CTL_CODE(0x8000, 0x800 + (n), METHOD_BUFFERED, FILE_ANY_ACCESS)
#define IOCTL_PLUG  IOCTL(0)
#define IOCTL_PULL  IOCTL(1)
#define IOCTL_RULE  IOCTL(2) /* value: what the child does wrong from now on */
#define IOCTL_EJECT IOCTL(3) /* value 1: with a callback */
#define IOCTL_STATE IOCTL(4) /* IoInvalidateDeviceState of the child */
#define IOCTL_RELATE                                                                                                   \
    IOCTL(5) /* value: another child that goes with this one, + 0x100 when ejected, else when removed */
#define IOCTL_APPEAR IOCTL(6) /* plugged in, but the PnP manager is not told */
#define IOCTL_REPORT IOCTL(7) /* IoReportTargetDeviceChange; value 1: with a GUID of the system's */

#define RULE_VETO_REMOVE     1
#define RULE_VETO_STOP       2
#define RULE_FAIL_START      4
#define RULE_FAILED          8 /* reports PNP_DEVICE_FAILED */
#define RULE_FAIL_ADD        16
#define RULE_GONE_START      32 /* pulled out while it starts */
#define RULE_GONE_STOP       64 /* pulled out while it stops */
#define RULE_DOCK            128
#define RULE_FILTER          256 /* says when it is asked to filter its resource requirements */
#define RULE_CONFLICT        512 /* and asks for memory that nobody has */
#define RULE_CHANGED         0x400
#define RULE_NOT_DISABLEABLE 0x800
#define RULE_HIDDEN          0x1000
#define RULE_REMOVED         0x2000
#define RULE_DISABLED        0x4000
#define RULE_VETO_PROFILE    0x8000    /* of the bus: its second profile notification refuses */
#define RULE_CHANGED_STOP    0x10000   /* QUERY_STOP succeeds with STATUS_RESOURCE_REQUIREMENTS_CHANGED */
#define RULE_GONE_ADD        0x20000   /* pulled out while AddDevice runs */
#define RULE_GONE_REMOVE     0x40000   /* pulled out while it handles IRP_MN_REMOVE_DEVICE */
#define RULE_GONE_QUERY      0x80000   /* pulled out while it is asked to stop or to go */
#define RULE_NO_RELATIONS    0x100000  /* of the bus: BusRelations fail */
#define RULE_NULL_RELATIONS  0x200000  /* of the bus: BusRelations succeed with nothing */
#define RULE_TWICE           0x400000  /* of the bus: reports each child twice */
#define RULE_ASKS_IN_START   0x800000  /* IoInvalidateDeviceRelations and IoInvalidateDeviceState while it starts */
#define RULE_ASKS_IN_DPC     0x1000000 /* of the bus: PLUG and PULL tell the PnP manager from a DPC */

#endif
