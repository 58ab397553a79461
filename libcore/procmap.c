/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of device-dax in the answer to PROCMAP_QUERY. */
#include "libcore/procmap.h"

#include <errno.h>
#include <sys/sysmacros.h>

/**
 * dax_procmap_answer() - answer a query whose answer is a mapping of a device
 * @vma:	the mapping
 * @node:	its node
 * @q:		the program's query; receives the answer
 * @name:	receives the name, terminated, if the program asks for it
 *
 * fs/proc/task_mmu.c: do_procmap_query().
 *
 * Return: 0, or -ENAMETOOLONG if the program has no room for the name.
 */
int dax_procmap_answer(const struct dax_vma *vma, const struct dax_maps_node *node,
		       struct dax_procmap *q, char name[DAX_MAPS_LINE_MAX])
{
	q->start = vma->start;
	q->end = vma->end;
	q->flags = DAX_PROCMAP_SHARED |
		   (vma->flags & DAX_VMA_READ ? DAX_PROCMAP_READABLE : 0) |
		   (vma->flags & DAX_VMA_WRITE ? DAX_PROCMAP_WRITABLE : 0) |
		   (vma->flags & DAX_VMA_EXEC ? DAX_PROCMAP_EXECUTABLE : 0);
	q->page_size = vma->align;
	q->off = vma->off;
	q->ino = node->ino;
	q->dev_major = major(node->dev);
	q->dev_minor = minor(node->dev);
	q->build_id_size = 0;
	if (q->name_size) {
		const uint32_t len = (uint32_t)dax_maps_path(node, name) + 1;

		if (len > q->name_size)
			return -ENAMETOOLONG;
		q->name_size = len;
	}
	return 0;
}
