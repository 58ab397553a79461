/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages on the daemon's control socket (SOCK_SEQPACKET): a header, perhaps a body,
 * perhaps a descriptor beside it. docs/protocol.md tells the dialogues.
 */
#ifndef DAX_WIRE_H
#define DAX_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define DAX_WIRE_MAGIC    UINT32_C(0x30786164) /* "dax0" */
#define DAX_WIRE_VERSION  1
#define DAX_WIRE_BODY_MAX 32768

#define DAX_CONTROL_SOCKET "control.sock"
#define DAX_STATE_FILE     "state"

enum dax_msg_type {
	/*
	 * With an open handle: give me the backing store. Answer: REPLY with a
	 * descriptor of it (read-only for a read-only handle), arg[0] the slot, arg[1]
	 * the device's life.
	 */
	DAX_MSG_ATTACH = 1,
	/*
	 * I hold mappings (a child after fork): tell me, too, when they must change.
	 * Answer: REPLY.
	 */
	DAX_MSG_ADOPT,
	/* My mappings follow change arg[0] of the state pages. Answer: REPLY. */
	DAX_MSG_SETTLED,
	/*
	 * A write to a sysfs attribute: body is its path below /sys, NUL, and the bytes
	 * written. With the attribute's descriptor, open for writing: the permission.
	 * Answer: REPLY, error as the write's.
	 */
	DAX_MSG_STORE,
	/*
	 * A question or order as JSON text. Answer: REPLY with a sealed memfd that holds
	 * the JSON answer.
	 */
	DAX_MSG_CONTROL,
	DAX_MSG_REPLY,
	/*
	 * A fault rule has struck: body is a struct dax_fault_event. Answer: REPLY, when
	 * what the rule wants of the daemon is done.
	 */
	DAX_MSG_FAULT,
	/*
	 * Has anybody the device in slot arg[0] open? Answer: REPLY; error ENXIO: nobody.
	 */
	DAX_MSG_HELD,
	/*
	 * With the nd bus's node, open for writing: clear what is bad at two 64-bit
	 * numbers in the body, physical address and length. Answer: REPLY, arg[0] the
	 * bytes cleared.
	 */
	DAX_MSG_CLEAR,
	DAX_MSG_NR,
};

struct dax_msg {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t len;   /* bytes of body */
	uint32_t error; /* REPLY: errno, or 0 */
	uint64_t arg[4];
	uint8_t body[];
};

void dax_msg_init(struct dax_msg *msg, enum dax_msg_type type, uint32_t len);
int dax_msg_check(const struct dax_msg *msg, size_t len);

#endif
