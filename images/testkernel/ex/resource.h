/* SPDX-License-Identifier: MIT */
/* What the files of ERESOURCE share. Resource->SpinLock guards all of it. */
#ifndef EX_RESOURCE_H
#define EX_RESOURCE_H
#include "ex/ex.h"

/* Owner word of a resource that was handed to a waiter which has not run yet. */
#define OWNER_PENDING ((ERESOURCE_THREAD)1)
/* ExSetResourceOwnerPointer marks owners that are no threads by these bits. */
#define OWNER_IS_POINTER(Owner) (((Owner)&3) == 3)

/* Lock held. This owner's entry among the shared owners, or NULL. */
POWNER_ENTRY ExpFindSharedOwner(PERESOURCE Resource, ERESOURCE_THREAD Owner);
/* Lock held. A new shared owner with count 1. Stops when the table cannot grow. */
VOID ExpAddSharedOwner(PERESOURCE Resource, ERESOURCE_THREAD Owner);
/* Lock held. Lets those wait no longer who may have the resource now. */
VOID ExpGrantResource(PERESOURCE Resource);
/* Stops if Resource was not initialized or was deleted. */
VOID ExpCheckResource(PERESOURCE Resource, PCSTR Function, const VOID *Caller);

#endif
