/* task/context_aarch64.S - the switch for aarch64, AAPCS64.
 *
 * A suspended context's sp points at what the switch has stored, 160 bytes:
 *
 *     sp + 0 x19 x20, 16 x21 x22, 32 x23 x24, 48 x25 x26, 64 x27 x28, 80 x29 x30,
 *     96 d8 d9, 112 d10 d11, 128 d12 d13, 144 d14 d15
 *
 * The low halves of v8 to v15 belong to the callee here, so they are saved; fpcr is the thread's.
 * The frame is the same on both stacks, so the unwind information holds on either side of the one
 * instruction that changes sp.
 */
#if defined(__aarch64__) && !defined(WEIR_CONTEXT_UCONTEXT)

    .text

/* void weir__context_jump(struct weir__context *from (x0), struct weir__context *to (x1)) */
    .globl weir__context_jump
    .hidden weir__context_jump
    .type weir__context_jump, %function
    .p2align 4
weir__context_jump:
    .cfi_startproc
    sub sp, sp, #160
    .cfi_def_cfa_offset 160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    .cfi_offset x19, -160
    .cfi_offset x20, -152
    .cfi_offset x21, -144
    .cfi_offset x22, -136
    .cfi_offset x23, -128
    .cfi_offset x24, -120
    .cfi_offset x25, -112
    .cfi_offset x26, -104
    .cfi_offset x27, -96
    .cfi_offset x28, -88
    .cfi_offset x29, -80
    .cfi_offset x30, -72
    .cfi_offset d8, -64
    .cfi_offset d9, -56
    .cfi_offset d10, -48
    .cfi_offset d11, -40
    .cfi_offset d12, -32
    .cfi_offset d13, -24
    .cfi_offset d14, -16
    .cfi_offset d15, -8
    mov x9, sp
    str x9, [x0]
    ldr x9, [x1]
    mov sp, x9
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    .cfi_def_cfa_offset 0
    .cfi_restore x19
    .cfi_restore x20
    .cfi_restore x21
    .cfi_restore x22
    .cfi_restore x23
    .cfi_restore x24
    .cfi_restore x25
    .cfi_restore x26
    .cfi_restore x27
    .cfi_restore x28
    .cfi_restore x29
    .cfi_restore x30
    .cfi_restore d8
    .cfi_restore d9
    .cfi_restore d10
    .cfi_restore d11
    .cfi_restore d12
    .cfi_restore d13
    .cfi_restore d14
    .cfi_restore d15
    br x30
    .cfi_endproc
    .size weir__context_jump, . - weir__context_jump

/* Where a new context begins: x19 holds the argument, x20 the entry function. It has no caller: its
 * return address is undefined, which ends a backtrace. The nop is what a debugger finds that looks
 * before the address in the frame that weir__context_make lays. */
    .p2align 4
    .cfi_startproc
    .cfi_undefined x30
    nop
    .globl weir__context_start
    .hidden weir__context_start
    .type weir__context_start, %function
weir__context_start:
    mov x29, xzr
    mov x30, xzr
    mov x0, x19
    blr x20
    brk #1
    .cfi_endproc
    .size weir__context_start, . - weir__context_start

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
