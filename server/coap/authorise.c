// SPDX-License-Identifier: BSD-2-Clause
#include "authorise.h"

#include <string.h>

bool authorise(enum coaps_client_auth mode, const struct coaps_identity *who,
	       enum authorise_action action, const char *device)
{
	bool operators_only = action == AUTHORISE_REMOVE || action == AUTHORISE_SET;

	if (who->revoked) {
		return false;
	}
	if (!who->certified) {
		return mode != COAPS_AUTH_REQUIRED && action == AUTHORISE_WRITE_LEGACY;
	}
	if (who->name[0] == '\0') { /* an empty name compares equal to no device */
		return false;
	}
	if (who->is_operator && (action == AUTHORISE_READ || operators_only)) {
		return true;
	}
	return !operators_only && device != NULL && strcmp(who->name, device) == 0;
}
