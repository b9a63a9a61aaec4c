// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RIGHTS 0660

int control_address(const char *status_path, struct sockaddr_un *address)
{
	int length;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	length = snprintf(address->sun_path, sizeof(address->sun_path), "%s.socket", status_path);
	return length > 0 && (size_t)length < sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Removes a socket that a node left behind: 0, or -EADDRINUSE if it is none, or in use. */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, rc;

	if (lstat(address->sun_path, &st) != 0) {
		return 0;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	close(fd);
	if (!S_ISSOCK(st.st_mode) || rc == 0) {
		return -EADDRINUSE;
	}
	return unlink(address->sun_path) == 0 ? 0 : -errno;
}

int control_open(const char *status_path)
{
	struct sockaddr_un address;
	int rc = control_address(status_path, &address), fd;

	rc = rc == 0 ? remove_stale(&address) : rc;
	if (rc != 0) {
		return rc;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode of the socket bounds that of the file, as does the umask; what that took away
	 * comes back. */
	if (fd < 0 || fchmod(fd, RIGHTS) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(address.sun_path, RIGHTS) != 0) {
		rc = -errno;
		if (fd >= 0) {
			close(fd);
		}
		return rc;
	}
	return fd;
}

void control_close(int fd, const char *status_path)
{
	struct sockaddr_un address;

	if (fd >= 0 && control_address(status_path, &address) == 0) {
		unlink(address.sun_path);
		close(fd);
	}
}

int control_receive(int fd, char request[CONTROL_REQUEST_SIZE], struct control_peer *peer)
{
	ssize_t length;

	peer->length = sizeof(peer->address);
	length = fd < 0 ? -1
			: recvfrom(fd, request, CONTROL_REQUEST_SIZE - 1, 0,
				   (struct sockaddr *)&peer->address, &peer->length);
	if (length < 0) {
		return 0;
	}
	request[length] = '\0';
	request[strcspn(request, "\n")] = '\0';
	return 1;
}

void control_answer(int fd, const struct control_peer *peer, const char *text)
{
	if (peer->length > sizeof(sa_family_t)) { /* it has a name */
		(void)!sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&peer->address, peer->length);
	}
}

void control_error(char *text, size_t size, const char *error)
{
	json_t *json = json_pack("{s:s}", "error", error);
	char *dump = json != NULL ? json_dumps(json, 0) : NULL;

	snprintf(text, size, "%s", dump != NULL ? dump : "{\"error\": \"not UTF-8\"}");
	free(dump);
	json_decref(json);
}
