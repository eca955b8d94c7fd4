/* SPDX-License-Identifier: MIT */
/*
 * The way into S3 and out of it. HalpEnterSleep keeps the registers that a function must preserve and calls the routine that cuts the power.
 * On wake the firmware jumps in real mode to the address in the FACS (ACPI 6.4, 5.2.10); there lies a copy of HalpWakeVector, in a page
 * below 1 MiB, that goes through KiBootCr3's tables to HalpWakeHigh, and HalpEnterSleep returns a second time, with 1.
 */
#define MSR_EFER 0xC0000080

    .text
    .code64
    .globl HalpEnterSleep
HalpEnterSleep:                    /* ULONG HalpEnterSleep(VOID (*Sleep)(VOID)): 0 = did not sleep, 1 = woken */
    pushq %rbp
    pushq %rbx
    pushq %rsi
    pushq %rdi
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushfq
    subq $512, %rsp                /* 16-byte aligned: the return address and nine registers lie above */
    fxsave64 (%rsp)
    movq %rsp, HalpSleepStack(%rip)
    subq $32, %rsp
    call *%rcx
    addq $32, %rsp
    xorl %eax, %eax
leave:
    fxrstor64 (%rsp)
    addq $512, %rsp
    popfq
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rdi
    popq %rsi
    popq %rbx
    popq %rbp
    ret

HalpWakeHigh:                      /* long mode, boot tables, no stack; memory is as it was */
    movq KiKernelCr3(%rip), %rax
    movq %rax, %cr3
    movq HalpSleepStack(%rip), %rsp
    movl $1, %eax
    jmp leave

    .balign 16
    .globl HalpWakeVector, HalpWakeData, HalpWakeLong, HalpWakeTable, HalpWakeEnd
    .code16
HalpWakeVector:                    /* cs:0, cs = page >> 4 */
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl HalpWakeData - HalpWakeVector
    movl $0x6A0, %eax              /* PAE, PGE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl HalpWakeData - HalpWakeVector + 12, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl $0x900, %eax              /* LME, NXE */
    xorl %edx, %edx
    wrmsr
    movl $0x80010033, %eax         /* PG, WP, NE, ET, MP, PE */
    movl %eax, %cr0
    ljmpl *(HalpWakeData - HalpWakeVector + 6)

    .balign 8
HalpWakeTable:
    .quad 0, 0
    .quad 0x00209B0000000000       /* 0x10: code, 64 bits */
    .quad 0x0000930000000000       /* 0x18: data */
HalpWakeData:                      /* WAKE_DATA in hal/sleep.c fills this in */
    .word 0
    .long 0                        /* descriptor table */
    .long 0                        /* +6: far pointer to HalpWakeLong */
    .word 0
    .long 0                        /* +12: KiBootCr3 */

    .code64
HalpWakeLong:
    movl $0x18, %eax
    movl %eax, %ss
    movl %eax, %ds
    movl %eax, %es
    movabsq $HalpWakeHigh, %rax
    jmp *%rax
HalpWakeEnd:

    .bss
    .balign 8
HalpSleepStack:
    .skip 8
