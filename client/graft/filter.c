/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seccomp filter: which system calls come to the shim.
 *
 * A call that cannot concern a device must cost next to nothing. So the filter is a search
 * tree over the numbers of the calls, with no more than comparisons: the kernel then finds
 * by itself which numbers are always allowed, and does not run the filter for them
 * (kernel/seccomp.c: seccomp_is_const_allow()). The other calls are judged by a descriptor,
 * an address or flags, and by the place that they come from: those of the shim itself, of
 * the vDSO, and of libraries in a child that inherits the filter, are never stopped.
 *
 * Filters are only ever added. So one is added when a descriptor of a device has a number
 * for the first time, and one when a mapping is made outside of the window.
 */
#include "client/graft/filter.h"

#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "client/shim/base/sys.h"
#include "client/shim/wrap/syscall.h"

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* The part of a call that decides whether it is stopped. */
enum kind {
	ALLOWED,
	STOPPED, /* in any case */
	ABSENT,  /* fails with ENOSYS, so that libraries do without it */
	PROBED,
	FD_0,    /* a descriptor: the first argument */
	FD_0_1,  /* or the second */
	FD_0_2,  /* or the third */
	ADDRESS, /* an address in the window */
	MAPPING, /* mmap(2): a device, or an address in the window */
	POLLS,   /* poll(2): once there is a descriptor */
	FORKS,   /* clone(2): without CLONE_VM */
	TURNS,   /* prctl(2): some operations */
	ACTIONS, /* rt_sigaction(2): a new action, or SIGBUS or SIGSYS */
	MASK_1,  /* a set of signals, if there is one */
	MASK_3,
	MASK_4,
	MASK_5,
	NR_KINDS,
};

/* The calls that more than their number decides, and those that the shim does not wrap. */
static const struct {
	short nr;
	short kind;
} special[] = {
	{SYS_read, FD_0},
	{SYS_write, FD_0},
	{SYS_pread64, FD_0},
	{SYS_pwrite64, FD_0},
	{SYS_readv, FD_0},
	{SYS_writev, FD_0},
	{SYS_preadv, FD_0},
	{SYS_pwritev, FD_0},
	{SYS_preadv2, FD_0},
	{SYS_pwritev2, FD_0},
	{SYS_lseek, FD_0},
	{SYS_ioctl, FD_0},
	{SYS_fcntl, FD_0},
	{SYS_fstat, FD_0},
	{SYS_fstatfs, FD_0},
	{SYS_ftruncate, FD_0},
	{SYS_fallocate, FD_0},
	{SYS_fsync, FD_0},
	{SYS_fdatasync, FD_0},
	{SYS_sync_file_range, FD_0},
	{SYS_readahead, FD_0},
	{SYS_fadvise64, FD_0},
	{SYS_flock, FD_0},
	{SYS_close, FD_0},
	{SYS_dup, FD_0},
	{SYS_dup2, FD_0_1},
	{SYS_dup3, FD_0_1},
	{SYS_sendfile, FD_0_1},
	{SYS_tee, FD_0_1},
	{SYS_splice, FD_0_2},
	{SYS_copy_file_range, FD_0_2},
	{SYS_vmsplice, FD_0},
	{SYS_fchmod, FD_0},
	{SYS_fsetxattr, FD_0},
	{SYS_getdents64, FD_0},
	{SYS_munmap, ADDRESS},
	{SYS_mprotect, ADDRESS},
	{SYS_pkey_mprotect, ADDRESS},
	{SYS_madvise, ADDRESS},
	{SYS_mremap, ADDRESS},
	{SYS_msync, ADDRESS},
	{SYS_mlock, ADDRESS},
	{SYS_mlock2, ADDRESS},
	{SYS_mbind, ADDRESS},
	{SYS_mincore, ADDRESS},
	{SYS_remap_file_pages, ADDRESS},
	{SYS_mmap, MAPPING},
	{SYS_clone, FORKS},
	{SYS_fork, STOPPED},
	{SYS_prctl, TURNS},
	{SYS_rt_sigaction, ACTIONS},
	{SYS_rt_sigprocmask, MASK_1},
	{SYS_rt_sigsuspend, STOPPED},
	{SYS_sigaltstack, STOPPED},
	{SYS_ppoll, MASK_3},
	{SYS_epoll_pwait, MASK_4},
	{SYS_epoll_pwait2, MASK_4},
	{SYS_pselect6, MASK_5},
	{SYS_poll, POLLS},
	{SYS_utime, STOPPED},
	{SYS_utimes, STOPPED},
	{SYS_futimesat, STOPPED},
	{SYS_removexattr, STOPPED},
	{SYS_lremovexattr, STOPPED},
	{SYS_inotify_add_watch, STOPPED},
	{SYS_io_uring_setup, ABSENT},
	{SYS_clone3,
	 ABSENT}, /* its flags are in memory; libraries fall back to clone(2) */
	/* This may sleep, and only fails if it concerns a device. */
	{SYS_connect, ALLOWED},
};

