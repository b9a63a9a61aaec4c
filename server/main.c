// SPDX-License-Identifier: BSD-2-Clause
/* geotherm-server: stores readings before it answers for them. */
#define _GNU_SOURCE /* signalfd */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/store/cmd_verify.h"
#include "server/ingest/ingest.h"
#include "server/http/metrics.h"
#include "userspace/reading/reading_line.h"
#include "server/ingest/reads.h"
#include "server/coap/resources.h"
#include "server_config.h"
#include "supervisor.h"
#include "userspace/coaps/coaps_policy.h"
#include "userspace/coaps/coaps_server.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/notify.h"
#include "userspace/daemon/options.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_RUNTIME = 1,
	EXIT_USAGE = 2,
	EXIT_CREDENTIAL = 3,
	EXIT_ADDRESS = 4,
	EXIT_STORE = 5,
	EXIT_WRONG = 6,
	EXIT_INCOMPLETE = 7
};

#define CONFIG_PATH "/etc/geotherm/server.conf"
#define OVERRIDES_MAX 64
#define METRICS_TURN_MS 5000

enum option_key { CHECK = 256, LEVEL, SHOW, READY };

static const struct manual_option options_of_server[] = {
	{ 'c', "config", "FILE", "The configuration; default " CONFIG_PATH "." },
	{ 'o', NULL, "SECTION.KEY=VALUE", "Goes over what the file says; may be given again." },
	{ CHECK, "check-config", NULL,
	  "Checks the configuration and the credentials, starts nothing." },
	{ LEVEL, "log-level", "error|warning|notice|info|debug", "Goes over the key log_level." },
	{ SHOW, "show-readings", NULL, "Prints each reading on stdout once it is stored." },
	{ READY, "ready-file", "FILE", "Writes the address into FILE once requests are served." },
};

static const struct manual_command command = {
	.operands = "[verify]",
	.options = options_of_server,
	.n_options = sizeof(options_of_server) / sizeof(options_of_server[0]),
};

static const struct manual_exit exits[] = {
	{ EXIT_OK, "after SIGTERM or SIGINT" },
	{ EXIT_RUNTIME, "a failure at run time" },
	{ EXIT_USAGE, "a wrong option or configuration" },
	{ EXIT_CREDENTIAL, "a credential that cannot be used" },
	{ EXIT_ADDRESS, "an address that cannot be listened on" },
	{ EXIT_STORE, "a store that cannot be opened" },
	{ EXIT_WRONG, "verify: something stored is not what its proof says" },
	{ EXIT_INCOMPLETE, "verify: readings are missing that nothing explains" },
};

static const struct manual manual = {
	.name = "geotherm-server",
	.section = 8,
	.brief = "stores what nodes send before it answers",
	.about =
		"Takes readings by CoAP over DTLS, stores them in SQLite or MariaDB, and answers each request only when its "
		"readings are on disk. It also serves what it has: the newest of each device, tracks, gaps. "
		"With verify it starts nothing, but reads the whole store (a server may run meanwhile), computes each "
		"temperature again from the sensor's nine bytes, looks for numbers that are missing, and names the first "
		"of each that is wrong.",
	.commands = &command,
	.n_commands = 1,
	.exits = exits,
	.n_exits = sizeof(exits) / sizeof(exits[0]),
	.see_also = "geotherm(1), geotherm-node(8), geotherm-server.conf(5)",
	.config_file = CONFIG_PATH,
	.config = &server_config_table,
};

struct options {
	const char *config_path;
	const char *overrides[OVERRIDES_MAX];
	size_t n_overrides;
	const char *log_level;
	const char *ready_file;
	bool check, show, verify;
};

struct server {
	struct server_config config;
	struct store *write_store, *read_store;
	struct ingest *ingest;
	struct reads *reads;
	struct coaps_server *coaps;
	struct resources *resources;
	struct metrics *metrics;
	int signals;
	/* As one of several workers; else NULL. */
	const struct peers *peers;
	const struct coaps_listen *sockets;
	const struct coaps_secrets *secrets;
};

/* --- options -------------------------------------------------------------- */

