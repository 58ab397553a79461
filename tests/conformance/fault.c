// SPDX-License-Identifier: BSD-2-Clause
/* fault.*: accesses beyond the end or without permission, and their signals. */
#include <pthread.h>
#include <setjmp.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "tests/conformance/call.h"

/* Map the last unit of the device and one beyond. Return: the first byte beyond. */
static char *edge(void)
{
	char *p = map(dev_open(O_RDWR), 2 * A, PROT_READ | PROT_WRITE, S - A);

	put(p + A - 1, 0x71);
	return p + A;
}

static void beyond_case(const long *arg)
{
	char *p = edge() + arg[1] * (off_t)A + arg[2] * (off_t)P + arg[3];

	if (arg[0])
		say_store(p, 1);
	else
		say_load(p);
}

MATRIX
{
	int w;

	for (w = 0; w < 2; w++) {
		const char *rw = w ? "store" : "load";

		case_make(beyond_case, ARGS(w, 0, 0, 0), "fault.beyond.%s.first_byte",
			  rw);
		case_make(beyond_case, ARGS(w, 0, 0, 1), "fault.beyond.%s.second_byte",
			  rw);
		case_make(beyond_case, ARGS(w, 1, 0, -1), "fault.beyond.%s.last_byte",
			  rw);
		case_make(beyond_case, ARGS(w, 0, 0, -1), "fault.beyond.%s.byte_before",
			  rw);
		case_make(beyond_case, ARGS(w, 1, -1, 17),
			  "fault.beyond.%s.inside_last_page", rw);
	}
}

CASE("fault.beyond.whole_mapping")
{
	char *p = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, S);

	say_load(p);
	say_store(p + A - 1, 1);
}

CASE("fault.beyond.far_away")
{
	char *p = map(dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, 1L << 50);

	say_load(p);
	say_store(p + 5, 1);
}

CASE("fault.beyond.rdonly_mapping")
{
	char *p = map(dev_open(O_RDONLY), A, PROT_READ, S);

	label("load"), say_load(p);
	label("store"), say_store(p, 1); /* protection is checked first */
}

CASE("fault.beyond.prot_none")
{
	char *p = map(dev_open(O_RDONLY), A, PROT_NONE, S);

	say_load(p);
}

CASE("fault.beyond.mapping_stays")
{
	char *p = edge();

	say_load(p);
	say_load(p - 1);
	say_load(p);
	say_ok(c_munmap(p, A));
	say_load(p - 1);
}

static siginfo_t seen_info;
static ucontext_t *seen_context;
static sigjmp_buf jump;
static volatile int count;
static volatile sig_atomic_t on_altstack;
static char *altstack_low, *altstack_high;

static void note(int sig, siginfo_t *si, void *context)
{
	char here;

	(void)sig;
	seen_info = *si;
	seen_context = context;
	on_altstack = &here >= altstack_low && &here < altstack_high;
	count++;
	siglongjmp(jump, 1);
}

