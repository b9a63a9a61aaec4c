// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* signalfd, struct ucred */
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "userspace/daemon/log.h"
#include "userspace/daemon/notify.h"

#define PAUSE_FIRST_MS 1000 /* before a worker is started again, doubling */
#define PAUSE_LAST_MS 30000
#define EXIT_FORK 1

struct child {
	pid_t pid; /* 0: none runs */
	bool ready; /* as it is configured now */
	bool served; /* it was ready once: from then on it must tick, in a reload too */
	bool ticked;
	uint64_t start_ms; /* not before */
	unsigned pause_ms;
};

struct supervisor {
	const struct supervisor_config *config;
	struct peers peers;
	struct child child[PEERS_MAX];
	int signals, words;
	char words_path[16]; /* for NOTIFY_SOCKET */
	bool served; /* all were ready once */
	bool ending;
	int code; /* the highest so far */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- start ---------------------------------------------------------------- */

static int catch_signals(struct supervisor *s)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	s->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

/* unix(7): an abstract name that the kernel chooses, a NUL and five digits. */
static int open_words(struct supervisor *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);
	const int on = 1;

	s->words = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->words < 0 || setsockopt(s->words, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    bind(s->words, (struct sockaddr *)&address, sizeof(address.sun_family)) != 0 ||
	    getsockname(s->words, (struct sockaddr *)&address, &size) != 0) {
		return -errno;
	}
	snprintf(s->words_path, sizeof(s->words_path), "@%.*s",
		 (int)(size - offsetof(struct sockaddr_un, sun_path) - 1), address.sun_path + 1);
	return 0;
}

static void close_all(struct supervisor *s)
{
	peers_close(&s->peers);
	if (s->words >= 0) {
		close(s->words);
	}
	if (s->signals >= 0) {
		close(s->signals);
	}
}

/* --- workers -------------------------------------------------------------- */

static void be_worker(struct supervisor *s, unsigned i, pid_t parent)
{
	int code;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) {
		_exit(EXIT_FORK); /* it died before that */
	}
	setenv("NOTIFY_SOCKET", s->words_path, 1);
	unsetenv("WATCHDOG_PID"); /* its interval is for us, too */
	close(s->signals);
	close(s->words);
	s->peers.self = i;
	code = s->config->work(s->config->arg, &s->peers);
	peers_close(&s->peers);
	exit(code);
}

static void start(struct supervisor *s, unsigned i)
{
	struct child *c = &s->child[i];
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		be_worker(s, i, parent);
	}
	c->pause_ms = c->pause_ms == 0			? PAUSE_FIRST_MS
		      : c->pause_ms < PAUSE_LAST_MS / 2 ? c->pause_ms * 2
							: PAUSE_LAST_MS;
	if (pid < 0) {
		log_error("cannot start worker %u: %s", i + 1, strerror(errno));
		c->start_ms = now_ms() + c->pause_ms;
		return;
	}
	c->pid = pid;
	c->ready = c->served = c->ticked = false;
}

static unsigned running(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->config->workers; i++) {
		n += s->child[i].pid != 0;
	}
	return n;
}

static void send_all(const struct supervisor *s, int signal)
{
	for (unsigned i = 0; i < s->config->workers; i++) {
		if (s->child[i].pid != 0) {
			kill(s->child[i].pid, signal);
		}
	}
}

static void end_all(struct supervisor *s, int code)
{
	s->code = code > s->code ? code : s->code;
	if (!s->ending) {
		s->ending = true;
		notify_send("STOPPING=1");
		send_all(s, SIGTERM);
	}
}

static void ended(struct supervisor *s, unsigned i, int status)
{
	struct child *c = &s->child[i];
	int pid = (int)c->pid, code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FORK;

	c->pid = 0;
	c->ready = c->served = false;
	c->start_ms = now_ms() + c->pause_ms;
	if (s->ending || !s->served) {
		if (WIFSIGNALED(status)) {
			log_error("worker %u pid=%d was ended by signal %d", i + 1, pid,
				  WTERMSIG(status));
		}
		end_all(s, code);
	} else if (WIFSIGNALED(status)) {
		log_error("worker %u pid=%d was ended by signal %d; again in %u ms", i + 1, pid,
			  WTERMSIG(status), c->pause_ms);
	} else {
		log_error("worker %u pid=%d ended with exit code %d; again in %u ms", i + 1, pid,
			  code, c->pause_ms);
	}
}

