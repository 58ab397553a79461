/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watch a command and all processes below it for deaths by a signal.
 *
 * A shell or make(1) turns the death of its child into an exit status of its own. With
 * ptrace(2), daxrun sees the end of every process. A process that is traced cannot be
 * traced by another one, such as gdb or LeakSanitizer.
 */
#include "client/daxrun/watch.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>

/**
 * run_watch_start() - begin to watch a process
 * @w:		receives is_on: false if tracing is not allowed here
 * @pid:	a child that waits before it executes the command
 *
 * All processes that are watched die when daxrun ends.
 */
void run_watch_start(struct run_watch *w, pid_t pid)
{
	uintptr_t options = PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT;

	w->is_on = ptrace(PTRACE_SEIZE, pid, NULL, options) == 0;
}

/* Read the number and the name of the process of a thread. */
static pid_t process_of(pid_t thread, char comm[16])
{
	char path[32];
	char line[64];
	int pid = thread;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &pid) == 1)
			break;
	if (f)
		fclose(f);
	/* A thread can have a name of its own. */
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%15[^\n]", comm) != 1)
		strcpy(comm, "?");
	if (f)
		fclose(f);
	return pid;
}

/* Signals with which programs end others on purpose are no crash. */
static bool is_crash(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGABRT || sig == SIGILL ||
	       sig == SIGFPE || sig == SIGTRAP || sig == SIGSYS;
}

static void note_end(struct run_watch *w, pid_t thread)
{
	unsigned long status = 0;
	char comm[16] = "?";
	pid_t pid;

	ptrace(PTRACE_GETEVENTMSG, thread, NULL, &status);
	if (!is_crash((int)(status & 0x7f)))
		return;
	/* All threads of the process end with this status: count it once. */
	pid = process_of(thread, comm);
	if (pid == w->last)
		return;
	w->last = pid;
	if (w->nr_deaths++)
		return;
	w->signal = (int)(status & 0x7f);
	memcpy(w->comm, comm, sizeof(comm));
}

/**
 * run_watch_stopped() - let a watched process go on that has stopped
 * @w:		from run_watch_start()
 * @pid:	the process or thread
 * @status:	its status from waitpid(2), for which WIFSTOPPED() is true
 */
void run_watch_stopped(struct run_watch *w, pid_t pid, int status)
{
	int event = status >> 16;
	int sig = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
		/* Stopped with all its threads, as by SIGSTOP, until SIGCONT. */
		ptrace(PTRACE_LISTEN, pid, NULL, NULL);
		return;
	}
	if (event == PTRACE_EVENT_EXIT)
		note_end(w, pid);
	ptrace(PTRACE_CONT, pid, NULL, (uintptr_t)(event ? 0 : sig));
}
