/* SPDX-License-Identifier: BSD-2-Clause */
/* Read and write the JSON of requests and replies, without a tree. */
#ifndef CUSE_DAXD_JSON_TEXT_H
#define CUSE_DAXD_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

const char *cuse_daxd_json_member(const char *object, const char *key);
const char *cuse_daxd_json_first(const char *array);
const char *cuse_daxd_json_next(const char *element);
uint64_t cuse_daxd_json_number(const char *value);
double cuse_daxd_json_real(const char *value);
size_t cuse_daxd_json_string(const char *value, char *buf, size_t size);
void cuse_daxd_json_put(FILE *f, const char *text);

#endif
