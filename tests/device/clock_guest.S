/* SPDX-License-Identifier: MIT */
/*
 * A firmware that opens and closes the borrower's gate of buddy (device 5 of bus 0) for ever. Each such write makes two journal records in
 * one moment: the access, whose time is computed, and the `gate` event, whose time QEMU gives.
 *
 * LOOPS: end QEMU through isa-debug-exit (port 0xf4) after so many; 0: never.
 * SLEEP: go to S3 after so many, once; 0: never.
 */
        .set BAR, 0xe1000000
        .set GATE, 0x800
        .set AWAKE, 0x7000              /* in RAM: S3 leaves it alone */
        .set PMBASE, 0x600

        .include "firmware.inc"

start32:
        mov $0x80002810, %eax           /* device 5: BAR0, then memory space and bus master */
        mov $BAR, %ebx
        call config_write
        mov $0x80002804, %eax
        mov $6, %ebx
        call config_write
        mov $0x8000f840, %eax           /* LPC bridge: where the power management registers are, and that they are */
        mov $(PMBASE | 1), %ebx
        call config_write
        mov $0x8000f844, %eax
        mov $0x80, %ebx
        call config_write
        xor %edi, %edi
again:
        movl $2, BAR + GATE
        movl $0, BAR + GATE
        mov $200, %ecx
1:      loop 1b
        inc %edi
        .if SLEEP
        cmp $SLEEP, %edi
        jne 2f
        cmpl $0x600d, AWAKE
        je 2f
        movl $0x600d, AWAKE
        mov $(PMBASE + 4), %dx
        mov $0x2400, %ax                /* PM1_CNT: SLP_TYP 1, SLP_EN */
        out %ax, %dx
3:      hlt
        jmp 3b
        .endif
2:
        .if LOOPS
        cmp $LOOPS, %edi
        jne again
        jmp finish
        .endif
        jmp again
