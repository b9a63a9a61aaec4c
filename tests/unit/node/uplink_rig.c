// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "uplink_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct uplink_rig t;

uint64_t rig_now_ns(void)
{
	return now_boot_ns() + t.skew_ns;
}

static void reply(const struct coap_message *m, uint8_t code, const char *payload,
		  const struct sockaddr_in *to)
{
	assert_true(coap_reply(t.fd, m, code, t.max_age_s, payload, to));
}

static void nonsense(const struct coap_message *m, const struct sockaddr_in *to)
{
	struct coap_message wrong = *m;
	const uint8_t reset[4] = { 0x70, 0, (uint8_t)(m->mid >> 8), (uint8_t)m->mid };

	sendto(t.fd, "\xff\xfe\xfd", 3, 0, (const struct sockaddr *)to, sizeof(*to));
	wrong.token[0] ^= 0xff;
	wrong.mid ^= 0x5555;
	reply(&wrong, CODE(2, 4), "", to);
	sendto(t.fd, reset, sizeof(reset), 0, (const struct sockaddr *)to, sizeof(*to));
}

static void huge_answer(const struct coap_message *m, const struct sockaddr_in *to)
{
	static uint8_t b[4 + 8 + 8 + 1024];
	size_t at = 4;

	b[0] = 0x60 | (uint8_t)m->token_size;
	b[1] = CODE(2, 4);
	b[2] = (uint8_t)(m->mid >> 8);
	b[3] = (uint8_t)m->mid;
	memcpy(b + at, m->token, m->token_size);
	at += m->token_size;
	/* Block2 (23): 0, more, 1024; Size2 (28): 2^32 - 1 */
	memcpy(b + at, "\xd1\x0a\x0e\x54\xff\xff\xff\xff\xff", 9);
	assert_true(sendto(t.fd, b, at + 9 + 1024, 0, (const struct sockaddr *)to, sizeof(*to)) >
		    0);
}

/* Keeps the POST and counts its readings as stored. */
static void hold_back(const struct coap_message *m, const struct sockaddr_in *from,
		      const struct reading *readings, int count)
{
	t.held_from = *from;
	t.held[t.n_held++] = *m;
	t.most_held = t.n_held > t.most_held ? t.n_held : t.most_held;
	for (int i = 0; i < count; i++) {
		t.stored[readings[i].seq % 256]++;
	}
}

static bool is_taken(const struct reading *readings, int count)
{
	for (int i = 0; i < count; i++) {
		if (readings[i].epoch == t.taken_epoch && readings[i].seq <= t.taken) {
			return true;
		}
	}
	return false;
}

static bool is_poisoned(const struct reading *readings, int count)
{
	for (int i = 0; i < count; i++) {
		if (readings[i].seq == t.poison) {
			return true;
		}
	}
	return false;
}

static void serve_gaps(const struct coap_message *m, const struct sockaddr_in *from)
{
	assert_string_equal(m->path, "/gaps/urn:dev:mac:0200c0fffe000001");
	assert_int_equal(m->content_format, 50);
	snprintf(t.gaps, sizeof(t.gaps), "%.*s", (int)m->payload_size, (const char *)m->payload);
	t.gap_posts++;
	reply(m, t.gap_code != 0 ? t.gap_code : t.code, "", from);
}

static void serve_check(const struct coap_message *m, const struct sockaddr_in *from)
{
	const char *text =
		t.report != NULL ? t.report
				 : "{\"streams\":[{\"epoch\":\"EPOCH\",\"last\":0,\"holes\":[]}]}";
	const char *at = strstr(text, "EPOCH");
	char report[400];

	t.checks++;
	snprintf(report, sizeof(report), "%s", text);
	if (at != NULL) {
		snprintf(report, sizeof(report), "%.*s%016llx%s", (int)(at - text), text,
			 (unsigned long long)outbox().epoch, at + 5);
	}
	reply(m, t.check_code != 0 ? t.check_code : CODE(2, 5), report, from);
}

