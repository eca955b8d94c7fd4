/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 1 header and the way from 32-bit protected mode to KiStartKernel in long mode.
 * tools/mkimage.py puts this section at physical 0x10F000, one page below the kernel's PE image at 0x110000. Addresses are computed from
 * the section's start, because a PE with a 64-bit image base has no 32-bit absolute relocations.
 */
#define BOOT_PHYSICAL  0x10F000
#define IMAGE_PHYSICAL 0x110000
#define MB_FLAGS       0x00010003 /* modules page-aligned, memory information, addresses given here */
#define PHYS(label)    (BOOT_PHYSICAL + (label) - KiBootPage)

    .section .boot, "ax"
    .balign 4096
    .code32
KiBootPage:
    .long 0x1BADB002, MB_FLAGS, -(0x1BADB002 + MB_FLAGS)
    .long BOOT_PHYSICAL        /* header */
    .long BOOT_PHYSICAL        /* load address */
    .long 0                    /* load the whole file */
    .long 0                    /* no bss behind it: the file has it */
    .long PHYS(start32)        /* entry */

tables_rva:
    .rva KiBootTables
start32:
    cli
    cld
    movl PHYS(tables_rva), %edi
    addl $IMAGE_PHYSICAL, %edi /* PML4; PDPT and PD follow */
    leal 0x1003(%edi), %eax
    movl %eax, (%edi)          /* identity, for this code and for waking vectors */
    movl %eax, 0xF80(%edi)     /* KERNEL_BASE: index 0x1F0 */
    leal 0x2003(%edi), %eax
    movl %eax, 0x1000(%edi)
    leal 0x2000(%edi), %esi
    movl $0x83, %eax           /* present, write, 2 MiB */
    movl $512, %ecx
1:  movl %eax, (%esi)
    addl $0x200000, %eax
    addl $8, %esi
    loop 1b

    movl %cr4, %eax
    orl $0x6A0, %eax           /* PAE, PGE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl %edi, %cr3
    movl $0xC0000080, %ecx     /* EFER: LME, NXE */
    rdmsr
    orl $0x900, %eax
    wrmsr
    movl %cr0, %eax
    andl $~0x6000000C, %eax    /* caches on, no FPU emulation, TS clear */
    orl $0x80010023, %eax      /* PG, WP, NE, MP, PE */
    movl %eax, %cr0
    lgdt PHYS(gdt_pointer)
    ljmp $0x10, $PHYS(start64)

    .balign 8
gdt:
    .quad 0, 0
    .quad 0x00209B0000000000   /* 0x10: code, 64 bits */
    .quad 0x0000930000000000   /* 0x18: data */
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long PHYS(gdt)

    .code64
start64:
    movl $0x18, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movabsq $KiBootStackTop, %rsp
    movl %ebx, %ecx            /* multiboot information, physical */
    subq $40, %rsp
    movabsq $KiStartKernel, %rax
    jmp enter
enter:
    call *%rax
    ud2

    .section .bss
    .balign 4096
    .globl KiBootTables
KiBootTables:
    .skip 3 * 4096
    .skip 16384
    .globl KiBootStackTop
KiBootStackTop:
