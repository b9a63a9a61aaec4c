/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control: the node's Unix socket, "STATUS.socket" beside its status file: a datagram each way.
 *
 *   status             the status (status.h), as of now
 *   status satellites  the same with the satellites, which the receiver is polled for: in 1.5 s
 *   forget SENSOR      {"forgotten": "28-00008412dfde"}, or {"error": "text"}
 *   anything else      {"error": "text"}
 *
 * Its group may use it (mode 0660; the service's group is geotherm). There are no connections:
 * an answer that its client does not take, or a client that never asks, holds nothing up.
 */
#ifndef NODE_CONTROL_H
#define NODE_CONTROL_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONTROL_STATUS "status"
#define CONTROL_SATELLITES "status satellites"
#define CONTROL_REQUEST_SIZE 128
#define CONTROL_ANSWER_MAX 200000 /* less than a socket's default buffer */

struct control_peer {
	struct sockaddr_un address;
	socklen_t length;
};

/* 0, or -ENAMETOOLONG. */
int control_address(const char *status_path, struct sockaddr_un *address);

/* The socket, not blocking, or a negative errno: -EADDRINUSE if another process answers there. */
int control_open(const char *status_path);
/* -1 is accepted. */
void control_close(int fd, const char *status_path);

/* 1 and a request without its line end, or 0 if there is none; one too long to be any is cut. */
int control_receive(int fd, char request[CONTROL_REQUEST_SIZE], struct control_peer *peer);
/* Lost where the peer does not take it. */
void control_answer(int fd, const struct control_peer *peer, const char *text);

/* {"error": "..."} */
void control_error(char *text, size_t size, const char *error);

#endif
