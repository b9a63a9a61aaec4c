// SPDX-License-Identifier: BSD-2-Clause
#include "peer.h"

#include <stdio.h>

#include "userspace/coaps/coaps_identity.h"

void peer_of(coap_session_t *session, char name[PEER_SIZE])
{
	struct coaps_identity who;

	coaps_identity_of(session, &who);
	if (who.name[0] != '\0') {
		snprintf(name, PEER_SIZE, "%s", who.name);
	} else if (coap_print_ip_addr(coap_session_get_addr_remote(session), name, PEER_SIZE) ==
		   NULL) {
		snprintf(name, PEER_SIZE, "?");
	}
}
