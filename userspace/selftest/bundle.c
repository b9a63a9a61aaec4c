// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* O_CLOEXEC, fdopen */
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "facts.h"
#include "report.h"
#include "time/civil.h"
#include "userspace/node/node_check.h"

static const char *const files[] = {
	"/proc/version",
	"/proc/device-tree/model",
	"/etc/os-release",
	"/sys/class/tty/console/active",
};

/* Replaces every occurrence of `secret`, if it has three characters or more. */
static void mask_secret(char *text, const char *secret)
{
	size_t length = secret != NULL ? strlen(secret) : 0;

	for (char *at = text; length >= 3 && (at = strstr(at, secret)) != NULL; at += length) {
		memset(at, '*', length);
	}
}

static void host_of(const char *uri, char *host, size_t size)
{
	const char *from = strstr(uri, "://");
	size_t length;

	from = from != NULL ? from + 3 : uri;
	from += *from == '[';
	length = strcspn(from, "]/?");
	if (memchr(from, ':', length) != NULL && strchr(from, ']') == NULL) {
		length = strcspn(from, ":/?");
	}
	snprintf(host, size, "%.*s", (int)length, from);
}

static void redact(char *text, const struct node_config *config)
{
	char secret[256], device[READING_DEVICE_SIZE];

	for (unsigned i = 0; i < config->n_servers; i++) {
		host_of(config->servers[i], secret, sizeof(secret));
		mask_secret(text, secret);
	}
	mask_secret(text, config->server_name);
	if (node_check_device(config, device) == 0) {
		mask_secret(text, device + strlen(device) / 2);
	}
	if (gethostname(secret, sizeof(secret)) == 0) {
		mask_secret(text, secret);
	}
}

/* The file as it is; it names files with secrets and holds none. */
static void write_configuration(FILE *out, const struct node_config *config,
				const struct config_source *source)
{
	FILE *in = source->path != NULL ? fopen(source->path, "r") : NULL;
	char line[1024];

	fprintf(out, "\n--- configuration%s\n", in == NULL ? ": no file" : "");
	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		redact(line, config);
		fputs(line, out);
	}
	if (in != NULL) {
		fclose(in);
	}
	for (size_t i = 0; i < source->n; i++) {
		snprintf(line, sizeof(line), "-o %s", source->assignments[i]);
		redact(line, config);
		fprintf(out, "%s\n", line);
	}
}

int bundle_write(const char *path, const struct node_config *config,
		 const struct config_source *source, const struct selftest_outcome *outcomes,
		 size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct report report;
	char text[512];
	int failed;

	if (out == NULL) {
		return -errno;
	}
	fprintf(out, "geotherm-selftest %s, %s\n\n", GEOTHERM_VERSION,
		civil_text(time(NULL), text));
	report_begin(&report, out, REPORT_HUMAN, false, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		struct selftest_outcome o = outcomes[i];

		redact(o.value, config);
		report_add(&report, &o);
	}
	report_end(&report);
	write_configuration(out, config, source);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (facts_text("", files[i], text, sizeof(text))) {
			redact(text, config);
			fprintf(out, "--- %s\n%s\n", files[i], text);
		}
	}
	failed = ferror(out);
	return fclose(out) != 0 || failed ? -(errno != 0 ? errno : EIO) : 0;
}
