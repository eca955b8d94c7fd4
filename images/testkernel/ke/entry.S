/* SPDX-License-Identifier: MIT */
/*
 * Interrupt entry, thread switch, thread start. Unwind directives describe each frame, so that backtraces cross them: .seh for the kernel, .cfi
 * for gdb.
 */
    .cfi_sections .debug_frame

.macro save register
    push \register
    .seh_pushreg \register
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \register, 0
.endm

.macro allocate bytes
    sub $\bytes, %rsp
    .seh_stackalloc \bytes
    .cfi_adjust_cfa_offset \bytes
.endm

    .text

/* One stub a vector: error code (0 where the processor pushes none), vector, common code. 16 bytes each. */
    .balign 16
    .globl KiVectorStubs
KiVectorStubs:
vector = 0
    .rept 256
    .balign 16
    .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21)
    .else
    push $0
    .endif
    push $vector
    jmp KiTrapEntry
vector = vector + 1
    .endr

    .balign 16
    .globl KiTrapEntry
    .seh_proc KiTrapEntry
KiTrapEntry:
    .seh_pushframe code
    .seh_stackalloc 8
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa %rsp, 56        /* vector, error code, rip, cs, rflags, rsp, ss */
    .cfi_offset %rip, -40
    .cfi_offset %rsp, -16
    save %rax
    save %rbx
    save %rcx
    save %rdx
    save %rsi
    save %rdi
    save %rbp
    save %r8
    save %r9
    save %r10
    save %r11
    save %r12
    save %r13
    save %r14
    save %r15
    allocate 0x90                /* mxcsr, xmm0-5, home space */
    .seh_endprologue
    cld
    movups %xmm0, 0x20(%rsp)
    movups %xmm1, 0x30(%rsp)
    movups %xmm2, 0x40(%rsp)
    movups %xmm3, 0x50(%rsp)
    movups %xmm4, 0x60(%rsp)
    movups %xmm5, 0x70(%rsp)
    stmxcsr 0x80(%rsp)
    lea 0x20(%rsp), %rcx
    call KiTrap
    ldmxcsr 0x80(%rsp)
    movups 0x20(%rsp), %xmm0
    movups 0x30(%rsp), %xmm1
    movups 0x40(%rsp), %xmm2
    movups 0x50(%rsp), %xmm3
    movups 0x60(%rsp), %xmm4
    movups 0x70(%rsp), %xmm5
    add $0x90, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    add $16, %rsp
    iretq
    .cfi_endproc
    .seh_endproc

/*
 * VOID KiSwapContext(PVOID *SavedStackPointer, PVOID NewStackPointer)
 * Saves the nonvolatile registers (also xmm6-15: drivers may use them) on this stack and continues on the other one.
 */
    .globl KiSwapContext
    .seh_proc KiSwapContext
KiSwapContext:
    .cfi_startproc
    save %rbx
    save %rbp
    save %rsi
    save %rdi
    save %r12
    save %r13
    save %r14
    save %r15
    allocate 0xA8
    .seh_endprologue
    movups %xmm6, 0x00(%rsp)
    movups %xmm7, 0x10(%rsp)
    movups %xmm8, 0x20(%rsp)
    movups %xmm9, 0x30(%rsp)
    movups %xmm10, 0x40(%rsp)
    movups %xmm11, 0x50(%rsp)
    movups %xmm12, 0x60(%rsp)
    movups %xmm13, 0x70(%rsp)
    movups %xmm14, 0x80(%rsp)
    movups %xmm15, 0x90(%rsp)
    stmxcsr 0xA0(%rsp)
    mov %rsp, (%rcx)
    mov %rdx, %rsp
    movups 0x00(%rsp), %xmm6
    movups 0x10(%rsp), %xmm7
    movups 0x20(%rsp), %xmm8
    movups 0x30(%rsp), %xmm9
    movups 0x40(%rsp), %xmm10
    movups 0x50(%rsp), %xmm11
    movups 0x60(%rsp), %xmm12
    movups 0x70(%rsp), %xmm13
    movups 0x80(%rsp), %xmm14
    movups 0x90(%rsp), %xmm15
    ldmxcsr 0xA0(%rsp)
    add $0xA8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    ret
    .cfi_endproc
    .seh_endproc

/*
 * VOID KiCallOnStack(VOID (*Callout)(PVOID), PVOID Parameter, PVOID Top)
 * Calls on another stack. The frame pointer leads backtraces back to this one.
 */
    .globl KiCallOnStack
    .seh_proc KiCallOnStack
KiCallOnStack:
    .cfi_startproc
    save %rbp
    mov %rsp, %rbp
    .seh_setframe %rbp, 0
    .cfi_def_cfa_register %rbp
    .seh_endprologue
    mov %rcx, %rax
    mov %rdx, %rcx
    lea -0x20(%r8), %rsp         /* home space */
    call *%rax
    mov %rbp, %rsp
    pop %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .seh_endproc

/* First code of a new thread: KiInitializeStack made KiSwapContext "return" here. */
    .globl KiThreadEntry
    .seh_proc KiThreadEntry
KiThreadEntry:
    .cfi_startproc
    .cfi_undefined %rip          /* nobody called it */
    .seh_stackalloc 0x28
    .seh_endprologue
    call KiThreadStartup
    ud2
    .cfi_endproc
    .seh_endproc

/* VOID KiCaptureContext(PCONTEXT): the caller's registers, as RtlCaptureContext. Only what unwinding needs. */
    .globl RtlCaptureContext
    .seh_proc RtlCaptureContext
RtlCaptureContext:
    .seh_endprologue
    mov %rax, 0x78(%rcx)
    mov %rcx, 0x80(%rcx)
    mov %rdx, 0x88(%rcx)
    mov %rbx, 0x90(%rcx)
    lea 8(%rsp), %rax
    mov %rax, 0x98(%rcx)
    mov %rbp, 0xA0(%rcx)
    mov %rsi, 0xA8(%rcx)
    mov %rdi, 0xB0(%rcx)
    mov %r8, 0xB8(%rcx)
    mov %r9, 0xC0(%rcx)
    mov %r10, 0xC8(%rcx)
    mov %r11, 0xD0(%rcx)
    mov %r12, 0xD8(%rcx)
    mov %r13, 0xE0(%rcx)
    mov %r14, 0xE8(%rcx)
    mov %r15, 0xF0(%rcx)
    mov (%rsp), %rax
    mov %rax, 0xF8(%rcx)
    pushf
    popq %rax
    mov %eax, 0x44(%rcx)
    mov %cs, 0x38(%rcx)
    mov %ss, 0x42(%rcx)
    movl $0x10000F, 0x30(%rcx)
    stmxcsr 0x34(%rcx)
    movups %xmm6, 0x200(%rcx)
    movups %xmm7, 0x210(%rcx)
    movups %xmm8, 0x220(%rcx)
    movups %xmm9, 0x230(%rcx)
    movups %xmm10, 0x240(%rcx)
    movups %xmm11, 0x250(%rcx)
    movups %xmm12, 0x260(%rcx)
    movups %xmm13, 0x270(%rcx)
    movups %xmm14, 0x280(%rcx)
    movups %xmm15, 0x290(%rcx)
    mov 0x78(%rcx), %rax
    ret
    .seh_endproc
