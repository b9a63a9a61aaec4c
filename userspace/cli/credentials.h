/* SPDX-License-Identifier: BSD-2-Clause */
/* credentials: the files of a command that speaks to a server, by its options or the environment.
 */
#ifndef CLI_CREDENTIALS_H
#define CLI_CREDENTIALS_H

#include <stdbool.h>

#include "userspace/coaps/coaps_client.h"

/* From GEOTHERM_CA, GEOTHERM_CERT and GEOTHERM_KEY. */
void cli_credentials_default(struct coaps_client_config *c);
/* True: the option was one of --ca, --cert, --key, --server-name. Borrows value. */
bool cli_credentials_option(struct coaps_client_config *c, int key, const char *value);
/* False with a message on stderr: coaps:// without a CA. */
bool cli_credentials_check(const struct coaps_client_config *c, const char *command);

#endif
