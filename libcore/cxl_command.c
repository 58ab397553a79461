/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that programs send to a CXL memory device. */
#include "libcore/cxl_command.h"

#include <errno.h>
#include <string.h>

#include "libcore/bytes.h"
#include "libcore/size.h"

#define VARIABLE DAX_CXL_VARIABLE
#define ENABLED  DAX_CXL_COMMAND_ENABLED

/* A command's payloads, and whether the device has it; no size at all: no such command. */
static const struct {
	uint32_t size_in;
	uint32_t size_out;
	uint32_t flags;
} commands[DAX_CXL_COMMANDS] = {
	[DAX_CXL_IDENTIFY] = {0, 67, ENABLED},
	[DAX_CXL_GET_SUPPORTED_LOGS] = {0, VARIABLE, 0},
	[DAX_CXL_GET_FW_INFO] = {0, 80, ENABLED},
	[DAX_CXL_GET_PARTITION_INFO] = {0, 32, ENABLED},
	[DAX_CXL_GET_LSA] = {8, VARIABLE, ENABLED},
	[DAX_CXL_GET_HEALTH_INFO] = {0, 18, ENABLED},
	[DAX_CXL_GET_LOG] = {24, VARIABLE, 0},
	[DAX_CXL_SET_PARTITION_INFO] = {10, 0, 0},
	[DAX_CXL_SET_LSA] = {VARIABLE, 0, ENABLED},
	[DAX_CXL_GET_ALERT_CONFIG] = {0, 16, ENABLED},
	[DAX_CXL_SET_ALERT_CONFIG] = {12, 0, 0},
	[DAX_CXL_GET_SHUTDOWN_STATE] = {0, 1, 0},
	[DAX_CXL_SET_SHUTDOWN_STATE] = {1, 0, 0},
	[DAX_CXL_GET_SCAN_MEDIA_CAPS] = {16, 4, 0},
	[DAX_CXL_GET_TIMESTAMP] = {0, 8, 0},
	[DAX_CXL_GET_LOG_CAPS] = {16, 4, 0},
	[DAX_CXL_CLEAR_LOG] = {16, 0, 0},
	[DAX_CXL_GET_SUP_LOG_SUBLIST] = {2, VARIABLE, 0},
};

/* True if the kernel keeps a command for itself (drivers/cxl/pmem.c: exclusive_cmds). */
static bool is_exclusive(const struct dax_device *dev, uint32_t id)
{
	return id == DAX_CXL_SET_LSA && dev->flags & DAX_DEVICE_CXL_NVDIMM;
}

/**
 * dax_cxl_command_describe() - describe a command, as CXL_MEM_QUERY_COMMANDS does
 * @dev:	the memory device
 * @id:		less than DAX_CXL_COMMANDS
 * @ret:	receives the description; all zero if no command has the number
 */
void dax_cxl_command_describe(const struct dax_device *dev, uint32_t id,
			      struct dax_cxl_command_info *ret)
{
	*ret = (struct dax_cxl_command_info){0};
	if (!commands[id].size_in && !commands[id].size_out)
		return;
	ret->id = id;
	ret->flags = commands[id].flags;
	if (is_exclusive(dev, id))
		ret->flags |= DAX_CXL_COMMAND_EXCLUSIVE;
	ret->size_in = commands[id].size_in;
	ret->size_out = commands[id].size_out;
}

static struct dax_verdict refuse_command(int error)
{
	return dax_refuse(error, error == ENOTTY ? DAX_NO_IOCTL : DAX_BAD_ARGUMENT,
			  DAX_CXL_IOC_SEND, 0, 0);
}

/* core/mbox.c: cxl_to_mem_cmd_raw(), without CONFIG_CXL_MEM_RAW_COMMANDS. */
static struct dax_verdict raw_verdict(const struct dax_cxl_send *send)
{
	if (send->reserved >> 16 || send->out.size > DAX_CXL_PAYLOAD_MAX)
		return refuse_command(EINVAL);
	return refuse_command(EPERM);
}

/**
 * dax_cxl_command_verdict() - the verdict on CXL_MEM_SEND_COMMAND
 * @dev:	the memory device
 * @send:	the ioctl's argument
 *
 * core/mbox.c: cxl_validate_cmd_from_user(), cxl_to_mem_cmd().
 *
 * Return: the verdict; if it allows the command, @send->in.size is at most
 * DAX_CXL_PAYLOAD_MAX.
 */
struct dax_verdict dax_cxl_command_verdict(const struct dax_device *dev,
					   const struct dax_cxl_send *send)
{
	if (send->id == DAX_CXL_INVALID || send->id >= DAX_CXL_COMMANDS)
		return refuse_command(ENOTTY);
	if (send->in.size > DAX_CXL_PAYLOAD_MAX)
		return refuse_command(EINVAL);
	if (send->id == DAX_CXL_RAW)
		return raw_verdict(send);
	if (send->flags & ~(uint32_t)ENABLED || send->reserved || send->in.reserved ||
	    send->out.reserved)
		return refuse_command(EINVAL);
	if (!(commands[send->id].flags & ENABLED))
		return refuse_command(ENOTTY);
	if (is_exclusive(dev, send->id))
		return refuse_command(EBUSY);
	if ((commands[send->id].size_in != VARIABLE &&
	     send->in.size != commands[send->id].size_in) ||
	    (commands[send->id].size_out != VARIABLE &&
	     send->out.size < commands[send->id].size_out))
		return refuse_command(ENOMEM);
	return dax_allow();
}

