/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reset of the machine makes its memory map once. */
#ifndef BUDDY_MACHINE_RESET_H
#define BUDDY_MACHINE_RESET_H

/* Once, from the realization of a device. */
void machine_reset_hurry(void);

#endif
