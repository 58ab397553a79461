/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of a process's dax mappings, and the rules for calls on these mappings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libcore/device.h"
#include "libcore/reason.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/verdict.h"
#include "libcore/vma_verdict.h"
#include "libcore/vmas.h"

#include "tests/unit/tap.h"

#define A    (2 * DAX_MIB)
#define P    DAX_PAGE
#define BASE UINT64_C(0x7f0000000000)
#define MAX  256

static struct dax_vmas_leaf leaves[MAX];
static struct dax_vmas_key keys[MAX];
static struct dax_vmas vmas = {.leaves = leaves, .keys = keys, .max = MAX};

static void clear(void)
{
	vmas = (struct dax_vmas){.leaves = leaves, .keys = keys, .max = MAX};
}

/* Return: mapping @i, which a test may change; an empty one if there is none. */
static struct dax_vma *entry(uint32_t i)
{
	static struct dax_vma none;
	uint32_t k;

	for (k = 0; k < vmas.nr_keys; k++) {
		struct dax_vmas_leaf *leaf = &leaves[keys[k].leaf];

		if (i < leaf->nr)
			return &leaf->v[i];
		i -= leaf->nr;
	}
	return &none;
}

/* Return: how many mappings lie before one; all if it is NULL. */
static uint32_t index_of(const struct dax_vma *vma)
{
	const struct dax_vma *v;
	uint32_t i = 0;

	for (v = dax_vmas_first(&vmas); v && v != vma; v = dax_vmas_next(&vmas, v))
		i++;
	return i;
}

static struct dax_vma vma_of(uint64_t start, uint64_t len, uint64_t off)
{
	return (struct dax_vma){
		.start = start,
		.end = start + len,
		.off = off,
		.align = A,
		.life = 1,
		.slot = 0,
		.flags = DAX_VMA_READ | DAX_VMA_WRITE | DAX_VMA_MAYWRITE,
		.file = 1,
	};
}

/* Reset the list to one mapping of @nr units at BASE. */
static struct dax_vma *one(unsigned int nr)
{
	struct dax_vma vma = vma_of(BASE, nr * A, 0);

	clear();
	dax_vmas_insert(&vmas, &vma);
	return entry(0);
}

static void is_entry(uint32_t i, uint64_t start, uint64_t end, uint64_t off,
		     const char *what)
{
	const struct dax_vma *v = entry(i);

	if (!ok(i < vmas.nr && v->start == start && v->end == end && v->off == off,
		"%s: entry %u", what, i))
		printf("# nr %u, got %#llx-%#llx at %#llx\n", vmas.nr,
		       (unsigned long long)v->start, (unsigned long long)v->end,
		       (unsigned long long)v->off);
}

static void check(struct dax_verdict v, int error, enum dax_reason reason,
		  const char *what)
{
	if (!ok(v.error == error && v.reason == reason, "%s: %s %s", what,
		error ? strerror(error) : "allowed", dax_reason_id(reason)))
		printf("# got %d %s\n", v.error, dax_reason_id(v.reason));
}

static void test_find(void)
{
	struct dax_vma second = vma_of(BASE + 4 * A, A, 0);

	clear();
	is(index_of(dax_vmas_find(&vmas, BASE)), 0, "nothing is in an empty list");
	ok(!dax_vmas_overlap(&vmas, 0, UINT64_MAX), "and nothing overlaps it");
	dax_vmas_remove(&vmas, 0, UINT64_MAX);
	is(vmas.nr, 0, "nor can anything be removed");

	one(2);
	dax_vmas_insert(&vmas, &second);
	is(index_of(dax_vmas_find(&vmas, 0)), 0, "the first one ends behind address 0");
	is(index_of(dax_vmas_find(&vmas, BASE + 2 * A - 1)), 0, "its last byte is in it");
	is(index_of(dax_vmas_find(&vmas, BASE + 2 * A)), 1, "its end is not");
	is(index_of(dax_vmas_find(&vmas, BASE + 5 * A)), 2,
	   "nothing is behind the last one");
	ok(dax_vmas_overlap(&vmas, BASE + 2 * A - 1, BASE + 2 * A), "one byte overlaps");
	ok(!dax_vmas_overlap(&vmas, BASE + 2 * A, BASE + 4 * A), "the gap does not");
	ok(dax_vmas_overlap(&vmas, BASE + 2 * A, BASE + 4 * A + 1), "one more byte does");
}

/* 28: neighbours merge if they map one file and their offsets are contiguous. */
static void test_merge(void)
{
	static const struct {
		const char *what;
		size_t field;
		size_t size;
	} fields[] = {
#define FIELD(f, w) {w, offsetof(struct dax_vma, f), sizeof(((struct dax_vma *)0)->f)}
		FIELD(slot, "another device"), FIELD(life, "a device of another life"),
		FIELD(flags, "other flags"), FIELD(file, "another open file")};
	struct dax_vma vma = vma_of(BASE + A, A, A);
	size_t i;

	one(1);
	dax_vmas_insert(&vmas, &vma);
	is(vmas.nr, 1, "the mapping behind merges");
	is_entry(0, BASE, BASE + 2 * A, 0, "merged");

	vma = vma_of(BASE - A, A, -A);
	dax_vmas_insert(&vmas, &vma);
	is(vmas.nr, 1, "the one before, too, at an offset that is just not wrapped");
	is_entry(0, BASE - A, BASE + 2 * A, -A, "merged");

	one(1);
	vma = vma_of(BASE + 2 * A, A, 2 * A);
	dax_vmas_insert(&vmas, &vma);
	vma = vma_of(BASE + A, A, A);
	dax_vmas_insert(&vmas, &vma);
	is(vmas.nr, 1, "what fills a gap merges with both");
	is_entry(0, BASE, BASE + 3 * A, 0, "merged");

	one(1);
	vma = vma_of(BASE + A, A, 3 * A);
	dax_vmas_insert(&vmas, &vma);
	is(vmas.nr, 2, "other offsets do not merge");
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		one(1);
		vma = vma_of(BASE + A, A, A);
		((char *)&vma)[fields[i].field] ^= 4;
		dax_vmas_insert(&vmas, &vma);
		is(vmas.nr, 2, "%s does not merge", fields[i].what);
	}
}

