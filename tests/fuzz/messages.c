/* SPDX-License-Identifier: BSD-2-Clause */
/* Data received from sockets: requests to the daemon, events for daxrun. */
#include "libcore/event.h"
#include "libcore/reason.h"
#include "libcore/wire.h"

#include "tests/fuzz/fuzz.h"

static void message(const uint8_t *data, size_t size)
{
	struct dax_msg *msg = malloc(size ? size : 1);

	HOLDS(msg);
	if (size)
		memcpy(msg, data, size);
	if (dax_msg_check(msg, size) == 0) {
		HOLDS(size == sizeof(*msg) + msg->len);
		HOLDS(msg->len <= DAX_WIRE_BODY_MAX);
	}
	free(msg);
}

static void event(const uint8_t *data, size_t size, size_t room)
{
	struct dax_event ev = {0};
	char *buf = malloc(room);
	size_t len;

	HOLDS(buf);
	memcpy(&ev, data, size < sizeof(ev) ? size : sizeof(ev));
	/* Make half of the inputs pass the first check. */
	if (room & 1) {
		ev.magic = DAX_EVENT_MAGIC;
		ev.call %= DAX_CALL_NR;
		ev.v.reason =
			(enum dax_reason)((unsigned int)ev.v.reason % DAX_REASON_NR);
	}
	if (dax_event_check(&ev, sizeof(ev)) == 0) {
		len = dax_event_refusal(&ev, buf, room);
		HOLDS(len < room && buf[len] == '\0');
		len = dax_event_trace(&ev, buf, room);
		HOLDS(len < room && buf[len] == '\0');
	}
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	message(data, size);
	if (size > 2) {
		size_t room = 1 + (size_t)(data[0] << 2 | (data[1] & 3));

		event(data + 2, size - 2, room);
	}
	return 0;
}
