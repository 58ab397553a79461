/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages on the daemon's control socket. */
#include "libcore/wire.h"

#include <errno.h>
#include <string.h>

/**
 * dax_msg_init() - begin a message
 * @msg:	receives the header, all else zero
 * @type:	what it is
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
 * dax_msg_check() - is what was received a whole message?
 * @msg:	bytes from the socket; aligned as struct dax_msg
 * @len:	how many; more than a message can have if it was cut
 *
 * Nothing in @msg may be believed before this says 0.
 *
 * Return: 0; -EBADMSG: no message, or of another length than it says; -EPROTO: of
 * another version of the protocol; -ENOSYS: of a type that we do not know.
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