static void test_insert_over(void)
{
	struct dax_vma vma = vma_of(BASE + A, A, 7 * A);

	one(3);
	dax_vmas_insert(&vmas, &vma);
	is(vmas.nr, 3, "a mapping over the middle of another");
	is_entry(0, BASE, BASE + A, 0, "head");
	is_entry(1, BASE + A, BASE + 2 * A, 7 * A, "new");
	is_entry(2, BASE + 2 * A, BASE + 3 * A, 2 * A, "tail");
	vma = vma_of(BASE - A, 6 * A, 0);
	vma.file = 2;
	dax_vmas_insert(&vmas, &vma);
	is(vmas.nr, 1, "and one over them all");
	is_entry(0, BASE - A, BASE + 5 * A, 0, "new");
}

static void test_remove(void)
{
	one(4);
	dax_vmas_remove(&vmas, BASE + 4 * A, BASE + 9 * A);
	is(vmas.nr, 1, "what is behind is not touched");
	dax_vmas_remove(&vmas, BASE + A, BASE + 2 * A);
	is(vmas.nr, 2, "a hole in the middle");
	is_entry(0, BASE, BASE + A, 0, "head");
	is_entry(1, BASE + 2 * A, BASE + 4 * A, 2 * A, "tail");
	dax_vmas_remove(&vmas, BASE - A, BASE + A);
	is(vmas.nr, 1, "the head goes");
	dax_vmas_remove(&vmas, BASE + 3 * A, BASE + 8 * A);
	is_entry(0, BASE + 2 * A, BASE + 3 * A, 2 * A, "the tail is cut");
	dax_vmas_remove(&vmas, 0, UINT64_MAX);
	is(vmas.nr, 0, "all goes");
}

static void test_set_flags(void)
{
	one(4);
	dax_vmas_set_flags(&vmas, BASE + A, BASE + 2 * A, DAX_VMA_WRITE, DAX_VMA_EXEC);
	is(vmas.nr, 3, "other flags in the middle split twice");
	is(entry(1)->flags, DAX_VMA_READ | DAX_VMA_EXEC | DAX_VMA_MAYWRITE,
	   "set and cleared");
	is(entry(2)->flags, DAX_VMA_READ | DAX_VMA_WRITE | DAX_VMA_MAYWRITE,
	   "and nothing beside it");
	dax_vmas_set_flags(&vmas, BASE + 2 * A, BASE + 3 * A, DAX_VMA_WRITE,
			   DAX_VMA_EXEC);
	is(vmas.nr, 3, "the same for the neighbour merges with it");
	is_entry(1, BASE + A, BASE + 3 * A, A, "merged");
	dax_vmas_set_flags(&vmas, BASE, BASE + 9 * A, DAX_VMA_EXEC, DAX_VMA_WRITE);
	is(vmas.nr, 1, "alike again, one again");
	is_entry(0, BASE, BASE + 4 * A, 0, "merged");
	dax_vmas_set_flags(&vmas, BASE + 5 * A, BASE + 6 * A, ~0U, 0);
	is(vmas.nr, 1, "nothing is changed where there is nothing");
}

/* 37: a refused call has already split the mapping at its start. */
static void test_split(void)
{
	one(2);
	dax_vmas_split(&vmas, BASE + A);
	is(vmas.nr, 2, "a border on the align");
	dax_vmas_split(&vmas, BASE + P);
	is(vmas.nr, 2, "not elsewhere");
	dax_vmas_split(&vmas, BASE + 2 * A);
	is(vmas.nr, 2, "not behind the end");
	dax_vmas_split(&vmas, BASE);
	is(vmas.nr, 2, "not where one is");
}

/* Compare the list with a model that has one entry for each page. */
static void test_random(void)
{
	enum {
		PAGES = 24
	};
	uint32_t flags[PAGES] = {0};
	bool is_mapped[PAGES] = {0};
	bool is_same = true;
	int step;

	srandom(1);
	clear();
	for (step = 0; step < 20000 && is_same; step++) {
		uint64_t start = (uint64_t)random() % PAGES;
		uint64_t end = start + 1 + (uint64_t)random() % (PAGES - start);
		struct dax_vma vma =
			vma_of(BASE + start * P, (end - start) * P, start * P);
		uint64_t i;

		switch (random() % 3) {
		case 0:
			vma.flags = DAX_VMA_READ;
			dax_vmas_insert(&vmas, &vma);
			for (i = start; i < end; i++) {
				is_mapped[i] = true;
				flags[i] = DAX_VMA_READ;
			}
			break;
		case 1:
			dax_vmas_remove(&vmas, BASE + start * P, BASE + end * P);
			for (i = start; i < end; i++)
				is_mapped[i] = false;
			break;
		default:
			dax_vmas_set_flags(&vmas, BASE + start * P, BASE + end * P, 0,
					   DAX_VMA_RANDOM);
			for (i = start; i < end; i++)
				flags[i] |= DAX_VMA_RANDOM;
			break;
		}
		for (i = 0; i < PAGES; i++) {
			uint64_t at = BASE + i * P;
			const struct dax_vma *v = dax_vmas_find(&vmas, at);
			bool is_there = v && v->start <= at;

			is_same &= is_there == is_mapped[i];
			if (is_there && is_mapped[i])
				is_same &= v->flags == flags[i] &&
					   v->off + (at - v->start) == i * P;
		}
		for (i = 0; i + 1 < vmas.nr; i++)
			is_same &= entry(i)->start < entry(i)->end &&
				   entry(i)->end <= entry(i + 1)->start &&
				   !(entry(i)->end == entry(i + 1)->start &&
				     entry(i)->flags == entry(i + 1)->flags);
	}
	ok(is_same, "after %d steps the list is what a simple model says", step);
}

/* A model of a long list: for each page, the open file that it maps, or 0. */
enum {
	MANY = 8000
};
static uint64_t model[MANY];

static void map_pages(struct dax_vmas *list, uint64_t page, uint64_t nr, uint64_t file)
{
	struct dax_vma vma = vma_of(BASE + page * P, nr * P, page * P);

	vma.align = P;
	vma.file = file;
	if (file)
		dax_vmas_insert(list, &vma);
	else
		dax_vmas_remove(list, vma.start, vma.end);
	while (nr--)
		model[page + nr] = file;
}