/* -1: go on; else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){ .config_path = CONFIG_PATH };
	while ((c = options_next(&manual, &command, argc, argv)) != OPTIONS_END) {
		switch (c) {
		case 'c':
			o->config_path = optarg;
			break;
		case 'o':
			if (o->n_overrides == OVERRIDES_MAX) {
				log_error("more than %d times -o", OVERRIDES_MAX);
				return EXIT_USAGE;
			}
			o->overrides[o->n_overrides++] = optarg;
			break;
		case CHECK:
			o->check = true;
			break;
		case LEVEL:
			o->log_level = optarg;
			break;
		case SHOW:
			o->show = true;
			break;
		case READY:
			o->ready_file = optarg;
			break;
		case OPTIONS_DONE:
			return EXIT_OK;
		default:
			return EXIT_USAGE; /* said why already */
		}
	}
	if (optind + 1 == argc && strcmp(argv[optind], "verify") == 0) {
		o->verify = true;
		return -1;
	}
	if (optind < argc) {
		log_error("%s: not an option; try --help", argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

static int configure(struct server_config *config, const struct options *o)
{
	const struct config_source source = { o->config_path, o->overrides, o->n_overrides };
	char err[512];

	if (server_config_load(config, &source, err, sizeof(err)) < 0) {
		log_error("%s", err);
		return EXIT_USAGE;
	}
	if (o->log_level != NULL && log_level_parse(o->log_level, &config->log_level) < 0) {
		log_error("--log-level %s: must be one of error, warning, notice, info, debug",
			  o->log_level);
		return EXIT_USAGE;
	}
	log_set_level(config->log_level);
	return EXIT_OK;
}

static struct coaps_credentials credentials_of(const struct server_config *c)
{
	return (struct coaps_credentials){
		.certificate = c->certificate, .key = c->key, .ca = c->ca, .crl = c->crl
	};
}

/* What would stop a start, without starting anything. */
static int check(const struct server_config *c)
{
	struct coaps_credentials credentials = credentials_of(c);
	struct coaps_policy policy;
	char err[512];

	if (coaps_policy_parse(c->ciphers, &policy, err, sizeof(err)) < 0) {
		log_error("[server] %s", err);
		return EXIT_USAGE;
	}
	if (coaps_credentials_check(&credentials, COAPS_SERVER, (int64_t)time(NULL), NULL, err,
				    sizeof(err)) < 0) {
		log_error("%s", err);
		return EXIT_CREDENTIAL;
	}
	return EXIT_OK;
}

static int verify(const struct server_config *c)
{
	const struct store_config store = server_config_store(c);

	switch (cmd_verify(&store)) {
	case VERIFY_GOOD:
		return EXIT_OK;
	case VERIFY_WRONG:
		return EXIT_WRONG;
	case VERIFY_INCOMPLETE:
		return EXIT_INCOMPLETE;
	case VERIFY_NO_STORE:
		break;
	}
	return EXIT_STORE;
}

/* --- start ---------------------------------------------------------------- */

static int open_store(struct server *s)
{
	struct store_config config = server_config_store(&s->config);
	int rc;

	s->write_store = store_new(&config);
	s->read_store = store_new(&config);
	if (s->write_store == NULL || s->read_store == NULL) {
		log_error("out of memory");
		return EXIT_RUNTIME;
	}
	rc = store_connect(s->write_store);
	if (rc == STORE_DOWN && config.kind == STORE_MARIADB) {
		log_warning("store: %s; readings are answered 5.03 until it is there",
			    store_error(s->write_store));
	} else if (rc < 0) {
		log_error("store: %s", store_error(s->write_store));
		return EXIT_STORE;
	}
	return EXIT_OK;
}

static void show(void *arg, const struct reading *r)
{
	(void)arg;
	reading_line_print(stdout, r);
}

static int start_threads(struct server *s, const struct options *o)
{
	s->ingest = ingest_start(s->write_store,
				 &(struct ingest_config){
					 .queue = s->config.queue,
					 .batch = s->config.batch,
					 .shared = s->config.store_backend == STORE_MARIADB,
					 .stored = o->show ? show : NULL,
				 });
	s->reads = s->ingest != NULL ? reads_start(s->read_store) : NULL;
	if (s->reads == NULL) {
		log_error("cannot start a thread: %s", strerror(errno));
		return EXIT_RUNTIME;
	}
	return EXIT_OK;
}

static int exit_of_coaps(int code)
{
	return code == -EKEYREJECTED		    ? EXIT_CREDENTIAL
	       : code == -EINVAL		    ? EXIT_USAGE
	       : code == -ENOMEM || code == -EPROTO ? EXIT_RUNTIME
						    : EXIT_ADDRESS;
}

static int open_coaps(struct server *s)
{
	const struct server_config *c = &s->config;
	char err[512];
	int code;

	s->coaps = coaps_server_new(
		&(struct coaps_server_config){
			.listen = c->listen,
			.credentials = credentials_of(c),
			.client_auth = (enum coaps_client_auth)c->client_auth,
			.ciphers = c->ciphers,
			.session_timeout_s = c->session_timeout_ms / 1000,
			.sockets = s->sockets,
			.secrets = s->secrets,
		},
		&code, err, sizeof(err));
	if (s->coaps == NULL) {
		log_error("%s", err);
		return exit_of_coaps(code);
	}
	return EXIT_OK;
}

static int listen_on(struct server *s)
{
	const struct server_config *c = &s->config;
	int rc = open_coaps(s);

	if (rc != EXIT_OK) {
		return rc;
	}
	s->resources = resources_new(&(struct resources_config){
		.coaps = s->coaps,
		.client_auth = (enum coaps_client_auth)c->client_auth,
		.ingest = s->ingest,
		.reads = s->reads,
		.retention_days = c->retention_days,
		.peers = s->peers,
		.keeps_all = s->peers != NULL && s->peers->self > 0,
	});
	if (s->resources == NULL) {
		log_error("out of memory");
		return EXIT_RUNTIME;
	}
	return EXIT_OK;
}

static int start_metrics(struct server *s)
{
	char err[256];
	int code;

	s->metrics = metrics_start(
		&(struct metrics_config){
			.listen = s->config.metrics,
			.port_offset = s->peers != NULL ? s->peers->self : 0,
			.ingest = s->ingest,
			.resources = s->resources,
		},
		&code, err, sizeof(err));
	if (s->metrics == NULL) {
		log_error("%s", err);
		return code == -EINVAL ? EXIT_USAGE : code == -ENOMEM ? EXIT_RUNTIME : EXIT_ADDRESS;
	}
	return EXIT_OK;
}

static int catch_signals(struct server *s)
{
	sigset_t mask;

	signal(SIGPIPE, SIG_IGN); /* a database that hangs up, a reader of stdout that ends */
	signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is an error of the store, not an end */
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	s->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0) {
		log_error("signalfd: %s", strerror(errno));
		return EXIT_RUNTIME;
	}
	return EXIT_OK;
}

static int start(struct server *s, const struct options *o)
{
	int rc = catch_signals(s);

	if (rc == EXIT_OK) {
		rc = check(&s->config);
	}
	if (rc == EXIT_OK) {
		rc = open_store(s);
	}
	if (rc == EXIT_OK) {
		rc = start_threads(s, o);
	}
	if (rc == EXIT_OK) {
		rc = listen_on(s);
	}
	return rc == EXIT_OK && s->config.metrics != NULL ? start_metrics(s) : rc;
}

static int write_ready_file(const struct server *s, const struct options *o)
{
	FILE *file = o->ready_file == NULL ? NULL : fopen(o->ready_file, "we");

	if (o->ready_file != NULL &&
	    (file == NULL || fprintf(file, "%s\n", s->config.listen) < 0 || fclose(file) != 0)) {
		log_error("--ready-file %s: %s", o->ready_file, strerror(errno));
		return EXIT_RUNTIME;
	}
	return EXIT_OK;
}

static int tell_ready(const struct server *s, const struct options *o)
{
	const struct server_config *c = &s->config;

	if (s->peers != NULL) {
		log_notice("worker %u of %u is there, pid=%d", s->peers->self + 1, s->peers->n,
			   (int)getpid());
		notify_send("READY=1");
		return EXIT_OK;
	}
	log_notice("listening on %s, store %s, workers=%u, version " GEOTHERM_VERSION ", pid=%d",
		   c->listen,
		   c->store_backend == STORE_SQLITE ? c->store_path
		   : c->store_socket != NULL	    ? c->store_socket
						    : c->store_hosts,
		   c->workers, (int)getpid());
	if (c->workers == 1) {
		notify_send("READY=1");
	}
	return write_ready_file(s, o);
}

/* --- run ------------------------------------------------------------------ */

static void swap(char **a, char **b)
{
	char *kept = *a;

	*a = *b;
	*b = kept;
}

/* The parent of workers has no sessions: a look at the files does. */
static int renew(struct server *s, const struct coaps_credentials *credentials, char *err,
		 size_t err_size)
{
	return s->coaps != NULL ? coaps_server_renew(s->coaps, credentials, err, err_size)
				: coaps_credentials_check(credentials, COAPS_SERVER,
							  (int64_t)time(NULL), NULL, err, err_size);
}

/* All or nothing: what is wrong, or takes a restart, leaves everything as it was; false then. */
static bool take_config(struct server *s, const struct options *o)
{
	struct server_config fresh;
	struct coaps_credentials credentials;
	const struct config_source source = { o->config_path, o->overrides, o->n_overrides };
	const struct config_key *changed = NULL;
	char err[512];
	bool taken = false;

	if (server_config_load(&fresh, &source, err, sizeof(err)) < 0) {
		log_error("reload: %s; all stays as it was", err);
		return false;
	}
	credentials = credentials_of(&fresh);
	do {
		changed = config_next_change(&server_config_table, &s->config, &fresh, changed);
	} while (changed != NULL && changed->live);
	if (changed != NULL) {
		log_error(
			"reload: [%s] %s has changed, and that takes a restart; all stays as it was",
			changed->section, changed->key);
	} else if (renew(s, &credentials, err, sizeof(err)) < 0) {
		log_error("reload: %s; all stays as it was", err);
	} else {
		swap(&s->config.certificate, &fresh.certificate);
		swap(&s->config.key, &fresh.key);
		swap(&s->config.ca, &fresh.ca);
		swap(&s->config.crl, &fresh.crl);
		s->config.log_level = fresh.log_level;
		s->config.retention_days = fresh.retention_days;
		if (o->log_level == NULL) {
			log_set_level(fresh.log_level);
		}
		taken = true;
	}
	server_config_free(&fresh);
	return taken;
}

static void reload(struct server *s, const struct options *o)
{
	notify_send("RELOADING=1");
	if (take_config(s, o)) {
		resources_set_retention(s->resources, s->config.retention_days);
		log_notice("reloaded: retention_days=%u, and the credentials",
			   s->config.retention_days);
	}
	notify_send("READY=1");
}

/* False: it is time to end. */
static bool take_signals(struct server *s, const struct options *o)
{
	struct signalfd_siginfo signal;

	while (read(s->signals, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
		if (signal.ssi_signo != SIGHUP) {
			return false;
		}
		reload(s, o);
	}
	return true;
}

/* Not at each turn of a busy loop: it takes three system calls, and the parent of workers looks at
 * each. */
static void feed_watchdog(uint64_t interval_us, uint64_t *fed_us)
{
	struct timespec now;
	uint64_t now_us;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	if (interval_us > 0 && now_us - *fed_us >= interval_us / 4) {
		notify_send("WATCHDOG=1");
		*fed_us = now_us;
	}
}

static int run(struct server *s, const struct options *o)
{
	struct pollfd fds[] = {
		{ .fd = coaps_server_fd(s->coaps), .events = POLLIN },
		{ .fd = ingest_fd(s->ingest), .events = POLLIN },
		{ .fd = reads_fd(s->reads), .events = POLLIN },
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = metrics_fd(s->metrics), .events = POLLIN }, /* -1: poll() passes over it */
		{ .fd = peers_fd(s->peers), .events = POLLIN },
	};
	uint64_t watchdog_us = notify_watchdog_us(), fed_us = 0;
	int watchdog_ms = watchdog_us > 0 ? (int)(watchdog_us / 1000) : -1, tick_ms = 0;

	while ((fds[3].revents & POLLIN) == 0 || take_signals(s, o)) {
		int n = poll(fds, sizeof(fds) / sizeof(fds[0]),
			     watchdog_ms >= 0 && (tick_ms < 0 || watchdog_ms < tick_ms)
				     ? watchdog_ms
				     : tick_ms);

		if (n < 0 && errno != EINTR) {
			log_error("poll: %s", strerror(errno));
			return EXIT_RUNTIME;
		}
		/* Answers first: they make room for what comes in. */
		if (n > 0 && fds[1].revents != 0) {
			ingest_collect(s->ingest);
		}
		if (n > 0 && fds[2].revents != 0) {
			reads_collect(s->reads);
		}
		if (n > 0 && fds[0].revents != 0) {
			coaps_server_process(s->coaps);
		}
		if (n > 0 && fds[5].revents != 0) {
			resources_hear(s->resources);
		}
		tick_ms = resources_tick(s->resources);
		/* Its idle connections end only when it is called. */
		if (s->metrics != NULL && (n == 0 || fds[4].revents != 0)) {
			metrics_process(s->metrics);
		}
		if (s->metrics != NULL && (tick_ms < 0 || tick_ms > METRICS_TURN_MS)) {
			tick_ms = METRICS_TURN_MS;
		}
		feed_watchdog(watchdog_us, &fed_us);
	}
	return EXIT_OK;
}

/* What is queued is stored and answered before the sessions end. */
static void finish(struct server *s)
{
	metrics_stop(s->metrics);
	ingest_stop(s->ingest);
	reads_stop(s->reads);
	resources_free(s->resources);
	coaps_server_free(s->coaps);
	store_free(s->write_store);
	store_free(s->read_store);
	if (s->signals >= 0) {
		close(s->signals);
	}
	server_config_free(&s->config);
}

static int serve(struct server *s, const struct options *o)
{
	int rc = start(s, o);

	if (rc == EXIT_OK) {
		rc = tell_ready(s, o);
	}
	if (rc == EXIT_OK) {
		rc = run(s, o);
		notify_send("STOPPING=1");
		log_notice("stopping: what is queued is stored first");
	}
	return rc;
}

/* --- several workers ------------------------------------------------------ */

struct family {
	struct server *server;
	const struct options *options;
	struct coaps_listen sockets[PEERS_MAX]; /* of each worker */
	struct coaps_secrets secrets;
};

static int be_worker(void *arg, const struct peers *peers)
{
	struct family *f = arg;
	struct server *s = f->server;
	int rc;

	for (unsigned i = 0; i < peers->n; i++) {
		if (i != peers->self) {
			coaps_listen_close(&f->sockets[i]);
		}
	}
	s->peers = peers;
	s->sockets = &f->sockets[peers->self];
	s->secrets = &f->secrets;
	rc = serve(s, f->options);
	finish(s);
	coaps_listen_close(&f->sockets[peers->self]);
	return rc;
}

static int all_ready(void *arg)
{
	const struct family *f = arg;

	return tell_ready(f->server, f->options);
}

static bool reload_parent(void *arg)
{
	struct family *f = arg;

	return take_config(f->server, f->options);
}

/*
 * Whether a server could listen and our patches are in force, before there are several that share
 * the port. In a process of its own: what libcoap and its generators leave behind must not be in
 * every worker.
 */
static int prove(struct server *s)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int rc = open_coaps(s);

		finish(s);
		exit(rc);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		log_error("cannot start a process: %s", strerror(errno));
		return EXIT_RUNTIME;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_RUNTIME;
}

