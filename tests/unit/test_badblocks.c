/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of the badblocks attribute, and the size of bad memory. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "libcore/badblocks.h"
#include "libcore/fault.h"
#include "libcore/model.h"
#include "libcore/size.h"
#include "libcore/text.h"

#include "tests/unit/tap.h"

static void lines_of_the_file(void)
{
	static const char *const wrong[] = {"x 1",
					    "1",
					    "1 ",
					    "1  1",
					    "1 1 ",
					    "-1 1",
					    "1 -1",
					    "1 0",
					    " 1 1",
					    "\n",
					    "0x1 1",
					    "1\t1",
					    "1 1x",
					    "18446744073709551616 1",
					    "1 184467440737095516150",
					    "1 18446744073709551615"};
	const char *text = "4096 8192\nwrong\n0 1";
	uint64_t off = 0;
	uint64_t len = 0;
	size_t i;

	is(dax_badblocks_parse(&text, &off, &len), 1, "a line");
	ok(off == 4096 && len == 8192, "offset and length");
	is(dax_badblocks_parse(&text, &off, &len), -EINVAL, "a line of something else");
	is(dax_badblocks_parse(&text, &off, &len), 1, "is passed over");
	ok(off == 0 && len == 1 && !*text, "the last one without a newline");
	is(dax_badblocks_parse(&text, &off, &len), 0, "the end");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		text = wrong[i];
		is(dax_badblocks_parse(&text, &off, &len), -EINVAL, "no range");
		is(dax_badblocks_parse(&text, &off, &len), 0, "nothing behind it");
	}
}

#define A (2 * DAX_MIB)

static void stretch_is(const struct dax_dev *dev, uint64_t off, uint64_t len,
		       uint32_t flags, const uint64_t want[2])
{
	struct dax_bad bad = {.flags = flags};

	ok(dax_badblocks_stretch(dev, off, len, &bad) == 0 && bad.off == want[0] &&
		   bad.len == want[1],
	   "%llu bytes at %llu", (unsigned long long)len, (unsigned long long)off);
}

static void bad_memory_has_sectors(void)
{
	const struct dax_dev dev = {.align = A,
				    .nr_ranges = 1,
				    .ranges = {{1 << 30, 4 * A}}};
	struct dax_bad bad = {.flags = 0};

	stretch_is(&dev, 5632, 512, 0, (uint64_t[]){5632, 512});
	stretch_is(&dev, 5633, 1, DAX_BAD_POISON, (uint64_t[]){5632, 512});
	stretch_is(&dev, 5633, 511, DAX_BAD_LATENT, (uint64_t[]){5632, 512});
	stretch_is(&dev, 5633, 512, 0, (uint64_t[]){5632, 1024});
	stretch_is(&dev, A, 0, 0, (uint64_t[]){A, 3 * A});
	stretch_is(&dev, 4 * A - 1, UINT64_MAX, 0, (uint64_t[]){4 * A - 512, 512});
	stretch_is(&dev, A + 5632, 512, DAX_BAD_UNITS, (uint64_t[]){A, A});
	stretch_is(&dev, A - 1, 2, DAX_BAD_UNITS, (uint64_t[]){0, 2 * A});
	is(dax_badblocks_stretch(&dev, 4 * A, 1, &bad), -ERANGE, "behind the end");
}

static void reveal_is(struct dax_bad bad, uint64_t page, uint64_t off,
		      const uint64_t want[2])
{
	const struct dax_dev dev = {.align = A};
	bool is_revealed = dax_badblocks_reveal(&dev, page, off, &bad);

	ok(is_revealed == (want[1] != 0) &&
		   (!is_revealed || (bad.off == want[0] && bad.len == want[1] &&
				     !(bad.flags & DAX_BAD_LATENT))),
	   "a touch at %llu", (unsigned long long)off);
}

static void a_touch_reveals_its_page(void)
{
	const uint32_t flags = DAX_BAD_POISON | DAX_BAD_LATENT;
	struct dax_bad bad = {.off = A + 5632, .len = 8192, .flags = flags};

	reveal_is(bad, DAX_PAGE, A + 4096, (uint64_t[]){A + 5632, 2560});
	reveal_is(bad, DAX_PAGE, A + 9000, (uint64_t[]){A + 8192, 4096});
	reveal_is(bad, DAX_PAGE, A + 12288, (uint64_t[]){A + 12288, 1536});
	reveal_is(bad, DAX_PAGE, A + 4095, (uint64_t[]){0, 0});
	reveal_is(bad, DAX_PAGE, A + 16384, (uint64_t[]){0, 0});
	reveal_is(bad, A, A, (uint64_t[]){A + 5632, 8192});
	bad.flags &= ~(uint32_t)DAX_BAD_LATENT;
	reveal_is(bad, DAX_PAGE, A + 9000, (uint64_t[]){0, 0});
	bad = (struct dax_bad){.off = 0, .len = 2 * A, .flags = flags | DAX_BAD_UNITS};
	reveal_is(bad, DAX_PAGE, A + 9000, (uint64_t[]){A, A});
}

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
	lines_of_the_file();
	bad_memory_has_sectors();
	a_touch_reveals_its_page();
	return tap_done();
}
