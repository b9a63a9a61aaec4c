// SPDX-License-Identifier: BSD-2-Clause
#include "refusal_log.h"

#include <stdio.h>

#include "time/now.h"
#include "userspace/coaps/coaps_identity.h"
#include "userspace/daemon/log.h"

bool refusal_is_logged(coap_pdu_code_t code)
{
	return code == COAP_RESPONSE_CODE_BAD_REQUEST || code == COAP_RESPONSE_CODE_FORBIDDEN ||
	       code == COAP_RESPONSE_CODE_REQUEST_TOO_LARGE ||
	       code == COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT;
}

void refusal_log(struct refusals *refusals, coap_session_t *session, const coap_pdu_t *request,
		 const coap_pdu_t *response)
{
	coap_pdu_code_t code = coap_pdu_get_code(response);
	const uint8_t *text = (const uint8_t *)"";
	struct coaps_identity who;
	char address[64] = "", peer[COAPS_PEER_SIZE], source[COAPS_PEER_SIZE + 16];
	unsigned suppressed;
	size_t size = 0;

	if (!refusal_is_logged(code)) {
		return;
	}
	coaps_identity_of(session, &who);
	coap_print_ip_addr(coap_session_get_addr_remote(session), address, sizeof(address));
	coaps_peer_of(session, peer);
	/* A node reads before it writes: neither hides the other. */
	snprintf(source, sizeof(source), "%d %s", (int)coap_pdu_get_code(request), peer);
	if (!refusals_should_log(refusals, source, now_ms(), &suppressed)) {
		return;
	}
	coap_get_data(response, &size, &text);
	log_warning(
		"refused %u.%02u method=%d from=%s certificate=%s: %.*s (%u similar suppressed)",
		(unsigned)code >> 5, (unsigned)code & 31, (int)coap_pdu_get_code(request), address,
		who.name[0] != '\0' ? who.name : "none", (int)size, (const char *)text, suppressed);
}
