// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* cfmakeraw, realpath, CRTSCTS */
#include "serial_port.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

static speed_t speed_of(uint32_t baud)
{
	switch (baud) {
	case 4800:
		return B4800;
	case 9600:
		return B9600;
	case 19200:
		return B19200;
	case 38400:
		return B38400;
	case 57600:
		return B57600;
	case 115200:
		return B115200;
	case 230400:
		return B230400;
	case 460800:
		return B460800;
	default:
		return B0;
	}
}

static size_t read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	out[0] = '\0';
	if (fd < 0) {
		return 0;
	}
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* A Pi's mini UART follows the core clock and detects no framing errors. */
static enum serial_uart uart_of(const char *device)
{
	const char *name = strncmp(device, "/dev/", 5) == 0 ? device + 5 : device;
	char path[128], compatible[64];

	if (strncmp(name, "pts/", 4) == 0) {
		return SERIAL_PSEUDO;
	}
	if (strncmp(name, "ttyUSB", 6) == 0 || strncmp(name, "ttyACM", 6) == 0) {
		return SERIAL_USB;
	}
	if (strncmp(name, "ttyAMA", 6) == 0) {
		return SERIAL_PL011;
	}
	snprintf(path, sizeof(path), "/sys/class/tty/%s/device/of_node/compatible", name);
	if (read_text(path, compatible, sizeof(compatible)) && strstr(compatible, "aux-uart")) {
		return SERIAL_MINI_UART;
	}
	return SERIAL_UART;
}

/* Whether `word` is among the space-separated words of `text`. */
static bool has_word(char *text, const char *word)
{
	char *save = NULL;

	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		if (strcmp(w, word) == 0) {
			return true;
		}
	}
	return false;
}

/* Does this process have the device as its terminal (getty, login, a shell), or open? The
 * first is visible to every user, the second only to its owner and root. */
static bool process_uses(const char *pid, dev_t rdev, const char *device, bool open_too, char *comm,
			 size_t comm_size)
{
	char path[300], text[512];
	const char *end;
	unsigned tty = 0;
	DIR *fds;
	bool uses = false;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	read_text(path, text, sizeof(text));
	/* pid (comm) state ppid pgrp session tty_nr; comm may contain anything: search its end */
	end = strrchr(text, ')');
	if (end == NULL || sscanf(end + 1, " %*c %*d %*d %*d %u", &tty) != 1) {
		return false;
	}
	/* proc(5): major in bits 15 to 8, minor in 31 to 20 and 7 to 0. */
	uses = tty != 0 && makedev(tty >> 8 & 0xFFF, (tty & 0xFF) | (tty >> 12 & 0xFFF00)) == rdev;
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	fds = open_too && !uses ? opendir(path) : NULL;
	if (fds) {
		const struct dirent *e;

		while (!uses && (e = readdir(fds)) != NULL) {
			char target[PATH_MAX];
			ssize_t n = readlinkat(dirfd(fds), e->d_name, target, sizeof(target) - 1);

			target[n > 0 ? n : 0] = '\0';
			uses = n > 0 && strcmp(target, device) == 0;
		}
		closedir(fds);
	}
	if (uses) {
		const char *begin = strchr(text, '(');

		snprintf(comm, comm_size, "%.*s", begin ? (int)(end - begin - 1) : 0,
			 begin ? begin + 1 : "");
	}
	return uses;
}

/* Whether it is getty, agetty or login: a user's terminal. */
static bool is_login(const char *comm)
{
	size_t n = strlen(comm);

	return strcmp(comm, "login") == 0 || (n >= 5 && strcmp(comm + n - 5, "getty") == 0);
}

/* Who uses the terminal: "kernel console", "agetty (pid 612)". */
static enum serial_use find_use(const char *device, bool open_too, char *who, size_t size)
{
	char consoles[256], comm[64];
	struct stat st;
	const struct dirent *e;
	enum serial_use use = SERIAL_FREE;
	DIR *proc;

	who[0] = '\0';
	if (stat(device, &st) != 0) {
		return SERIAL_FREE;
	}
	read_text("/sys/class/tty/console/active", consoles, sizeof(consoles));
	if (strncmp(device, "/dev/", 5) == 0 && has_word(consoles, device + 5)) {
		snprintf(who, size, "kernel console");
		return SERIAL_CONSOLE;
	}
	proc = opendir("/proc");
	while (proc && use == SERIAL_FREE && (e = readdir(proc)) != NULL) {
		if (isdigit((unsigned char)e->d_name[0]) && atol(e->d_name) != (long)getpid() &&
		    process_uses(e->d_name, st.st_rdev, device, open_too, comm, sizeof(comm))) {
			snprintf(who, size, "%s (pid %.20s)", comm, e->d_name);
			use = is_login(comm) ? SERIAL_LOGIN : SERIAL_PROCESS;
		}
	}
	if (proc) {
		closedir(proc);
	}
	return use;
}

/* -EBUSY, with the user and what to do in `why`. */
static int busy(struct serial_port *port, bool open_too, char *why, size_t size)
{
	const char *name = strrchr(port->device, '/');
	char who[128];

	name = name ? name + 1 : port->device;
	port->use = find_use(port->device, open_too, who, sizeof(who));
	switch (port->use) {
	case SERIAL_CONSOLE:
	case SERIAL_LOGIN:
		snprintf(why, size,
			 "%s: used by %s: remove console=%s (or serial0) from cmdline.txt, "
			 "'systemctl mask --now serial-getty@%s', reboot",
			 port->device, who, name, name);
		break;
	case SERIAL_PROCESS:
		snprintf(why, size, "%s: used by %s: stop it", port->device, who);
		break;
	case SERIAL_FREE: /* locked by a process that ended meanwhile or is hidden from us */
		port->use = SERIAL_PROCESS;
		snprintf(why, size, "%s: locked by another process: stop it", port->device);
		break;
	}
	return -EBUSY;
}

