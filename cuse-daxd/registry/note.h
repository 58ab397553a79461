/* SPDX-License-Identifier: BSD-2-Clause */
/* The file `stores`: the backing file of each device, for the next daemon. */
#ifndef DAXD_REGISTRY_NOTE_H
#define DAXD_REGISTRY_NOTE_H

#include <stdbool.h>
#include <stdint.h>

struct daxd_registry;
struct daxd_store;

int daxd_note_write(const struct daxd_registry *reg);
bool daxd_note_has(const char *note, uint64_t life, const struct daxd_store *store);
char *daxd_note_read(const struct daxd_registry *reg);

#endif
