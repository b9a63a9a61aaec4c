// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* signalfd */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "listen_fds.h"
#include "reload.h"
#include "secret_file.h"
#include "time/now.h"
#include "userspace/coaps/coaps_policy.h"
#include "userspace/daemon/notify.h"
#include "userspace/reading/reading_line.h"

#define METRICS_PERIOD_MS 5000 /* libmicrohttpd closes idle connections only when it is called */

struct coaps_credentials server_credentials(const struct server_config *c)
{
	return (struct coaps_credentials){
		.certificate = c->certificate, .key = c->key, .ca = c->ca, .crl = c->crl
	};
}

void server_warn_exposed(const struct server_config *c)
{
	const struct coaps_credentials credentials = server_credentials(c);
	char text[512];

	if (coaps_credentials_exposed(&credentials, text, sizeof(text))) {
		log_warning("%s", text);
	}
}

int server_check(const struct server_config *c)
{
	struct coaps_credentials credentials = server_credentials(c);
	struct coaps_policy policy;
	struct coaps_certificate_info info;
	struct coaps_secrets secrets;
	char err[512], day[11];

	if (coaps_policy_parse(c->ciphers, &policy, err, sizeof(err)) < 0) {
		log_error("[server] %s", err);
		return EXIT_USAGE;
	}
	if (coaps_credentials_check(&credentials, COAPS_SERVER, (int64_t)time(NULL), &info, err,
				    sizeof(err)) < 0 ||
	    (c->secret_file != NULL &&
	     secret_file_read(c->secret_file, &secrets, err, sizeof(err)) < 0)) {
		log_error("%s", err);
		return EXIT_CREDENTIAL;
	}
	printf("listen       %s\nstore        %s\ncertificate  %s, until %s\n", c->listen,
	       c->store_backend == STORE_SQLITE ? c->store_path : "mariadb", c->certificate,
	       coaps_certificate_end(&info, day));
	server_warn_exposed(c);
	return EXIT_OK;
}

/* --- start ---------------------------------------------------------------- */

