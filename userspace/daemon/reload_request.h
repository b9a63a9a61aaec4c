/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reload_request: a reload whose outcome is waited for, so that `systemctl reload` fails where the
 * daemon refuses it (Type=notify-reload takes systemd 253).
 *
 * The request is a queued SIGHUP with a value, the answer a queued SIGUSR1 with the outcome. A
 * plain SIGHUP reloads too, and is not answered.
 */
#ifndef DAEMON_RELOAD_REQUEST_H
#define DAEMON_RELOAD_REQUEST_H

#include <stdbool.h>
#include <sys/signalfd.h>

/*
 * For the option --reload PID: asks that daemon to reload and waits for the outcome. False, which
 * is logged: it keeps the old configuration, or does not answer. SIGUSR1 stays blocked.
 */
bool reload_request_send(const char *pid);

/* In the daemon, after a reload by this SIGHUP. */
void reload_request_answer(const struct signalfd_siginfo *signal, bool applied);

#endif
