/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on the control socket: every field is checked before it is used. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "libcore/fault.h"
#include "libcore/state.h"
#include "libcore/sysfs_node.h"
#include "libcore/wire.h"

#include "tests/unit/tap.h"

static union {
	struct dax_msg msg;
	uint8_t bytes[sizeof(struct dax_msg) + DAX_WIRE_BODY_MAX + 1];
} u;

static struct dax_wire_request req;

static int decode(unsigned int nr_fds)
{
	memset(&req, 0x5a, sizeof(req));
	return dax_wire_decode(&u.msg, sizeof(u.msg) + u.msg.len, nr_fds, &req);
}

static void begin(enum dax_msg_type type, const void *body, uint32_t len)
{
	memset(&u, 0xa5, sizeof(u));
	dax_msg_init(&u.msg, type, len);
	if (len)
		memcpy(u.msg.body, body, len);
}

static void test_shapes(void)
{
	static const struct {
		enum dax_msg_type type;
		unsigned int min_fds, max_fds;
		uint32_t len; /* a good one, and the only one unless is_any */
		bool is_any;
	} shapes[] = {
		{DAX_MSG_ATTACH, 1, 1, 0, false},
		{DAX_MSG_ADOPT, 0, 0, 0, false},
		{DAX_MSG_SETTLED, 0, 0, 0, false},
		{DAX_MSG_STORE, 1, 1, 5, true},
		{DAX_MSG_CONTROL, 0, 0, 5, true},
		{DAX_MSG_FAULT, 0, 1, sizeof(struct dax_fault_event), false},
		{DAX_MSG_HELD, 0, 0, 0, false},
		{DAX_MSG_CLEAR, 1, 1, 16, false},
		{DAX_MSG_LABELS, 1, 1, 0, false},
		{DAX_MSG_UEVENTS, 0, 0, 0, false},
		{DAX_MSG_HANDLE, 0, 0, 0, false},
	};
	static const char zeros[200];
	size_t i;
	int arg;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		enum dax_msg_type type = shapes[i].type;
		struct dax_fault_event ev = {.device = "dax0.0"};
		const void *good = type == DAX_MSG_STORE   ? "a\0bcd"
				   : type == DAX_MSG_FAULT ? (const void *)&ev
							   : zeros;

		begin(type, good, shapes[i].len);
		is(decode(shapes[i].min_fds), 0, "type %d: good", type);
		is(req.type, type, "is what it is");
		is(decode(shapes[i].max_fds), 0, "with all its descriptors");
		is(decode(shapes[i].max_fds + 1), -EBADMSG, "one descriptor more");
		if (shapes[i].min_fds)
			is(decode(0), -EBADMSG, "without its descriptor");
		u.msg.error = 1;
		is(decode(shapes[i].min_fds), -EBADMSG, "an error in a request");
		u.msg.error = 0;
		for (arg = 1; arg < 4; arg++) {
			u.msg.arg[arg] = 1;
			is(decode(shapes[i].min_fds), -EBADMSG, "unused arg %d", arg);
			u.msg.arg[arg] = 0;
		}
		if (type != DAX_MSG_SETTLED && type != DAX_MSG_HELD &&
		    type != DAX_MSG_HANDLE) {
			u.msg.arg[0] = 1;
			is(decode(shapes[i].min_fds), -EBADMSG, "unused arg 0");
		}
		if (shapes[i].is_any)
			continue;
		begin(type, zeros, shapes[i].len + 1);
		is(decode(shapes[i].min_fds), -EBADMSG, "a byte more");
		if (!shapes[i].len)
			continue;
		begin(type, zeros, shapes[i].len - 1);
		is(decode(shapes[i].min_fds), -EBADMSG, "a byte less");
	}
	begin(DAX_MSG_REPLY, NULL, 0);
	is(decode(0), -ENOSYS, "a reply is no request");
	begin(DAX_MSG_ADOPT, NULL, 0);
	u.msg.magic++;
	is(decode(0), -EBADMSG, "nor is what is no message");
}

