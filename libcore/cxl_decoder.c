/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoders of CXL memory devices and of host bridges (drivers/cxl/core/hdm.c). */
#include "libcore/cxl_decoder.h"

#include <errno.h>

/**
 * dax_cxl_decoder_get() - the endpoint decoder of a number
 * @cxl:	the windows
 * @n:		number of the memory device times DAX_CXL_DECODERS, plus the decoder's
 *
 * Return: the decoder.
 */
struct dax_cxl_decoder *dax_cxl_decoder_get(struct dax_cxl *cxl, uint32_t n)
{
	return &cxl->memdevs[n / DAX_CXL_DECODERS].decoders[n % DAX_CXL_DECODERS];
}

/**
 * dax_cxl_decoder_memdev() - the memory device of an endpoint decoder
 * @cxl:	the windows
 * @decoder:	the decoder
 *
 * Return: N of memN.
 */
uint32_t dax_cxl_decoder_memdev(const struct dax_cxl *cxl,
				const struct dax_cxl_decoder *decoder)
{
	uint32_t n = 0;

	while (decoder < cxl->memdevs[n].decoders ||
	       decoder >= cxl->memdevs[n].decoders + DAX_CXL_DECODERS)
		n++;
	return n;
}

/**
 * dax_cxl_decoder_id() - the number of an endpoint decoder
 * @cxl:	the windows
 * @decoder:	the decoder
 *
 * Return: D of decoderP.D.
 */
uint32_t dax_cxl_decoder_id(const struct dax_cxl *cxl,
			    const struct dax_cxl_decoder *decoder)
{
	uint32_t n = dax_cxl_decoder_memdev(cxl, decoder);

	return (uint32_t)(decoder - cxl->memdevs[n].decoders);
}

/**
 * dax_cxl_decoder_set_mode() - `mode` of an endpoint decoder
 * @model:	the model, with CXL
 * @decoder:	the decoder
 * @mode:	ram or pmem; the devices have only one of them
 *
 * Return: 0; -EBUSY: committed; -EINVAL (6.12: -ENXIO): the device has no such memory.
 */
int dax_cxl_decoder_set_mode(const struct dax_model *model,
			     struct dax_cxl_decoder *decoder, enum dax_cxl_mode mode)
{
	if (decoder->is_committed)
		return -EBUSY;
	if (mode != model->cxl->partition)
		return dax_kernel_has(model->kernel, DAX_RULE_CXL_PARTITIONS) ? -EINVAL
									      : -ENXIO;
	decoder->mode = mode;
	return 0;
}

/**
 * dax_cxl_decoder_set_size() - `dpa_size` of an endpoint decoder
 * @model:	the model, with CXL
 * @decoder:	the decoder
 * @size:	bytes of the memory device, above those of the lower decoders
 *
 * The old memory is free even if the new size is refused then (core/hdm.c).
 *
 * Return: 0; -EINVAL: not a multiple of 256 MiB; -EBUSY: it is a target, or a higher
 * decoder has memory; -EBUSY (6.12: -EINVAL): it has no mode; -ENOSPC: more than is free; -EBUSY: the
 * decoder below has none.
 */
int dax_cxl_decoder_set_size(const struct dax_model *model,
			     struct dax_cxl_decoder *decoder, uint64_t size)
{
	const struct dax_cxl *cxl = model->cxl;
	uint32_t id = dax_cxl_decoder_id(cxl, decoder);
	struct dax_cxl_decoder *first = decoder - id;
	uint64_t used = 0;
	uint32_t end = 0;

	if (size % DAX_CXL_UNIT)
		return -EINVAL;
	while (end < DAX_CXL_DECODERS && first[end].dpa_size)
		end++;
	if (decoder->dpa_size) {
		if (decoder->region || end != id + 1)
			return -EBUSY;
		decoder->dpa_size = 0;
		end--;
	}
	if (!size)
		return 0;
	if (decoder->mode == DAX_CXL_NONE)
		return dax_kernel_has(model->kernel, DAX_RULE_CXL_PARTITIONS) ? -EBUSY
									      : -EINVAL;
	if (end)
		used = first[end - 1].dpa + first[end - 1].dpa_size;
	if (size > cxl->memdev_size - used)
		return -ENOSPC;
	if (end != id)
		return -EBUSY;
	decoder->dpa = used;
	decoder->dpa_size = size;
	return 0;
}

/**
 * dax_cxl_decoder_port_committed() - `decoders_committed` of a host bridge
 * @bridge:	the host bridge
 *
 * Return: the number of the highest committed decoder, counted from 1, or 0.
 */
uint32_t dax_cxl_decoder_port_committed(const struct dax_cxl_bridge *bridge)
{
	uint32_t n = DAX_CXL_DECODERS;

	while (n && !bridge->decoders[n - 1].is_committed)
		n--;
	return n;
}

/**
 * dax_cxl_decoder_committed() - `decoders_committed` of an endpoint
 * @memdev:	its memory device
 *
 * Return: the number of the highest committed decoder, counted from 1, or 0.
 */
uint32_t dax_cxl_decoder_committed(const struct dax_cxl_memdev *memdev)
{
	uint32_t n = DAX_CXL_DECODERS;

	while (n && !memdev->decoders[n - 1].is_committed)
		n--;
	return n;
}
