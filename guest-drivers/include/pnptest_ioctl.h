/* SPDX-License-Identifier: MIT */
/*
 * What is asked of the test filter (pnptest.sys), through the filter's own interface on the device that it is attached to, whatever the driver below it
 * can: `\\?\<instance with # for \>#{GUID_DEVINTERFACE_PNPTEST}\pnptest`. Shared by the filter and whoever writes `buddyctl ioctl` commands; the
 * orchestrator's step `pnptest` has the same numbers.
 */
#ifndef PNPTEST_IOCTL_H
#define PNPTEST_IOCTL_H

#include "buddy_ioctl.h"

DEFINE_GUID(GUID_DEVINTERFACE_PNPTEST, 0x6f4b0d31, 0x5a5c, 0x4e0b, 0x9e, 0x6b, 0xb0, 0xdd, 0, 0, 0, 5);
#define PNPTEST_REFERENCE_STRING L"pnptest"

/* Input: ULONG, PNPTEST_* below; each is done once, when its IRP comes. No output. */
#define IOCTL_PNPTEST_ARM CTL_CODE(FILE_DEVICE_BUDDY, 0x820, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* Reports the resource requirements as changed: the PnP manager stops and restarts the device. The answer comes before that. */
#define IOCTL_PNPTEST_REBALANCE CTL_CODE(FILE_DEVICE_BUDDY, 0x821, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* Reports the device as failed: the PnP manager sends SURPRISE_REMOVAL, then REMOVE. The answer comes before that. */
#define IOCTL_PNPTEST_SURPRISE_REMOVE CTL_CODE(FILE_DEVICE_BUDDY, 0x822, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* Sends every PnP query to the stack and traces the answers. */
#define IOCTL_PNPTEST_QUERY CTL_CODE(FILE_DEVICE_BUDDY, 0x823, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* Lets the query go on that PNPTEST_HOLD_QUERY_REMOVE has stopped. Any device's filter takes it: nobody can open the one whose removal is pending. */
#define IOCTL_PNPTEST_RELEASE CTL_CODE(FILE_DEVICE_BUDDY, 0x824, METHOD_BUFFERED, FILE_ANY_ACCESS)

#define PNPTEST_FAIL_QUERY_REMOVE 1
#define PNPTEST_FAIL_QUERY_STOP   2
#define PNPTEST_FAIL_RESTART      4 /* the first START after a STOP, on its way up */
#define PNPTEST_NEW_RESOURCES     8 /* asks for other addresses when the requirements are filtered */
/* Before it goes on, on its way up, the query waits for IOCTL_PNPTEST_RELEASE, 10 s at most. */
#define PNPTEST_HOLD_QUERY_REMOVE 16

#endif
