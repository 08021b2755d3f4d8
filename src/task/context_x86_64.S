/* task/context_x86_64.S - the switch for x86-64, System V.
 *
 * A suspended context's sp points at what the switch has pushed:
 *
 *     sp + 0 r15, 8 r14, 16 r13, 24 r12, 32 rbx, 40 rbp, 48 return address
 *
 * The frame is the same on both stacks, so the unwind information holds on either side of the one
 * instruction that changes rsp. The return is a jump: a ret would always be mispredicted, since the
 * call was made on another stack (measured: 6 against 10 ns). So the object carries no shadow-stack
 * property, and a program that has it linked runs without one. mxcsr and the x87 word are the
 * thread's.
 */
#if defined(__x86_64__) && !defined(WEIR_CONTEXT_UCONTEXT)

    .text

/* void weir__context_jump(struct weir__context *from (rdi), struct weir__context *to (rsi)) */
    .globl weir__context_jump
    .hidden weir__context_jump
    .type weir__context_jump, @function
    .p2align 4
weir__context_jump:
    .cfi_startproc
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    popq %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    popq %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    popq %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    popq %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    popq %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    popq %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbp
    popq %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    jmpq *%rcx
    .cfi_endproc
    .size weir__context_jump, . - weir__context_jump

/* Where a new context begins: r12 holds the argument, r13 the entry function, rsp is a multiple
 * of 16. It has no caller: its return address is undefined, which ends a backtrace. The nop is
 * what a debugger finds that looks one byte before the address in the frame that
 * weir__context_make lays. */
    .type weir__context_start, @function
    .p2align 4
    .cfi_startproc
    .cfi_undefined %rip
    nop
    .globl weir__context_start
    .hidden weir__context_start
weir__context_start:
    xorl %ebp, %ebp
    movq %r12, %rdi
    callq *%r13
    ud2
    .cfi_endproc
    .size weir__context_start, . - weir__context_start

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
