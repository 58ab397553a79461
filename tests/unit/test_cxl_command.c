/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of CXL memory devices: the kernel's refusals, the device's replies. */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "libcore/bytes.h"
#include "libcore/cxl_command.h"
#include "libcore/reason.h"
#include "libcore/size.h"

#include "tests/unit/tap.h"

static struct dax_device memdev = {.size = 512 * DAX_MIB, .flags = DAX_DEVICE_CXL};
static struct dax_cxl_reply reply;

static void test_layout(void)
{
	is(sizeof(struct dax_cxl_send), 48, "cxl_send_command");
	is(sizeof(struct dax_cxl_command_info), 16, "cxl_command_info");
	ok(DAX_CXL_IOC_QUERY == 0x8008ce01, "CXL_MEM_QUERY_COMMANDS");
	ok(DAX_CXL_IOC_SEND == 0xc030ce02, "CXL_MEM_SEND_COMMAND");
	is(DAX_CXL_COMMANDS, 25, "as many commands as Linux 7.3 has");
}

static void test_descriptions(void)
{
	static const struct dax_cxl_command_info want[] = {
		{0},
		{DAX_CXL_IDENTIFY, 1, 0, 67},
		{0}, /* RAW */
		{DAX_CXL_GET_SUPPORTED_LOGS, 0, 0, UINT32_MAX},
		{DAX_CXL_GET_FW_INFO, 1, 0, 80},
		{DAX_CXL_GET_PARTITION_INFO, 1, 0, 32},
		{DAX_CXL_GET_LSA, 1, 8, UINT32_MAX},
		{DAX_CXL_GET_HEALTH_INFO, 1, 0, 18},
		{DAX_CXL_GET_LOG, 0, 24, UINT32_MAX},
		{DAX_CXL_SET_PARTITION_INFO, 0, 10, 0},
		{DAX_CXL_SET_LSA, 1, UINT32_MAX, 0},
		{DAX_CXL_GET_ALERT_CONFIG, 1, 0, 16},
	};
	struct dax_cxl_command_info info;
	uint32_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		dax_cxl_command_describe(&memdev, i, &info);
		ok(!memcmp(&info, &want[i], sizeof(info)), "command %" PRIu32, i);
	}
	for (i = 15; i < 21; i++) {
		dax_cxl_command_describe(&memdev, i, &info);
		is(info.id, i == DAX_CXL_GET_SCAN_MEDIA_CAPS ? i : 0, "%" PRIu32, i);
	}
}

static void test_refusals(void)
{
	static const struct {
		struct dax_cxl_send send;
		int want;
		const char *name;
	} tests[] = {
		{{.id = DAX_CXL_IDENTIFY, .out.size = 67}, 0, "identify"},
		{{.id = DAX_CXL_IDENTIFY, .flags = 1, .out.size = 100}, 0, "a flag"},
		{{.id = 0, .in.size = 4096}, ENOTTY, "no command"},
		{{.id = 25, .in.size = 4096}, ENOTTY, "a later command"},
		{{.id = UINT32_MAX}, ENOTTY, "the last number"},
		{{.id = DAX_CXL_SET_LSA, .flags = 2, .in.size = 2049}, EINVAL, "long"},
		{{.id = DAX_CXL_RAW, .in.size = 2049}, EINVAL, "long raw"},
		{{.id = DAX_CXL_RAW, .reserved = 1 << 16}, EINVAL, "raw, reserved"},
		{{.id = DAX_CXL_RAW, .out.size = 2049}, EINVAL, "raw, long output"},
		{{.id = DAX_CXL_RAW, .reserved = 0x4000}, EPERM, "raw"},
		{{.id = DAX_CXL_GET_LOG, .flags = 2}, EINVAL, "unknown flag"},
		{{.id = DAX_CXL_GET_LOG, .reserved = 1}, EINVAL, "reserved"},
		{{.id = DAX_CXL_GET_LOG, .in.reserved = 1}, EINVAL, "reserved, in"},
		{{.id = DAX_CXL_GET_LOG, .out.reserved = 1}, EINVAL, "reserved, out"},
		{{.id = DAX_CXL_GET_LOG}, ENOTTY, "a command that it has not"},
		{{.id = 17}, ENOTTY, "a command of the past"},
		{{.id = DAX_CXL_IDENTIFY, .in.size = 1, .out.size = 67}, ENOMEM, "input"},
		{{.id = DAX_CXL_IDENTIFY, .out.size = 66}, ENOMEM, "short output"},
		{{.id = DAX_CXL_GET_LSA, .in.size = 7}, ENOMEM, "short input"},
		{{.id = DAX_CXL_GET_LSA, .in.size = 8}, 0, "no room for labels"},
		{{.id = DAX_CXL_SET_LSA, .in.size = 2048}, 0, "the longest input"},
	};
	struct dax_verdict v;
	size_t i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		v = dax_cxl_command_verdict(&memdev, &tests[i].send);
		is(v.error, tests[i].want, "%s", tests[i].name);
		if (v.error)
			is(v.reason, v.error == ENOTTY ? DAX_NO_IOCTL : DAX_BAD_ARGUMENT,
			   "%s: why", tests[i].name);
	}
}

