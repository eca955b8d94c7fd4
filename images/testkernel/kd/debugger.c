/* SPDX-License-Identifier: MIT */
/* The place where a debugger waits for drivers. */
#include "kd/debugger.h"

__attribute__((noinline, used)) VOID KdImageLoaded(PLOADED_IMAGE Image)
{
    __asm__ volatile("" : : "r"(Image) : "memory"); /* keeps call and argument */
}
