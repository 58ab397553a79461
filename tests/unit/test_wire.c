/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on the control socket: every field is checked before it is used. */
#include <errno.h>
#include <string.h>

#include "libcore/wire.h"

#include "tests/unit/tap.h"

int main(void)
{
	union {
		struct dax_msg msg;
		uint8_t bytes[sizeof(struct dax_msg) + DAX_WIRE_BODY_MAX + 1];
	} u;
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
	return tap_done();
}