/* Whether t.code asks for silence, or for an answer that no server of ours gives. */
static bool answered_badly(const struct coap_message *m, const struct sockaddr_in *from)
{
	switch (t.code) {
	case SILENT:
		return true;
	case NONSENSE:
		nonsense(m, from);
		return true;
	case HUGE_ANSWER:
		huge_answer(m, from);
		return true;
	case BINARY:
		reply(m, CODE(4, 3), "\xc3\x28 \x01\x02", from);
		return true;
	default:
		return false;
	}
}

/* One datagram; false if there was none. */
static bool serve(void)
{
	static struct reading readings[64];
	struct sockaddr_in from;
	socklen_t from_size = sizeof(from);
	uint8_t buffer[2048];
	ssize_t n = recvfrom(t.fd, buffer, sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_size);
	struct senml_error error;
	struct coap_message m;
	int count;

	if (n < 0) {
		return false;
	}
	if (!coap_parse(buffer, (size_t)n, &m) || m.code == 0) {
		return true;
	}
	if (m.code == 1 && strncmp(m.path, "/gaps/", 6) == 0) {
		serve_check(&m, &from);
		return true;
	}
	if (m.code == 1) {
		t.gets++;
		assert_string_equal(m.path, "/time");
		reply(&m, t.time != NULL ? CODE(2, 5) : CODE(4, 4), t.time != NULL ? t.time : "",
		      &from);
		return true;
	}
	assert_int_equal(m.code, 2);
	if (strncmp(m.path, "/gaps/", 6) == 0) {
		serve_gaps(&m, &from);
		return true;
	}
	assert_string_equal(m.path, "/gpsflowtemp");
	count = senml_decode(SENML_CBOR, m.payload, m.payload_size, readings, 64, &error);
	if (count <= 0) {
		fail_msg("no pack: %s", error.text);
	}
	if (t.posts < 64) {
		t.sizes[t.posts] = (unsigned)count;
	}
	t.posts++;
	if (t.hold && t.n_held < COAPS_REQUESTS_MAX) {
		hold_back(&m, &from, readings, count);
		return true;
	}
	if (answered_badly(&m, &from)) {
		return true;
	}
	if (is_taken(readings, count)) {
		reply(&m, CODE(4, 9), "", &from);
		return true;
	}
	if (is_poisoned(readings, count)) {
		reply(&m, CODE(4, 0), "record 7: not a number", &from);
		return true;
	}
	for (int i = 0; i < count && t.code >> 5 == 2; i++) {
		t.stored[readings[i].seq]++;
	}
	reply(&m, t.code, t.code >> 5 == 4 ? "not your device" : "", &from);
	return true;
}

void listen_again(void)
{
	t.fd = coap_listen(&t.port);
	assert_true(t.fd >= 0);
}

static void serve_other(void)
{
	struct sockaddr_in from;
	socklen_t from_size = sizeof(from);
	uint8_t buffer[2048];
	ssize_t n = recvfrom(t.other_fd, buffer, sizeof(buffer), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_size);
	struct coap_message m;

	if (n > 0 && coap_parse(buffer, (size_t)n, &m) && (m.code == 1 || m.code == 2)) {
		t.other_posts += m.code == 2;
		assert_true(coap_reply(t.other_fd, &m, m.code == 2 ? CODE(2, 4) : CODE(4, 4), -1,
				       "", &from));
	}
}

void open_with(const char *second, const char *third)
{
	const char *over[] = { t.uri, "server.batch=4", second, third };
	char err[600];
	int code;

	uplink_close(t.uplink);
	t.uplink = NULL;
	node_config_free(&t.config);
	if (node_config_load(&t.config,
			     &(const struct config_source){ NULL, over,
							    third != NULL    ? 4
							    : second != NULL ? 3
									     : 2 },
			     err, sizeof(err)) != 0) {
		fail_msg("%s", err);
	}
	t.uplink =
		uplink_open(&t.config, "urn:dev:mac:0200c0fffe000001", 0, &code, err, sizeof(err));
	if (t.uplink == NULL) {
		fail_msg("%s", err);
	}
}

