/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of the fault rules in force. */
#include "cuse-daxd/faults/list.h"

#include <stddef.h>
#include <stdint.h>

#include "libcore/fault.h"
#include "libcore/fault_format.h"

/**
 * daxd_list_find() - look up a rule by its id
 * @faults:	all of them
 * @id:		of the rule
 *
 * Return: the rule, or NULL if there is none.
 */
struct daxd_fault *daxd_list_find(const struct daxd_faults *faults, uint32_t id)
{
	guint i;

	for (i = 0; i < faults->rules->len; i++) {
		struct daxd_fault *f = g_ptr_array_index(faults->rules, i);

		if (f->rule.id == id)
			return f;
	}
	return NULL;
}

/**
 * daxd_list_add() - add a rule at the end of the list
 * @faults:	all of them
 * @rule:	the rule, checked; copied
 *
 * Return: the rule as it is in the list.
 */
struct daxd_fault *daxd_list_add(struct daxd_faults *faults,
				 const struct dax_fault_rule *rule)
{
	struct daxd_fault *f = g_new0(struct daxd_fault, 1);
	char text[DAX_FAULT_TEXT_MAX];

	f->rule = *rule;
	dax_fault_format(rule, text, sizeof(text));
	f->text = g_strdup(text);
	f->done = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_ptr_array_add(faults->rules, f);
	return f;
}

/**
 * daxd_list_free() - free a rule
 * @rule:	struct daxd_fault
 */
void daxd_list_free(void *rule)
{
	struct daxd_fault *f = rule;

	g_array_unref(f->done);
	g_free(f->text);
	g_free(f);
}