/* True if a list holds what the model says, forwards, backwards and by every search. */
static bool is_model(const struct dax_vmas *list)
{
	const struct dax_vma *v = dax_vmas_first(list);
	const struct dax_vma *last = NULL;
	uint32_t mapped[3] = {0};
	uint32_t nr = 0;
	uint64_t i;

	for (i = 0; i < MANY; i++) {
		const uint64_t at = BASE + i * P;

		if (v && v->end == at) {
			last = v;
			v = dax_vmas_next(list, v);
		}
		if (dax_vmas_find(list, at) != v ||
		    (v && v->start <= at ? v->file : 0) != model[i])
			return false;
		if (v && v->start == at) {
			if (v->off != i * P || dax_vmas_prev(list, v) != last)
				return false;
			mapped[v->file]++;
			nr++;
		}
	}
	last = v ? v : last;
	return nr == list->nr && dax_vmas_last(list) == last &&
	       list->counts[0].nr == mapped[1] && list->counts[1].nr == mapped[2];
}

/* True if no leaf is empty, keys are exact, and two neighbours are half of one. */
static bool is_sound(const struct dax_vmas *list)
{
	uint32_t before = DAX_VMAS_LEAF;
	uint32_t k;

	for (k = 0; k < list->nr_keys; k++) {
		const struct dax_vmas_leaf *leaf = &list->leaves[list->keys[k].leaf];

		if (!leaf->nr || leaf->nr > DAX_VMAS_LEAF ||
		    list->keys[k].start != leaf->v[0].start ||
		    before + leaf->nr < DAX_VMAS_LEAF / 2)
			return false;
		before = leaf->nr;
	}
	return list->nr_keys <= list->nr_leaves && list->nr_leaves <= list->max;
}

static uint64_t pick(uint64_t nr)
{
	return (uint64_t)random() % nr;
}

/* A long list, whose leaves split and join, against the model. */
static void test_many(void)
{
	static struct dax_vmas_leaf other_leaves[MAX];
	static struct dax_vmas_key other_keys[MAX];
	struct dax_vmas copy = {.leaves = other_leaves, .keys = other_keys, .max = MAX};
	bool is_same = true;
	uint32_t full;
	int step;

	clear();
	memset(model, 0, sizeof(model));
	dax_vmas_count(&vmas, 0, 1);
	dax_vmas_count(&vmas, 1, 2);
	is(dax_vmas_last(&vmas) == NULL, 1, "an empty list has no last mapping");
	for (step = 0; step < MANY; step += 2)
		map_pages(&vmas, (uint64_t)(MANY - 2 - step), 1, 1);
	ok(is_model(&vmas) && is_sound(&vmas), "every second page, downwards");
	full = (vmas.nr + DAX_VMAS_LEAF - 1) / DAX_VMAS_LEAF;
	is(vmas.nr_keys, full, "fills its leaves");
	map_pages(&vmas, 0, MANY, 0);
	ok(!vmas.nr && !vmas.nr_keys, "one removal takes all");
	for (step = 0; step < MANY; step += 2)
		map_pages(&vmas, (uint64_t)step, 1, 1 + (uint64_t)step / 2 % 2);
	ok(is_model(&vmas) && is_sound(&vmas), "every second page, upwards");
	is(vmas.nr_keys, full, "fills its leaves, too");
	ok(dax_vmas_has_room(&vmas), "there is room for more");

	srandom(2);
	for (step = 0; step < 60000 && is_same; step++) {
		const uint64_t page = pick(MANY);
		const uint64_t most = step % 1000 == 999 ? MANY : 3;

		map_pages(&vmas, page, 1 + pick(dax_min(most, MANY - page)),
			  pick(step / 10000 % 2 ? 9 : 3) % 3);
		is_same &= is_sound(&vmas);
		if (step % 250 == 0)
			is_same &= is_model(&vmas);
	}
	ok(is_same && is_model(&vmas), "after %d steps it is what the model says", step);

	dax_vmas_copy(&copy, &vmas);
	ok(is_model(&copy) && is_sound(&copy), "so is a copy");
	is(copy.nr_keys, (vmas.nr + DAX_VMAS_LEAF - 1) / DAX_VMAS_LEAF,
	   "whose leaves are full");
	dax_vmas_count(&copy, 0, 2);
	is(copy.counts[0].nr, copy.counts[1].nr, "a count begins with what is there");
}

/* A copy leaves out what an interrupted change has left behind. */
static void test_copy_broken(void)
{
	static struct dax_vmas_leaf other_leaves[MAX];
	static struct dax_vmas_key other_keys[MAX];
	struct dax_vmas copy = {.leaves = other_leaves, .keys = other_keys, .max = MAX};
	uint32_t i;

	clear();
	memset(leaves, 0, sizeof(leaves));
	memset(model, 0, sizeof(model));
	for (i = 0; i < 10; i++)
		map_pages(&vmas, 2 * i, 1, 1);
	entry(3)->end = entry(3)->start;
	entry(4)->align = 3;
	entry(5)->slot = DAX_STATE_SLOTS;
	*entry(7) = *entry(6);
	keys[1] = keys[0];
	keys[2].leaf = UINT32_MAX;
	vmas.nr_keys = 3;
	dax_vmas_copy(&copy, &vmas);
	is(copy.nr, 6, "what cannot be is left out, and what is there twice");
	is(dax_vmas_last(&copy)->start, BASE + 18 * P, "the rest is there");
	leaves[0].nr = UINT32_MAX;
	vmas.nr_keys = UINT32_MAX;
	copy = (struct dax_vmas){.leaves = other_leaves, .keys = other_keys, .max = MAX};
	dax_vmas_copy(&copy, &vmas);
	is(copy.nr, 6, "whatever the counters say");
}

/* 40: a mapping whose ends are off the align cannot be touched. */
static void test_broken(void)
{
	struct dax_vma vma = vma_of(BASE, A, 0);

	ok(!dax_vma_is_broken(&vma), "an aligned mapping is whole");
	vma.end += P;
	ok(dax_vma_is_broken(&vma), "one that has grown by a page is not");
	vma = vma_of(BASE + P, A, 0);
	ok(dax_vma_is_broken(&vma), "nor is one that was moved off the align");
	vma.align = P;
	ok(!dax_vma_is_broken(&vma), "unless a page is all that is asked");
}

