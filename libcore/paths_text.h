/* SPDX-License-Identifier: BSD-2-Clause */
/* The file in which `make install` says where it has put things. */
#ifndef DAX_PATHS_TEXT_H
#define DAX_PATHS_TEXT_H

#include <stddef.h>

#define DAX_PATHS_FILE "share/cuse-daxd/paths" /* below the prefix */

const char *dax_paths_text_find(const char *text, const char *key, char *buf,
				size_t size);

#endif
