/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions that set what a signal does. */
#ifndef SHIM_SIGNAL_H
#define SHIM_SIGNAL_H

#include <stddef.h>

long shim_signal_rt_action(int sig, const void *act, void *old, size_t size);

#endif
