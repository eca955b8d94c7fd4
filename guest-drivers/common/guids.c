/* SPDX-License-Identifier: MIT */
/* Defines the GUIDs that the headers only declare. */
#include "ddk_compat.h"
#include <initguid.h>
#include <wdmguid.h>
#include "buddy_ioctl.h"
#include "fred_interface.h"
#include "buddy_talk.h"
#include "pnptest_ioctl.h"