static int catch_signals(struct server *s)
{
	sigset_t mask;

	signal(SIGPIPE, SIG_IGN); /* a database that hangs up, a reader of stdout that exits */
	signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is an error of the store */
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

static int exit_of_coaps(int code)
{
	switch (code) {
	case -EKEYREJECTED:
		return EXIT_CREDENTIAL;
	case -EINVAL:
		return EXIT_USAGE;
	case -ENOMEM:
	case -EPROTO:
		return EXIT_RUNTIME;
	default:
		return EXIT_ADDRESS;
	}
}

/* On the sockets of the service manager, if it has passed any, else on [server] listen. */
static int open_coaps(struct server *s, const struct coaps_listen *sockets,
		      const struct coaps_secrets *secrets)
{
	const struct server_config *c = s->config;
	char err[512];
	int code;

	s->coaps = coaps_server_new(
		&(struct coaps_server_config){
			.listen = c->listen,
			.credentials = server_credentials(c),
			.client_auth = (enum coaps_client_auth)c->client_auth,
			.ciphers = c->ciphers,
			.session_timeout_s = c->session_timeout_ms / 1000,
			.sockets = sockets->n > 0 ? sockets : NULL,
			.secrets = secrets->n > 0 ? secrets : NULL,
		},
		&code, err, sizeof(err));
	if (s->coaps == NULL) {
		log_error("%s", err);
		return exit_of_coaps(code);
	}
	return EXIT_OK;
}

static int listen_for_nodes(struct server *s)
{
	struct coaps_listen sockets;
	struct coaps_secrets secrets = { .n = 0 };
	char err[512];
	int rc;

	if (coaps_listen_adopt(&sockets, LISTEN_FDS_FIRST, listen_fds(), err, sizeof(err)) < 0) {
		log_error("%s", err);
		return EXIT_ADDRESS;
	}
	if (s->config->secret_file != NULL &&
	    secret_file_read(s->config->secret_file, &secrets, err, sizeof(err)) < 0) {
		log_error("%s", err);
		rc = EXIT_CREDENTIAL;
	} else {
		rc = open_coaps(s, &sockets, &secrets);
	}
	if (rc == EXIT_OK && sockets.n > 0) {
		log_notice("listening on %u inherited sockets%s", sockets.n,
			   secrets.n > 0 ? ""
					 : ": without [server] secret_file clients that change to "
					   "another instance cannot resume their sessions");
	}
	explicit_bzero(&secrets, sizeof(secrets));
	coaps_listen_close(&sockets);
	return rc;
}

static int open_store(struct server *s)
{
	struct store_config config = server_config_store(s->config);
	int rc;

	s->ingest_store = store_new(&config);
	s->queries_store = store_new(&config);
	s->short_queries_store = store_new(&config);
	if (s->ingest_store == NULL || s->queries_store == NULL || s->short_queries_store == NULL) {
		log_error("out of memory");
		return EXIT_RUNTIME;
	}
	rc = store_connect(s->ingest_store);
	if (rc == STORE_DOWN && config.kind == STORE_MARIADB) {
		log_warning("store: %s; readings are answered 5.03 until it is up",
			    store_error(s->ingest_store));
	} else if (rc < 0) {
		log_error("store: %s", store_error(s->ingest_store));
		return EXIT_STORE;
	}
	return EXIT_OK;
}

static void show(void *arg, const struct reading *r)
{
	(void)arg;
	reading_line_print(stdout, r);
}

static int start_threads(struct server *s)
{
	s->ingest = ingest_start(s->ingest_store,
				 &(struct ingest_config){
					 .queue = s->config->queue,
					 .batch = s->config->batch,
					 .shared = s->config->store_backend == STORE_MARIADB,
					 .stored = s->options->show ? show : NULL,
				 });
	s->queries = s->ingest != NULL ? queries_start(s->queries_store, s->short_queries_store)
				       : NULL;
	if (s->queries == NULL) {
		log_error("cannot start a thread: %s", strerror(errno));
		return EXIT_RUNTIME;
	}
	retention_init(&s->retention, s->queries, s->config->retention_days);
	return EXIT_OK;
}

static int open_routes(struct server *s)
{
	s->routes = routes_new(&(struct routes_config){
		.coaps = s->coaps,
		.client_auth = (enum coaps_client_auth)s->config->client_auth,
		.ingest = s->ingest,
		.queries = s->queries,
		.shared = s->config->store_backend == STORE_MARIADB,
	});
	if (s->routes == NULL) {
		log_error("out of memory");
		return EXIT_RUNTIME;
	}
	return EXIT_OK;
}

static int start_metrics(struct server *s)
{
	char err[256];
	int code;

	if (s->config->metrics == NULL) {
		return EXIT_OK;
	}
	s->metrics = metrics_start(
		&(struct metrics_config){
			.listen = s->config->metrics,
			.ingest = s->ingest,
			.coaps = s->coaps,
			.routes = s->routes,
		},
		&code, err, sizeof(err));
	if (s->metrics == NULL) {
		log_error("%s", err);
		return code == -EINVAL ? EXIT_USAGE : code == -ENOMEM ? EXIT_RUNTIME : EXIT_ADDRESS;
	}
	return EXIT_OK;
}

static int write_ready_file(struct server *s)
{
	const char *path = s->options->ready_file;
	FILE *file = path == NULL ? NULL : fopen(path, "we");

	if (path != NULL &&
	    (file == NULL || fprintf(file, "%s\n", s->config->listen) < 0 || fclose(file) != 0)) {
		log_error("--ready-file %s: %s", path, strerror(errno));
		return EXIT_RUNTIME;
	}
	return EXIT_OK;
}

static int report_ready(struct server *s)
{
	const struct server_config *c = s->config;

	log_notice("listening on %s, store %s, version " GEOTHERM_VERSION ", pid=%d", c->listen,
		   c->store_backend == STORE_SQLITE ? c->store_path
		   : c->store_socket != NULL	    ? c->store_socket
						    : c->store_hosts,
		   (int)getpid());
	server_warn_exposed(c);
	notify_send("READY=1\nSTATUS=serving");
	return write_ready_file(s);
}

int server_start(struct server *s, const struct server_options *options,
		 struct server_config *config)
{
	static int (*const steps[])(struct server * s) = {
		catch_signals, listen_for_nodes, open_store,   start_threads,
		open_routes,   start_metrics,	 report_ready,
	};
	int rc = EXIT_OK;

	*s = (struct server){ .options = options, .config = config, .signals = -1 };
	for (size_t i = 0; rc == EXIT_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
		rc = steps[i](s);
	}
	return rc;
}

/* --- loop ----------------------------------------------------------------- */

static void collect_ingest(struct server *s)
{
	ingest_collect(s->ingest);
}

static void collect_queries(struct server *s)
{
	queries_collect(s->queries);
}

static void process_coaps(struct server *s)
{
	coaps_server_process(s->coaps);
}

static void process_metrics(struct server *s)
{
	metrics_process(s->metrics);
}

/* False: time to stop. */
static bool handle_signals(struct server *s)
{
	struct signalfd_siginfo signal;

	while (read(s->signals, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
		if (signal.ssi_signo != SIGHUP) {
			return false;
		}
		server_reload(s, &signal);
	}
	return true;
}

static int min_ms(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Work that no descriptor announces. Returns the ms until it is due again; -1: never. */
static int tick(struct server *s)
{
	uint64_t now = now_ms();
	int64_t error_us;
	bool trusted = now < s->retention.due_ms || now_is_synchronised(&error_us) ||
		       ingest_counts(s->ingest).clock_agrees;

	return min_ms(routes_tick(s->routes), retention_tick(&s->retention, now, trusted));
}

struct watchdog {
	uint64_t interval_ms, fed_ms; /* interval 0: none */
};

/* Not in each turn of a busy loop: it costs three system calls. */
static void feed_watchdog(struct watchdog *w)
{
	uint64_t now = now_ms();

	if (w->interval_ms > 0 && now - w->fed_ms >= w->interval_ms / 4) {
		notify_send("WATCHDOG=1");
		w->fed_ms = now;
	}
}

int server_run(struct server *s)
{
	/* Answers first: they make room for what is received. */
	const struct source {
		int fd; /* -1: poll() ignores it */
		void (*handle)(struct server *s);
	} sources[] = {
		{ ingest_fd(s->ingest), collect_ingest },
		{ queries_fd(s->queries), collect_queries },
		{ coaps_server_fd(s->coaps), process_coaps },
		{ metrics_fd(s->metrics), process_metrics },
	};
	enum { SOURCES = sizeof(sources) / sizeof(sources[0]), SIGNALS = SOURCES };
	struct watchdog watchdog = { .interval_ms = notify_watchdog_us() / 1000 };
	int watchdog_ms = watchdog.interval_ms > 0 ? (int)watchdog.interval_ms : -1;
	struct pollfd fds[SOURCES + 1] = { [SIGNALS] = { .fd = s->signals, .events = POLLIN } };
	int rc = EXIT_OK;

	for (int i = 0; i < SOURCES; i++) {
		fds[i] = (struct pollfd){ .fd = sources[i].fd, .events = POLLIN };
	}
	for (;;) {
		int wait_ms = min_ms(tick(s), watchdog_ms);
		int n = poll(fds, SOURCES + 1,
			     s->metrics != NULL ? min_ms(wait_ms, METRICS_PERIOD_MS) : wait_ms);

		if (n < 0 && errno != EINTR) {
			log_error("poll: %s", strerror(errno));
			rc = EXIT_RUNTIME;
			break;
		}
		for (int i = 0; n > 0 && i < SOURCES; i++) {
			if (fds[i].revents != 0) {
				sources[i].handle(s);
			}
		}
		if (n == 0 && s->metrics != NULL) {
			metrics_process(s->metrics);
		}
		if (n > 0 && fds[SIGNALS].revents != 0 && !handle_signals(s)) {
			break;
		}
		feed_watchdog(&watchdog);
	}
	notify_send("STOPPING=1");
	log_notice("stopping after queued readings are stored");
	return rc;
}

/* --- stop ----------------------------------------------------------------- */

/* Queued readings are stored and answered before the sessions end. */
void server_stop(struct server *s)
{
	metrics_stop(s->metrics);
	ingest_stop(s->ingest);
	queries_stop(s->queries);
	routes_free(s->routes);
	coaps_server_free(s->coaps);
	store_free(s->ingest_store);
	store_free(s->queries_store);
	store_free(s->short_queries_store);
	if (s->signals >= 0) {
		close(s->signals);
	}
}
