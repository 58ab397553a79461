/* SPDX-License-Identifier: BSD-2-Clause */
/* Keep SIGSYS for the shim, whatever the program does with its signals. */
#ifndef GRAFT_SIGNAL_H
#define GRAFT_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

#include "client/shim/memory/sigbus.h"
#include "client/graft/call.h"

bool graft_signal_call(const struct graft_call *c, long *ret);
void graft_signal_change_app(const struct shim_sigaction *act,
			     struct shim_sigaction *old);
long graft_signal_action(const struct graft_call *c, struct shim_sigaction *act);
void graft_signal_pass_on(int sig, siginfo_t *info, void *context);

#endif
