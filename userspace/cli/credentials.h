/* SPDX-License-Identifier: BSD-2-Clause */
/* credentials: the files of a command that speaks to a server, by its options or the environment.
 */
#ifndef CLI_CREDENTIALS_H
#define CLI_CREDENTIALS_H

#include <stdbool.h>

#include "userspace/coaps/coaps_client.h"

/* From GEOTHERM_CA, GEOTHERM_CERT and GEOTHERM_KEY. */
void cli_credentials_default(struct coaps_client_config *c);
/* Of struct options_value, for the options in FILES of cli_manual.c. */
#define CLI_CREDENTIALS_VALUES(config)                                   \
	{ CLI_CA, .text = &(config).credentials.ca },                    \
		{ CLI_CERT, .text = &(config).credentials.certificate }, \
		{ CLI_KEY, .text = &(config).credentials.key },          \
	{                                                                \
		CLI_NAME, .text = &(config).server_name                  \
	}
/* False with a message on stderr: coaps:// without a CA. */
bool cli_credentials_check(const struct coaps_client_config *c, const char *command);

#endif
