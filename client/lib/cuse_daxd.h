/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcuse-daxd: control a running cuse-daxd, as cuse-daxctl(1) does. See libcuse-daxd(3).
 *
 * Functions return 0 or a negative errno, unless something else is said;
 * cuse_daxd_error() then has a sentence. A handle is for one thread at a time.
 */
#ifndef CUSE_DAXD_H
#define CUSE_DAXD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CUSE_DAXD_NAME_LEN 16

struct cuse_daxd;

struct cuse_daxd_device {
	char name[CUSE_DAXD_NAME_LEN]; /* "dax0.0" */
	uint64_t size;                 /* in bytes, as all sizes */
	uint64_t align;
	uint64_t bad; /* bytes that are known to be bad */
	unsigned int region;
	unsigned int clients; /* processes that have mapped it */
	bool is_enabled;
};

struct cuse_daxd_event {
	double time;                     /* seconds since 1970 */
	char what[16];                   /* "appear", as in cuse-daxctl(1) */
	char device[CUSE_DAXD_NAME_LEN]; /* "": the event concerns all */
	const char *json; /* all of it; valid until the next call for the handle */
};

enum cuse_daxd_inject_flag {
	CUSE_DAXD_LATENT = 1 << 0, /* unknown until it is touched */
};

struct cuse_daxd *cuse_daxd_new(void);
void cuse_daxd_free(struct cuse_daxd *d);
const char *cuse_daxd_error(const struct cuse_daxd *d);

int cuse_daxd_connect(struct cuse_daxd *d, const char *runtime_dir);
int cuse_daxd_request(struct cuse_daxd *d, const char *json, char **ret);
int cuse_daxd_request_stream(struct cuse_daxd *d, const char *json);

int cuse_daxd_list(struct cuse_daxd *d, struct cuse_daxd_device **ret, size_t *ret_nr);
int cuse_daxd_create(struct cuse_daxd *d, int region, uint64_t size, uint64_t align,
		     struct cuse_daxd_device *ret);
int cuse_daxd_destroy(struct cuse_daxd *d, const char *device);
int cuse_daxd_enable(struct cuse_daxd *d, const char *device);
int cuse_daxd_disable(struct cuse_daxd *d, const char *device);
int cuse_daxd_inject(struct cuse_daxd *d, const char *device, uint64_t offset,
		     uint64_t length, unsigned int flags);
int cuse_daxd_clear(struct cuse_daxd *d, const char *device, uint64_t offset,
		    uint64_t length);
int cuse_daxd_fault_add(struct cuse_daxd *d, const char *rule, uint32_t *ret_id);
int cuse_daxd_fault_remove(struct cuse_daxd *d, uint32_t id);

int cuse_daxd_watch(struct cuse_daxd *d);
int cuse_daxd_next_event(struct cuse_daxd *d, int timeout_ms,
			 struct cuse_daxd_event *ret);

#ifdef __cplusplus
}
#endif

#endif
