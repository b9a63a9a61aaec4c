// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_request.h"

#include <errno.h>
#include <poll.h>

#include "time/now.h"

/* A signal that comes between the check of *stop and poll() does not end that. */
#define CHECK_STOP_MS 100
/* A server that was restarted knows of no observation: RFC 7641 3.3.1 asks again after Max-Age (60
 * s where it is not given), and a while later so that not all do at once. */
#define SILENCE_NS (90 * UINT64_C(1000000000))

struct waiting {
	coaps_response_fn fn;
	void *arg;
	uint64_t answered_ns; /* the last answer; 0: none yet */
	bool done;
};

static void on_response(void *arg, const struct coaps_response *response)
{
	struct waiting *w = arg;

	w->done = !response->observed;
	w->answered_ns = now_ns();
	w->fn(w->arg, response);
}

int coaps_request_wait(struct coaps_client *c, const struct coaps_request *request,
		       coaps_response_fn fn, void *arg, const volatile sig_atomic_t *stop)
{
	struct waiting w = { .fn = fn, .arg = arg };
	struct pollfd readable = { .fd = coaps_client_fd(c), .events = POLLIN };
	int rc = coaps_client_request(c, request, on_response, &w);

	if (rc != 0) {
		return rc;
	}
	while (rc == 0 && !w.done) {
		if (stop != NULL && *stop) {
			rc = -EINTR;
		} else if (w.answered_ns != 0 && now_ns() - w.answered_ns > SILENCE_NS) {
			rc = -ETIMEDOUT;
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
