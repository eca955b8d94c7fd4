/* SPDX-License-Identifier: MIT */
/*
 * A firmware in which two processors write trace lines to port 0xB00 at the same time, LINES each, without any lock.
 * Then the first ends QEMU through isa-debug-exit (port 0xf4). The test looks whether any line was mixed.
 */
        .set LINES, 200
        .set DONE, 0x7000
        .set FIRST_HALVES, 0x7004
        .set SECOND_HALVES, 0x7008

        .text
        .code32
base:
start32:
        mov $trampoline, %esi           /* the second processor begins in real mode below 1 MiB */
        mov $0x8000, %edi
        mov $(trampoline_end - trampoline), %ecx
        rep movsb
        movl $0, DONE
        movl $0, FIRST_HALVES
        movl $0, SECOND_HALVES
        mov $0xfee00300, %edi           /* local APIC: INIT, then two start-up messages to all others */
        movl $0x000c4500, (%edi)
        call delay
        movl $0x000c4608, (%edi)
        call delay
        movl $0x000c4608, (%edi)

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
        mov $0xf4, %dx
        mov $0x10, %al
        out %al, %dx
3:      hlt
        jmp 3b

delay:
        mov $100000, %ecx
1:      pause
        loop 1b
        ret

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

start16:
        cli
        lgdtl %cs:gdt_pointer - base
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        ljmpl $8, $enter32

        .code32
enter32:
        mov $0x10, %ax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %ss
        mov $0x6000, %esp
        cld
        jmp start32

        .balign 8
gdt:
        .quad 0
        .quad 0x00cf9b000000ffff        /* flat code */
        .quad 0x00cf93000000ffff        /* flat data */
gdt_pointer:
        .word . - gdt - 1
        .long gdt

        .org 0xfff0
        .code16
        ljmp $0xf000, $(start16 - base)
        .org 0x10000
