/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that give up rights: chroot(2), seccomp(2).
 *
 * With an open descriptor of a device a program may map it later, whatever it has given
 * up in between. We need more than that for the first mapping, the daemon; so what will
 * be needed is fetched before. And where a filter would kill us for a call that the
 * program does not know of, the call is not made.
 */
#include "client/shim/base/compiler.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "client/shim/base/sys.h"

#ifdef __x86_64__
#define OUR_ARCH AUDIT_ARCH_X86_64
#else
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

/* Would a filter of this process kill it for asking the daemon? */
static bool is_mute;

bool shim_may_ask(void)
{
	return likely(!__atomic_load_n(&is_mute, __ATOMIC_RELAXED));
}

/* -- before ------------------------------------------------------------------------------- */

/* linux_dirent64 */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static int number(const char *name)
{
	int n = 0;

	for (; *name >= '0' && *name <= '9'; name++)
		n = n * 10 + (*name - '0');
	return *name ? -1 : n;
}

static void fetch_for(int fd)
{
	struct shim_ident id = shim_ident_fd(fd);
	struct dax_device dev;
	int accmode;

	if (id.kind != SHIM_NODE)
		return;
	accmode = (int)sys2(fcntl, fd, F_GETFL);
	if (accmode & O_PATH || (accmode & O_ACCMODE) == O_WRONLY)
		return;
	dax_state_read(id.session->state, id.slot, &dev);
	if (dax_device_is_alive(&dev) && !(dev.flags & DAX_DEVICE_NDCTL))
		shim_backing(id.session, id.slot, &dev, (accmode & O_ACCMODE) == O_RDWR,
			     fd);
}

/**
 * shim_before_lockdown() - get all that mappings of open devices will need
 */
SHIM_COLD void shim_before_lockdown(void)
{
	char buf[2048] __attribute__((aligned(8)));
	long dir;
	long n;

	if (!shim_session_if_known() || !shim_may_ask())
		return;
	dir = sys3(openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (dir >= 0 && (n = sys3(getdents64, dir, buf, sizeof(buf))) > 0) {
		long pos;

		for (pos = 0; pos < n; pos += ((struct entry *)(buf + pos))->len) {
			int fd = number(((struct entry *)(buf + pos))->name);

			if (fd >= 0 && fd != dir)
				fetch_for(fd);
		}
	}
	if (dir >= 0)
		sys1(close, dir);
	if (dir >= 0 && shim_maps_touch(0, UINT64_MAX))
		shim_agent_start();
}

/* -- filters ------------------------------------------------------------------------------- */

static uint32_t operate(uint16_t op, uint32_t a, uint32_t b)
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

static bool compare(uint16_t op, uint32_t a, uint32_t b)
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
		return true; /* BPF_JA; its jump is another */
	}
}

/* What a filter that the kernel has accepted answers to a call. */
static uint32_t filter(const struct sock_fprog *prog, const struct seccomp_data *data)
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
			a = operate(BPF_OP(i->code), a, src);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				pc += i->k;
			else
				pc += compare(BPF_OP(i->code), a, src) ? i->jt : i->jf;
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

static bool kills(const struct sock_fprog *prog, int nr, uint64_t first)
{
	const struct seccomp_data data = {.nr = nr,
					  .arch = OUR_ARCH,
					  .args = {first, SOCK_SEQPACKET}};

	switch (filter(prog, &data) & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
		return true;
	default:
		return false;
	}
}

/**
 * shim_filter_installed() - the program has a seccomp filter now
 * @prog:	struct sock_fprog, that the kernel has accepted
 */
SHIM_COLD void shim_filter_installed(const void *prog)
{
	static const int asking[] = {SYS_setsockopt, SYS_connect, SYS_sendmsg,
				     SYS_recvmsg};
	size_t i;

	if (kills(prog, SYS_userfaultfd, 0))
		shim_touch_forbid();
	if (kills(prog, SYS_rt_tgsigqueueinfo, (uint64_t)sys0(getpid)))
		shim_sigbus_forbid();
	if (kills(prog, SYS_socket, AF_UNIX))
		__atomic_store_n(&is_mute, true, __ATOMIC_RELAXED);
	for (i = 0; i < sizeof(asking) / sizeof(asking[0]); i++)
		if (kills(prog, asking[i], 3))
			__atomic_store_n(&is_mute, true, __ATOMIC_RELAXED);
}
