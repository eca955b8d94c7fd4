/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the module is and what it was built for. */
#ifndef BUDDY_VERSION_H
#define BUDDY_VERSION_H

extern const char buddy_built_for[];      /* what `qemu-system-x86_64 --version` says */
extern const char buddy_module_version[]; /* version of the devices and a hash of their sources */

#endif
