// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* sigqueue(), sigtimedwait() */
#include "reload_request.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

#define REQUEST 0x67656f74 /* "geot": the sender waits */
#define APPLIED 1
#define KEPT 2
#define TIMEOUT_S 60 /* below TimeoutStartSec= (90 s), which limits ExecReload= */

static int wait_for_answer(pid_t pid, const sigset_t *answer)
{
	const struct timespec second = { .tv_sec = 1 };

	for (int i = 0; i < TIMEOUT_S; i++) {
		siginfo_t info;

		if (sigtimedwait(answer, &info, &second) == SIGUSR1 && info.si_code == SI_QUEUE &&
		    info.si_pid == pid) {
			return info.si_value.sival_int == APPLIED ? 0 : -EBADMSG;
		}
		if (kill(pid, 0) != 0) {
			return -errno;
		}
	}
	return -ETIMEDOUT;
}

static int send_and_wait(const char *pid)
{
	char *end;
	long number = strtol(pid, &end, 10);
	sigset_t answer;

	if (*end != '\0' || number <= 1 || number > INT_MAX) {
		return -ESRCH;
	}
	sigemptyset(&answer);
	sigaddset(&answer, SIGUSR1);
	sigprocmask(SIG_BLOCK, &answer, NULL);
	if (sigqueue((pid_t)number, SIGHUP, (union sigval){ .sival_int = REQUEST }) != 0) {
		return -errno;
	}
	return wait_for_answer((pid_t)number, &answer);
}

bool reload_request_send(const char *pid)
{
	int rc = send_and_wait(pid);

	if (rc != 0) {
		log_error("reload of process %s: %s", pid,
			  rc == -EBADMSG
				  ? "refused, it keeps the old configuration: its log has the cause"
				  : strerror(-rc));
	}
	return rc == 0;
}

void reload_request_answer(const struct signalfd_siginfo *signal, bool applied)
{
	if (signal->ssi_code == SI_QUEUE && signal->ssi_int == REQUEST) {
		sigqueue((pid_t)signal->ssi_pid, SIGUSR1,
			 (union sigval){ .sival_int = applied ? APPLIED : KEPT });
	}
}
