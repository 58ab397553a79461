/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap the functions that set the action of a signal. */
#ifndef SHIM_SIGNAL_H
#define SHIM_SIGNAL_H

#include <stddef.h>

long shim_signal_rt_action(int sig, const void *act, void *old, size_t size);

#endif
