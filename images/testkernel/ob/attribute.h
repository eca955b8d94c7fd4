/* SPDX-License-Identifier: MIT */
/* Handles and references by the driver that took them: what is left of them when it unloads. */
#ifndef OB_ATTRIBUTE_H
#define OB_ATTRIBUTE_H
#include "ob/object.h"

typedef struct _OBJECT_LEFT {
    PVOID Object;
    HANDLE Handle; /* of a handle */
    LONG Count;    /* references */
    PVOID Taker;   /* return address in the driver */
} OBJECT_LEFT;

/*
 * IRQL <= DISPATCH_LEVEL (above, nothing is attributed). A reference to Object was taken by, or on behalf of, the code at Caller; nothing happens
 * when that is the kernel's. ObpDropped comes before the reference goes.
 */
VOID ObpTook(PVOID Object, PVOID Caller);
VOID ObpDropped(PVOID Object, PVOID Caller);
/* As ObfDereferenceObject, for a reference that some driver took for the kernel (device relations). */
LONG_PTR ObpDropGiven(PVOID Object);
/* The object is being freed. */
VOID ObpForgetTaken(PVOID Object);
/* One of those who still have references to Object; FALSE: none is known. */
BOOLEAN ObpWhoTook(PVOID Object, PLONG Count, PVOID *Taker);

/* PASSIVE_LEVEL. The first handle, or reference, that the image at Base has not given back. */
BOOLEAN ObpFindHandleOfImage(PVOID Base, SIZE_T Size, OBJECT_LEFT *Left);
BOOLEAN ObpFindReferenceOfImage(PVOID Base, OBJECT_LEFT *Left);
/* PASSIVE_LEVEL. Type and name of a live object. Returns Text. */
PCSTR ObpDescribe(PVOID Object, PSTR Text, ULONG Characters);

#endif