/* 36 to 38: munmap. */
static void test_munmap(void)
{
	one(3);
	check(dax_munmap_verdict(&vmas, BASE, 1), EINVAL, DAX_VMA_SPLIT, "munmap(p, 1)");
	check(dax_munmap_verdict(&vmas, BASE, A - 1), 0, DAX_OK, "munmap(p, A-1)");
	check(dax_munmap_verdict(&vmas, BASE, A - P), EINVAL, DAX_VMA_SPLIT,
	      "munmap(p, A-4096)");
	check(dax_munmap_verdict(&vmas, BASE + A, A), 0, DAX_OK, "an aligned middle");
	check(dax_munmap_verdict(&vmas, BASE + P, A - P), EINVAL, DAX_VMA_SPLIT,
	      "an unaligned start");
	check(dax_munmap_verdict(&vmas, BASE - P, 2 * P), EINVAL, DAX_VMA_SPLIT,
	      "a neighbour's page and one of ours");
	check(dax_munmap_verdict(&vmas, BASE - P, 3 * A + 2 * P), 0, DAX_OK,
	      "all, and something around");
	check(dax_munmap_verdict(&vmas, BASE + 3 * A, P), 0, DAX_OK, "behind the end");
	clear();
	check(dax_munmap_verdict(&vmas, BASE, 1), 0, DAX_OK, "what is not ours");
}

/* 39: mprotect. */
static void test_mprotect(void)
{
	struct dax_vma read_only = vma_of(BASE + 2 * A, A, 0);
	const int rw = PROT_READ | PROT_WRITE;
	uint64_t stop = 0;

	one(2);
	read_only.flags = DAX_VMA_READ;
	dax_vmas_insert(&vmas, &read_only);
	check(dax_mprotect_verdict(&vmas, BASE, P, rw, &stop), 0, DAX_OK,
	      "the protection that it has, on a part");
	is(stop, BASE + P, "all of it");
	check(dax_mprotect_verdict(&vmas, BASE, P, PROT_READ, &stop), EINVAL,
	      DAX_VMA_SPLIT, "another one on a part");
	is(stop, BASE, "nothing of it");
	check(dax_mprotect_verdict(&vmas, BASE + A, A, PROT_NONE, &stop), 0, DAX_OK,
	      "another one on a unit");
	check(dax_mprotect_verdict(&vmas, BASE + 2 * A, P, rw, &stop), EACCES,
	      DAX_VMA_NO_WRITE, "PROT_WRITE on O_RDONLY, before the split");
	check(dax_mprotect_verdict(&vmas, BASE + A, 2 * A, rw, &stop), EACCES,
	      DAX_VMA_NO_WRITE, "the second mapping refuses");
	is(stop, BASE + 2 * A, "the first one is done");
	check(dax_mprotect_verdict(&vmas, BASE, 2 * A + P, PROT_NONE, &stop), EINVAL,
	      DAX_VMA_SPLIT, "the end is in a unit of the second");
	is(stop, BASE + 2 * A, "the first one is done");
	check(dax_mprotect_verdict(&vmas, BASE + 8 * A, A, rw, &stop), 0, DAX_OK,
	      "what is not ours");
	is(stop, BASE + 9 * A, "all of it");
}

/* 40: what is sealed stays. */
static void test_mseal(void)
{
	struct dax_mremap_answer moved;
	uint64_t stop = 0;

	one(3);
	check(dax_mseal_verdict(&vmas, BASE + P, A, &stop), EINVAL, DAX_VMA_SPLIT,
	      "mseal of a part of a unit");
	is(stop, BASE + P, "nothing of it");
	check(dax_mseal_verdict(&vmas, BASE + A, A, &stop), 0, DAX_OK, "mseal of a unit");
	is(stop, BASE + 2 * A, "all of it");
	dax_vmas_set_flags(&vmas, BASE + A, BASE + 2 * A, 0, DAX_VMA_SEALED);
	check(dax_mseal_verdict(&vmas, BASE + A + P, P, &stop), 0, DAX_OK,
	      "a part of what is sealed already");
	check(dax_munmap_verdict(&vmas, BASE, 3 * A), EPERM, DAX_VMA_IS_SEALED,
	      "munmap of all");
	check(dax_munmap_verdict(&vmas, BASE + A, P), EPERM, DAX_VMA_IS_SEALED,
	      "munmap of a part of it, before the split");
	check(dax_munmap_verdict(&vmas, BASE, A), 0, DAX_OK, "munmap before it");
	check(dax_mprotect_verdict(&vmas, BASE, 3 * A, PROT_READ, &stop), EPERM,
	      DAX_VMA_IS_SEALED, "mprotect");
	is(stop, BASE + A, "the unit before it is done");
	check(dax_mprotect_verdict(&vmas, BASE + A, A, PROT_READ | PROT_WRITE, &stop),
	      EPERM, DAX_VMA_IS_SEALED, "mprotect that changes nothing");
	dax_mremap_verdict(dax_vmas_find(&vmas, BASE + A),
			   &(struct dax_mremap_request){.old_addr = BASE + A,
							.old_len = A,
							.new_len = 2 * A,
							.flags = MREMAP_MAYMOVE},
			   &moved);
	check(moved.v, EPERM, DAX_VMA_IS_SEALED, "mremap");
}

/*
 * A part that becomes like its neighbour moves the border between the two, without asking
 * the driver (mm/vma.c: vma_modify()).
 */
static void test_moved_border(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	uint64_t stop = 0;

	one(3);
	dax_vmas_set_flags(&vmas, BASE + A, BASE + 2 * A, DAX_VMA_WRITE, 0);
	is(vmas.nr, 3, "a unit in the middle is read-only");
	check(dax_mprotect_verdict(&vmas, BASE + A, P, rw, &stop), 0, DAX_OK,
	      "its first page becomes like what is before it");
	check(dax_mprotect_verdict(&vmas, BASE + 2 * A - P, P, rw, &stop), 0, DAX_OK,
	      "its last page like what is behind it");
	check(dax_mprotect_verdict(&vmas, BASE + A + P, P, rw, &stop), EINVAL,
	      DAX_VMA_SPLIT, "a page in its middle does not");
	check(dax_mprotect_verdict(&vmas, BASE + A, P, PROT_NONE, &stop), EINVAL,
	      DAX_VMA_SPLIT, "its first page becomes like nothing else");
	check(dax_mprotect_verdict(&vmas, BASE + 2 * A - P, P, PROT_NONE, &stop), EINVAL,
	      DAX_VMA_SPLIT, "nor its last page");
	check(dax_mprotect_verdict(&vmas, BASE, A + P, PROT_READ, &stop), 0, DAX_OK,
	      "what ends in the middle has it already there");
	check(dax_mprotect_verdict(&vmas, BASE, A + P, PROT_EXEC, &stop), 0, DAX_OK,
	      "and may be what was changed right before");
	check(dax_mprotect_verdict(&vmas, BASE + 2 * A, P, PROT_READ, &stop), 0, DAX_OK,
	      "the last mapping's first page");
	dax_vmas_set_flags(&vmas, BASE + A, BASE + A + P, 0, DAX_VMA_WRITE);
	is(vmas.nr, 3, "the border has moved");
	is_entry(1, BASE + A + P, BASE + 2 * A, A + P, "it");
}