static void run(enum dax_cxl_command id, const void *in, uint32_t in_size,
		uint32_t out_size)
{
	const struct dax_cxl_send send = {.id = id,
					  .in.size = in_size,
					  .out.size = out_size};

	is(dax_cxl_command_verdict(&memdev, &send).error, 0, "command %d may be sent",
	   (int)id);
	dax_cxl_command_run(&memdev, &send, in, &reply);
}

static void test_payloads(void)
{
	run(DAX_CXL_IDENTIFY, NULL, 0, 100);
	is(reply.size, 67, "as long as it is");
	ok(!strcmp((char *)reply.payload, "BWFW VERSION 00"), "firmware");
	is(dax_get_le(reply.payload + 16, 8), 2, "total, in 256M");
	is(dax_get_le(reply.payload + 24, 8), 2, "volatile");
	is(dax_get_le(reply.payload + 32, 8), 0, "persistent");
	is(dax_get_le(reply.payload + 40, 8), 0, "no partitions");
	is(dax_get_le(reply.payload + 56, 4), DAX_MIB, "labels");
	is(dax_get_le(reply.payload + 60, 3), 256, "poison list");
	ok(dax_is_zero(reply.payload + 63, sizeof(reply.payload) - 63), "no more");
	is(reply.status, DAX_CXL_SUCCESS, "succeeds");
	is(reply.access, DAX_CXL_LABELS_NONE, "no labels");

	run(DAX_CXL_GET_PARTITION_INFO, NULL, 0, 32);
	is(reply.size, 32, "partitions");
	is(dax_get_le(reply.payload, 8), 2, "volatile");
	ok(dax_is_zero(reply.payload + 8, 24), "no more");

	run(DAX_CXL_GET_FW_INFO, NULL, 0, 80);
	is(reply.size, 80, "firmware");
	ok(reply.payload[0] == 2 && reply.payload[1] == 1, "two slots, the first active");
	ok(!strcmp((char *)reply.payload + 16, "BWFW VERSION 0"), "its revision");
	is(reply.payload[2], 1, "it can be activated online");
	ok(!reply.payload[32], "the other is empty");

	run(DAX_CXL_GET_HEALTH_INFO, NULL, 0, 18);
	is(reply.size, 18, "health");
	ok(dax_is_zero(reply.payload, 4), "is good");
	is(dax_get_le(reply.payload + 4, 2), 30, "temperature");

	run(DAX_CXL_GET_ALERT_CONFIG, NULL, 0, 16);
	is(reply.size, 16, "alerts");
	ok(!reply.payload[0] && !reply.payload[1] && reply.payload[2] == 90,
	   "cannot be set");
}

static void get(uint32_t start, uint32_t len, uint32_t out_size)
{
	uint8_t in[8];

	dax_put_le(in, 4, start);
	dax_put_le(in + 4, 4, len);
	run(DAX_CXL_GET_LSA, in, sizeof(in), out_size);
}