/* Which of the calls a filter is for. */
enum scope {
	FIRST, /* all but those of the others */
	ONE,   /* on one descriptor */
	MANY,  /* on a descriptor and all with higher numbers */
	WIDE,  /* on any address */
};

/* A row of numbers with the same kind. */
struct run {
	uint32_t first;
	enum kind kind;
};

#define RUNS_MAX 250
#define CODE_MAX (RUNS_MAX + 128)

struct program {
	struct sock_filter code[CODE_MAX];
	unsigned int len;
	struct run runs[RUNS_MAX];
	unsigned int nr_runs;
	unsigned int kinds;            /* that the runs have, a bit for each */
	unsigned int bodies[NR_KINDS]; /* where the code of a kind begins */
	enum scope scope;
	int fd; /* of ONE and MANY */
};

/* Return: the kind of a call in filters of the scope, of that in filters of all scopes. */
static enum kind kind_in(enum scope scope, enum kind kind)
{
	const bool is_on_fd = scope == ONE || scope == MANY;

	if (kind == MAPPING)
		return kind;
	if (kind == FD_0 || kind == FD_0_1 || kind == FD_0_2)
		return is_on_fd ? kind : ALLOWED;
	if (kind == POLLS)
		return is_on_fd ? STOPPED : ALLOWED;
	if (kind == ADDRESS)
		return is_on_fd ? ALLOWED : scope == WIDE ? STOPPED : kind;
	return scope == FIRST ? kind : ALLOWED;
}

static void add_run(struct program *p, uint32_t first, enum kind kind)
{
	if (p->nr_runs && p->runs[p->nr_runs - 1].kind == kind)
		return;
	p->runs[p->nr_runs++] = (struct run){first, kind};
	p->kinds |= 1U << kind;
}

static void find_runs(struct program *p, enum scope scope)
{
	uint8_t kinds[SHIM_SYSCALL_NR];
	uint32_t nr;
	size_t i;

	for (nr = 0; nr < SHIM_SYSCALL_NR; nr++)
		kinds[nr] =
			shim_syscall_bits[nr / 64] >> (nr % 64) & 1 ? STOPPED : ALLOWED;
	for (i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		kinds[special[i].nr] = (uint8_t)special[i].kind;
	for (nr = 0; nr < SHIM_SYSCALL_NR; nr++)
		add_run(p, nr, kind_in(scope, (enum kind)kinds[nr]));
	add_run(p, SHIM_SYSCALL_NR, ALLOWED);
	if (scope == FIRST) {
		add_run(p, GRAFT_FILTER_PROBE, PROBED);
		add_run(p, GRAFT_FILTER_PROBE + 1, ALLOWED);
	}
}

static void emit(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	p->code[p->len++] = (struct sock_filter){code, jt, jf, k};
}

static void load(struct program *p, size_t off)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)off, 0, 0);
}