static void test_numbers(void)
{
	uint64_t range[2] = {0, UINT64_MAX};

	begin(DAX_MSG_SETTLED, NULL, 0);
	u.msg.arg[0] = UINT32_MAX;
	is(decode(0), 0, "the last change");
	is(req.changes, UINT32_MAX, "is read");
	u.msg.arg[0]++;
	is(decode(0), -EBADMSG, "one more");
	begin(DAX_MSG_HELD, NULL, 0);
	u.msg.arg[0] = DAX_STATE_SLOTS - 1;
	is(decode(0), 0, "the last slot");
	is(req.slot, DAX_STATE_SLOTS - 1, "is read");
	u.msg.arg[0]++;
	is(decode(0), -EBADMSG, "one more");
	u.msg.arg[0] = UINT64_MAX;
	is(decode(0), -EBADMSG, "the largest number");
	begin(DAX_MSG_UEVENTS, NULL, 0);
	u.msg.arg[0] = UINT64_C(5) << 32 | 3;
	is(decode(0), 0, "both groups");
	ok(req.uevents.id == 5 && req.uevents.groups == 3, "are read");
	u.msg.arg[0]++;
	is(decode(0), -EBADMSG, "a group that does not exist");
	begin(DAX_MSG_CLEAR, range, sizeof(range));
	is(decode(1), 0, "all memory");
	ok(!req.clear.start && req.clear.len == UINT64_MAX, "is read");
	range[0] = 1;
	begin(DAX_MSG_CLEAR, range, sizeof(range));
	is(decode(1), -EINVAL, "a range that wraps: a program's mistake");
}

static void test_store(void)
{
	char body[DAX_SYSFS_PATH_MAX + 3];

	begin(DAX_MSG_STORE, "ab\0text", 7);
	is(decode(1), 0, "a path and a text");
	ok(!strcmp(req.store.path, "ab") && req.store.len == 4 &&
		   !memcmp(req.store.text, "text", 4),
	   "are read");
	begin(DAX_MSG_STORE, "ab", 3);
	is(decode(1), 0, "no text");
	is(req.store.len, 0, "is read");
	begin(DAX_MSG_STORE, "ab", 2);
	is(decode(1), -EBADMSG, "a path without its end");
	begin(DAX_MSG_STORE, "\0text", 5);
	is(decode(1), -EBADMSG, "an empty path");
	begin(DAX_MSG_STORE, "a", 1);
	is(decode(1), -EBADMSG, "one character");
	memset(body, 'a', sizeof(body));
	body[DAX_SYSFS_PATH_MAX] = '\0';
	begin(DAX_MSG_STORE, body, sizeof(body));
	is(decode(1), 0, "the longest path");
	body[DAX_SYSFS_PATH_MAX] = 'a';
	body[DAX_SYSFS_PATH_MAX + 1] = '\0';
	begin(DAX_MSG_STORE, body, sizeof(body));
	is(decode(1), -EBADMSG, "a longer one");
	begin(DAX_MSG_CONTROL, "{}", 2);
	is(decode(0), 0, "a request in JSON");
	ok(req.control.len == 2 && !memcmp(req.control.text, "{}", 2), "is read");
}

static int decode_event(const struct dax_fault_event *ev)
{
	begin(DAX_MSG_FAULT, ev, sizeof(*ev));
	return decode(0);
}

static void test_fault(void)
{
	const struct dax_fault_event good = {
		.call = DAX_FAULT_TOUCH,
		.rule = UINT32_MAX,
		.pid = INT32_MAX,
		.tid = INT32_MAX,
		.uid = UINT32_MAX,
		.error = 4095,
		.comm = "fifteen letters",
		.device = "dax0.0",
		.address = UINT64_MAX,
		.off = UINT64_MAX - 1,
		.len = 1,
	};
	struct dax_fault_event ev = good;

	is(decode_event(&ev), 0, "the largest numbers");
	ok(!memcmp(&req.fault, &good, sizeof(good)), "are read");
	ev.call = DAX_FAULT_CALL_NR;
	is(decode_event(&ev), -EBADMSG, "a call that is none");
	ev.call = UINT32_MAX;
	is(decode_event(&ev), -EBADMSG, "far off");
	ev = good;
	ev.pid = -1;
	is(decode_event(&ev), -EBADMSG, "a negative pid");
	ev = good;
	ev.tid = INT32_MIN;
	is(decode_event(&ev), -EBADMSG, "a negative thread");
	ev = good;
	ev.error = 4096;
	is(decode_event(&ev), -EBADMSG, "an errno that no kernel has");
	ev.error = UINT32_MAX;
	is(decode_event(&ev), -EBADMSG, "far off");
	ev.error = 1234;
	is(decode_event(&ev), 0, "one without a name");
	ev.rule = 0;
	is(decode_event(&ev), -EBADMSG, "an errno, but no rule");
	ev.error = 0;
	is(decode_event(&ev), 0, "no rule: bad memory was touched");
	ev.len = 2;
	is(decode_event(&ev), -EBADMSG, "a range that wraps");
	ev = good;
	memset(ev.comm, 'a', sizeof(ev.comm));
	is(decode_event(&ev), -EBADMSG, "a name without end");
	memcpy(ev.comm, "a\n\xff\x7f\0b", 6);
	is(decode_event(&ev), 0, "one that disturbs a terminal");
	ok(!strcmp(req.fault.comm, "a???") && !req.fault.comm[5],
	   "is made printable, and ends with its end");
	ev = good;
	memset(ev.device, '0', sizeof(ev.device));
	is(decode_event(&ev), -EBADMSG, "a device without end");
	memcpy(ev.device, "dax0", 5);
	is(decode_event(&ev), -EBADMSG, "what is no device");
	ev.device[0] = '\0';
	is(decode_event(&ev), -EBADMSG, "no device at all");
	ev.call = DAX_FAULT_WRITE;
	is(decode_event(&ev), 0, "but an attribute");
	begin(DAX_MSG_FAULT, &good, sizeof(good));
	u.msg.arg[0] = good.rule;
	is(decode(0), 0, "the rule in the header, too");
	u.msg.arg[0]--;
	is(decode(0), -EBADMSG, "another rule there");
}

