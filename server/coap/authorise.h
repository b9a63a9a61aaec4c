/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * authorise: who may do what. Pure.
 *
 * A certificate that names a device may write and read as that device and no other. An
 * operator's may read and remove everything and write nothing. Without a certificate:
 * A certificate that was revoked may nothing. client_auth = none lets anyone write and read,
 * optional only send the older program's text.
 */
#ifndef AUTHORISE_H
#define AUTHORISE_H

#include "userspace/coaps/coaps_identity.h"
#include "userspace/coaps/coaps_server.h"

enum authorise_action {
	AUTHORISE_WRITE,
	AUTHORISE_WRITE_LEGACY, /* the older program's text */
	AUTHORISE_READ,
	AUTHORISE_REMOVE,
	AUTHORISE_SET, /* what is said of a device: its label and settings */
};

/* device NULL: all devices. */
bool authorise(enum coaps_client_auth mode, const struct coaps_identity *who,
	       enum authorise_action action, const char *device);

#endif
