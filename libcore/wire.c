/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages on the daemon's control socket. */
#include "libcore/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/state.h"
#include "libcore/sysfs_node.h"

#define ERRNO_MAX 4095 /* include/linux/err.h: MAX_ERRNO */

/**
 * dax_msg_init() - begin a message
 * @msg:	receives the header; all else is zero
 * @type:	its type
 * @len:	bytes of body, which the caller adds; at most DAX_WIRE_BODY_MAX
 */
void dax_msg_init(struct dax_msg *msg, enum dax_msg_type type, uint32_t len)
{
	memset(msg, 0, sizeof(*msg));
	msg->magic = DAX_WIRE_MAGIC;
	msg->version = DAX_WIRE_VERSION;
	msg->type = (uint16_t)type;
	msg->len = len;
}

/**
 * dax_msg_check() - check that a whole message was received
 * @msg:	bytes from the socket; aligned as struct dax_msg
 * @len:	bytes received; more than a message can have if it was cut off
 *
 * No field of @msg may be used before this returns 0.
 *
 * Return: 0; -EBADMSG: not a message, or its length is wrong; -EPROTO: another version
 * of the protocol; -ENOSYS: an unknown type.
 */
int dax_msg_check(const struct dax_msg *msg, size_t len)
{
	if (len < sizeof(*msg) || msg->magic != DAX_WIRE_MAGIC)
		return -EBADMSG;
	if (msg->version != DAX_WIRE_VERSION)
		return -EPROTO;
	if (msg->len > DAX_WIRE_BODY_MAX || len != sizeof(*msg) + msg->len)
		return -EBADMSG;
	if (msg->type < DAX_MSG_ATTACH || msg->type >= DAX_MSG_NR)
		return -ENOSYS;
	return 0;
}

/* The descriptors and the body of each request; other types are no requests. */
static const struct {
	bool is_request;
	uint8_t min_fds;
	uint8_t max_fds;
	uint16_t min_len;
	uint16_t max_len;
} shapes[DAX_MSG_NR] = {
	[DAX_MSG_ATTACH] = {true, 1, 1, 0, 0},
	[DAX_MSG_ADOPT] = {true, 0, 0, 0, 0},
	[DAX_MSG_SETTLED] = {true, 0, 0, 0, 0},
	[DAX_MSG_STORE] = {true, 1, 1, 2, DAX_WIRE_BODY_MAX},
	[DAX_MSG_CONTROL] = {true, 0, 0, 0, DAX_WIRE_BODY_MAX},
	[DAX_MSG_FAULT] = {true, 0, 1, sizeof(struct dax_fault_event),
			   sizeof(struct dax_fault_event)},
	[DAX_MSG_HELD] = {true, 0, 0, 0, 0},
	[DAX_MSG_CLEAR] = {true, 1, 1, 2 * sizeof(uint64_t), 2 * sizeof(uint64_t)},
	[DAX_MSG_LABELS] = {true, 1, 1, 0, 0},
	[DAX_MSG_UEVENTS] = {true, 0, 0, 0, 0},
	[DAX_MSG_HANDLE] = {true, 0, 0, 0, 0},
};

/* Check the fields of the header that a request of this type does not use. */
static int check_unused(const struct dax_msg *msg)
{
	bool has_arg = msg->type == DAX_MSG_SETTLED || msg->type == DAX_MSG_HELD ||
		       msg->type == DAX_MSG_FAULT || msg->type == DAX_MSG_UEVENTS ||
		       msg->type == DAX_MSG_HANDLE;

	if (msg->error || (msg->arg[0] && !has_arg) || msg->arg[1] || msg->arg[2] ||
	    msg->arg[3])
		return -EBADMSG;
	return 0;
}

static int decode_store(const struct dax_msg *msg, struct dax_wire_request *ret)
{
	const char *path = (const char *)msg->body;
	size_t len = strnlen(path, msg->len);

	if (!len || len == msg->len || len > DAX_SYSFS_PATH_MAX)
		return -EBADMSG;
	ret->store.path = path;
	ret->store.text = path + len + 1;
	ret->store.len = msg->len - len - 1;
	return 0;
}

