/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages on the daemon's control socket. */
#include "libcore/wire.h"

#include <errno.h>
#include <string.h>

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
