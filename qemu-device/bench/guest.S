/* SPDX-License-Identifier: MIT */
/*
 * A firmware that is the whole guest of the benchmark: it gives two PCI functions of bus 0 an address and then reads a
 * register of each in turn, BLOCKS blocks of READS reads at a time. On port 0xE9 it tells the end of each block by a byte and the time
 * (its time stamp counter, 8 bytes, lowest first): '.' when it is ready, then 'e' for device 4 and 'b' for device 5, ROUNDS times, then 'q'.
 * READS, BLOCKS and ROUNDS come from bench.py.
 */
        .set BAR_E, 0xe0000000
        .set BAR_B, 0xe1000000

        .include "firmware.inc"

start32:
        mov $0x80002010, %eax           /* device 4: BAR0 */
        mov $BAR_E, %ebx
        call config_write
        mov $0x80002004, %eax           /* device 4: command */
        mov $6, %ebx
        call config_write
        mov $0x80002810, %eax           /* device 5 */
        mov $BAR_B, %ebx
        call config_write
        mov $0x80002804, %eax
        mov $6, %ebx
        call config_write

        mov $'.', %bl
        call mark
        mov $ROUNDS, %edi
round:
        mov $BAR_E, %esi
        mov $'e', %bl
        mov $BLOCKS, %ebp
2:      call block
        dec %ebp
        jnz 2b
        mov $BAR_B, %esi
        mov $'b', %bl
        mov $BLOCKS, %ebp
3:      call block
        dec %ebp
        jnz 3b
        dec %edi
        jnz round
        mov $'q', %bl
        call mark
halt:
        hlt
        jmp halt

block:                                  /* READS reads of (%esi), then the byte %bl; %esp is used for returns only */
        mov $(READS / 8), %ecx
1:
        .rept 8
        mov (%esi), %eax
        .endr
        dec %ecx
        jnz 1b
mark:
        mov %bl, %al
        out %al, $0xe9
        rdtsc
        call four_bytes
        mov %edx, %eax
four_bytes:
        mov $4, %ecx
1:      out %al, $0xe9
        shr $8, %eax
        loop 1b
        ret