static void load_low(struct program *p, int arg)
{
	load(p, offsetof(struct seccomp_data, args) + 8 * (size_t)arg);
}

static void load_high(struct program *p, int arg)
{
	load(p, offsetof(struct seccomp_data, args) + 8 * (size_t)arg + 4);
}

/* Jumps to the ends of the filter, which follow all kinds: emit_ends(). */
enum {
	TO_STOP = UINT8_MAX - 1,
	TO_ALLOW = UINT8_MAX
};

/* Jumps @jt or @jf instructions ahead, or to an end. */
static void test(struct program *p, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	emit(p, (uint16_t)(BPF_JMP | op | BPF_K), k, jt, jf);
}

static void answer(struct program *p, uint32_t k)
{
	emit(p, BPF_RET | BPF_K, k, 0, 0);
}

/* Tests whether the argument is a descriptor of the scope. */
static void test_fd(struct program *p, uint8_t jt, uint8_t jf)
{
	test(p, p->scope == MANY ? BPF_JGE : BPF_JEQ, (uint32_t)p->fd, jt, jf);
}

#define WINDOW_FIRST 0x6600 /* upper halves of addresses */
#define WINDOW_END   0x7e00

static void emit_fds(struct program *p, int second)
{
	load_low(p, 0);
	if (second) {
		test_fd(p, TO_STOP, 0);
		load_low(p, second);
	}
	test_fd(p, TO_STOP, TO_ALLOW);
}

static void emit_window(struct program *p)
{
	load_high(p, 0);
	test(p, BPF_JGE, WINDOW_FIRST, 0, TO_ALLOW);
	test(p, BPF_JGE, WINDOW_END, TO_ALLOW, TO_STOP);
}

#define FIXED (MAP_FIXED | MAP_FIXED_NOREPLACE)

static void emit_mapping(struct program *p)
{
	load_low(p, 3);
	if (p->scope == WIDE) {
		test(p, BPF_JSET, FIXED, TO_STOP, TO_ALLOW);
	} else if (p->scope == FIRST) {
		test(p, BPF_JSET, FIXED, 0, TO_ALLOW);
		emit_window(p);
	} else {
		test(p, BPF_JSET, MAP_ANONYMOUS, TO_ALLOW, 0);
		load_low(p, 4);
		test_fd(p, TO_STOP, TO_ALLOW);
	}
}

static void emit_turns(struct program *p)
{
	load_low(p, 0);
	test(p, BPF_JEQ, PR_SET_THP_DISABLE, TO_STOP, 0);
	test(p, BPF_JEQ, PR_GET_THP_DISABLE, TO_STOP, 0);
	test(p, BPF_JEQ, PR_SET_SECCOMP, TO_STOP, TO_ALLOW);
}

/* Stops unless the argument is a null pointer. */
static void emit_pointer(struct program *p, int arg)
{
	load_low(p, arg);
	test(p, BPF_JEQ, 0, 0, TO_STOP);
	load_high(p, arg);
	test(p, BPF_JEQ, 0, TO_ALLOW, TO_STOP);
}

/* A query of another signal's action, of which posix_spawn(3) makes many, goes on. */
static void emit_actions(struct program *p)
{
	load_low(p, 0);
	test(p, BPF_JEQ, SIGBUS, TO_STOP, 0);
	test(p, BPF_JEQ, SIGSYS, TO_STOP, 0);
	emit_pointer(p, 1);
}

