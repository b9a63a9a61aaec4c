// SPDX-License-Identifier: BSD-2-Clause
/* geotherm ca */
#define _GNU_SOURCE /* gmtime_r */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ca.h"
#include "cli.h"
#include "userspace/daemon/options.h"

struct arguments {
	const char *dir, *name, *csr;
	struct ca_request request;
	const char *out;
	long expiring; /* days; -1: all */
	int64_t now_s;
};

static int fails(const char *why)
{
	fprintf(stderr, "geotherm ca: %s\n", why);
	return CLI_FAILED;
}

static int do_init(const struct arguments *a)
{
	char err[512];

	if (ca_init(a->dir, *a->name != '\0' ? a->name : "geotherm CA", a->now_s, err,
		    sizeof err) != 0) {
		return fails(err);
	}
	printf("%s/ca.pem\n", a->dir);
	return CLI_OK;
}

static int do_issue(struct ca *ca, struct arguments *a)
{
	char path[PATH_MAX], err[512];

	a->request.name = a->name;
	a->request.csr = a->csr;
	if (ca_issue(ca, &a->request, a->now_s, path, sizeof path, err, sizeof err) != 0) {
		return fails(err);
	}
	puts(path);
	return CLI_OK;
}

static int do_renew(struct ca *ca, const struct arguments *a)
{
	char path[PATH_MAX], err[512];

	if (ca_renew(ca, a->name, a->request.days, a->now_s, path, sizeof path, err, sizeof err) !=
	    0) {
		return fails(err);
	}
	puts(path);
	return CLI_OK;
}

static int do_revoke(struct ca *ca, const struct arguments *a)
{
	char path[PATH_MAX], err[512];
	int n = ca_revoke(ca, a->name, a->now_s, err, sizeof err);

	if (n < 0) {
		return fails(err);
	}
	ca_file_of(ca, "crl.pem", "", path, sizeof path);
	printf("%d revoked; give servers the new %s ([server] crl) and reload them\n", n, path);
	return CLI_OK;
}

static int do_list(struct ca *ca, const struct arguments *a)
{
	const struct ca_index *index = ca_index(ca);

	for (size_t i = 0; i < index->n; i++) {
		const struct ca_entry *e = &index->entries[i];
		char serial[2 * CA_SERIAL_SIZE + 1], day[16];
		time_t end = (time_t)e->not_after_s;
		struct tm tm;

		if (a->expiring >= 0 &&
		    (e != ca_index_valid(index, e->name) || /* revoked, or renewed since */
		     e->not_after_s > a->now_s + 86400 * (int64_t)a->expiring)) {
			continue;
		}
		gmtime_r(&end, &tm);
		strftime(day, sizeof day, "%Y-%m-%d", &tm);
		ca_index_serial(e, serial);
		printf("%s  %-8s  %-7s  %s  %s\n", day, ca_role_words[e->role],
		       e->revoked_s != 0	   ? "revoked"
		       : e->not_after_s < a->now_s ? "expired"
						   : "valid",
		       serial, e->name);
	}
	return CLI_OK;
}

/* --- bundle: a tar of what goes into /etc/geotherm/pki -------------------- */

/* The whole of path behind what *size bytes of into hold already. */
static bool append(const char *path, char *into, size_t room, size_t *size)
{
	FILE *in = fopen(path, "re");
	size_t read;

	if (in == NULL) {
		return false;
	}
	read = fread(into + *size, 1, room - *size, in);
	*size += read;
	fclose(in);
	return *size < room;
}

/* One file in the ustar format (POSIX.1-2017, pax): what from and, where it is not NULL, and_from
 * hold. */
static bool tar_file(FILE *out, const char *from, const char *and_from, const char *as,
		     unsigned mode)
{
	static const char magic[] = { 'u', 's', 't', 'a', 'r', '\0', '0', '0' };
	char head[512] = { 0 };
	char bytes[65536] = { 0 };
	unsigned sum = 0;
	size_t size = 0;

	if (!append(from, bytes, sizeof bytes, &size) ||
	    (and_from != NULL && !append(and_from, bytes, sizeof bytes, &size))) {
		return false;
	}
	snprintf(head, 100, "%s", as);
	snprintf(head + 100, 8, "%07o", mode);
	snprintf(head + 108, 8, "%07o", 0u);
	snprintf(head + 116, 8, "%07o", 0u);
	snprintf(head + 124, 12, "%011zo", size);
	snprintf(head + 136, 12, "%011o", 0u);
	head[156] = '0';
	memcpy(head + 257, magic, sizeof magic);
	memset(head + 148, ' ', 8);
	for (size_t i = 0; i < sizeof head; i++) {
		sum += (unsigned char)head[i];
	}
	snprintf(head + 148, 7, "%06o", sum);
	fwrite(head, sizeof head, 1, out);
	fwrite(bytes, 512, (size + 511) / 512, out);
	explicit_bzero(bytes, sizeof bytes);
	return true;
}