static bool is_pmem(const struct dax_device *dev)
{
	return dev->flags & DAX_DEVICE_CXL_PMEM;
}

/* Identify Memory Device. The capacities are in units of 256M. */
static void identify(const struct dax_device *dev, uint8_t *out)
{
	memcpy(out, DAX_CXL_FIRMWARE, sizeof(DAX_CXL_FIRMWARE));
	dax_put_le(out + 16, 8, dev->size / DAX_CXL_UNIT); /* total */
	/* volatile only, persistent only */
	dax_put_le(out + (is_pmem(dev) ? 32 : 24), 8, dev->size / DAX_CXL_UNIT);
	dax_put_le(out + 56, 4, DAX_CXL_LABELS);
	dax_put_le(out + 60, 3, 256); /* records of a poison list */
}

/* Get FW Info: two slots, of which the first is active. */
static void get_fw_info(uint8_t *out)
{
	static const char version[] = "BWFW VERSION 0"; /* as QEMU's devices have it */

	out[0] = 2; /* slots */
	out[1] = 1; /* the active one */
	out[2] = 1; /* new firmware can be activated online */
	memcpy(out + 16, version, sizeof(version));
}

/* Get Health Info: nothing is wrong, and nothing was. */
static void get_health_info(uint8_t *out)
{
	out[3] = 0;                 /* per cent of life used */
	dax_put_le(out + 4, 2, 30); /* degrees Celsius */
}

/* Get Alert Configuration: no warning can be set. */
static void get_alert_config(uint8_t *out)
{
	out[2] = 90;                /* life used, critical */
	dax_put_le(out + 4, 2, 85); /* over-temperature, critical */
}

/* Get LSA. */
static void get_lsa(const uint8_t *in, struct dax_cxl_reply *ret)
{
	const uint64_t start = dax_get_le(in, 4);
	const uint64_t len = dax_get_le(in + 4, 4);

	if (len > DAX_CXL_PAYLOAD_MAX || start + len > DAX_CXL_LABELS) {
		ret->status = DAX_CXL_INVALID_INPUT;
		return;
	}
	ret->access = DAX_CXL_LABELS_READ;
	ret->labels_start = (uint32_t)start;
	ret->labels_len = (uint32_t)len;
	ret->size = (uint32_t)len;
}

/* Set LSA. */
static void set_lsa(const struct dax_cxl_send *send, const uint8_t *in,
		    struct dax_cxl_reply *ret)
{
	uint64_t start;
	uint64_t len;

	if (send->in.size < DAX_CXL_LABELS_HEADER) {
		ret->status = DAX_CXL_INVALID_LENGTH;
		return;
	}
	start = dax_get_le(in, 4);
	len = send->in.size - DAX_CXL_LABELS_HEADER;
	if (start + len > DAX_CXL_LABELS) {
		ret->status = DAX_CXL_INVALID_INPUT;
		return;
	}
	ret->access = DAX_CXL_LABELS_WRITE;
	ret->labels_start = (uint32_t)start;
	ret->labels_len = (uint32_t)len;
}

/**
 * dax_cxl_command_run() - do what a memory device does with a command
 * @dev:	the memory device
 * @send:	the command, allowed by dax_cxl_command_verdict()
 * @in:		its payload, @send->in.size bytes
 * @ret:	receives the reply. The caller accesses the label storage area and copies the
 *		payload, zeroes if the device has refused
 */
void dax_cxl_command_run(const struct dax_device *dev, const struct dax_cxl_send *send,
			 const uint8_t *in, struct dax_cxl_reply *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (commands[send->id].size_out != VARIABLE)
		ret->size = commands[send->id].size_out;
	switch (send->id) {
	case DAX_CXL_IDENTIFY:
		identify(dev, ret->payload);
		break;
	case DAX_CXL_GET_FW_INFO:
		get_fw_info(ret->payload);
		break;
	case DAX_CXL_GET_PARTITION_INFO: /* all active, and nothing else is planned */
		dax_put_le(ret->payload + (is_pmem(dev) ? 8 : 0), 8,
			   dev->size / DAX_CXL_UNIT);
		break;
	case DAX_CXL_GET_HEALTH_INFO:
		get_health_info(ret->payload);
		break;
	case DAX_CXL_GET_ALERT_CONFIG:
		get_alert_config(ret->payload);
		break;
	case DAX_CXL_GET_LSA:
		get_lsa(in, ret);
		break;
	default:
		set_lsa(send, in, ret);
		break;
	}
	/* pci.c: __cxl_pci_mbox_send_cmd(): after an error the size stays what it was. */
	if (ret->status)
		ret->size = DAX_CXL_PAYLOAD_MAX;
	ret->size = (uint32_t)dax_min(ret->size, send->out.size);
	ret->labels_len =
		ret->access == DAX_CXL_LABELS_READ ? ret->size : ret->labels_len;
}