static void emit_kind(struct program *p, enum kind kind)
{
	switch (kind) {
	case ABSENT:
		answer(p, SECCOMP_RET_ERRNO | ENOSYS);
		break;
	case PROBED:
		answer(p, SECCOMP_RET_ERRNO | GRAFT_FILTER_PROBE_ERRNO);
		break;
	case FD_0:
		emit_fds(p, 0);
		break;
	case FD_0_1:
		emit_fds(p, 1);
		break;
	case FD_0_2:
		emit_fds(p, 2);
		break;
	case ADDRESS:
		emit_window(p);
		break;
	case MAPPING:
		emit_mapping(p);
		break;
	case FORKS:
		load_low(p, 0);
		test(p, BPF_JSET, CLONE_VM, TO_ALLOW, TO_STOP);
		break;
	case TURNS:
		emit_turns(p);
		break;
	case ACTIONS:
		emit_actions(p);
		break;
	case MASK_1:
		emit_pointer(p, 1);
		break;
	case MASK_3:
		emit_pointer(p, 3);
		break;
	case MASK_4:
		emit_pointer(p, 4);
		break;
	case MASK_5:
		emit_pointer(p, 5);
		break;
	case ALLOWED:
	case STOPPED:
	case POLLS:
	case NR_KINDS:
	default:
		break; /* an end */
	}
}

/*
 * The ends: a call that comes from a program is stopped. Programs lie below 4 GiB, or at the
 * addresses of position-independent programs (arch/x86/include/asm/elf.h:
 * ELF_ET_DYN_BASE); libraries, the shim and the vDSO lie near the stack, or from a third of
 * the address space on if the stack has no limit.
 */
static void emit_ends(struct program *p)
{
	p->bodies[STOPPED] = p->len;
	load(p, offsetof(struct seccomp_data, instruction_pointer) + 4);
	test(p, BPF_JEQ, 0, 2, 0);
	test(p, BPF_JGE, 0x5000, 0, 2);
	test(p, BPF_JGE, 0x7000, 1, 0);
	answer(p, SECCOMP_RET_TRAP | GRAFT_FILTER_DATA);
	p->bodies[ALLOWED] = p->len;
	answer(p, SECCOMP_RET_ALLOW);
}

/* Return: the distance of a jump; install() sees to it that all are short enough. */
static uint8_t jump(unsigned int from, unsigned int to)
{
	return (uint8_t)(to - from - 1);
}

/* Puts the distances of the ends into the instructions [@at, @to). */
static void resolve(struct program *p, unsigned int at, unsigned int to)
{
	/* As TO_STOP and TO_ALLOW are ordered. */
	const unsigned int end[] = {p->bodies[STOPPED], p->bodies[ALLOWED]};

	for (; at < to; at++) {
		struct sock_filter *code = &p->code[at];

		if (code->jt >= TO_STOP)
			code->jt = jump(at, end[code->jt - TO_STOP]);
		if (code->jf >= TO_STOP)
			code->jf = jump(at, end[code->jf - TO_STOP]);
	}
}

/*
 * Return: where to split the runs [@lo, @hi) in two, in the middle of their numbers. The
 * kernel follows the filter for each number once, so those of wide runs must come early.
 */
static unsigned int middle_of(const struct program *p, unsigned int lo, unsigned int hi)
{
	const uint32_t end = hi < p->nr_runs ? p->runs[hi].first : SHIM_SYSCALL_NR;
	unsigned int middle = lo + 1;

	while (middle + 1 < hi && p->runs[middle].first < (p->runs[lo].first + end) / 2)
		middle++;
	return middle;
}

/*
 * Writes a search tree over the runs [@lo, @hi) to its place before the kinds, two runs or
 * more. A run by itself needs no code: its neighbour's test jumps to its kind.
 *
 * Return: the place behind the tree.
 */
static unsigned int put_tree(struct program *p, unsigned int at, unsigned int lo,
			     unsigned int hi)
{
	const unsigned int middle = middle_of(p, lo, hi);
	unsigned int below = p->bodies[p->runs[lo].kind];
	unsigned int above = p->bodies[p->runs[middle].kind];
	unsigned int end = at + 1;

	if (middle - lo > 1) {
		below = end;
		end = put_tree(p, end, lo, middle);
	}
	if (hi - middle > 1) {
		above = end;
		end = put_tree(p, end, middle, hi);
	}
	p->code[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
						   p->runs[middle].first, jump(at, above),
						   jump(at, below));
	return end;
}

