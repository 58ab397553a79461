/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places at which a daemon that is built for it kills itself, for the crash test:
 * DAXD_CRASH_POINT=NAME:COUNT in its environment is the COUNTth time at NAME, "*" is
 * any place. Nothing of it is in an ordinary build.
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
