/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the register tables (register_tables.h, generated from registers/) are made of. */
#ifndef BUDDY_REGISTERS_H
#define BUDDY_REGISTERS_H

#include <stdint.h>

typedef struct RegDesc {
    const char *name;
    uint16_t offset;    /* in its block (client page, owner block, bus, slot) */
    uint32_t reset;     /* as far as the description fixes it */
    uint32_t readable;  /* bits that a read shows */
    uint32_t writable;  /* plain read/write bits */
    uint32_t clearable; /* write-1-to-clear bits */
    uint32_t commands;  /* write-only bits */
} RegDesc;

/* Bits that a write can do anything with. */
static inline uint32_t register_takes_writes(const RegDesc *reg)
{
    return reg->writable | reg->clearable | reg->commands;
}

#endif
