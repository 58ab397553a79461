/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of a run that is recorded for crash states: the order of stores, flushes and
 * fences. client/crash writes it, in the run's processes; daxrun reads it.
 *
 * A store is not seen when it happens. At a flush and at a fence the recorder compares
 * the device with a copy, and logs the lines that have changed since.
 */
#ifndef DAX_CRASH_LOG_H
#define DAX_CRASH_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define DAX_CRASH_LINE 64   /* bytes that reach the media together */
#define DAX_CRASH_PAGE 4096 /* bytes that a store event has at most */

enum dax_crash_event {
	DAX_CRASH_STORE = 1, /* @len bytes at @off, which follow the record */
	DAX_CRASH_FLUSH,     /* @thread flushed @len bytes at @off */
	DAX_CRASH_FENCE,     /* of @thread; @off: bytes of standard output by then */
	DAX_CRASH_CALLER, /* number @caller is at @off in the file whose path follows */
};

/*
 * All offsets are the device's, in bytes, and multiples of DAX_CRASH_LINE; but a caller's
 * is an address as its file has it. The path is filled up with zeroes to a multiple of 8,
 * with one at least.
 */
struct dax_crash_record {
	uint16_t event;
	uint16_t caller; /* who flushed or fenced; 0: not known */
	uint32_t thread;
	uint64_t off;
	uint64_t len;
};

/* Files in the directory of $DAXD_CRASH. */
#define DAX_CRASH_ENV    "DAXD_CRASH"
#define DAX_CRASH_IMAGE  "image"  /* the device's backing */
#define DAX_CRASH_SEEN   "seen"   /* the device's content up to the last comparison */
#define DAX_CRASH_LOG    "log"    /* records that no longer had room in the buffer */
#define DAX_CRASH_SAID   "said"   /* COMMAND's standard output */
#define DAX_CRASH_SHARED "shared" /* struct dax_crash_shared */

#define DAX_CRASH_BUFFER (1 << 20)

/* The state that the processes of the run share. Hold the lock for all that follows it. */
struct dax_crash_shared {
	pthread_mutex_t lock;    /* robust */
	uint64_t data;           /* the device's offset in the image, in bytes */
	uint64_t size;           /* the device's size, in bytes */
	bool is_by_instructions; /* those are recorded, and not calls by name */
	int32_t code_error;      /* errno of code that could not be changed for that */
	uint32_t nr_threads;     /* numbers given out */
	uint32_t nr_callers;     /* the same */
	int32_t error;           /* errno of a log that could not be written; 0: none */
	uint32_t nr_mappers;     /* processes that have ever had the device mapped */
	uint64_t nr_fences;
	uint64_t nr_flushes;
	uint64_t used; /* bytes of the buffer */
	uint8_t buffer[DAX_CRASH_BUFFER];
};

/* Receives a run of changed lines, at most DAX_CRASH_PAGE bytes. */
typedef void dax_crash_emit(void *arg, uint64_t off, const uint8_t *data, uint64_t len);

void dax_crash_log_diff(const uint8_t *live, uint8_t *seen, uint64_t from, uint64_t to,
			dax_crash_emit *emit, void *arg);

#endif
