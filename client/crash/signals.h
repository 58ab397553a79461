/* SPDX-License-Identifier: BSD-2-Clause */
/* Share SIGTRAP with the program. */
#ifndef CRASH_SIGNALS_H
#define CRASH_SIGNALS_H

#include <signal.h>

typedef void crash_signals_handler(int sig, siginfo_t *info, void *context);

void crash_signals_take(crash_signals_handler *handler);
void crash_signals_pass(int sig, siginfo_t *info, void *context);

#endif