static int do_bundle(struct ca *ca, const struct arguments *a)
{
	const struct ca_entry *entry = ca_index_valid(ca_index(ca), a->name);
	char path[PATH_MAX], pem[PATH_MAX], key[PATH_MAX], as[32];
	static const char end[1024];
	FILE *out;
	int fd;
	bool whole;

	if (entry == NULL) {
		fprintf(stderr, "geotherm ca: %s: no valid certificate has this name\n", a->name);
		return CLI_FAILED;
	}
	ca_file_of(ca, a->name, ".tar", path, sizeof path);
	ca_file_of(ca, a->name, ".pem", pem, sizeof pem);
	ca_file_of(ca, a->name, ".key", key, sizeof key);
	fd = open(a->out != NULL ? a->out : path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (out == NULL) {
		fprintf(stderr, "geotherm ca: %s: %s\n", a->out != NULL ? a->out : path,
			strerror(errno));
		return CLI_FAILED;
	}
	snprintf(as, sizeof as, "%s.pem", ca_role_words[entry->role]);
	/* Where the key was made on the device it is there already, and has a file of its own. */
	whole = tar_file(out, pem, access(key, F_OK) == 0 ? key : NULL, as, 0600);
	ca_file_of(ca, "ca.pem", "", pem, sizeof pem);
	whole = whole && tar_file(out, pem, NULL, "ca.pem", 0644);
	ca_file_of(ca, "crl.pem", "", pem, sizeof pem);
	whole = whole && (entry->role != CA_SERVER || tar_file(out, pem, NULL, "crl.pem", 0644));
	fwrite(end, sizeof end, 1, out);
	whole = !ferror(out) && whole;
	if (fclose(out) != 0 || !whole) {
		unlink(a->out != NULL ? a->out : path);
		return fails("the bundle could not be written");
	}
	puts(a->out != NULL ? a->out : path);
	return CLI_OK;
}

/* --- the command line ----------------------------------------------------- */

static int take_role(const char *text, enum ca_role *role)
{
	for (int i = 0; ca_role_words[i] != NULL; i++) {
		if (strcmp(ca_role_words[i], text) == 0) {
			*role = (enum ca_role)i;
			return 0;
		}
	}
	fprintf(stderr, "geotherm ca: --role %s: must be node, server or operator\n", text);
	return -1;
}

/* CLI_OK to go on, else an exit code; OPTIONS_DONE for help. */
static int take_options(const struct manual_command *self, int argc, char **argv,
			struct arguments *a)
{
	unsigned long number;
	int key;

	while ((key = options_next(&cli_manual, self, argc, argv)) != OPTIONS_END) {
		switch (key) {
		case CLI_DIR:
			a->dir = optarg;
			break;
		case CLI_ROLE:
			if (take_role(optarg, &a->request.role) != 0) {
				return CLI_USAGE;
			}
			break;
		case CLI_SAN:
			if (a->request.n_sans == CA_SANS_MAX) {
				fprintf(stderr, "geotherm ca: more than %d times --also\n",
					CA_SANS_MAX);
				return CLI_USAGE;
			}
			a->request.sans[a->request.n_sans++] = optarg;
			break;
		case CLI_DAYS:
			if (!options_number("geotherm ca: --days", optarg, 1, CA_DAYS_OF_ITSELF,
					    &number)) {
				return CLI_USAGE;
			}
			a->request.days = (unsigned)number;
			break;
		case CLI_EXPIRING:
			if (!options_number("geotherm ca: --expiring", optarg, 0, 100000,
					    &number)) {
				return CLI_USAGE;
			}
			a->expiring = (long)number;
			break;
		case CLI_OUT:
			a->out = optarg;
			break;
		default:
			return key == OPTIONS_DONE ? key : CLI_USAGE;
		}
	}
	return CLI_OK;
}

int cmd_ca(const struct manual_command *self, int argc, char **argv)
{
	static const struct {
		const char *name;
		int least, most; /* operands */
	} actions[] = { { "init", 0, 1 },   { "issue", 1, 1 }, { "sign", 2, 2 },  { "renew", 1, 1 },
			{ "revoke", 1, 1 }, { "list", 0, 0 },  { "bundle", 1, 1 } };
	struct arguments a = { .dir = "geotherm-ca",
			       .expiring = -1,
			       .now_s = (int64_t)time(NULL),
			       .request.days = 365 };
	int code = take_options(self, argc, argv, &a), operands = argc - optind - 1;
	const char *action = operands >= 0 ? argv[optind] : "";
	struct ca *ca;
	char err[512];
	size_t i = 0;

	if (code != CLI_OK) {
		return code == OPTIONS_DONE ? CLI_OK : code;
	}
	while (i < sizeof actions / sizeof actions[0] && strcmp(actions[i].name, action) != 0) {
		i++;
	}
	if (i == sizeof actions / sizeof actions[0] || operands < actions[i].least ||
	    operands > actions[i].most) {
		fprintf(stderr, "geotherm ca: %s%s; try 'geotherm ca --help'\n", action,
			i == sizeof actions / sizeof actions[0]
				? ": one of init, issue, sign, renew, revoke, list, bundle is wanted"
				: ": too few or too many arguments");
		return CLI_USAGE;
	}
	a.csr = operands == 2 ? argv[optind + 1] : NULL;
	a.name = operands > 0 ? argv[argc - 1] : "";
	if (strcmp(action, "init") == 0) {
		return do_init(&a);
	}
	ca = ca_open(a.dir, err, sizeof err);
	if (ca == NULL) {
		return fails(err);
	}
	code = strcmp(action, "revoke") == 0   ? do_revoke(ca, &a)
	       : strcmp(action, "renew") == 0  ? do_renew(ca, &a)
	       : strcmp(action, "list") == 0   ? do_list(ca, &a)
	       : strcmp(action, "bundle") == 0 ? do_bundle(ca, &a)
					       : do_issue(ca, &a);
	ca_close(ca);
	return code;
}
