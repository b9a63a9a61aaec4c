/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coaps_request: a request that is waited for, for programs that have nothing else to do meanwhile.
 *
 * Threads: that of the client.
 */
#ifndef COAPS_REQUEST_H
#define COAPS_REQUEST_H

#include <signal.h>

#include "coaps_client.h"

/*
 * Returns when fn has been called; of an observation, for the last time: with a failure, a code
 * of 4.00 and up, or an answer that is not `observed`. stop: set by a signal's handler, ends the
 * wait; may be NULL, not for an observation. 0; -EINTR for stop; -ETIMEDOUT for an observation
 * without a notification for 90 s; or an error of coaps_client_request().
 */
int coaps_request_wait(struct coaps_client *c, const struct coaps_request *request,
		       coaps_response_fn fn, void *arg, const volatile sig_atomic_t *stop);

#endif
