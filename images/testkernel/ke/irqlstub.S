/* SPDX-License-Identifier: MIT */
/*
 * What the checks of an export's IRQL jump to when the level is wrong (tools/irql.py): r11 is the export's index; all else is as the driver's
 * call made it, so that its return address is on top of the stack. The kernel uses no xmm registers,
 * so that arguments in them stay, too.
 */
    .cfi_sections .debug_frame
    .text
    .balign 16
    .globl KiWrongIrql
    .seh_proc KiWrongIrql
KiWrongIrql:
    .cfi_startproc
    sub $0x48, %rsp
    .seh_stackalloc 0x48
    .cfi_adjust_cfa_offset 0x48
    .seh_endprologue
    mov %rcx, 0x20(%rsp)
    mov %rdx, 0x28(%rsp)
    mov %r8, 0x30(%rsp)
    mov %r9, 0x38(%rsp)
    mov %rdx, %r9
    mov %rcx, %r8
    mov 0x48(%rsp), %rdx
    mov %r11d, %ecx
    call KiReportWrongIrql
    mov 0x20(%rsp), %rcx
    mov 0x28(%rsp), %rdx
    mov 0x30(%rsp), %r8
    mov 0x38(%rsp), %r9
    add $0x48, %rsp
    .cfi_adjust_cfa_offset -0x48
    test %rax, %rax
    jz 1f
    jmp *%rax
1:  ret
    .cfi_endproc
    .seh_endproc
