/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serial_port: a tty for a receiver: opened without becoming our terminal, raw
 * before the first byte can echo, and exclusive.
 *
 * Errors are negative errno; `why` (always terminated) then has one line: the device, what
 * is wrong with it and what to do. Threads: any, one port per thread.
 */
#ifndef SERIAL_PORT_H
#define SERIAL_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIAL_PORT_WHY_SIZE 240

/* Who else uses a port. */
enum serial_use {
	SERIAL_FREE,
	SERIAL_CONSOLE, /* the kernel's console= */
	SERIAL_LOGIN, /* a getty or login on it */
	SERIAL_PROCESS,
};

enum serial_uart { SERIAL_UART, SERIAL_MINI_UART, SERIAL_PL011, SERIAL_USB, SERIAL_PSEUDO };

struct serial_port {
	int fd; /* non-blocking; -1: closed */
	enum serial_use use; /* after -EBUSY */
	char device[64]; /* what the path resolves to: "/dev/ttyAMA0" */
	enum serial_uart uart;
};

/* Opens, locks and sets raw 8N1 without flow control at `baud`. */
int serial_port_open(struct serial_port *port, const char *path, uint32_t baud, char *why,
		     size_t why_size);
void serial_port_close(struct serial_port *port); /* accepts a closed one */

int serial_port_set_baud(struct serial_port *port, uint32_t baud);
const char *serial_port_uart_name(const struct serial_port *port); /* "mini UART" */
/* Bytes that the driver still holds for sending. */
int serial_port_unsent(const struct serial_port *port);

#endif
