// SPDX-License-Identifier: BSD-2-Clause
#include "authorise.h"

#include <string.h>

bool authorise(enum coaps_client_auth mode, const struct coaps_identity *who, enum authorise_action action,
	       const char *device)
{
	if (!who->certified) {
		return (mode == COAPS_AUTH_NONE && action != AUTHORISE_REMOVE) ||
		       (mode == COAPS_AUTH_OPTIONAL && action == AUTHORISE_WRITE_LEGACY);
	}
	if (who->is_operator && (action == AUTHORISE_READ || action == AUTHORISE_REMOVE)) {
		return true;
	}
	return action != AUTHORISE_REMOVE && device != NULL && strcmp(who->name, device) == 0;
}