int rig_setup(void **state)
{
	struct outbox_config outbox = {
		.path = t.path, .max_rows = 1000, .max_bytes = 10000000, .boot = 7
	};
	const char *over[] = { t.uri, "server.batch=4" };
	char err[600];
	int code;

	(void)state;
	memset(&t, 0, sizeof(t));
	t.other_fd = -1;
	t.code = CODE(2, 4);
	t.max_age_s = -1;
	strcpy(t.dir, "/tmp/geotherm-uplink-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/outbox.db", t.dir);
	listen_again();
	snprintf(t.uri, sizeof(t.uri), "server.uri=coap://127.0.0.1:%u", t.port);
	assert_int_equal(node_config_load(&t.config, &(const struct config_source){ NULL, over, 2 },
					  err, sizeof(err)),
			 0);
	assert_int_equal(outbox_open(&t.outbox, &outbox, err, sizeof(err)), 0);
	log_set_level(LOG_LEVEL_ERROR);
	t.uplink =
		uplink_open(&t.config, "urn:dev:mac:0200c0fffe000001", 0, &code, err, sizeof(err));
	if (t.uplink == NULL) {
		fail_msg("%s", err);
	}
	return 0;
}

void catch_log(void)
{
	t.log = tmpfile();
	assert_non_null(t.log);
	t.log_was = dup(STDERR_FILENO);
	assert_true(dup2(fileno(t.log), STDERR_FILENO) >= 0);
	log_set_level(LOG_LEVEL_NOTICE);
}

unsigned log_lines(const char *text)
{
	char line[2048];
	unsigned n = 0;

	rewind(t.log);
	while (fgets(line, sizeof(line), t.log) != NULL) {
		n += strstr(line, text) != NULL;
	}
	return n;
}

int rig_teardown(void **state)
{
	const struct dirent *entry;
	DIR *dir;

	(void)state;
	if (t.log != NULL) {
		dup2(t.log_was, STDERR_FILENO);
		close(t.log_was);
		fclose(t.log);
	}
	uplink_close(t.uplink);
	outbox_close(t.outbox);
	node_config_free(&t.config);
	if (t.fd >= 0) {
		close(t.fd);
	}
	if (t.other_fd >= 0) {
		close(t.other_fd);
	}
	dir = opendir(t.dir);
	while ((entry = readdir(dir)) != NULL) {
		unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
	return rmdir(t.dir);
}

void rig_put(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct reading r;

		reading_init(&r);
		strcpy(r.device, "urn:dev:mac:0200c0fffe000001");
		r.boot_ns = now_boot_ns();
		assert_int_equal(outbox_put(t.outbox, &r), 0);
	}
}

struct outbox_stats outbox(void)
{
	struct outbox_stats stats;

	assert_int_equal(outbox_stats(t.outbox, &stats), 0);
	return stats;
}

struct uplink_stats uplink(void)
{
	struct uplink_stats stats;

	uplink_stats(t.uplink, &stats);
	return stats;
}

int rig_turn(bool needs_time)
{
	struct pollfd fds[3] = { { .fd = uplink_fd(t.uplink), .events = POLLIN },
				 { .fd = t.fd, .events = POLLIN },
				 { .fd = t.other_fd, .events = POLLIN } };
	uint64_t before = now_boot_ns();

	assert_true(poll(fds, 3, 20) >= 0);
	while (t.fd >= 0 && serve()) {
	}
	if (t.other_fd >= 0) {
		serve_other();
	}
	switch (uplink_process(t.uplink, t.outbox, needs_time, rig_now_ns(), &t.stamp)) {
	case 0:
		break;
	case 1:
		t.stamps++;
		break;
	default:
		t.outbox_errors++;
		if (!t.disk_full) {
			fail_msg("uplink_process failed: %s", outbox_reason(t.outbox));
		}
	}
	return (int)((now_boot_ns() - before) / 1000000);
}
