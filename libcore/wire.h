/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages on the daemon's control socket (SOCK_SEQPACKET): a header, perhaps a body,
 * perhaps a descriptor beside it. docs/protocol.md describes the dialogues.
 */
#ifndef DAX_WIRE_H
#define DAX_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "libcore/fault.h"

#define DAX_WIRE_MAGIC    UINT32_C(0x30786164) /* "dax0" */
#define DAX_WIRE_VERSION  1
#define DAX_WIRE_BODY_MAX 32768

#define DAX_CONTROL_SOCKET "control.sock"
#define DAX_STATE_FILE     "state"

enum dax_msg_type {
	/*
	 * With an open handle: request its backing store. REPLY with a descriptor of the
	 * store (read-only for a read-only handle), arg[0] the slot, arg[1] the device's
	 * life.
	 */
	DAX_MSG_ATTACH = 1,
	/*
	 * The client, a child after fork, has mappings and must be notified when they
	 * change. REPLY.
	 */
	DAX_MSG_ADOPT,
	/* The client's mappings match change arg[0] of the state pages. REPLY. */
	DAX_MSG_SETTLED,
	/*
	 * A write to a sysfs attribute: the body is its path below /sys, NUL, and the
	 * bytes written. The attribute's descriptor, open for writing, is the permission.
	 * REPLY with the write's error.
	 */
	DAX_MSG_STORE,
	/*
	 * A request as JSON text. REPLY with a sealed memfd that holds the JSON reply.
	 */
	DAX_MSG_CONTROL,
	DAX_MSG_REPLY,
	/*
	 * A fault rule has struck: the body is a struct dax_fault_event. REPLY when the
	 * daemon has done its part of the rule. A client that has not attached the device
	 * sends the descriptor that the call is on.
	 */
	DAX_MSG_FAULT,
	/*
	 * Is the device in slot arg[0] open in any process? REPLY; error ENXIO: in none.
	 */
	DAX_MSG_HELD,
	/*
	 * With the nd bus's node, open for writing: clear bad memory. The body is two
	 * 64-bit numbers, physical address and length. REPLY, arg[0] the bytes cleared.
	 */
	DAX_MSG_CLEAR,
	/*
	 * With an open node of a memory device of CXL: request its label storage area.
	 * REPLY with a descriptor of it, DAX_CXL_LABELS bytes.
	 */
	DAX_MSG_LABELS,
	/*
	 * A socket for uevents. arg[0] 0: REPLY with a new one, arg[0] its id. Else the
	 * id, times 2^32, plus the groups that it shall receive from now on, bit N - 1 for
	 * group N. REPLY.
	 */
	DAX_MSG_UEVENTS,
	/*
	 * The handle in slot arg[0], as the daemon's own mounts have it. REPLY with a
	 * descriptor that only names it (O_PATH); error ENXIO: there is none.
	 */
	DAX_MSG_HANDLE,
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

/* A request whose fields are all in range. Texts lie in the message. */
struct dax_wire_request {
	enum dax_msg_type type;
	union {
		uint32_t changes; /* SETTLED */
		uint32_t slot;    /* HELD, HANDLE: less than DAX_STATE_SLOTS */
		struct {
			const char *path; /* terminated, not empty */
			const char *text; /* not terminated */
			size_t len;
		} store; /* STORE */
		struct {
			const char *text; /* not terminated */
			size_t len;
		} control;                    /* CONTROL */
		struct dax_fault_event fault; /* FAULT; its names are printable */
		struct {
			uint64_t start;
			uint64_t len; /* start + len does not overflow */
		} clear;              /* CLEAR */
		struct {
			uint32_t id;     /* 0: a new socket */
			uint32_t groups; /* none but DAX_UEVENT_KERNEL and _UDEV */
		} uevents;               /* UEVENTS */
	};
};

void dax_msg_init(struct dax_msg *msg, enum dax_msg_type type, uint32_t len);
int dax_msg_check(const struct dax_msg *msg, size_t len);
int dax_wire_decode(const struct dax_msg *msg, size_t len, unsigned int nr_fds,
		    struct dax_wire_request *ret);

#endif
