/* SPDX-License-Identifier: MIT */
/*
 * The verifier's rules. ke/rules.txt has each with its words and Microsoft's page; a stop report quotes them. Here: the names of sub-codes of
 * bug check 0xC4, by https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation
 */
#ifndef KE_RULES_H
#define KE_RULES_H
#include "kernel.h"

typedef struct _RULE {
    ULONG Code;
    ULONG SubCode; /* the stop's first parameter, or RULE_ANY */
    PCSTR Page;    /* address */
    PCSTR Words;
} RULE;

#define RULE_ANY 0xFFFFFFFFu

/* Any IRQL. The rule that a stop reports; NULL when the code is a driver's own. */
const RULE *KiFindRule(ULONG Code, ULONG_PTR Parameter1);

#define RULE_FAST_ACQUIRE_IRQL      0x33
#define RULE_FAST_RELEASE_IRQL      0x34
#define RULE_RESOURCE_ACQUIRE_APCS  0x37
#define RULE_RESOURCE_RELEASE_APCS  0x38
#define RULE_UNSAFE_ACQUIRE_APCS    0x39
#define RULE_UNSAFE_RELEASE_APCS    0x3A
#define RULE_BAD_HANDLE             0x3C
#define RULE_RESOURCE_UNALIGNED     0x3D
#define RULE_NOT_IN_CRITICAL_REGION 0x3E
#define RULE_SPIN_LOCK_IRQL         0x42
#define RULE_MDL_UNLOCK_UNLOCKED    0x7C
#define RULE_MDL_UNLOCK_NONPAGED    0x7D
#define RULE_MDL_OF_PAGED_POOL      0x7F
#define RULE_MDL_MAP_OLD            0x81
#define RULE_MDL_MAP_STOPS          0x82
#define RULE_MDL_LOCK_FLAGS         0xB0
#define RULE_MDL_MAP_FLAGS          0xB2
#define RULE_MDL_MAP_UNLOCKED       0xB3
#define RULE_MDL_UNLOCK_PARTIAL     0xB4
#define RULE_MDL_MAPPED             0xB8
#define RULE_CALL_INTERRUPTS_OFF    0xC0
#define RULE_RETURN_INTERRUPTS_OFF  0xC1
#define RULE_LOOKASIDE_TWICE        0xCA
#define RULE_LOOKASIDE_UNKNOWN      0xCB
#define RULE_LOOKASIDE_FREED        0xCC
#define RULE_LOOKASIDE_TOO_SMALL    0xCD
#define RULE_RESOURCE_TWICE         0xD0
#define RULE_RESOURCE_UNKNOWN       0xD1
#define RULE_RESOURCE_FREED         0xD2
#define RULE_REMOVE_LOCK_TAG        0xD5
#define RULE_REMOVE_LOCK_WAIT_TAG   0xD6
#define RULE_REMOVE_LOCK_TWICE      0xD7
#define RULE_WMI_LEFT               0xDA
#define RULE_ETW_BAD_HANDLE         0xDC
#define RULE_ETW_REGISTERED         0xDD
#define RULE_USER_ADDRESS           0xE0
#define RULE_PAGEABLE_OBJECT        0xE1
#define RULE_IRP_USER_ADDRESS       0xE2
#define RULE_ZW_USER_ADDRESS        0xE3
#define RULE_ZW_BAD_STRING          0xE4
#define RULE_IRQL                   0xE5
#define RULE_ZW_IRQL                0xE6
#define RULE_PUSHLOCK_ACQUIRE_APCS  0xEA
#define RULE_PUSHLOCK_RELEASE_APCS  0xEB
#define RULE_NULL_HANDLE            0xF5
#define RULE_COMPLETION_IRQL        0xFA
#define RULE_POOL_OF_IRP            0x105
#define RULE_QUOTA_IN_DPC           0x10B
#define RULE_ISR_IRQL               0x111
#define RULE_ENTER_REGION_IRQL      0x11A
#define RULE_LEAVE_REGION_IRQL      0x11B
#define RULE_WAIT_ABOVE_DISPATCH    0x120
#define RULE_WAIT_DISPATCH_FOREVER  0x121
#define RULE_WAIT_DISPATCH_TIMEOUT  0x122
#define RULE_USER_WAIT_ON_STACK     0x123
#define RULE_WORK_ITEM_PAGEABLE     0x131
#define RULE_CANCEL_TOO_LONG        0x135
#define RULE_SELF_DEADLOCK          0x1000
#define RULE_UNINITIALIZED          0x1002
#define RULE_UNEXPECTED_THREAD      0x1004
#define RULE_INITIALIZED_TWICE      0x1005 /* Microsoft has no sub-code for run-down protection: the nearest one */
#define RULE_RELEASE_NOT_OWNED      0x1007
#define RULE_RELEASE_MISMATCHED     0x1009
#define RULE_THREAD_HOLDS_LOCKS     0x100A
#define RULE_DELETED_WHILE_OWNED    0x100B
#define RULE_SPIN_LOCK_HELD         0x40009
#define RULE_NOT_IN_GUARDED_REGION  0x4000E
#define RULE_REQUESTED_POWER_IRP    0x4100B

/* Rules that Microsoft's page has no number for: above all that Windows uses. */
#define RULE_INTERFACE_LEFT            0xF0001
#define RULE_NOTIFICATION_LEFT         0xF0002
#define RULE_NOTIFICATION_TWICE        0xF0003
#define RULE_REFERENCE_LEFT            0xF0004
#define RULE_INTERRUPT_LEFT            0xF0005
#define RULE_REMOVE_LOCK_HELD          0xF0006
#define RULE_REMOVE_LOCK_UNINITIALIZED 0xF0007
#define RULE_NO_POWER_IRP              0xF0008
#define RULE_BAD_PRIORITY              0xF0009
#define RULE_HANDLE_LEFT               0xF000A
#define RULE_OBJECT_LEFT               0xF000B
#define RULE_THREAD_IN_CALLOUT         0xF000C
#define RULE_EXTENDED_STATE            0xF000D

#endif