/* 52: mbind. */
static void test_mbind(void)
{
	uint64_t stop = 0;

	one(3);
	check(dax_mbind_verdict(&vmas, BASE + A, A, &stop), 0, DAX_OK, "mbind of a unit");
	is(stop, BASE + 2 * A, "all of it");
	check(dax_mbind_verdict(&vmas, BASE, P, &stop), EINVAL, DAX_VMA_SPLIT,
	      "mbind of a part");
	is(stop, BASE, "nothing of it");
	check(dax_mbind_verdict(&vmas, BASE - A, A + P, &stop), EINVAL, DAX_VMA_SPLIT,
	      "mbind over the start");
	is(stop, BASE, "what is before it is done");
	check(dax_mbind_verdict(&vmas, BASE - A, A, &stop), 0, DAX_OK, "not ours");
}

/* The verdict on an advice on part of the first mapping, as Linux 6.12 gives it. */
static struct dax_verdict advise(uint64_t start, uint64_t end, int advice)
{
	const struct dax_advice a = dax_advice(DAX_KERNEL_6_12, advice);

	return dax_madvise_verdict(&vmas, dax_vmas_first(&vmas), start, end, &a);
}

/* 45: madvise. */
static void test_madvise(void)
{
	static const struct {
		int advice;
		int whole;
		int part;
		const char *name;
	} rows[] = {
#define ADVICE(a, w, p) {MADV_##a, w, p, #a}
		ADVICE(NORMAL, 0, 0),
		ADVICE(RANDOM, 0, EINVAL),
		ADVICE(SEQUENTIAL, 0, EINVAL),
		ADVICE(WILLNEED, 0, 0),
		ADVICE(DONTNEED, 0, 0),
		ADVICE(HUGEPAGE, 0, 0),
		ADVICE(NOHUGEPAGE, 0, EINVAL),
		ADVICE(DONTFORK, 0, EINVAL),
		ADVICE(DOFORK, 0, 0),
		ADVICE(DONTDUMP, 0, EINVAL),
		ADVICE(DODUMP, 0, 0),
		ADVICE(KEEPONFORK, 0, 0),
		ADVICE(MERGEABLE, 0, 0),
		ADVICE(UNMERGEABLE, 0, 0),
		ADVICE(COLD, 0, 0),
		ADVICE(PAGEOUT, 0, 0),
		ADVICE(POPULATE_READ, 0, 0),
		ADVICE(POPULATE_WRITE, 0, 0),
		ADVICE(REMOVE, ENODEV, ENODEV),
		ADVICE(FREE, EINVAL, EINVAL),
		ADVICE(WIPEONFORK, EINVAL, EINVAL),
		{25, EINVAL, EINVAL, "COLLAPSE"},
		{24, 0, 0, "DONTNEED_LOCKED"},
	};
	struct dax_vma *vma = one(2);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is(advise(BASE, BASE + 2 * A, rows[i].advice).error, rows[i].whole,
		   "MADV_%s on all of it", rows[i].name);
		is(advise(BASE + A, BASE + 2 * A, rows[i].advice).error, rows[i].whole,
		   "MADV_%s on a unit", rows[i].name);
		is(advise(BASE, BASE + P, rows[i].advice).error, rows[i].part,
		   "MADV_%s on a part of one", rows[i].name);
	}
	vma->flags |= DAX_VMA_RANDOM;
	is(advise(BASE, BASE + P, MADV_RANDOM).error, 0,
	   "what it was told already splits nothing");
	is(advise(BASE, BASE + P, MADV_NORMAL).error, EINVAL, "taking it back does");
	vma->flags = DAX_VMA_READ;
	check(advise(BASE, BASE + A, MADV_REMOVE), EACCES, DAX_VMA_NO_WRITE,
	      "MADV_REMOVE on O_RDONLY");
	is(dax_advice(DAX_KERNEL_6_12, MADV_DONTNEED).kind, DAX_ADVICE_PASS,
	   "the kernel knows DONTNEED");
	is(dax_advice(DAX_KERNEL_6_12, 12345).kind, DAX_ADVICE_PASS,
	   "and what is unknown");
	is(dax_advice(DAX_KERNEL_6_12, MADV_SEQUENTIAL).clear, DAX_VMA_RANDOM,
	   "SEQUENTIAL ends RANDOM");
}

/* Memory without page structs cannot be pinned, and forked children do not inherit it. */
static void test_no_pages(void)
{
	struct dax_device dev = {.flags = DAX_DEVICE_ALIVE};
	struct dax_vma *vma = one(2);

	is(dax_vma_flags_of(&dev), 0, "other devices' mappings begin without flags");
	check(dax_pin_verdict(&vmas, BASE, BASE + A), 0, DAX_OK, "and can be pinned");
	dev.flags |= DAX_DEVICE_NO_PAGES;
	is(dax_vma_flags_of(&dev), DAX_VMA_NO_PAGES | DAX_VMA_DONTFORK,
	   "those without page structs are not inherited");
	vma->flags |= dax_vma_flags_of(&dev);
	check(dax_pin_verdict(&vmas, BASE - A, BASE + 1), EFAULT, DAX_PIN_NO_PAGES,
	      "and not pinned");
	check(dax_pin_verdict(&vmas, BASE + 2 * A, BASE + 3 * A), 0, DAX_OK,
	      "what is beside is");
	check(advise(BASE, BASE + 2 * A, MADV_DOFORK), EINVAL, DAX_MADVISE_NO_PAGES,
	      "nor can a child be made to have them");
	check(advise(BASE, BASE + 2 * A, MADV_RANDOM), 0, DAX_OK,
	      "other advice is as ever");
}

