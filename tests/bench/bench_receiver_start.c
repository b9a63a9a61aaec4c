// SPDX-License-Identifier: BSD-2-Clause
/* bench_receiver_start PORT: ms from the start of this process to the first fix, and to a verified
 * receiver. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "ubx/receiver.h"

#define PATIENCE_MS 60000

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

int main(int argc, char **argv)
{
	const struct receiver_config config = { .port = argc > 1 ? argv[1] : "/dev/serial0" };
	double start = now_ms(), fix = 0, ready = 0;
	char err[256];
	struct receiver *r = receiver_open(&config, err, sizeof err);

	if (r == NULL) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	while ((fix == 0 || ready == 0) && now_ms() - start < PATIENCE_MS) {
		struct pollfd wait = { .fd = receiver_fd(r), .events = POLLIN };

		poll(&wait, 1, 1000);
		receiver_process(r);
		if (fix == 0 && receiver_fix(r) != NULL && receiver_fix(r)->position_known) {
			fix = now_ms() - start;
		}
		if (ready == 0 && receiver_state(r) == RECEIVER_READY) {
			ready = now_ms() - start;
		}
	}
	printf("%.0f %.0f\n", fix, ready);
	receiver_close(r);
	return fix == 0 || ready == 0;
}
