/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commit libpmemobj transactions until killed.
 *
 *   obj_commits work DEVICE	commit for ever, print the number of each commit
 *   obj_commits check DEVICE	check that the pool holds complete transactions only,
 *				print their number
 *   obj_commits kill DEVICE	start `work`, kill it after some hundred commits
 */
// LIBS: -lpmemobj
#include <libpmemobj.h>

/* TX_BEGIN expands to a switch over some of the stages. */
#pragma GCC diagnostic ignored "-Wswitch-enum"
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAYOUT "commits"
#define CELLS  64

struct node {
	PMEMoid next;
	uint64_t number;
	uint64_t cells[CELLS];
};

struct root {
	uint64_t count;
	uint64_t cells[CELLS]; /* each equals count */
	PMEMoid head;
};

static void die(const char *what)
{
	fprintf(stderr, "obj_commits: %s: %s\n", what, pmemobj_errormsg());
	exit(1);
}

static void commit(PMEMobjpool *pop, PMEMoid oid)
{
	struct root *root = pmemobj_direct(oid);

	TX_BEGIN(pop)
	{
		PMEMoid new = pmemobj_tx_alloc(sizeof(struct node), 1);
		struct node *node = pmemobj_direct(new);
		int i;

		pmemobj_tx_add_range(oid, 0, sizeof(*root));
		node->next = root->head;
		node->number = ++root->count;
		root->head = new;
		for (i = 0; i < CELLS; i++)
			root->cells[i] = node->cells[i] = root->count;
	}
	TX_ONABORT
	{
		die("aborted");
	}
	TX_END
}

static void __attribute__((noreturn)) work(const char *path)
{
	PMEMobjpool *pop = pmemobj_create(path, LAYOUT, 0, 0666);
	struct root *root;
	PMEMoid oid;

	if (!pop)
		pop = pmemobj_open(path, LAYOUT);
	if (!pop)
		die(path);
	oid = pmemobj_root(pop, sizeof(*root));
	root = pmemobj_direct(oid);
	for (;;) {
		commit(pop, oid);
		dprintf(STDOUT_FILENO, "%llu\n", (unsigned long long)root->count);
	}
}

static int check(const char *path)
{
	PMEMobjpool *pop = pmemobj_open(path, LAYOUT);
	struct root *root;
	uint64_t left;
	PMEMoid oid;
	int i;

	if (!pop)
		die(path);
	root = pmemobj_direct(pmemobj_root(pop, sizeof(*root)));
	left = root->count;
	for (i = 0; i < CELLS; i++)
		if (root->cells[i] != root->count)
			die("the root is half a transaction's");
	for (oid = root->head; !OID_IS_NULL(oid); left--) {
		struct node *node = pmemobj_direct(oid);

		if (node->number != left)
			die("a node is missing");
		for (i = 0; i < CELLS; i++)
			if (node->cells[i] != left)
				die("a node is half a transaction's");
		oid = node->next;
	}
	if (left)
		die("the list is too short");
	printf("%llu\n", (unsigned long long)root->count);
	pmemobj_close(pop);
	return 0;
}

static int kill_it(const char *self, const char *path)
{
	unsigned long long last = 0;
	int pipefd[2];
	int status;
	char *line = NULL;
	size_t size = 0;
	pid_t pid;
	FILE *f;

	if (pipe(pipefd) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		dup2(pipefd[1], STDOUT_FILENO);
		close(pipefd[0]);
		close(pipefd[1]);
		execl(self, self, "work", path, NULL);
		_exit(127);
	}
	close(pipefd[1]);
	f = fdopen(pipefd[0], "r");
	while (getline(&line, &size, f) > 0) {
		last = strtoull(line, NULL, 10);
		if (last % 300 == 0)
			kill(pid, SIGKILL);
	}
	fclose(f);
	free(line);
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return 1;
	printf("%llu\n", last);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "work"))
		work(argv[2]);
	if (!strcmp(argv[1], "check"))
		return check(argv[2]);
	return kill_it(argv[0], argv[2]);
}