static int make_raw(int fd, uint32_t baud)
{
	struct termios t;

	if (tcgetattr(fd, &t) != 0) {
		return -errno;
	}
	cfmakeraw(&t); /* leaves IXOFF and IXANY: XOFF sent into the stream, bytes that wake it */
	t.c_iflag &= (tcflag_t) ~(IXOFF | IXANY);
	t.c_cflag &= (tcflag_t) ~(CSTOPB | CRTSCTS | HUPCL);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (cfsetispeed(&t, speed_of(baud)) != 0 || cfsetospeed(&t, speed_of(baud)) != 0 ||
	    tcsetattr(fd, TCSAFLUSH, &t) != 0) {
		return -errno;
	}
	return 0;
}

/* The device that `path` leads to, into port->device. */
static int resolve(struct serial_port *port, const char *path, char *why, size_t size)
{
	char resolved[PATH_MAX];
	struct stat st;

	if (realpath(path, resolved) == NULL || stat(resolved, &st) != 0) {
		int error = errno;

		snprintf(
			why, size,
			"%s: %s: no receiver is plugged in there, or the UART is off (raspi-config)",
			path, strerror(error));
		return -error;
	}
	if (!S_ISCHR(st.st_mode) || strlen(resolved) >= sizeof(port->device)) {
		snprintf(why, size, "%s: not a serial port but a file of another kind", resolved);
		return -ENOTTY;
	}
	memcpy(port->device, resolved, strlen(resolved) + 1);
	return 0;
}

/* Opens and locks it. */
static int acquire(struct serial_port *port, bool pseudo, char *why, size_t size)
{
	char who[128];

	/* O_NONBLOCK also keeps open() from waiting for a carrier. */
	port->fd = open(port->device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (port->fd < 0 && errno == EBUSY) {
		return busy(port, true, why, size);
	}
	if (port->fd < 0) {
		int error = errno;

		snprintf(why, size, "%s: %s%s", port->device, strerror(error),
			 error == EACCES ? ": add the user to the group dialout" : "");
		return -error;
	}
	if (!isatty(port->fd)) {
		snprintf(why, size, "%s: not a terminal device", port->device);
		return -ENOTTY;
	}
	if (flock(port->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		return busy(port, true, why, size);
	}
	/* A getty does not lock, and would read every second byte; TIOCEXCL does not stop root. The
	 * other end of a pseudo terminal may legitimately have this end open too. */
	if (find_use(port->device, !pseudo, who, sizeof(who)) != SERIAL_FREE) {
		return busy(port, !pseudo, why, size);
	}
	return 0;
}

int serial_port_open(struct serial_port *port, const char *path, uint32_t baud, char *why,
		     size_t why_size)
{
	bool pseudo;
	int error;

	*port = (struct serial_port){ .fd = -1 };
	why[0] = '\0';
	if (speed_of(baud) == B0) {
		snprintf(why, why_size, "%s: %u baud is not a rate of the receiver", path,
			 (unsigned)baud);
		return -EINVAL;
	}
	error = resolve(port, path, why, why_size);
	if (error != 0) {
		return error;
	}
	pseudo = strncmp(port->device, "/dev/pts/", 9) == 0;
	error = acquire(port, pseudo, why, why_size);
	if (error == 0) {
		error = make_raw(port->fd, baud);
		if (error != 0) {
			snprintf(why, why_size, "%s: cannot be set to raw: %s", port->device,
				 strerror(-error));
		}
	}
	if (error != 0) {
		if (port->fd >= 0) {
			close(port->fd);
			port->fd = -1;
		}
		return error;
	}
	if (!pseudo) { /* there it would persist as long as the other end is open */
		ioctl(port->fd, TIOCEXCL);
	}
	port->uart = uart_of(port->device);
	return 0;
}

void serial_port_close(struct serial_port *port)
{
	if (port->fd >= 0) {
		ioctl(port->fd, TIOCNXCL);
		tcflush(port->fd, TCIOFLUSH); /* else close() may wait for bytes that no receiver
						 reads */
		close(port->fd);
		port->fd = -1;
	}
}

int serial_port_set_baud(struct serial_port *port, uint32_t baud)
{
	struct termios t;

	if (tcgetattr(port->fd, &t) != 0 || cfsetispeed(&t, speed_of(baud)) != 0 ||
	    cfsetospeed(&t, speed_of(baud)) != 0 || tcsetattr(port->fd, TCSANOW, &t) != 0) {
		return -errno;
	}
	return 0;
}

const char *serial_port_uart_name(const struct serial_port *port)
{
	static const char *const names[] = {
		[SERIAL_UART] = "UART",
		[SERIAL_MINI_UART] = "mini UART",
		[SERIAL_PL011] = "PL011",
		[SERIAL_USB] = "USB",
		[SERIAL_PSEUDO] = "pseudo terminal",
	};

	return names[port->uart];
}

int serial_port_unsent(const struct serial_port *port)
{
	int n = 0;

	return ioctl(port->fd, TIOCOUTQ, &n) == 0 ? n : 0;
}