static int serve_by_workers(struct server *s, const struct options *o)
{
	struct family f = { .server = s, .options = o };
	char err[512];
	int rc = check(&s->config), code = 0;

	rc = rc != EXIT_OK ? rc : prove(s);
	if (rc != EXIT_OK) {
		return rc;
	}
	if ((f.secrets.n = 1,
	     getrandom(f.secrets.key[0], COAPS_SECRET_SIZE, 0) != COAPS_SECRET_SIZE)) {
		log_error("getrandom: %s", strerror(errno));
		return EXIT_RUNTIME;
	}
	for (unsigned i = 0; code == 0 && i < s->config.workers; i++) {
		code = coaps_listen_open(&f.sockets[i], s->config.listen, true, err, sizeof(err));
	}
	if (code == 0) {
		rc = supervisor_run(&(struct supervisor_config){
			.workers = s->config.workers,
			.work = be_worker,
			.ready = all_ready,
			.reload = reload_parent,
			.arg = &f,
		});
		if (rc < 0) {
			log_error("cannot watch over workers: %s", strerror(-rc));
			rc = EXIT_RUNTIME;
		}
	} else {
		log_error("%s", err);
		rc = exit_of_coaps(code);
	}
	for (unsigned i = 0; i < s->config.workers; i++) {
		coaps_listen_close(&f.sockets[i]);
	}
	explicit_bzero(&f.secrets, sizeof(f.secrets));
	return rc;
}

int main(int argc, char **argv)
{
	struct server s = { .signals = -1 };
	struct options options;
	int rc;

	log_init("geotherm-server", LOG_LEVEL_INFO);
	rc = read_options(&options, argc, argv);
	if (rc >= 0) {
		return rc;
	}
	rc = configure(&s.config, &options);
	if (rc == EXIT_OK && (options.check || options.verify)) {
		rc = options.verify ? verify(&s.config) : check(&s.config);
		server_config_free(&s.config);
		return rc;
	}
	if (rc == EXIT_OK) {
		rc = s.config.workers > 1 ? serve_by_workers(&s, &options) : serve(&s, &options);
	}
	finish(&s);
	return rc;
}
