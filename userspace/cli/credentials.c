// SPDX-License-Identifier: BSD-2-Clause
#include "credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_credentials_default(struct coaps_client_config *c)
{
	c->credentials.ca = getenv("GEOTHERM_CA");
	c->credentials.certificate = getenv("GEOTHERM_CERT");
	c->credentials.key = getenv("GEOTHERM_KEY");
}

bool cli_credentials_check(const struct coaps_client_config *c, const char *command)
{
	if (c->credentials.ca != NULL || strncmp(c->uri, "coaps://", 8) != 0) {
		return true;
	}
	fprintf(stderr,
		"geotherm %s: %s: no CA to verify the server by: give --ca FILE, or set GEOTHERM_CA\n",
		command, c->uri);
	return false;
}
