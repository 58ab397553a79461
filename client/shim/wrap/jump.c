/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap longjmp and its variants, for jumps out of signal handlers.
 *
 * A handler that interrupts a change of the list of mappings and jumps away leaves the
 * lock taken and the change half done. On a real device such a jump does no harm. So the
 * wrapper corrects the list and releases the lock before it jumps.
 */
#include <setjmp.h>
#include <stdint.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/process/lock.h"

void __longjmp_chk(struct __jmp_buf_tag env[1], int value) __attribute__((noreturn));
void _longjmp(struct __jmp_buf_tag env[1], int value) __attribute__((noreturn));

/*
 * Gets the stack pointer at the target of the jump. libc stores it mangled with a secret
 * of the thread.
 */
static uintptr_t target_of(const struct __jmp_buf_tag *env)
{
#ifdef __x86_64__
	uint64_t mixed = (uint64_t)env->__jmpbuf[6];
	uint64_t secret;

	__asm__("movq %%fs:0x30, %0" : "=r"(secret));
	return (mixed >> 17 | mixed << 47) ^ secret;
#else
	(void)env;
	return UINTPTR_MAX; /* assume that the jump leaves all frames */
#endif
}

#define JUMP(name)                                                                       \
	SHIM_EXPORT __attribute__((noreturn)) void name(struct __jmp_buf_tag env[1],     \
							int value)                       \
	{                                                                                \
		if (unlikely(shim_lock_is_taken()))                                      \
			shim_lock_jump(target_of(env));                                  \
		REAL(name)(env, value);                                                  \
		__builtin_unreachable();                                                 \
	}

JUMP(longjmp)
JUMP(_longjmp)
JUMP(siglongjmp)
JUMP(__longjmp_chk)
