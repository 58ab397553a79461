/* SPDX-License-Identifier: BSD-2-Clause */
/* Find functions by their names: the shim's own, and those of the libraries behind it. */
#ifndef SHIM_SYMBOL_H
#define SHIM_SYMBOL_H

#include <link.h>
#include <stdint.h>

uintptr_t shim_symbol_value(const struct link_map *m, ElfW(Sxword) tag);
const void *shim_symbol_table(const struct link_map *m, ElfW(Sxword) tag);
void *shim_symbol_in(const struct link_map *m, const char *name);
void *shim_symbol_own(const char *name);
void *shim_symbol_behind(const char *name);
void *shim_symbol_first(const char *name);
void *shim_symbol_next(const char *name);

typedef void *shim_symbol_dlsym_fn(void *handle, const char *name);
typedef void *shim_symbol_dlvsym_fn(void *handle, const char *name, const char *version);

shim_symbol_dlsym_fn *shim_symbol_dlsym(void);
shim_symbol_dlvsym_fn *shim_symbol_dlvsym(void);

#endif
