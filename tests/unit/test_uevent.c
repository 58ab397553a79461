/* SPDX-License-Identifier: BSD-2-Clause */
/* uevents: which ones a change sends, their order and their text. */
#include <errno.h>
#include <stdlib.h>

#include "libcore/cxl.h"
#include "libcore/uevent.h"

#include "tests/unit/cxl_tree.h"
#include "tests/unit/fail_calloc.h"

static char said[4096];

static void note(void *ctx, const struct dax_uevent *event)
{
	char buf[DAX_UEVENT_MAX];

	(void)ctx;
	dax_uevent_format(event, 7, buf);
	/* "add@/devices/.../region0" */
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%.*s %s",
		 said[0] ? ", " : "", (int)strcspn(buf, "@"), buf, strrchr(buf, '/') + 1);
}

/* Write to an attribute, and compare the events. */
static void expect(const char *path, const char *text, const char *want)
{
	struct dax_uevent_list before;
	struct dax_uevent_list after;

	is(dax_uevent_list_make(&model, &before), 0, "before");
	wr(path, text, 0);
	is(dax_uevent_list_make(&model, &after), 0, "afterwards");
	said[0] = '\0';
	dax_uevent_diff(&before, &after, note, NULL);
	ok(!strcmp(said, want), "%s <- %s: %s (want %s)", path, text, said, want);
	dax_uevent_list_free(&before);
	dax_uevent_list_free(&after);
}

static void setup(void)
{
	static const struct dax_region hmem = {.id = 1,
					       .type = DAX_REGION_DYNAMIC,
					       .start = 4 * DAX_GIB,
					       .size = MEMORY,
					       .align = 2 * M,
					       .has_pages = true};
	static const struct dax_region pmem = {.id = 2,
					       .type = DAX_REGION_STATIC,
					       .start = 8 * DAX_GIB,
					       .size = MEMORY,
					       .align = 2 * M,
					       .has_pages = true};
	static const struct dax_cxl like = {
		.major = 249,
		.start = START,
		.nr_windows = 1,
		.windows = {{.size = 4 * DAX_GIB, .ways = 1, .granularity = 256}},
		.nr_bridges = 1,
		.nr_memdevs = 16,
		.memdev_size = MEMORY,
		.align = 2 * M,
		.has_pages = true,
		.numa_node = -1,
		.target_node = 1,
	};

	dax_model_init(&model, 252, 246);
	model.kernel = DAX_KERNEL_7_3;
	if (dax_cxl_add(&model, &like) < 0 ||
	    dax_cxl_make_region(&model, 0, 2, 256) < 0 ||
	    dax_model_add_region(&model, &hmem, NULL) < 0 ||
	    dax_model_add_region(&model, &pmem, NULL) < 0)
		abort();
}

static void test_order(void)
{
	char name[8];
	int n;

	expect("bus/dax/drivers/device_dax/unbind", "dax0.0", "unbind dax0.0");
	expect("cxl_region/unbind", "region0",
	       "remove dax0.0, unbind dax_region0, remove dax_region0, unbind region0");
	expect("cxl_region/bind", "region0",
	       "add dax_region0, bind region0, add dax0.0, bind dax0.0, bind "
	       "dax_region0");
	expect("region0/commit", "0",
	       "unbind dax0.0, remove dax0.0, unbind dax_region0, remove dax_region0, "
	       "unbind region0");
	expect("region0/commit", "1", "");
	expect("cxl_mem/unbind", "mem1",
	       "remove decoder3.3, remove decoder3.2, remove decoder3.1, "
	       "remove decoder3.0, unbind endpoint3, remove endpoint3, unbind mem1");
	expect("cxl_mem/bind", "mem1",
	       "add endpoint3, add decoder3.0, add decoder3.1, add decoder3.2, "
	       "add decoder3.3, bind endpoint3, bind mem1");
	expect("decoder0.0/delete_region", "region0", "remove region0");
	expect("decoder0.0/create_ram_region", "region0", "add region0");
	for (n = 15; n > 1; n--) {
		snprintf(name, sizeof(name), "mem%d", n);
		wr("cxl_mem/unbind", name, 0);
	}
	expect("bus/nd/drivers/nd_region/unbind", "region2",
	       "remove dax2.0, remove pfn2.0, remove btt2.0, unbind region2");
	expect("bus/nd/drivers/nd_region/bind", "region2",
	       "add btt2.0, add pfn2.0, add dax2.0, bind region2");
	expect("cxl_port/unbind", "port1",
	       "remove decoder3.3, remove decoder3.2, remove decoder3.1, "
	       "remove decoder3.0, remove decoder2.3, remove decoder2.2, "
	       "remove decoder2.1, remove decoder2.0, unbind endpoint3, "
	       "remove endpoint3, unbind mem1, unbind endpoint2, remove endpoint2, "
	       "unbind mem0, remove decoder1.3, remove decoder1.2, remove decoder1.1, "
	       "remove decoder1.0, unbind port1");
	expect("cxl_port/bind", "port1", "bind port1");
	wr("decoder0.0/delete_region", "region0", 0);
	expect("cxl_mem/bind", "mem15",
	       "add decoder1.0, add decoder1.1, add decoder1.2, add decoder1.3, "
	       "add endpoint2, add decoder2.0, add decoder2.1, add decoder2.2, "
	       "add decoder2.3, bind endpoint2, bind mem15");
	expect("bus/dax/drivers/device_dax/unbind", "dax1.0", "unbind dax1.0");
	expect("bus/dax/devices/dax1.0/size", "0", "");
	expect("devices/platform/hmem_platform.0/hmem.1/dax_region/create", "1",
	       "add dax1.1");
}

