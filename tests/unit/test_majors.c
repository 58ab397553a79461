/* SPDX-License-Identifier: BSD-2-Clause */
/* Major numbers, chosen as the kernel chooses them. */
#include "libcore/majors.h"

#include "tests/unit/tap.h"

int main(void)
{
	bool taken[DAX_MAJORS] = {0};
	unsigned int i;

	is(dax_majors_choose(taken, 0), 254, "the first is 254");
	is(dax_majors_choose(taken, 250), 250, "a wanted one that is free");
	taken[250] = taken[254] = true;
	is(dax_majors_choose(taken, 250), 253, "a wanted one that is taken");
	is(dax_majors_choose(taken, DAX_MAJORS), 253, "a wanted one that cannot be");
	for (i = 234; i <= 254; i++)
		taken[i] = true;
	is(dax_majors_choose(taken, 0), 511, "the next range begins at 511");
	for (i = 385; i <= 511; i++)
		taken[i] = true;
	is(dax_majors_choose(taken, 0), 384, "and ends at 384");
	taken[384] = true;
	is(dax_majors_choose(taken, 0), 0, "none is free");
	return tap_done();
}
