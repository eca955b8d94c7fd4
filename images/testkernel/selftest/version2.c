/* SPDX-License-Identifier: MIT */
/* version1.c as the next version of the same driver. */
#define VERSION "v2"
#include "version1.c"