/* 44: msync. */
static void test_msync(void)
{
	struct dax_vma vma = vma_of(BASE, A, 0);

	check(dax_msync_verdict(&vma, MS_SYNC), EINVAL, DAX_NO_MSYNC, "MS_SYNC");
	check(dax_msync_verdict(&vma, MS_SYNC | MS_INVALIDATE), EINVAL, DAX_NO_MSYNC,
	      "MS_SYNC|MS_INVALIDATE");
	check(dax_msync_verdict(&vma, MS_ASYNC), 0, DAX_OK, "MS_ASYNC");
	check(dax_msync_verdict(&vma, MS_INVALIDATE), 0, DAX_OK, "MS_INVALIDATE");
	check(dax_msync_verdict(&vma, 0), 0, DAX_OK, "no flags");
	vma.flags &= ~DAX_VMA_WRITE;
	check(dax_msync_verdict(&vma, MS_SYNC), EINVAL, DAX_NO_MSYNC,
	      "MS_SYNC on PROT_READ");
	vma.flags = DAX_VMA_READ;
	check(dax_msync_verdict(&vma, MS_SYNC), 0, DAX_OK, "MS_SYNC on O_RDONLY");
}

/* 65: madvise with MADV_HWPOISON and MADV_SOFT_OFFLINE. */
static void test_failure(void)
{
	enum {
		HWPOISON = 100,
		SOFT_OFFLINE = 101
	};
	struct dax_device dev = {
		.flags = DAX_DEVICE_ALIVE, .align = A, .size = 2 * A, .life = 1};
	struct dax_vma vma = vma_of(BASE, 4 * A, A);

	check(dax_failure_right_verdict(HWPOISON, false), EPERM, DAX_MADVISE_NO_RIGHT,
	      "HWPOISON by anybody");
	check(dax_failure_right_verdict(HWPOISON, true), 0, DAX_OK,
	      "by an administrator");
	check(dax_failure_verdict(&vma, &dev, BASE, HWPOISON), 0, DAX_OK, "of a unit");
	check(dax_failure_verdict(&vma, &dev, BASE, SOFT_OFFLINE), EIO,
	      DAX_MADVISE_NO_OFFLINE, "SOFT_OFFLINE of memory that is no RAM");
	check(dax_failure_verdict(&vma, &dev, BASE + A, HWPOISON), EFAULT,
	      DAX_MADVISE_NOTHING_THERE, "behind the end of the device");
	vma.off = -A;
	check(dax_failure_verdict(&vma, &dev, BASE + A, HWPOISON), EFAULT,
	      DAX_MADVISE_NOTHING_THERE, "where the offset has wrapped");
	vma.off = 0;
	vma.flags = DAX_VMA_MAYWRITE;
	check(dax_failure_verdict(&vma, &dev, BASE, HWPOISON), EFAULT,
	      DAX_MADVISE_NOTHING_THERE, "of PROT_NONE");
	vma.flags = DAX_VMA_READ;
	dev.life = 2;
	check(dax_failure_verdict(&vma, &dev, BASE, HWPOISON), EFAULT,
	      DAX_MADVISE_NOTHING_THERE, "of a device of another life");
	dev.life = 1;
	dev.flags = 0;
	check(dax_failure_verdict(&vma, &dev, BASE, HWPOISON), EFAULT,
	      DAX_MADVISE_NOTHING_THERE, "of one that is not alive");
	dev.flags = DAX_DEVICE_ALIVE;
	vma.end += P;
	check(dax_failure_verdict(&vma, &dev, BASE, HWPOISON), EFAULT,
	      DAX_MADVISE_NOTHING_THERE, "of a mapping that can't be touched");
}

static void test_process_madvise(void)
{
	static const int good[] = {MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED};
	const int collapse = 25; /* MADV_COLLAPSE */
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		check(dax_process_madvise_verdict(DAX_KERNEL_6_12, good[i], true, false),
		      0, DAX_OK, "process_madvise with what it knows");
		check(dax_process_madvise_verdict(DAX_KERNEL_6_12, good[i], false, false),
		      EPERM, DAX_MADVISE_PROCESS, "of another without the right");
		check(dax_process_madvise_verdict(DAX_KERNEL_6_1, good[i], true, false),
		      EPERM, DAX_MADVISE_PROCESS, "6.1 asks for the right always");
		check(dax_process_madvise_verdict(DAX_KERNEL_6_1, good[i], true, true), 0,
		      DAX_OK, "and with it allows it");
	}
	check(dax_process_madvise_verdict(DAX_KERNEL_6_12, MADV_DONTNEED, true, true),
	      EINVAL, DAX_MADVISE_PROCESS, "with anything else");
	check(dax_process_madvise_verdict(DAX_KERNEL_6_1, collapse, true, false), EPERM,
	      DAX_MADVISE_PROCESS, "MADV_COLLAPSE is refused for the right first");
	check(dax_process_madvise_verdict(DAX_KERNEL_6_1, collapse, true, true), EINVAL,
	      DAX_MADVISE_PROCESS, "a device is not collapsed");
	check(dax_process_madvise_verdict(DAX_KERNEL_6_18, MADV_DONTNEED, true, false), 0,
	      DAX_OK, "6.18 lets the process itself do it");
	check(dax_process_madvise_verdict(DAX_KERNEL_6_18, MADV_DONTNEED, false, true),
	      EINVAL, DAX_MADVISE_PROCESS, "but not to another");
}

/* Mappings in which the kernels differ. */
static void test_kernels(void)
{
	struct dax_advice guard = dax_advice(DAX_KERNEL_6_12, 102);
	struct dax_vma vma = vma_of(BASE + 2 * A, A, 2 * A);
	struct dax_verdict split = dax_refuse(EINVAL, DAX_VMA_SPLIT, 0, 0, 0);
	struct dax_mremap_answer ans;

	is(guard.kind, DAX_ADVICE_REFUSE, "6.12 has no guard pages in files");
	guard = dax_advice(DAX_KERNEL_6_18, 102);
	is(guard.kind, DAX_ADVICE_GUARD, "6.18 has");
	is(dax_replace_verdict(DAX_KERNEL_6_1, split).error, ENOMEM, "ENOMEM on 6.1");
	is(dax_replace_verdict(DAX_KERNEL_6_12, split).error, EINVAL, "then EINVAL");
	is(dax_vma_flags_of_mmap(DAX_KERNEL_6_1, MAP_STACK), 0, "MAP_STACK on 6.1");
	is(dax_vma_flags_of_mmap(DAX_KERNEL_6_12, MAP_STACK | MAP_NORESERVE),
	   DAX_VMA_SMALL | DAX_VMA_NORESERVE, "MAP_STACK forbids huge pages since then");
	one(2);
	dax_mremap_verdict(dax_vmas_find(&vmas, BASE),
			   &(struct dax_mremap_request){.old_addr = BASE,
							.old_len = A,
							.new_len = DAX_TASK_SIZE + P,
							.flags = MREMAP_MAYMOVE,
							.kernel = DAX_KERNEL_6_18},
			   &ans);
	is(ans.v.error, EINVAL, "a length that no address space has");
	dax_vmas_map(&vmas, &vma, DAX_KERNEL_6_18);
	is(vmas.nr, 2, "6.18 does not merge what is mapped");
	one(2);
	dax_vmas_map(&vmas, &vma, DAX_KERNEL_7_3);
	is(vmas.nr, 1, "7.3 does");
}

