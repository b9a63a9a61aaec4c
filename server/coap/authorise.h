/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * authorise: the rights of a client. Pure.
 *
 * The certificate of a device: reads and writes that device, no other.
 * The certificate of an operator: reads and removes everything, sets labels and settings, writes no
 * readings.
 * A revoked certificate, or one without a usable name: nothing.
 * No certificate: where client_auth is none or optional, sends the legacy client's text.
 */
#ifndef AUTHORISE_H
#define AUTHORISE_H

#include "userspace/coaps/coaps_identity.h"
#include "userspace/coaps/coaps_server.h"

enum authorise_action {
	AUTHORISE_WRITE,
	AUTHORISE_WRITE_LEGACY, /* the legacy client's text */
	AUTHORISE_READ,
	AUTHORISE_REMOVE,
	AUTHORISE_SET, /* a device's label and settings */
};

/* device NULL: all devices. */
bool authorise(enum coaps_client_auth mode, const struct coaps_identity *who,
	       enum authorise_action action, const char *device);

#endif
