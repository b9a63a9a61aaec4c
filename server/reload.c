// SPDX-License-Identifier: BSD-2-Clause
#include "reload.h"

#include <errno.h>
#include <stdio.h>

#include "secret_file.h"
#include "userspace/daemon/notify.h"
#include "userspace/daemon/reload_request.h"

/* The first key that has changed and takes a restart, or NULL. */
static const struct config_key *find_fixed_change(const struct server_config *old,
						  const struct server_config *fresh)
{
	const struct config_key *key = NULL;

	do {
		key = config_next_change(&server_config_table, old, fresh, key);
	} while (key != NULL && key->live);
	return key;
}

/* 0, or negative with err: then nothing has changed. */
static int apply(struct server *s, const struct server_config *fresh, char *err, size_t err_size)
{
	const struct config_key *fixed = find_fixed_change(s->config, fresh);
	struct coaps_credentials credentials = server_credentials(fresh);
	struct coaps_secrets secrets;
	int rc;

	if (fixed != NULL) {
		snprintf(err, err_size, "[%s] %s has changed: this needs a restart", fixed->section,
			 fixed->key);
		return -EINVAL;
	}
	rc = fresh->secret_file != NULL
		     ? secret_file_read(fresh->secret_file, &secrets, err, err_size)
		     : 0;
	rc = rc < 0 ? rc : coaps_server_renew(s->coaps, &credentials, err, err_size);
	if (rc >= 0 && fresh->secret_file != NULL) {
		rc = coaps_server_set_secrets(s->coaps, &secrets);
	}
	return rc;
}

static void swap(char **a, char **b)
{
	char *kept = *a;

	*a = *b;
	*b = kept;
}

/* Those keys only that are live: the store and others borrow the strings of the rest. */
static void keep(struct server_config *config, struct server_config *fresh)
{
	swap(&config->certificate, &fresh->certificate);
	swap(&config->key, &fresh->key);
	swap(&config->ca, &fresh->ca);
	swap(&config->crl, &fresh->crl);
	swap(&config->secret_file, &fresh->secret_file);
	config->log_level = fresh->log_level;
	config->retention_days = fresh->retention_days;
}

/* Whether the new configuration is in use; else err. */
static bool load_and_apply(struct server *s, char *err, size_t err_size)
{
	struct server_config fresh;
	bool applied;

	if (server_options_load(s->options, &fresh, err, err_size) < 0) {
		return false;
	}
	applied = apply(s, &fresh, err, err_size) >= 0;
	if (applied) {
		keep(s->config, &fresh);
		log_set_level(s->config->log_level);
		retention_set_days(&s->retention, s->config->retention_days);
		server_warn_exposed(s->config);
	}
	server_config_free(&fresh);
	return applied;
}

void server_reload(struct server *s, const struct signalfd_siginfo *signal)
{
	char err[512] = "", status[600];
	bool applied;

	notify_send("RELOADING=1");
	applied = load_and_apply(s, err, sizeof(err));
	if (applied) {
		log_notice("reloaded: retention_days=%u, credentials read again",
			   s->config->retention_days);
	} else {
		log_error("reload: %s; the old configuration stays in force", err);
	}
	snprintf(status, sizeof(status), "READY=1\nSTATUS=serving%s%s",
		 applied ? "" : "; last reload refused: ", err);
	notify_send(status);
	reload_request_answer(signal, applied);
}