#define MAYMOVE   MREMAP_MAYMOVE
#define FIXED     (MREMAP_MAYMOVE | MREMAP_FIXED)
#define DONTUNMAP (MREMAP_MAYMOVE | 4)
#define TO        (BASE + 64 * A)

#define REQ(a, old, new, f, to)                                                          \
	{                                                                                \
		.old_addr = (a), .old_len = (old), .new_len = (new), .flags = (f),       \
		.new_addr = (to)                                                         \
	}

struct mremap_row {
	const char *what;
	struct dax_mremap_request req;
	int error;
	enum dax_reason reason;
	enum dax_mremap_how how;
};

/* Results of mremap on a mapping of four units at BASE. */
static const struct mremap_row mremap_rows[] = {
	{"the same length", REQ(BASE, 4 * A, 4 * A, 0, 0), 0, DAX_OK, DAX_MREMAP_STAY},
	{"grow by a page", REQ(BASE, 4 * A, 4 * A + P, 0, 0), 0, DAX_OK, DAX_MREMAP_GROW},
	{"grow by a page, may move", REQ(BASE, 4 * A, 4 * A + P, MAYMOVE, 0), 0, DAX_OK,
	 DAX_MREMAP_GROW},
	{"grow a part in place", REQ(BASE, A, 2 * A, 0, 0), ENOMEM, DAX_MREMAP_ARGUMENT,
	 DAX_MREMAP_REFUSE},
	{"grow a part, may move", REQ(BASE, A, 2 * A, MAYMOVE, 0), 0, DAX_OK,
	 DAX_MREMAP_GROW},
	{"grow to where offsets end", REQ(BASE, 4 * A, UINT64_MAX - P, MAYMOVE, 0),
	 EINVAL, DAX_MREMAP_ARGUMENT, DAX_MREMAP_REFUSE},
	{"shrink to a unit", REQ(BASE, 4 * A, A, 0, 0), 0, DAX_OK, DAX_MREMAP_SHRINK},
	{"shrink to a page", REQ(BASE, 4 * A, P, 0, 0), 0, DAX_OK, DAX_MREMAP_SHRINK},
	{"shrink a part to a unit", REQ(BASE, 2 * A, A, 0, 0), 0, DAX_OK,
	 DAX_MREMAP_SHRINK},
	{"shrink a part that ends off the align", REQ(BASE, A + P, A, 0, 0), 0, DAX_OK,
	 DAX_MREMAP_SHRINK},
	{"to length 0", REQ(BASE, 4 * A, 0, MAYMOVE, 0), EINVAL, DAX_MREMAP_ARGUMENT,
	 DAX_MREMAP_REFUSE},
	{"off page", REQ(BASE + 1, A, A, 0, 0), EINVAL, DAX_MREMAP_ARGUMENT,
	 DAX_MREMAP_REFUSE},
	{"an unknown flag", REQ(BASE, A, A, 8, 0), EINVAL, DAX_MREMAP_ARGUMENT,
	 DAX_MREMAP_REFUSE},
	{"FIXED without MAYMOVE", REQ(BASE, A, A, MREMAP_FIXED, TO), EINVAL,
	 DAX_MREMAP_ARGUMENT, DAX_MREMAP_REFUSE},
	{"DONTUNMAP without MAYMOVE", REQ(BASE, A, A, 4, 0), EINVAL, DAX_MREMAP_ARGUMENT,
	 DAX_MREMAP_REFUSE},
	{"DONTUNMAP and another length", REQ(BASE, A, 2 * A, DONTUNMAP, 0), EINVAL,
	 DAX_MREMAP_ARGUMENT, DAX_MREMAP_REFUSE},
	{"DONTUNMAP", REQ(BASE, 4 * A, 4 * A, DONTUNMAP, 0), 0, DAX_OK, DAX_MREMAP_MOVE},
	/* 41: a move to an unaligned place succeeds */
	{"to an unaligned place", REQ(BASE, 4 * A, 4 * A, FIXED, TO + P), 0, DAX_OK,
	 DAX_MREMAP_MOVE},
	{"to a place off page", REQ(BASE, A, A, FIXED, TO + 1), EINVAL,
	 DAX_MREMAP_ARGUMENT, DAX_MREMAP_REFUSE},
	{"to a place behind the last", REQ(BASE, A, A, FIXED, DAX_TASK_SIZE), EINVAL,
	 DAX_MREMAP_ARGUMENT, DAX_MREMAP_REFUSE},
	{"longer than all addresses", REQ(BASE, A, UINT64_C(1) << 48, FIXED, TO), EINVAL,
	 DAX_MREMAP_ARGUMENT, DAX_MREMAP_REFUSE},
	{"onto itself", REQ(BASE, 2 * A, 2 * A, FIXED, BASE + A), EINVAL,
	 DAX_MREMAP_ARGUMENT, DAX_MREMAP_REFUSE},
	{"onto itself from below", REQ(BASE + A, 2 * A, 2 * A, FIXED, BASE), EINVAL,
	 DAX_MREMAP_ARGUMENT, DAX_MREMAP_REFUSE},
	{"to right behind it", REQ(BASE, 2 * A, 2 * A, FIXED, BASE + 2 * A), 0, DAX_OK,
	 DAX_MREMAP_MOVE},
	{"to right before it", REQ(BASE, 2 * A, 2 * A, FIXED, BASE - 2 * A), 0, DAX_OK,
	 DAX_MREMAP_MOVE},
	{"fixed, and shorter", REQ(BASE, 4 * A, A, FIXED, TO), 0, DAX_OK,
	 DAX_MREMAP_MOVE},
	{"fixed, and shorter by a page", REQ(BASE, 4 * A, 4 * A - P, FIXED, TO), 0,
	 DAX_OK, DAX_MREMAP_MOVE},
	{"more than the mapping", REQ(BASE, 5 * A, 6 * A, MAYMOVE, 0), EFAULT,
	 DAX_MREMAP_CROSSES, DAX_MREMAP_REFUSE},
	{"more than the mapping, fixed", REQ(BASE, 5 * A, 5 * A, FIXED, TO), EFAULT,
	 DAX_MREMAP_CROSSES, DAX_MREMAP_REFUSE},
	/* 42: old length 0 */
	{"a duplicate", REQ(BASE, 0, A, MAYMOVE, 0), 0, DAX_OK, DAX_MREMAP_GROW},
	{"a duplicate that may not move", REQ(BASE, 0, A, 0, 0), ENOMEM,
	 DAX_MREMAP_ARGUMENT, DAX_MREMAP_REFUSE},
};

