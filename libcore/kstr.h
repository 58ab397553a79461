/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsing of text that is written to sysfs attributes: the rules of the kernel's
 * kstrto*() and sysfs_streq(), which differ from those of strtoull() and
 * dax_size_parse().
 */
#ifndef DAX_KSTR_H
#define DAX_KSTR_H

#include <stdbool.h>
#include <stdint.h>

int dax_kstr_u64(const char *text, unsigned int base, uint64_t *ret_value);
int dax_kstr_int(const char *text, int *ret_value);
int dax_kstr_bool(const char *text, bool *ret_value);
int dax_kstr_range(char *text, uint64_t *ret_start, uint64_t *ret_end);
char *dax_kstr_chomp(char *text);
bool dax_kstr_is_dax_id(const char *text);
bool dax_kstr_is_uevent(const char *text);

#endif
