/* SPDX-License-Identifier: MIT */
/*
 * The exported object types whose objects other parts make. Drivers write *IoFileObjectType; the export is the variable, which holds the
 * type's address.
 */
#include "ob/object.h"

static struct _OBJECT_TYPE ThreadTypeBody = {OB_TYPE_LIST(ThreadTypeBody), .Name = "Thread"};
static struct _OBJECT_TYPE EventTypeBody = {OB_TYPE_LIST(EventTypeBody), .Name = "Event", .Temporary = TRUE};
static struct _OBJECT_TYPE SemaphoreTypeBody = {OB_TYPE_LIST(SemaphoreTypeBody), .Name = "Semaphore"};

POBJECT_TYPE *PsThreadType = (POBJECT_TYPE *)&ThreadTypeBody;
POBJECT_TYPE *ExEventObjectType = (POBJECT_TYPE *)&EventTypeBody;
POBJECT_TYPE *ExSemaphoreObjectType = (POBJECT_TYPE *)&SemaphoreTypeBody;
