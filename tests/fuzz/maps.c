/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's lists of mappings, which the shim rewrites for programs that read them. */
#include "libcore/device.h"
#include "libcore/maps_text.h"
#include "libcore/vmas.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dax_vma vma = {.align = UINT64_C(1)
				       << (12 + 9 * (take(&data, &size, 1) % 3))};
	char name[DAX_NAME_LEN] = "dax0.0";
	struct dax_maps_node node = {.name = name};
	char *buf = malloc(DAX_MAPS_LINE_MAX);
	char *line;
	size_t i;

	HOLDS(buf);
	vma.start = take(&data, &size, 6) & ~UINT64_C(4095);
	vma.end = vma.start + (take(&data, &size, 5) & ~UINT64_C(4095));
	vma.off = take(&data, &size, 8);
	vma.flags = (uint32_t)take(&data, &size, 2);
	node.dev = take(&data, &size, 8);
	node.ino = take(&data, &size, 8);
	node.is_gone = take(&data, &size, 1) & 1;
	for (i = 0; i < sizeof(name) - 1 && size > 0 && node.dev & 1; i++)
		name[i] = (char)(take(&data, &size, 1) | 1);
	HOLDS(dax_maps_line(&vma, &node, buf) <= DAX_MAPS_LINE_MAX);
	HOLDS(dax_numa_maps_line(&vma, &node, buf) <= DAX_MAPS_LINE_MAX);
	line = text_of(data, size);
	HOLDS(dax_smaps_line(&vma, node.ino, line, size, buf) <= DAX_MAPS_LINE_MAX);
	free(line);
	free(buf);
	return 0;
}
