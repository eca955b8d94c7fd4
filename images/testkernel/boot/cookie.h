/* SPDX-License-Identifier: MIT */
/* Stack cookies of driver images. */
#ifndef BOOT_COOKIE_H
#define BOOT_COOKIE_H
#include "kernel.h"

/* PASSIVE_LEVEL, after relocation, while the image is still writable: gives the image at Base its stack cookie, if it has a place for one. */
VOID LdrInitializeCookie(PUCHAR Base, ULONG Size);

#endif