static void collect(struct supervisor *s)
{
	for (unsigned i = 0; i < s->config->workers; i++) {
		int status;

		if (s->child[i].pid != 0 &&
		    waitpid(s->child[i].pid, &status, WNOHANG) == s->child[i].pid) {
			ended(s, i, status);
		}
	}
}

/* --- what they say -------------------------------------------------------- */

/* Whether every worker (of those that serve, with ticked) is so. */
static bool all(const struct supervisor *s, bool ticked)
{
	for (unsigned i = 0; i < s->config->workers; i++) {
		if (ticked ? s->child[i].served && !s->child[i].ticked : !s->child[i].ready) {
			return false;
		}
	}
	return true;
}

static void take_word(struct supervisor *s, struct child *c, const char *word)
{
	if (strcmp(word, "READY=1") == 0 && !s->ending) {
		c->ready = c->served = true;
		c->pause_ms = PAUSE_FIRST_MS;
		if (all(s, false)) {
			int code = s->served ? 0 : s->config->ready(s->config->arg);

			s->served = true;
			if (code != 0) {
				end_all(s, code);
			} else {
				notify_send("READY=1");
			}
		}
	} else if (strcmp(word, "WATCHDOG=1") == 0) {
		c->ticked = true;
		if (s->served && all(s, true)) {
			notify_send("WATCHDOG=1");
			for (unsigned i = 0; i < s->config->workers; i++) {
				s->child[i].ticked = false;
			}
		}
	}
}

static void take_words(struct supervisor *s)
{
	char word[64];
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec to = { word, sizeof(word) - 1 };
	struct msghdr message = { .msg_iov = &to, .msg_iovlen = 1 };
	const struct cmsghdr *head;
	struct ucred sender;
	ssize_t n;

	while (message.msg_control = control.space, message.msg_controllen = sizeof(control.space),
	       (n = recvmsg(s->words, &message, MSG_CMSG_CLOEXEC)) >= 0) {
		head = CMSG_FIRSTHDR(&message);
		if (head == NULL || head->cmsg_type != SCM_CREDENTIALS) {
			continue;
		}
		memcpy(&sender, CMSG_DATA(head), sizeof(sender));
		word[n] = '\0';
		for (unsigned i = 0; i < s->config->workers; i++) {
			if (s->child[i].pid == sender.pid) {
				take_word(s, &s->child[i], word);
			}
		}
	}
}

static void pass_reload(struct supervisor *s)
{
	notify_send("RELOADING=1");
	if (!s->config->reload(s->config->arg)) {
		notify_send("READY=1");
		return;
	}
	for (unsigned i = 0; i < s->config->workers; i++) {
		s->child[i].ready = false; /* it will say so again */
	}
	send_all(s, SIGHUP);
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo signal;

	while (read(s->signals, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
		if (signal.ssi_signo == SIGCHLD) {
			collect(s);
		} else if (signal.ssi_signo != SIGHUP) {
			end_all(s, 0);
		} else if (!s->ending) {
			pass_reload(s);
		}
	}
}

/* --- run ------------------------------------------------------------------ */

/* Starts what is due. In how many ms again, -1: nothing waits. */
static int start_due(struct supervisor *s)
{
	uint64_t now = now_ms();
	int wait_ms = -1;

	for (unsigned i = 0; i < s->config->workers && !s->ending; i++) {
		const struct child *c = &s->child[i];

		if (c->pid == 0 && now >= c->start_ms) {
			start(s, i);
		}
		if (c->pid == 0) {
			int left_ms = c->start_ms > now ? (int)(c->start_ms - now) : 0;

			wait_ms = wait_ms < 0 || left_ms < wait_ms ? left_ms : wait_ms;
		}
	}
	return wait_ms;
}

int supervisor_run(const struct supervisor_config *config)
{
	struct supervisor s = { .config = config, .signals = -1, .words = -1 };
	int rc = catch_signals(&s);

	rc = rc < 0 ? rc : open_words(&s);
	rc = rc < 0 ? rc : peers_open(&s.peers, config->workers);
	while (rc == 0 && (!s.ending || running(&s) > 0)) {
		struct pollfd fds[] = { { .fd = s.signals, .events = POLLIN },
					{ .fd = s.words, .events = POLLIN } };

		poll(fds, 2, start_due(&s));
		take_words(&s);
		take_signals(&s);
	}
	close_all(&s);
	return rc < 0 ? rc : s.code;
}