int main(void)
{
	struct dax_msg *msg = &u.msg;
	int type;

	memset(&u, 0xa5, sizeof(u));
	dax_msg_init(msg, DAX_MSG_STORE, 8);
	is(msg->magic, 0x30786164, "a message begins with its magic");
	ok(!memcmp(msg, "dax0", 4), "which can be read");
	is(msg->version, DAX_WIRE_VERSION, "then the version");
	is(msg->type, DAX_MSG_STORE, "what it is");
	is(msg->len, 8, "how much follows");
	ok(!msg->error && !msg->arg[0] && !msg->arg[1] && !msg->arg[2] && !msg->arg[3],
	   "all else is zero");
	is(sizeof(*msg), 48, "the header has the size that docs/protocol.md tells");

	is(dax_msg_check(msg, sizeof(*msg) + 8), 0, "it is whole");
	is(dax_msg_check(msg, sizeof(*msg) + 7), -EBADMSG, "a byte short");
	is(dax_msg_check(msg, sizeof(*msg) + 9), -EBADMSG, "a byte long");
	is(dax_msg_check(msg, sizeof(*msg)), -EBADMSG, "no body");
	is(dax_msg_check(msg, sizeof(*msg) - 1), -EBADMSG, "a header cut short");
	is(dax_msg_check(msg, 0), -EBADMSG, "nothing");

	dax_msg_init(msg, DAX_MSG_CONTROL, DAX_WIRE_BODY_MAX);
	is(dax_msg_check(msg, sizeof(*msg) + DAX_WIRE_BODY_MAX), 0, "the longest one");
	msg->len++;
	is(dax_msg_check(msg, sizeof(*msg) + DAX_WIRE_BODY_MAX + 1), -EBADMSG,
	   "one byte more");
	msg->len = UINT32_MAX;
	is(dax_msg_check(msg, sizeof(*msg) - 1), -EBADMSG, "a length that would wrap");

	dax_msg_init(msg, DAX_MSG_ATTACH, 0);
	msg->magic ^= 1;
	is(dax_msg_check(msg, sizeof(*msg)), -EBADMSG, "another magic");
	dax_msg_init(msg, DAX_MSG_ATTACH, 0);
	msg->version++;
	is(dax_msg_check(msg, sizeof(*msg)), -EPROTO, "another version");
	msg->len = 77;
	is(dax_msg_check(msg, sizeof(*msg)), -EPROTO, "whose length means nothing to us");

	for (type = DAX_MSG_ATTACH; type < DAX_MSG_NR; type++) {
		dax_msg_init(msg, (enum dax_msg_type)type, 0);
		is(dax_msg_check(msg, sizeof(*msg)), 0, "type %d is known", type);
	}
	msg->type = DAX_MSG_NR;
	is(dax_msg_check(msg, sizeof(*msg)), -ENOSYS, "type %d is not", DAX_MSG_NR);
	msg->type = 0;
	is(dax_msg_check(msg, sizeof(*msg)), -ENOSYS, "nor is 0");
	test_shapes();
	test_numbers();
	test_store();
	test_fault();
	return tap_done();
}