static void test_mremap(void)
{
	const struct dax_vma vma = vma_of(BASE, 4 * A, 8 * A);
	struct dax_mremap_answer ans;
	size_t i;

	for (i = 0; i < sizeof(mremap_rows) / sizeof(mremap_rows[0]); i++) {
		const struct mremap_row *row = &mremap_rows[i];

		dax_mremap_verdict(&vma, &row->req, &ans);
		check(ans.v, row->error, row->reason, row->what);
		is(ans.how, row->how, "%s: how", row->what);
	}
	dax_mremap_verdict(&vma, &mremap_rows[0].req, &ans);
	is(ans.off, 8 * A, "the offset is the device's");
	ok(!ans.keeps_old && !ans.is_fixed && !ans.may_move, "nothing else is said");

	dax_mremap_verdict(&vma,
			   &(struct dax_mremap_request)REQ(BASE + A, 3 * A, A, FIXED, TO),
			   &ans);
	is(ans.unmap_tail, 2 * A, "what a shorter move leaves is unmapped first");
	is(ans.old_len, A, "the rest is moved");
	is(ans.off, 9 * A, "from its own offset");
	ok(ans.is_fixed && ans.is_late && ans.may_move, "onto what is there");

	dax_mremap_verdict(&vma,
			   &(struct dax_mremap_request)REQ(BASE, 5 * A, 5 * A, FIXED, TO),
			   &ans);
	ok(ans.is_late, "EFAULT comes when the target is gone");
	dax_mremap_verdict(&vma,
			   &(struct dax_mremap_request)REQ(BASE, A, A, FIXED, TO + 1),
			   &ans);
	ok(!ans.is_late, "EINVAL does not");

	dax_mremap_verdict(&vma,
			   &(struct dax_mremap_request)REQ(BASE, A, A, DONTUNMAP, 0),
			   &ans);
	ok(ans.keeps_old && !ans.is_fixed, "DONTUNMAP keeps the old one");
	dax_mremap_verdict(&vma, &(struct dax_mremap_request)REQ(BASE, 0, A, MAYMOVE, 0),
			   &ans);
	ok(ans.keeps_old, "so does a duplicate");
	dax_mremap_verdict(
		&vma, &(struct dax_mremap_request)REQ(BASE, A - 1, 2 * A - 1, MAYMOVE, 0),
		&ans);
	is(ans.old_len, A, "lengths are rounded up");
	is(ans.new_len, 2 * A, "both of them");
}

/* An offset near the largest possible one leaves no room to grow. */
static void test_mremap_far(void)
{
	const struct dax_vma vma = vma_of(BASE, A, -(2 * A));
	struct dax_mremap_answer ans;

	dax_mremap_verdict(&vma,
			   &(struct dax_mremap_request)REQ(BASE, A, 4 * A, MAYMOVE, 0),
			   &ans);
	check(ans.v, EINVAL, DAX_MREMAP_ARGUMENT, "growing over the last offset");
}

static void test_mremap_move(void)
{
	struct dax_vma vma = vma_of(BASE, 4 * A, 0);

	check(dax_mremap_move_verdict(&vma, BASE, 4 * A), 0, DAX_OK, "move all");
	check(dax_mremap_move_verdict(&vma, BASE + A, A), 0, DAX_OK, "move a unit");
	check(dax_mremap_move_verdict(&vma, BASE + P, A), EINVAL, DAX_VMA_SPLIT,
	      "move a part");
	check(dax_mremap_move_verdict(&vma, BASE, P), EINVAL, DAX_VMA_SPLIT,
	      "move less than a unit");
	check(dax_mremap_move_verdict(&vma, BASE + P, 0), EINVAL, DAX_VMA_SPLIT,
	      "a duplicate from within a unit");
	vma = vma_of(BASE + P, A, 0);
	check(dax_mremap_move_verdict(&vma, BASE + P, A), 0, DAX_OK,
	      "all of a mapping that is off the align");
	check(dax_mremap_move_verdict(&vma, BASE + P, 0), EINVAL, DAX_VMA_SPLIT,
	      "a duplicate of it");
}

static void test_template(void)
{
	const uint64_t at = 4 * DAX_MIB;

	ok(dax_is_template(at + DAX_PAGE, DAX_PAGE, 0, 2 * DAX_MIB),
	   "a page that is not congruent is a template");
	ok(!dax_is_template(at + DAX_PAGE, DAX_PAGE, DAX_PAGE, 2 * DAX_MIB),
	   "a page that is congruent is none");
	ok(!dax_is_template(at + DAX_PAGE, 2 * DAX_MIB, 0, 2 * DAX_MIB),
	   "a moved mapping is none");
	ok(!dax_is_template(at + DAX_PAGE, DAX_PAGE, 0, DAX_PAGE),
	   "with an align of 4 KiB there is none");
}

int main(void)
{
	test_template();
	test_find();
	test_merge();
	test_insert_over();
	test_remove();
	test_set_flags();
	test_split();
	test_random();
	test_many();
	test_copy_broken();
	test_broken();
	test_munmap();
	test_mprotect();
	test_mseal();
	test_moved_border();
	test_mbind();
	test_madvise();
	test_no_pages();
	test_msync();
	test_failure();
	test_process_madvise();
	test_kernels();
	test_mremap();
	test_mremap_far();
	test_mremap_move();
	return tap_done();
}
