/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for locks on /dev/dax0.0 that it holds itself, until a signal ends the wait. */
// LIBS: -static
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void on_alarm(int sig)
{
	(void)sig;
}

static void show(const char *what, int r)
{
	printf("%s %s\n", what, r < 0 ? strerrorname_np(errno) : "ok");
}

int main(void)
{
	struct sigaction act = {.sa_handler = on_alarm};
	struct flock all = {.l_type = F_WRLCK};
	int a = open("/dev/dax0.0", O_RDWR);
	int b = open("/dev/dax0.0", O_RDWR);

	sigaction(SIGALRM, &act, NULL);
	show("flock", flock(a, LOCK_EX));
	alarm(1);
	show("flock again", flock(b, LOCK_EX));
	show("flock at once", flock(b, LOCK_EX | LOCK_NB));
	show("unlock", flock(a, LOCK_UN));
	show("flock then", flock(b, LOCK_EX));
	show("lock", fcntl(a, F_OFD_SETLKW, &all));
	alarm(1);
	show("lock again", fcntl(b, F_OFD_SETLKW, &all));
	close(a);
	show("lock then", fcntl(b, F_OFD_SETLKW, &all));
	return 0;
}
