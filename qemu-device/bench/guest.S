/* SPDX-License-Identifier: MIT */
/*
 * A 64 KiB firmware that is the whole guest of the benchmark: it gives two PCI functions of bus 0 an address and then reads a
 * register of each in turn, BLOCKS blocks of READS reads at a time. On port 0xE9 it tells the end of each block by a byte and the time
 * (its time stamp counter, 8 bytes, lowest first): '.' when it is ready, then 'e' for device 4 and 'b' for device 5, ROUNDS times, then 'q'.
 *
 * Build: as --32 --defsym=READS=… --defsym=BLOCKS=… --defsym=ROUNDS=… guest.S; ld -m elf_i386 -Ttext=0xf0000 --oformat binary
 * (bench.py does it).
 */
        .set BAR_E, 0xe0000000
        .set BAR_B, 0xe1000000

        .text
        .code32
base:
start32:
        mov $0x10, %ax
        mov %ax, %ds
        mov %ax, %ss
        mov %ax, %es

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

config_write:                           /* %eax: address, %ebx: value */
        mov $0xcf8, %dx
        out %eax, %dx
        mov %ebx, %eax
        mov $0xcfc, %dx
        out %eax, %dx
        ret

        .code16
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
        mov %ax, %ss
        mov $0x8000, %esp
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