/* Check that a name ends in its field; make it printable, and clear what is behind it. */
static int decode_name(char *name, size_t size)
{
	size_t len = strnlen(name, size);
	size_t i;

	if (len == size)
		return -EBADMSG;
	for (i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			name[i] = '?';
	memset(name + len, 0, size - len);
	return 0;
}

static int decode_fault(const struct dax_msg *msg, struct dax_fault_event *ev)
{
	uint32_t region;
	uint32_t id;
	uint64_t end;

	memcpy(ev, msg->body, sizeof(*ev));
	if (ev->call >= DAX_FAULT_CALL_NR || ev->pid < 0 || ev->tid < 0 ||
	    ev->error > ERRNO_MAX || (msg->arg[0] && msg->arg[0] != ev->rule) ||
	    (ev->error && !ev->rule) || __builtin_add_overflow(ev->off, ev->len, &end) ||
	    decode_name(ev->comm, sizeof(ev->comm)) < 0 ||
	    decode_name(ev->device, sizeof(ev->device)) < 0)
		return -EBADMSG;
	/* Only an attribute may belong to no device. */
	if (!ev->device[0])
		return ev->call == DAX_FAULT_WRITE ? 0 : -EBADMSG;
	return dax_name_parse(ev->device, &region, &id) < 0 ? -EBADMSG : 0;
}

static int decode_clear(const struct dax_msg *msg, struct dax_wire_request *ret)
{
	uint64_t body[2];
	uint64_t end;

	memcpy(body, msg->body, sizeof(body));
	if (__builtin_add_overflow(body[0], body[1], &end))
		return -EINVAL;
	ret->clear.start = body[0];
	ret->clear.len = body[1];
	return 0;
}

/**
 * dax_wire_decode() - read a request, and check every field of it
 * @msg:	bytes from the socket; aligned as struct dax_msg
 * @len:	bytes received; more than a message can have if it was cut off
 * @nr_fds:	descriptors received with it
 * @ret:	receives the request; its texts lie in @msg
 *
 * This is the one place where numbers from the wire are compared with their ranges. A
 * number in @ret may be used as an index, in a sum, or in a message, without another
 * look. Whether the client may make the request is not decided here.
 *
 * Return: 0; -EINVAL: a program passed a bad argument on, and must be told; -EBADMSG,
 * -EPROTO, -ENOSYS: no client sends this.
 */
int dax_wire_decode(const struct dax_msg *msg, size_t len, unsigned int nr_fds,
		    struct dax_wire_request *ret)
{
	int r = dax_msg_check(msg, len);

	if (r < 0)
		return r;
	if (!shapes[msg->type].is_request)
		return -ENOSYS;
	if (nr_fds < shapes[msg->type].min_fds || nr_fds > shapes[msg->type].max_fds ||
	    msg->len < shapes[msg->type].min_len ||
	    msg->len > shapes[msg->type].max_len || check_unused(msg) < 0)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->type = (enum dax_msg_type)msg->type;
	switch (ret->type) {
	case DAX_MSG_SETTLED:
		ret->changes = (uint32_t)msg->arg[0];
		return msg->arg[0] > UINT32_MAX ? -EBADMSG : 0;
	case DAX_MSG_HELD:
	case DAX_MSG_HANDLE:
		ret->slot = (uint32_t)msg->arg[0];
		return msg->arg[0] >= DAX_STATE_SLOTS ? -EBADMSG : 0;
	case DAX_MSG_STORE:
		return decode_store(msg, ret);
	case DAX_MSG_CONTROL:
		ret->control.text = (const char *)msg->body;
		ret->control.len = msg->len;
		return 0;
	case DAX_MSG_FAULT:
		return decode_fault(msg, &ret->fault);
	case DAX_MSG_CLEAR:
		return decode_clear(msg, ret);
	case DAX_MSG_UEVENTS:
		ret->uevents.id = (uint32_t)(msg->arg[0] >> 32);
		ret->uevents.groups = (uint32_t)msg->arg[0];
		return ret->uevents.groups > (ret->uevents.id ? 3 : 0) ? -EBADMSG : 0;
	case DAX_MSG_ATTACH:
	case DAX_MSG_ADOPT:
	case DAX_MSG_LABELS:
	case DAX_MSG_REPLY:
	case DAX_MSG_NR:
		break;
	}
	return 0;
}