/* Installs a filter. @fd: of ONE and MANY. Return: 0 or a negative errno. */
static long install(enum scope scope, int fd)
{
	struct program p;
	struct sock_fprog prog;
	unsigned int kinds;
	unsigned int tree;
	int kind;
	long r;

	p.len = 0;
	p.nr_runs = 0;
	p.kinds = 0;
	p.scope = scope;
	p.fd = fd;
	find_runs(&p, scope);
	load(&p, offsetof(struct seccomp_data, arch));
	test(&p, BPF_JEQ, AUDIT_ARCH_X86_64, 0, TO_ALLOW);
	load(&p, offsetof(struct seccomp_data, nr));
	tree = p.len;
	p.len += p.nr_runs - 1;
	kinds = p.len;
	for (kind = 0; kind < NR_KINDS; kind++) {
		p.bodies[kind] = p.len;
		if (p.kinds >> kind & 1)
			emit_kind(&p, (enum kind)kind);
	}
	emit_ends(&p);
	if (p.len >= TO_STOP)
		return -E2BIG;
	resolve(&p, 0, tree);
	resolve(&p, kinds, p.len);
	put_tree(&p, tree, 0, p.nr_runs);
	prog = (struct sock_fprog){.len = (unsigned short)p.len, .filter = p.code};
	r = sys3(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
	/* Only root may do without giving up set-user-ID programs. */
	if (r == -EACCES && sys5(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		r = sys3(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
			 &prog);
	/* A thread has filters of its own: this one alone can have it. */
	if (r > 0)
		r = sys3(seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
	return r;
}

/**
 * graft_filter_init() - install the filter, unless the process has inherited it
 *
 * Return: false if the kernel refuses it; the program sees no devices then.
 */
bool graft_filter_init(void)
{
	return graft_filter_is_inherited() || install(FIRST, -1) == 0;
}

/* So many descriptors are told from others by a filter each. */
#define NR_ONES 32

/**
 * graft_filter_watch() - stop the calls on a descriptor from now on
 * @fd:	the descriptor
 *
 * The descriptor is never forgotten: another file may have its number later, whose calls
 * then cost more.
 *
 * Return: false if it cannot be done.
 */
bool graft_filter_watch(int fd)
{
	static int ones[NR_ONES];
	static int nr_ones;
	static int many = INT_MAX; /* all from here on */
	int n = __atomic_load_n(&nr_ones, __ATOMIC_ACQUIRE);
	int i;

	if (fd >= __atomic_load_n(&many, __ATOMIC_RELAXED))
		return true;
	for (i = 0; i < n && i < NR_ONES; i++)
		if (__atomic_load_n(&ones[i], __ATOMIC_RELAXED) == fd + 1)
			return true;
	n = __atomic_load_n(&nr_ones, __ATOMIC_RELAXED) < NR_ONES
		    ? __atomic_fetch_add(&nr_ones, 1, __ATOMIC_ACQ_REL)
		    : NR_ONES;
	if (n >= NR_ONES) {
		if (install(MANY, fd) != 0)
			return false;
		__atomic_store_n(&many, fd, __ATOMIC_RELAXED);
		return true;
	}
	if (install(ONE, fd) != 0)
		return false;
	__atomic_store_n(&ones[n], fd + 1, __ATOMIC_RELEASE);
	return true;
}

/**
 * graft_filter_see_address() - stop the calls on a device mapping from now on
 * @addr:	an address in it
 */
void graft_filter_see_address(uint64_t addr)
{
	static bool is_wide;
	const uint64_t high = addr >> 32;

	if ((high >= WINDOW_FIRST && high < WINDOW_END) ||
	    __atomic_exchange_n(&is_wide, true, __ATOMIC_RELAXED))
		return;
	install(WIDE, -1);
}
