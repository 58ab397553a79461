/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A typical libpmemobj program: create a pool, open it again, do one transaction, close
 * it, and print what fails. usage: obj_once DEVICE
 */
// LIBS: -lpmemobj
#include <libpmemobj.h>

/* TX_BEGIN expands to a switch over some of the stages. */
#pragma GCC diagnostic ignored "-Wswitch-enum"
#include <stdio.h>

struct root {
	PMEMoid list;
	unsigned long count;
};

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, pmemobj_errormsg());
	return 1;
}

int main(int argc, char **argv)
{
	PMEMobjpool *pop;
	struct root *root;
	PMEMoid oid;

	if (argc != 2)
		return 2;
	pop = pmemobj_create(argv[1], "once", 0, 0600);
	if (!pop)
		return fail("create");
	pmemobj_close(pop);
	pop = pmemobj_open(argv[1], "once");
	if (!pop)
		return fail("open");
	oid = pmemobj_root(pop, sizeof(*root));
	if (OID_IS_NULL(oid))
		return fail("root");
	root = pmemobj_direct(oid);
	TX_BEGIN(pop)
	{
		pmemobj_tx_add_range(oid, 0, sizeof(*root));
		root->list = pmemobj_tx_zalloc(4096, 1);
		root->count++;
	}
	TX_ONABORT
	{
		return fail("transaction");
	}
	TX_END
	pmemobj_close(pop);
	return 0;
}
