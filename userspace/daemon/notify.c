// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length, want = strlen(state);
	ssize_t sent;
	int fd, rc;

	if (path == NULL || path[0] == '\0') {
		return 0;
	}
	length = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || length < 2) {
		return -EINVAL;
	}
	if (length >= sizeof(address.sun_path)) {
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, length);
	if (path[0] == '@') { /* unix(7): the abstract namespace begins with a NUL */
		address.sun_path[0] = '\0';
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	sent = sendto(fd, state, want, MSG_NOSIGNAL, (const struct sockaddr *)&address,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	rc = sent < 0 ? -errno : (size_t)sent == want ? 1 : -EIO;
	close(fd);
	return rc;
}

uint64_t notify_watchdog_us(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long interval;
	char *end;

	if (usec == NULL || usec[0] < '0' || usec[0] > '9') {
		return 0;
	}
	/* sd_watchdog_enabled(3): meant for the process of that number only */
	if (pid != NULL && strtoll(pid, &end, 10) != getpid()) {
		return 0;
	}
	errno = 0;
	interval = strtoull(usec, &end, 10);
	return errno != 0 || *end != '\0' ? 0 : interval / 2;
}
