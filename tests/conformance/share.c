// SPDX-License-Identifier: BSD-2-Clause
/* share.*: memory shared by processes and threads. */
#include <pthread.h>
#include <sched.h>

#include "tests/conformance/call.h"

static void child_stores(void *p)
{
	put(p, 0xc1);
}

CASE("share.fork.child_writes_parent_reads")
{
	char *p = map_units(1);

	put(p, 0);
	in_child(child_stores, p);
	say_load(p);
}

CASE("share.fork.touched_before")
{
	char *p = map_units(1);

	put(p, 0);
	get(p);
	in_child(child_stores, p);
	say_load(p);
}

static void child_own_mapping(void *data)
{
	(void)data;
	put(map_units(1) + 1, 0xc2);
}

CASE("share.fork.own_mapping")
{
	char *p = map_units(1);

	put(p + 1, 0);
	in_child(child_own_mapping, NULL);
	say_load(p + 1);
}

static void child_unmaps(void *p)
{
	c_munmap(p, A);
}

CASE("share.fork.child_unmaps_alone")
{
	char *p = map_units(1);

	put(p, 0xc3);
	in_child(child_unmaps, p);
	say_load(p);
}

static void child_protects(void *p)
{
	c_mprotect(p, A, PROT_NONE);
}

CASE("share.fork.child_protects_alone")
{
	char *p = map_units(1);

	put(p, 0xc4);
	in_child(child_protects, p);
	say_load(p);
	say_store(p, 1);
}

static void child_rules(void *p)
{
	label("munmap"), say_ok(A > P ? c_munmap(p, P) : -1);
	label("mprotect"), say_ok(A > P ? c_mprotect(p, P, PROT_READ) : -1);
	label("msync"), say_ok(c_msync(p, A, MS_SYNC));
	label("unit"), say_ok(c_munmap(p, A));
}

CASE("share.fork.rules_hold_in_child")
{
	if (A == P)
		skip("not with pages as units");
	in_child(child_rules, map_units(2));
}

CASE("share.fork.tree")
{
	volatile uint32_t *counter = (uint32_t *)map_units(1);
	int i, k;

	*counter = 0;
	for (i = 0; i < 4; i++) {
		if (fork() == 0) {
			for (k = 0; k < 2; k++)
				if (fork() == 0)
					break;
			for (k = 0; k < 100; k++)
				__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
			while (wait(NULL) > 0)
				;
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	say("%u", *counter);
}

CASE("share.fork.read_only_in_one")
{
	char *w = map_units(1);
	char *r = map(dev_open(O_RDONLY), A, PROT_READ, 0);

	put(w + 7, 0xc5);
	say_load(r + 7);
	say_store(r + 7, 1);
	put(w + 7, 0xc6);
	say_load(r + 7);
}

CASE("share.vfork.exec")
{
	char *p = map_units(1);
	pid_t pid;
	int status;

	put(p, 0xc7);
	pid = vfork();
	if (pid == 0)
		_exit(3);
	waitpid(pid, &status, 0);
	say_status(status);
	say_load(p);
}

static int clone_vm(void *p)
{
	put(p, 0xc8);
	return 0;
}

CASE("share.clone_vm")
{
	static char stack[65536] __attribute__((aligned(16)));
	char *p = map_units(1);
	pid_t pid;

	put(p, 0);
	pid = clone(clone_vm, stack + sizeof(stack), CLONE_VM | SIGCHLD, p);
	must(pid > 0);
	waitpid(pid, NULL, 0);
	say_load(p);
}

static void *adds(void *data)
{
	volatile uint32_t *n = data;
	int i;

	for (i = 0; i < 10000; i++)
		__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

CASE("share.threads.atomic_counter")
{
	uint32_t *n = (uint32_t *)map_units(1);
	pthread_t id[4];
	size_t i;

	*n = 0;
	for (i = 0; i < COUNT(id); i++)
		must(pthread_create(&id[i], NULL, adds, n) == 0);
	for (i = 0; i < COUNT(id); i++)
		pthread_join(id[i], NULL);
	say("%u", *n);
}

CASE("share.processes.atomic_counter_by_own_mappings")
{
	uint32_t *n = (uint32_t *)map_units(1);
	int i;

	*n = 0;
	for (i = 0; i < 4; i++) {
		if (fork() == 0) {
			adds(map_units(1));
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	say("%u", *n);
}

static void *maps_and_unmaps(void *data)
{
	int fd = *(int *)data;
	int i;

	for (i = 0; i < 100; i++) {
		char *p = c_mmap(NULL, A, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (p == MAP_FAILED || ((uintptr_t)p & (A - 1)))
			return NULL;
		put(p + i, i);
		if (c_munmap(p, A) < 0)
			return NULL;
	}
	return data;
}

CASE("share.threads.map_and_unmap")
{
	int fd = dev_open(O_RDWR);
	pthread_t id[4];
	void *r;
	size_t i;
	int good = 0;

	for (i = 0; i < COUNT(id); i++)
		must(pthread_create(&id[i], NULL, maps_and_unmaps, &fd) == 0);
	for (i = 0; i < COUNT(id); i++) {
		pthread_join(id[i], &r);
		good += r != NULL;
	}
	say("%d", good);
}

static void *maps_other(void *data)
{
	*(char **)data = map_units(1);
	put(*(char **)data, 0xc9);
	return NULL;
}

CASE("share.threads.mapped_by_another")
{
	char *p = NULL;
	pthread_t id;

	must(pthread_create(&id, NULL, maps_other, &p) == 0);
	pthread_join(id, NULL);
	say_load(p);
	if (A > P)
		say_ok(c_munmap(p, P));
	say_ok(c_munmap(p, A));
}

/* The memory outlives every process that mapped it. */

static void writes_and_dies(void *data)
{
	(void)data;
	fill(map_units(1), 4096, 40);
	raise(SIGKILL);
}

CASE("share.data_survives_kill")
{
	say_status(in_child(writes_and_dies, NULL));
	say("%d", is_filled(map_units(1), 4096, 40));
}

CASE("share.exec_drops_the_mapping")
{
	char *p = map_units(1);
	int status;

	put(p, 0xa1);
	status = exec_helper("map", c_open(t.dev, O_RDWR, 0), NULL);
	say_status(status);
	say_load(p + 1);
}

/* libc's string functions work on device memory as on any memory. */
CASE("share.string_functions")
{
	char *p = map_units(1);
	char *q = malloc(4096);

	must(q);
	memset(p, 'x', 4096);
	memcpy(q, p, 4096);
	say("%d", memcmp(p, q, 4096));
	strcpy(p, "hello");
	say("%s %zu", p, strlen(p));
	memmove(p + 1, p, 6);
	say("%s", p);
	snprintf(p, 100, "%d-%s", 42, q[0] == 'x' ? "x" : "?");
	say("%s", p);
}