static void catch (void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

CASE("fault.info.fields")
{
	char *p = edge();

	catch (note, 0);
	if (sigsetjmp(jump, 1) == 0)
		put(p + 123, 1);
	say("%s %s", sig_name(seen_info.si_signo), code_name(SIGBUS, seen_info.si_code));
	say("addr=%+ld lsb=%d errno=%d", (long)((char *)seen_info.si_addr - p),
	    seen_info.si_addr_lsb, seen_info.si_errno);
}

#ifdef __x86_64__
static void say_trap(char *p, bool store)
{
	struct touch r;

	if (store)
		touch_store(&r, p, 1);
	else
		touch_load(&r, p);
	say("%s/trap%ld/err%ld", code_name(r.sig, r.code), r.trap, r.trap_err);
}
#endif

CASE("fault.info.trap")
{
#ifdef __x86_64__
	int fd = dev_open(O_RDWR);
	char *p = map(fd, A, PROT_READ, 0);

	say_trap(edge(), false);
	say_trap(edge(), true);
	say_trap(p, true);
	say_trap(map(fd, A, PROT_NONE, 0), false);
	must(c_munmap(p, A) == 0);
	say_trap(p, false);
#else
	skip("x86-64 only");
#endif
}

CASE("fault.info.protection")
{
	int fd = dev_open(O_RDWR);
	char *r = map(fd, A, PROT_READ, 0);
	char *none = map(fd, A, PROT_NONE, 0);

	put(map_units(1) + 9, 0x72);
	label("read-only-store"), say_store(r + 9, 1);
	label("read-only-load"), say_load(r + 9);
	label("none-load"), say_load(none + 9);
	label("none-store"), say_store(none + 9, 1);
}

CASE("fault.info.unmapped")
{
	char *at = area(3 * A);
	char *p = map_at(at + A, dev_open(O_RDWR), A, PROT_READ | PROT_WRITE, 0);

	must(munmap(at, A) == 0 && c_munmap(p, A) == 0);
	say_load(p);
	say_store(p + A - 1, 1);
}

#ifdef __x86_64__
/* A single access of 2, 4 or 8 bytes that straddles the end of the device. */
static void straddle_case(const long *arg)
{
	char *volatile p = edge() - 1;
	volatile uint64_t value = 0;

	catch (note, 0);
	if (sigsetjmp(jump, 1) == 0) {
		if (arg[0] == 2)
			value = *(volatile uint16_t *)p;
		else if (arg[0] == 4)
			value = *(volatile uint32_t *)(p - 2);
		else if (arg[0] == 8)
			value = *(volatile uint64_t *)(p - 3);
		else
			*(volatile uint64_t *)(p - 6) = value;
	}
	say("%s addr=%+ld", code_name(seen_info.si_signo, seen_info.si_code),
	    (long)((char *)seen_info.si_addr - (p + 1)));
	label("kept"), say_load(p);
}

MATRIX
{
	case_make(straddle_case, ARGS(2), "fault.straddle.load2");
	case_make(straddle_case, ARGS(4), "fault.straddle.load4");
	case_make(straddle_case, ARGS(8), "fault.straddle.load8");
	case_make(straddle_case, ARGS(0), "fault.straddle.store8");
}
#endif

/* Dispositions of SIGBUS: the child dies, and its wait status is the answer. */

static void touch_beyond(void *data)
{
	char *p = edge();

	if (data)
		((void (*)(void))data)();
	put(p, 1);
	say("survived");
}

static void ignore_bus(void)
{
	signal(SIGBUS, SIG_IGN);
}

static void block_bus(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void block_with_handler(void)
{
	catch (note, 0);
	block_bus();
}

static void signalfd_bus(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signalfd(-1, &set, 0);
}

static void disposition_case(const long *arg)
{
	void (*prepare)(void) = (void (*)(void))arg[0];

	touch_beyond(*(void **)&prepare);
}

MATRIX
{
	case_make(disposition_case, ARGS(0), "fault.signal.default_kills");
	case_make(disposition_case, ARGS((long)ignore_bus), "fault.signal.ignored_kills");
	case_make(disposition_case, ARGS((long)block_bus), "fault.signal.blocked_kills");
	case_make(disposition_case, ARGS((long)block_with_handler),
		  "fault.signal.blocked_with_handler_kills");
	case_make(disposition_case, ARGS((long)signalfd_bus),
		  "fault.signal.signalfd_kills");
}

static void count_three(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)si;
	(void)context;
	if (++count == 3)
		siglongjmp(jump, 1);
}

CASE("fault.signal.handler_that_returns_faults_again")
{
	char *p = edge();

	catch (count_three, 0);
	if (sigsetjmp(jump, 1) == 0)
		put(p, 1);
	say("%d", count);
}

static void map_over(int sig, siginfo_t *si, void *context)
{
	char *unit = (char *)((uintptr_t)si->si_addr & ~(A - 1));

	(void)sig;
	(void)context;
	if (++count > 3)
		_exit(9);
	mmap(unit, A, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

CASE("fault.signal.handler_maps_memory_over_it")
{
	char *p = edge();

	catch (map_over, 0);
	put(p + 77, 0x73);
	say("%d", count);
	say_load(p + 77);
	say_load(p - 1);
}

static void map_device_over(int sig, siginfo_t *si, void *context)
{
	char *unit = (char *)((uintptr_t)si->si_addr & ~(A - 1));

	(void)sig;
	(void)context;
	if (++count > 3)
		_exit(9);
	c_mmap(unit, A, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, dev_open(O_RDWR),
	       0);
}

CASE("fault.signal.handler_maps_device_over_it")
{
	char *p = edge();

	catch (map_device_over, 0);
	put(p + 78, 0x74);
	say("%d", count);
	say_load(map_units(1) + 78);
}

CASE("fault.signal.alternate_stack")
{
	static char stack[65536];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	char *p = edge();

	altstack_low = stack;
	altstack_high = stack + sizeof(stack);
	must(sigaltstack(&ss, NULL) == 0);
	catch (note, SA_ONSTACK);
	if (sigsetjmp(jump, 1) == 0)
		put(p, 1);
	say("%d", on_altstack);
	catch (note, 0);
	if (sigsetjmp(jump, 1) == 0)
		put(p, 1);
	say("%d", on_altstack);
}

CASE("fault.signal.reset_after_first")
{
	char *p = edge();

	catch (note, SA_RESETHAND);
	if (sigsetjmp(jump, 1) == 0)
		put(p, 1);
	say("%d", count);
	put(p, 1);
}

static volatile sig_atomic_t mask_in_handler;

static void note_mask(int sig, siginfo_t *si, void *context)
{
	sigset_t now;

	(void)si;
	(void)context;
	sigprocmask(SIG_BLOCK, NULL, &now);
	mask_in_handler = sigismember(&now, sig) | sigismember(&now, SIGUSR1) << 1;
	siglongjmp(jump, 1);
}

CASE("fault.signal.mask_in_handler")
{
	struct sigaction sa = {.sa_sigaction = note_mask, .sa_flags = SA_SIGINFO};
	char *p = edge();

	sigaddset(&sa.sa_mask, SIGUSR1);
	sigaction(SIGBUS, &sa, NULL);
	if (sigsetjmp(jump, 1) == 0)
		put(p, 1);
	say("%d", mask_in_handler);
	sa.sa_flags |= SA_NODEFER;
	sigaction(SIGBUS, &sa, NULL);
	if (sigsetjmp(jump, 1) == 0)
		put(p, 1);
	say("%d", mask_in_handler);
}

CASE("fault.signal.second_fault_in_handler")
{
	char *p = edge();

	/* SIGBUS is blocked in its own handler, so a fault there kills */
	catch (note, 0);
	if (sigsetjmp(jump, 0) == 0) /* the mask is not restored */
		put(p, 1);
	say("%d", count);
	put(p, 1);
}

CASE("fault.signal.sent_by_kill_is_told_apart")
{
	catch (note, 0);
	if (sigsetjmp(jump, 1) == 0)
		kill(getpid(), SIGBUS);
	say("%s", code_name(SIGBUS, seen_info.si_code));
	if (sigsetjmp(jump, 1) == 0)
		raise(SIGBUS);
	say("%s", code_name(SIGBUS, seen_info.si_code));
}

CASE("fault.signal.nothing_is_installed")
{
	struct sigaction sa[4];
	stack_t ss;
	sigset_t set;
	char *p;
	int i, blocked = 0;

	p = map_units(1);
	put(p, 1);
	sigaction(SIGBUS, NULL, &sa[0]);
	sigaction(SIGSEGV, NULL, &sa[1]);
	sigaction(SIGSYS, NULL, &sa[2]);
	sigaction(SIGTRAP, NULL, &sa[3]);
	for (i = 0; i < 4; i++)
		say("%s/0x%x", sa[i].sa_handler == SIG_DFL ? "default" : "handler",
		    sa[i].sa_flags);
	sigprocmask(SIG_BLOCK, NULL, &set);
	for (i = 1; i < 64; i++)
		blocked += sigismember(&set, i) == 1;
	sigaltstack(NULL, &ss);
	say("blocked=%d altstack=%d", blocked, !(ss.ss_flags & SS_DISABLE));
}

CASE("fault.signal.old_action_is_reported")
{
	struct sigaction sa = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct sigaction old;

	map_units(1);
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGBUS, NULL, &old);
	say("%d %d %d", old.sa_sigaction == note, sigismember(&old.sa_mask, SIGUSR2),
	    !!(old.sa_flags & SA_ONSTACK));
	say("%d", (uintptr_t)signal(SIGBUS, SIG_DFL) == (uintptr_t)note);
	say("%d", signal(SIGBUS, SIG_IGN) == SIG_DFL);
}

static volatile pthread_t faulting;
static volatile sig_atomic_t right_thread;

static void note_thread(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	right_thread = pthread_equal(pthread_self(), faulting);
	/* Map memory there, so that the thread continues. */
	mmap((char *)((uintptr_t)si->si_addr & ~(A - 1)), A, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

static void *fault_thread(void *p)
{
	faulting = pthread_self();
	put(p, 0x75);
	return NULL;
}

CASE("fault.thread.gets_its_own_fault")
{
	char *p = edge();
	pthread_t id;

	catch (note_thread, 0);
	must(pthread_create(&id, NULL, fault_thread, p) == 0);
	pthread_join(id, NULL);
	say("%d", right_thread);
	say_load(p);
}

static volatile int both[2];

static void note_both(int sig, siginfo_t *si, void *context)
{
	char *unit = (char *)((uintptr_t)si->si_addr & ~(A - 1));

	(void)sig;
	(void)context;
	__atomic_add_fetch(&both[(uintptr_t)si->si_addr & 1], 1, __ATOMIC_SEQ_CST);
	mmap(unit, A, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

CASE("fault.thread.two_at_once")
{
	char *p = map(dev_open(O_RDWR), 2 * A, PROT_READ | PROT_WRITE, S);
	pthread_t a, b;

	catch (note_both, 0);
	must(pthread_create(&a, NULL, fault_thread, p) == 0);
	must(pthread_create(&b, NULL, fault_thread, p + A + 1) == 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	say("%d %d", both[0], both[1]);
	say_load(p);
	say_load(p + A + 1);
}

static void child_faults(void *p)
{
	put(p, 1);
}

CASE("fault.fork.child_alone_dies")
{
	char *p = edge();

	say_status(in_child(child_faults, p));
	say_load(p - 1);
}

CASE("fault.fork.child_keeps_handler")
{
	char *p = edge();

	catch (note, 0);
	if (sigsetjmp(jump, 1) == 0) {
		if (fork() == 0)
			put(p, 1);
		wait(NULL);
		_exit(0);
	}
	say("caught=%d", count);
}

/* PR_SET_THP_DISABLE forbids huge pages. */

CASE("fault.thp_disable.untouched")
{
	char *p = map_units(2);

	put(p, 0x76);
	must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
	label("touched"), say_load(p);
	label("untouched"), say_store(p + A, 1);
	label("new"), say_load(map_units(1));
	must(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) == 0);
	label("enabled-again"), say_store(p + A, 1);
}

CASE("fault.thp_disable.never_touched_then_enabled")
{
	char *p;

	must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
	p = map_units(1);
	must(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) == 0);
	say_store(p, 1);
}
