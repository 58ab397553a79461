/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of the badblocks attribute. */
#include <string.h>

#include "libcore/badblocks.h"
#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/text.h"

#include "tests/unit/tap.h"

int main(void)
{
	const struct dax_region region = {.start = 1 << 30};
	struct dax_dev dev = {.nr_ranges = 1, .ranges = {{(1 << 30) + 8192, 1 << 21}}};
	struct dax_bad bad = {.off = 4096,
			      .len = 4096,
			      .flags = DAX_BAD_POISON,
			      .who = {.uid = UINT32_MAX}};
	char buf[64] = "";
	struct dax_text text = {.buf = buf, .size = sizeof(buf)};

	dax_badblocks_add(&text, &region, &dev, &bad);
	ok(!strcmp(buf, "24 8\n"), "sectors of 512 bytes from the start of the region");
	bad.flags |= DAX_BAD_LATENT;
	ok(!dax_badblocks_has(&bad), "latent poison is not known yet");
	bad.flags = 0;
	ok(!dax_badblocks_has(&bad), "SIGBUS without poison is no media error");
	bad.flags = DAX_BAD_POISON;
	bad.who.pid = 1;
	ok(!dax_badblocks_has(&bad), "nor is poison for one process");
	bad.who.pid = 0;
	dev.nr_ranges = 0;
	dax_badblocks_add(&text, &region, &dev, &bad);
	ok(!strcmp(buf, "24 8\n"), "a device without a range has no line");
	return tap_done();
}
