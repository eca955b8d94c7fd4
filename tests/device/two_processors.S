/* SPDX-License-Identifier: MIT */
/*
 * A firmware in which two processors write trace lines to port 0xB00 at the same time, LINES each, without any lock.
 * Then the first ends QEMU through isa-debug-exit (port 0xf4). The test looks whether any line was mixed.
 */
        .set LINES, 200
        .set DONE, 0x7000
        .set FIRST_HALVES, 0x7004
        .set SECOND_HALVES, 0x7008

        .include "firmware.inc"

start32:
        movl $0, DONE
        movl $0, FIRST_HALVES
        movl $0, SECOND_HALVES
        mov $trampoline, %esi           /* the second processor begins in real mode below 1 MiB */
        mov $(trampoline_end - trampoline), %ecx
        call start_others

        mov $LINES, %ebx
        mov $0xb00, %dx
1:      mov $first_line, %esi
        mov $30, %ecx
        rep outsb
        incl FIRST_HALVES               /* go on only when the other one is in the middle of its line too */
        mov FIRST_HALVES, %eax
4:      pause
        cmpl %eax, SECOND_HALVES
        jb 4b
        mov $(first_line_end - first_line - 30), %ecx
        rep outsb
        dec %ebx
        jnz 1b
2:      pause
        cmpl $1, DONE
        jne 2b
        jmp finish

first_line:
        .ascii "kernel ready from=first aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
first_line_end:

        .code16
trampoline:
        cli
        xor %ax, %ax
        mov %ax, %es
        mov %cs, %ax
        mov %ax, %ds
        mov $LINES, %bx
        mov $0xb00, %dx
1:      mov $(second_line - trampoline), %si
        mov $30, %cx
        rep outsb
        incl %es:SECOND_HALVES
        mov %es:SECOND_HALVES, %eax
4:      pause
        cmpl %eax, %es:FIRST_HALVES
        jb 4b
        mov $(second_line_end - second_line - 30), %cx
        rep outsb
        dec %bx
        jnz 1b
        xor %ax, %ax
        mov %ax, %ds
        lock incl DONE
2:      hlt
        jmp 2b
second_line:
        .ascii "kernel ready from=second bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
second_line_end:
trampoline_end:
