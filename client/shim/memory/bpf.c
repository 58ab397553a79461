/* SPDX-License-Identifier: BSD-2-Clause */
/* Run a seccomp filter of the program on a system call of the shim. */
#include "client/shim/memory/bpf.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/socket.h>

#ifdef __x86_64__
#define OUR_ARCH AUDIT_ARCH_X86_64
#else
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

static uint32_t do_alu(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_MOD:
		return b ? a % b : 0;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return b < 32 ? a << b : 0;
	case BPF_RSH:
		return b < 32 ? a >> b : 0;
	case BPF_NEG:
		return -a;
	default:
		return a;
	}
}

static bool does_jump(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JSET:
		return a & b;
	default:
		return true; /* not reached for BPF_JA: run_filter() handles it */
	}
}

/* Runs a filter that the kernel has accepted. Return: the value of its BPF_RET. */
static uint32_t run_filter(const struct sock_fprog *prog, const struct seccomp_data *data)
{
	uint32_t mem[BPF_MEMWORDS] = {0};
	uint32_t a = 0;
	uint32_t x = 0;
	uint32_t pc;

	for (pc = 0; pc < prog->len; pc++) {
		const struct sock_filter *i = &prog->filter[pc];
		const uint32_t src = BPF_SRC(i->code) == BPF_X ? x : i->k;
		const bool is_word = i->k + 4 <= sizeof(*data);

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			if (BPF_MODE(i->code) == BPF_ABS && is_word)
				memcpy(&a, (const char *)data + i->k, 4);
			else if (BPF_MODE(i->code) == BPF_MEM)
				a = mem[i->k % BPF_MEMWORDS];
			else
				a = BPF_MODE(i->code) == BPF_LEN ? sizeof(*data) : i->k;
			break;
		case BPF_LDX:
			if (BPF_MODE(i->code) == BPF_MEM)
				x = mem[i->k % BPF_MEMWORDS];
			else
				x = BPF_MODE(i->code) == BPF_LEN ? sizeof(*data) : i->k;
			break;
		case BPF_ST:
			mem[i->k % BPF_MEMWORDS] = a;
			break;
		case BPF_STX:
			mem[i->k % BPF_MEMWORDS] = x;
			break;
		case BPF_ALU:
			a = do_alu(BPF_OP(i->code), a, src);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				pc += i->k;
			else
				pc += does_jump(BPF_OP(i->code), a, src) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(i->code) == BPF_A ? a : i->k;
		case BPF_MISC:
		default:
			if (BPF_MISCOP(i->code) == BPF_TAX)
				x = a;
			else
				a = x;
			break;
		}
	}
	return SECCOMP_RET_ALLOW;
}

/**
 * shim_bpf_kills() - tell whether a seccomp filter kills for a system call
 * @prog:	the filter, which the kernel must have accepted
 * @nr:		number of the system call
 * @first:	its first argument; the second is SOCK_SEQPACKET, all others are 0
 *
 * Async-signal-safe.
 *
 * Return: true if the filter kills the thread or the process, or raises SIGSYS.
 */
bool shim_bpf_kills(const struct sock_fprog *prog, int nr, uint64_t first)
{
	const struct seccomp_data data = {.nr = nr,
					  .arch = OUR_ARCH,
					  .args = {first, SOCK_SEQPACKET}};

	switch (run_filter(prog, &data) & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
		return true;
	default:
		return false;
	}
}
