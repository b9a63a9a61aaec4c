// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_request.h"

#include <errno.h>
#include <poll.h>

/* A signal that comes between the check of *stop and poll() does not end that. */
#define CHECK_STOP_MS 100

struct waiting {
	coaps_response_fn fn;
	void *arg;
	bool observing, done;
};

static void on_response(void *arg, const struct coaps_response *response)
{
	struct waiting *w = arg;

	w->done = !w->observing || response->cause != COAPS_ANSWERED || response->code >= 0x80;
	w->fn(w->arg, response);
}

int coaps_request_wait(struct coaps_client *c, const struct coaps_request *request,
		       coaps_response_fn fn, void *arg, const volatile sig_atomic_t *stop)
{
	struct waiting w = { .fn = fn, .arg = arg, .observing = request->observe };
	struct pollfd readable = { .fd = coaps_client_fd(c), .events = POLLIN };
	int rc = coaps_client_request(c, request, on_response, &w);

	if (rc != 0) {
		return rc;
	}
	while (rc == 0 && !w.done) {
		if (stop != NULL && *stop) {
			rc = -EINTR;
		} else if (poll(&readable, 1, stop != NULL ? CHECK_STOP_MS : -1) < 0 &&
			   errno != EINTR) {
			rc = -errno;
		} else {
			coaps_client_process(c);
		}
	}
	if (!w.done) {
		coaps_client_cancel(c); /* w is ours */
	}
	return rc;
}
