/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places at which a daemon that is built for it kills itself, for the crash test:
 * DAXD_FAULT_POINT=NAME:COUNT in its environment is the COUNTth time at NAME, "*" is
 * any place. Nothing of it is in an ordinary build.
 */
#ifndef DAXD_BASE_CRASHPOINT_H
#define DAXD_BASE_CRASHPOINT_H

#ifdef DAXD_FAULT_POINTS

void daxd_fault_point(const char *name);

#else

static inline void daxd_fault_point(const char *name)
{
	(void)name;
}

#endif
#endif
