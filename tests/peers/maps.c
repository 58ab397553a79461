// SPDX-License-Identifier: BSD-2-Clause
/*
 * One of PMDK's example maps in a pool on /dev/dax0.0, for crash states:
 *
 *   maps create TYPE
 *   maps work TYPE N
 *   maps check TYPE
 *
 * "work" inserts N keys, removes every third one again, and says "done" after each
 * operation. "check" recovers the map and expects the content after the operations in
 * $CRASH_SAID, or after one more, which may have been under way; then it removes all keys
 * and inserts one.
 *
 * Built by pmdk.py with PMDK's sources.
 */
#include <libpmemobj.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "map_btree.h"
#include "map_ctree.h"
#include "map_hashmap_atomic.h"
#include "map_hashmap_rp.h"
#include "map_hashmap_tx.h"
#include "map_rbtree.h"
#include "map_skiplist.h"

#define PATH     "/dev/dax0.0"
#define LAYOUT   "maps"
#define KEYS_MAX 1000

struct root {
	TOID(struct map) map;
};

static PMEMobjpool *pop;
static struct root *root;
static struct map_ctx *ctx;
static uint64_t nr_seen;
static bool is_damaged;

static const struct map_ops *find_type(const char *name)
{
	const struct {
		const char *name;
		const struct map_ops *ops;
	} types[] = {
		{"btree", MAP_BTREE},
		{"ctree", MAP_CTREE},
		{"hashmap_atomic", MAP_HASHMAP_ATOMIC},
		{"hashmap_rp", MAP_HASHMAP_RP},
		{"hashmap_tx", MAP_HASHMAP_TX},
		{"rbtree", MAP_RBTREE},
		{"skiplist", MAP_SKIPLIST},
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i].name, name))
			return types[i].ops;
	fprintf(stderr, "maps: there is no type %s\n", name);
	exit(2);
}

static uint64_t key_of(uint64_t i)
{
	return (i + 1) * 7919 % 100003;
}

/* Number of keys inserted by the first @nr operations; the others remove. */
static uint64_t count_inserts(uint64_t nr)
{
	return nr - nr / 4;
}

static void insert(uint64_t key)
{
	PMEMoid oid;
	uint64_t *value;

	if (pmemobj_zalloc(pop, &oid, sizeof(*value), 1)) {
		printf("zalloc: %s\n", pmemobj_errormsg());
		exit(1);
	}
	value = pmemobj_direct(oid);
	*value = ~key;
	pmemobj_persist(pop, value, sizeof(*value));
	if (map_insert(ctx, root->map, key, oid)) {
		printf("key %ju can't be inserted\n", (uintmax_t)key);
		exit(1);
	}
}

/* Do operation @i: three inserts, and the removal of the second one's key. */
static void operate(uint64_t i)
{
	if (i % 4 < 3)
		insert(key_of(count_inserts(i)));
	else
		map_remove(ctx, root->map, key_of(count_inserts(i) - 2));
}

static void work(uint64_t nr_keys)
{
	uint64_t i;

	for (i = 0; count_inserts(i + 1) <= nr_keys; i++) {
		operate(i);
		puts("done");
	}
}

/* ---- check ----------------------------------------------------------------- */

static int visit(uint64_t key, PMEMoid oid, void *arg)
{
	const uint64_t *value = pmemobj_direct(oid);

	(void)arg;
	nr_seen++;
	if (!value || *value != ~key)
		is_damaged = true;
	return 0;
}

/* Return: whether the first @nr operations leave the key number @i in the map. */
static bool is_left(uint64_t i, uint64_t nr)
{
	uint64_t removal = i / 3 * 4 + 3; /* the operation after the key's group */

	return i < count_inserts(nr) && (i % 3 != 1 || removal >= nr);
}

static bool has_content_of(uint64_t nr)
{
	uint64_t nr_left = 0;
	uint64_t i;

	for (i = 0; i < KEYS_MAX; i++) {
		bool is_there = map_lookup(ctx, root->map, key_of(i)) == 1;

		if (is_there != is_left(i, nr))
			return false;
		nr_left += is_there;
	}
	return nr_left == nr_seen;
}

static uint64_t count_said(void)
{
	const char *path = getenv("CRASH_SAID");
	FILE *f = path ? fopen(path, "r") : NULL;
	uint64_t nr = 0;
	int c;

	while (f && (c = getc(f)) != EOF)
		nr += c == '\n';
	if (f)
		fclose(f);
	return nr;
}

static int check(void)
{
	uint64_t nr = count_said();
	uint64_t i;

	map_foreach(ctx, root->map, visit, NULL);
	if (is_damaged) {
		printf("a value is damaged\n");
		return 1;
	}
	if (!has_content_of(nr) && !has_content_of(nr + 1)) {
		printf("%ju keys, not as after %ju operations or one more\n",
		       (uintmax_t)nr_seen, (uintmax_t)nr);
		return 1;
	}
	/* btree crashes if a key is removed from an empty tree. */
	for (i = 0; i < KEYS_MAX; i++)
		if (map_lookup(ctx, root->map, key_of(i)) == 1)
			map_remove(ctx, root->map, key_of(i));
	insert(key_of(KEYS_MAX));
	nr_seen = 0;
	map_foreach(ctx, root->map, visit, NULL);
	if (nr_seen != 1 || is_damaged) {
		printf("%ju keys after all were removed and one inserted\n",
		       (uintmax_t)nr_seen);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct map_ops *ops = argc > 2 ? find_type(argv[2]) : NULL;
	bool is_new = argc > 2 && !strcmp(argv[1], "create");
	int result = 0;

	if (argc < 3 || (!strcmp(argv[1], "work") && argc < 4)) {
		fprintf(stderr, "usage: maps create|work|check TYPE [N]\n");
		return 2;
	}
	pop = is_new ? pmemobj_create(PATH, LAYOUT, 0, 0) : pmemobj_open(PATH, LAYOUT);
	if (!pop) {
		printf("pool: %s\n", pmemobj_errormsg());
		return 2;
	}
	root = pmemobj_direct(pmemobj_root(pop, sizeof(*root)));
	ctx = map_ctx_init(ops, pop);
	if (is_new ? map_create(ctx, &root->map, NULL) : map_check(ctx, root->map)) {
		printf("there is no map\n");
		return 1;
	}
	if (!is_new)
		map_init(ctx, root->map);
	if (!strcmp(argv[1], "work"))
		work(strtoull(argv[3], NULL, 10));
	else if (!is_new)
		result = check();
	map_ctx_free(ctx);
	pmemobj_close(pop);
	return result;
}
