// SPDX-License-Identifier: BSD-2-Clause
// LIBS: -lpmemobj
/*
 * A list in a libpmemobj pool on /dev/dax0.0, in right and wrong ways:
 *
 *   crash_obj create
 *   crash_obj tx|no-add|atomic|no-persist|order N
 *   crash_obj check
 *
 * tx and no-add insert nodes in a transaction, the others allocate them atomically into
 * slots of the root. "check" opens the pool, which recovers it, reads all nodes, and
 * inserts one more.
 */
#include <libpmemobj.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpmemobj's TX_BEGIN() is a switch over some of its stages. */
#pragma GCC diagnostic ignored "-Wswitch-enum"

#define PATH   "/dev/dax0.0"
#define LAYOUT "crash"
#define WORDS  30
#define SLOTS  64

struct node {
	PMEMoid next;
	uint64_t words[WORDS];
};

struct root {
	PMEMoid head;
	uint64_t count;
	uint64_t padding[5];
	uint64_t used; /* slots */
	PMEMoid slots[SLOTS];
};

static PMEMobjpool *pop;
static struct root *root;
static const char *way;

static int is(const char *name)
{
	return !strcmp(way, name);
}

static void fill(struct node *node, uint64_t n)
{
	int i;

	for (i = 0; i < WORDS; i++)
		node->words[i] = n + (uint64_t)i;
}

static void insert(void)
{
	TX_BEGIN(pop)
	{
		PMEMoid oid = pmemobj_tx_alloc(sizeof(struct node), 1);
		struct node *node = pmemobj_direct(oid);

		fill(node, root->count + 1);
		node->next = root->head;
		if (!is("no-add"))
			pmemobj_tx_add_range_direct(root, sizeof(root->head) + 8);
		root->head = oid;
		root->count++;
	}
	TX_ONABORT
	{
		abort();
	}
	TX_END
}

static int construct(PMEMobjpool *pool, void *ptr, void *arg)
{
	struct node *node = ptr;

	fill(node, *(uint64_t *)arg);
	if (!is("no-persist"))
		pmemobj_persist(pool, node, sizeof(*node));
	return 0;
}

static void use_slots(uint64_t n)
{
	root->used = n;
	pmemobj_persist(pop, &root->used, sizeof(root->used));
}

static void allocate(void)
{
	uint64_t n = root->used + 1;

	if (is("order"))
		use_slots(n);
	if (pmemobj_alloc(pop, &root->slots[n - 1], sizeof(struct node), 2, construct,
			  &n))
		abort();
	use_slots(n);
}

static int check_node(const char *what, PMEMoid oid, uint64_t n)
{
	const struct node *node = pmemobj_direct(oid);
	int i;

	if (!node) {
		printf("%s %ju is missing\n", what, (uintmax_t)n);
		return 1;
	}
	for (i = 0; i < WORDS; i++) {
		if (node->words[i] == n + (uint64_t)i)
			continue;
		printf("%s %ju: word %d\n", what, (uintmax_t)n, i);
		return 1;
	}
	return 0;
}

static int check(void)
{
	PMEMoid oid = root->head;
	uint64_t n;

	for (n = root->count; n; n--) {
		if (check_node("node", oid, n))
			return 1;
		oid = ((struct node *)pmemobj_direct(oid))->next;
	}
	if (!OID_IS_NULL(oid)) {
		printf("a node too many\n");
		return 1;
	}
	for (n = 1; n <= root->used; n++)
		if (check_node("slot", root->slots[n - 1], n))
			return 1;
	insert();
	printf("%ju nodes, %ju slots\n", (uintmax_t)root->count, (uintmax_t)root->used);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t nr = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	int result = 0;

	way = argv[1];
	pop = is("create") ? pmemobj_create(PATH, LAYOUT, 0, 0)
			   : pmemobj_open(PATH, LAYOUT);
	if (!pop) {
		printf("pool: %s\n", pmemobj_errormsg());
		return 2;
	}
	root = pmemobj_direct(pmemobj_root(pop, sizeof(struct root)));
	if (is("check"))
		result = check();
	for (; nr; nr--)
		if (is("tx") || is("no-add"))
			insert();
		else
			allocate();
	pmemobj_close(pop);
	return result;
}