/* The strings of a message, with spaces between them. */
static const char *shown(char *buf, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i++)
		if (!buf[i])
			buf[i] = ' ';
	return buf;
}

static void test_synthetic(void)
{
	static const char path[] =
		"devices/pci7f00:0c/7f00:0c:00.0/7f00:0d:00.0/mem0/uevent";
	struct dax_uevent_list list;
	char buf[DAX_UEVENT_MAX];
	int len;

	is(dax_uevent_list_make(&model, &list), 0, "a list");
	len = dax_uevent_synthesize(&list, path, "change\n", 9, buf);
	ok(len > 0 && !strcmp(shown(buf, (size_t)len),
			      "change@/devices/pci7f00:0c/7f00:0c:00.0/7f00:0d:00.0/mem0 "
			      "ACTION=change DEVPATH=/devices/pci7f00:0c/7f00:0c:00.0/"
			      "7f00:0d:00.0/mem0 SUBSYSTEM=cxl SYNTH_UUID=0 MAJOR=249 "
			      "MINOR=0 DEVNAME=cxl/mem0 DEVTYPE=cxl_memdev "
			      "MODALIAS=cxl:t5 SEQNUM=9"),
	   "%s", buf);
	len = dax_uevent_synthesize(&list, path,
				    "add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=b", 9,
				    buf);
	ok(len > 0 && strstr(shown(buf, (size_t)len),
			     " SYNTH_UUID=fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed MAJOR"),
	   "with a uuid");
	len = dax_uevent_synthesize(&list, path, "add ", 9, buf);
	ok(len > 0 && strstr(shown(buf, (size_t)len), " SYNTH_UUID=0 "), "with a blank");
	is(dax_uevent_synthesize(&list, "bus/cxl/uevent", "add", 9, buf), -ENODEV,
	   "a bus is no device");
	is(dax_uevent_synthesize(
		   &list,
		   "devices/platform/hmem_platform.0/hmem.1/dax1.1/mapping0/uevent",
		   "add", 9, buf),
	   -ENODEV, "nor is a mapping");
	dax_uevent_list_free(&list);
}

static void test_udev(void)
{
	static const char message[] = "add@/devices/x\0ACTION=add\0SUBSYSTEM=cxl\0"
				      "DEVNAME=cxl/mem0\0DEVTYPE=cxl_memdev\0SEQNUM=1";
	static const char plain[] = "add@/devices/x\0ACTION=add";
	static const uint8_t head[40] = {
		'l', 'i', 'b', 'u', 'd', 'e', 'v', 0, 0xfe, 0xed, 0xca, 0xfe, /* magic */
		40, 0, 0, 0, /* size of the header, and place of the rest */
		40, 0, 0, 0, 94, 0, 0, 0,
		/* The hashes that libudev's filters compare. */
		0xd2, 0x93, 0x21, 0x62};
	char buf[DAX_UEVENT_MAX];
	size_t len = dax_uevent_to_udev(message, sizeof(message), 5, buf);

	ok(len == 40 + 94 && !memcmp(buf, head, 28), "the header, of %zu bytes", len);
	ok(buf[28] || buf[29], "there is a hash of the type");
	ok(!strcmp(shown(buf + 40, len - 40),
		   "ACTION=add SUBSYSTEM=cxl DEVNAME=/dev/cxl/mem0 "
		   "DEVTYPE=cxl_memdev SEQNUM=1 USEC_INITIALIZED=5"),
	   "%s", buf + 40);
	len = dax_uevent_to_udev(plain, sizeof(plain), 5, buf);
	ok(!buf[24] && !buf[28] && len > 40, "without subsystem and type");
}

static void test_room(void)
{
	static char message[DAX_UEVENT_MAX];
	struct dax_uevent_list list;
	char buf[DAX_UEVENT_MAX];

	/* A string that does not fit is left out. */
	memset(message, 'x', sizeof(message) - 1);
	message[0] = '\0';
	ok(dax_uevent_to_udev(message, sizeof(message), 5, buf) < 100, "too long");
	fail_calloc_after = 0;
	is(dax_uevent_list_make(&model, &list), -ENOMEM, "no memory");
	ok(!list.devices && !list.nr, "an empty list");
	fail_calloc_after = -1;
}

int main(void)
{
	setup();
	test_order();
	test_synthetic();
	test_udev();
	test_room();
	dax_cxl_remove(&model);
	dax_model_done(&model);
	return tap_done();
}
