/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands that programs send to a CXL memory device with the ioctls of
 * /dev/cxl/memN: the kernel's refusals (drivers/cxl/core/mbox.c) and the device's replies
 * (CXL specification, memory device command sets).
 *
 * The structs have the layout of linux/cxl_mem.h, whose copy in libc may be older.
 */
#ifndef DAX_CXL_COMMAND_H
#define DAX_CXL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "libcore/cxl.h"
#include "libcore/reason.h"

#define DAX_CXL_VARIABLE UINT32_MAX /* size of a payload without a fixed one */

enum dax_cxl_command {
	DAX_CXL_INVALID,
	DAX_CXL_IDENTIFY,
	DAX_CXL_RAW,
	DAX_CXL_GET_SUPPORTED_LOGS,
	DAX_CXL_GET_FW_INFO,
	DAX_CXL_GET_PARTITION_INFO,
	DAX_CXL_GET_LSA,
	DAX_CXL_GET_HEALTH_INFO,
	DAX_CXL_GET_LOG,
	DAX_CXL_SET_PARTITION_INFO,
	DAX_CXL_SET_LSA,
	DAX_CXL_GET_ALERT_CONFIG,
	DAX_CXL_SET_ALERT_CONFIG,
	DAX_CXL_GET_SHUTDOWN_STATE,
	DAX_CXL_SET_SHUTDOWN_STATE,
	DAX_CXL_GET_SCAN_MEDIA_CAPS = 18,
	DAX_CXL_GET_TIMESTAMP = 21,
	DAX_CXL_GET_LOG_CAPS,
	DAX_CXL_CLEAR_LOG,
	DAX_CXL_GET_SUP_LOG_SUBLIST,
	DAX_CXL_COMMANDS,
};

enum dax_cxl_command_flag {
	DAX_CXL_COMMAND_ENABLED = 1 << 0,
	DAX_CXL_COMMAND_EXCLUSIVE = 1 << 1, /* the kernel keeps it for itself */
};

/* struct cxl_command_info. */
struct dax_cxl_command_info {
	uint32_t id;
	uint32_t flags; /* enum dax_cxl_command_flag */
	uint32_t size_in;
	uint32_t size_out;
};

/* struct cxl_mem_query_commands. */
struct dax_cxl_query {
	uint32_t nr;
	uint32_t reserved;
	struct dax_cxl_command_info commands[];
};

struct dax_cxl_buffer {
	uint32_t size;
	uint32_t reserved;
	uint64_t payload; /* address in the program */
};

/* struct cxl_send_command. */
struct dax_cxl_send {
	uint32_t id;
	uint32_t flags;
	uint32_t reserved; /* RAW: 16 bits of opcode, 16 bits reserved */
	uint32_t status;   /* receives the device's return code */
	struct dax_cxl_buffer in;
	struct dax_cxl_buffer out;
};

#define DAX_CXL_IOC_TYPE  0xce
#define DAX_CXL_IOC_QUERY _IOR(DAX_CXL_IOC_TYPE, 1, struct dax_cxl_query)
#define DAX_CXL_IOC_SEND  _IOWR(DAX_CXL_IOC_TYPE, 2, struct dax_cxl_send)

/* Return codes of a device. */
enum dax_cxl_status {
	DAX_CXL_SUCCESS = 0,
	DAX_CXL_INVALID_INPUT = 2,
	DAX_CXL_INVALID_LENGTH = 0x16, /* of the payload */
};

enum dax_cxl_labels_access {
	DAX_CXL_LABELS_NONE,
	DAX_CXL_LABELS_READ,  /* into the reply's payload */
	DAX_CXL_LABELS_WRITE, /* from the command's payload, DAX_CXL_LABELS_HEADER on */
};

#define DAX_CXL_LABELS_HEADER 8 /* bytes of SET_LSA's payload before the labels */

/* A device's reply, and the access to its label storage area that remains to be made. */
struct dax_cxl_reply {
	enum dax_cxl_status status;
	uint32_t size; /* bytes of payload for the program */
	uint8_t payload[DAX_CXL_PAYLOAD_MAX];
	enum dax_cxl_labels_access access;
	uint32_t labels_start; /* start + len is at most DAX_CXL_LABELS */
	uint32_t labels_len;
};

void dax_cxl_command_describe(const struct dax_device *dev, uint32_t id,
			      struct dax_cxl_command_info *ret);
struct dax_verdict dax_cxl_command_verdict(const struct dax_device *dev,
					   const struct dax_cxl_send *send);
void dax_cxl_command_run(const struct dax_device *dev, const struct dax_cxl_send *send,
			 const uint8_t *in, struct dax_cxl_reply *ret);

#endif