static void set(uint32_t start, uint32_t in_size)
{
	uint8_t in[DAX_CXL_PAYLOAD_MAX] = {0};

	dax_put_le(in, 4, start);
	run(DAX_CXL_SET_LSA, in, in_size, 5);
}

static bool is_access(enum dax_cxl_labels_access access, uint32_t start, uint32_t len)
{
	return reply.status == DAX_CXL_SUCCESS && reply.access == access &&
	       reply.labels_start == start && reply.labels_len == len;
}

static bool is_failure(enum dax_cxl_status status, uint32_t size)
{
	return reply.status == status && reply.access == DAX_CXL_LABELS_NONE &&
	       reply.size == size && dax_is_zero(reply.payload, size);
}

static void test_labels(void)
{
	const uint32_t end = DAX_CXL_LABELS;

	get(16, 2048, 4096);
	ok(is_access(DAX_CXL_LABELS_READ, 16, 2048) && reply.size == 2048, "read");
	get(16, 2048, 7);
	ok(is_access(DAX_CXL_LABELS_READ, 16, 7) && reply.size == 7, "less room");
	get(end - 1, 1, 8);
	ok(is_access(DAX_CXL_LABELS_READ, end - 1, 1) && reply.size == 1, "the last");
	get(end, 1, 8);
	ok(is_failure(DAX_CXL_INVALID_INPUT, 8), "behind the end");
	get(UINT32_MAX, UINT32_MAX, 8192);
	ok(is_failure(DAX_CXL_INVALID_INPUT, 2048), "far behind");
	get(0, 2049, 8);
	ok(is_failure(DAX_CXL_INVALID_INPUT, 8), "more than a payload");

	set(3, 2048);
	ok(is_access(DAX_CXL_LABELS_WRITE, 3, 2040) && !reply.size, "write");
	set(end - 1, 9);
	ok(is_access(DAX_CXL_LABELS_WRITE, end - 1, 1), "the last");
	set(end, 8);
	ok(is_access(DAX_CXL_LABELS_WRITE, end, 0), "nothing");
	set(end, 9);
	ok(is_failure(DAX_CXL_INVALID_INPUT, 5), "behind the end");
	set(UINT32_MAX, 2048);
	ok(is_failure(DAX_CXL_INVALID_INPUT, 5), "far behind");
	set(0, 7);
	ok(is_failure(DAX_CXL_INVALID_LENGTH, 5), "no header");
}

/* Persistent memory, whose labels the kernel writes. */
static void test_pmem(void)
{
	const struct dax_cxl_send set_lsa = {.id = DAX_CXL_SET_LSA, .in.size = 8};
	struct dax_cxl_command_info info;

	memdev.flags |= DAX_DEVICE_CXL_PMEM;
	run(DAX_CXL_IDENTIFY, NULL, 0, 67);
	is(dax_get_le(reply.payload + 24, 8), 0, "volatile");
	is(dax_get_le(reply.payload + 32, 8), 2, "persistent");
	run(DAX_CXL_GET_PARTITION_INFO, NULL, 0, 32);
	is(dax_get_le(reply.payload, 8), 0, "active volatile");
	is(dax_get_le(reply.payload + 8, 8), 2, "active persistent");
	is(dax_cxl_command_verdict(&memdev, &set_lsa).error, 0, "without a DIMM");
	memdev.flags |= DAX_DEVICE_CXL_NVDIMM;
	is(dax_cxl_command_verdict(&memdev, &set_lsa).error, EBUSY, "with a DIMM");
	dax_cxl_command_describe(&memdev, DAX_CXL_SET_LSA, &info);
	is(info.flags, DAX_CXL_COMMAND_ENABLED | DAX_CXL_COMMAND_EXCLUSIVE, "kept");
	dax_cxl_command_describe(&memdev, DAX_CXL_GET_LSA, &info);
	is(info.flags, DAX_CXL_COMMAND_ENABLED, "for programs");
	memdev.flags = DAX_DEVICE_CXL;
}

int main(void)
{
	test_layout();
	test_descriptions();
	test_pmem();
	test_refusals();
	test_payloads();
	test_labels();
	return tap_done();
}
