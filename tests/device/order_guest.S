/* SPDX-License-Identifier: MIT */
/*
 * A firmware in which two processors work with buddy (device 5 of bus 0) at the same time, without any lock: LOOPS times each writes a trace line
 * with the number of the round, writes that number into SCRATCH of its own page, and reads half a register, which is a violation.
 * Then the first ends QEMU through isa-debug-exit (port 0xf4). The test looks for each processor's order in the journal.
 */
        .set BAR, 0xe1000000
        .set SCRATCH, 0x10
        .set GATE, 0x800
        .set DONE, 0x7000
        .set FIRST_LINE, 0x7100
        .set SECOND_LINE, 0x7200

        .include "firmware.inc"

start32:
        movl $0, DONE
        mov $0x80002810, %eax           /* device 5: BAR0, then memory space and bus master */
        mov $BAR, %ebx
        call config_write
        mov $0x80002804, %eax
        mov $6, %ebx
        call config_write
        movl $3, BAR + GATE
        mov $trampoline, %esi           /* the second processor begins in real mode below 1 MiB */
        mov $(trampoline_end - trampoline), %ecx
        call start_others
        mov $BAR, %ebp
        mov $FIRST_LINE, %edi
        call work
2:      pause
        cmpl $1, DONE
        jne 2b
        jmp finish

second32:
        mov $0x10, %ax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %ss
        mov $0x5000, %esp
        cld
        mov $(BAR + 0x1000), %ebp
        mov $SECOND_LINE, %edi
        call work
        lock incl DONE
4:      hlt
        jmp 4b

work:                                   /* %ebp: the processor's page, %edi: memory for its line */
        push %edi
        mov $line, %esi
        mov $(line_end - line), %ecx
        rep movsb
        pop %edi
        xor %ebx, %ebx
1:      mov %ebx, %eax                  /* eight digits, the last one first */
        mov $8, %ecx
2:      mov %eax, %edx
        and $15, %edx
        mov %cs:digits(%edx), %dl
        mov %dl, (digit - line - 1)(%edi, %ecx)
        shr $4, %eax
        loop 2b
        mov %edi, %esi
        mov $0xb00, %dx
        mov $(line_end - line), %ecx
        rep outsb
        mov %ebx, SCRATCH(%ebp)
        mov (%ebp), %ax
        inc %ebx
        cmp $LOOPS, %ebx
        jne 1b
        ret

digits: .ascii "0123456789abcdef"
line:   .ascii "kernel step n=0x"
digit:  .ascii "00000000\n"
line_end:

        .code16
trampoline:
        cli
        mov $0xf000, %ax                /* the table is in the firmware's segment */
        mov %ax, %ds
        lgdtl gdt_pointer - base
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        ljmpl $8, $second32
trampoline_end:
