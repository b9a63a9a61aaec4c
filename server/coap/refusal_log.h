/* SPDX-License-Identifier: BSD-2-Clause */
/* refusal_log: logs refused requests of faulty or hostile clients: the first of each client,
 * then one a minute (refusals.h). Threads: the loop's. */
#ifndef REFUSAL_LOG_H
#define REFUSAL_LOG_H

#include <coap3/coap.h>

#include "userspace/daemon/refusals.h"

/* 4.00, 4.03, 4.13 and 4.15; not 4.04 and the like, which an honest client gets too. */
bool refusal_is_logged(coap_pdu_code_t code);
/* After a handler: logs the response if it is one of these. */
void refusal_log(struct refusals *refusals, coap_session_t *session, const coap_pdu_t *request,
		 const coap_pdu_t *response);

#endif
