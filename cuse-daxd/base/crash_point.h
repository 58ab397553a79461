/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Crash points: places where a daemon built for the crash test kills itself.
 * DAXD_CRASH_POINT=NAME:COUNT in its environment selects the COUNTth visit of the crash
 * point NAME; "*" counts the visits of all crash points. An ordinary build has none.
 */
#ifndef DAXD_BASE_CRASH_POINT_H
#define DAXD_BASE_CRASH_POINT_H

#ifdef DAXD_CRASH_POINTS

void daxd_crash_point(const char *name);

#else

static inline void daxd_crash_point(const char *name)
{
	(void)name;
}

#endif
#endif
