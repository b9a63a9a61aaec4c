// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE	/* SOCK_CLOEXEC */
#include "coaps_server.h"

#include <ctype.h>
#include <errno.h>
#include <mbedtls/error.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "coaps_cookie.h"
#include "coaps_proof.h"
#include "coaps_side.h"
#include "userspace/daemon/log.h"
#include "userspace/daemon/refusals.h"

#define DEFAULT_PORT "5684"		/* RFC 7252 12.8 */
#define SESSION_TIMEOUT_S 86400
#define MAX_BODY (1024 * 1024)
/* libcoap refuses new clients while so many have not finished their handshake; its 100 is three a second. */
#define MAX_HANDSHAKES 1000

struct coaps_server {
	struct coaps_side side;
	void *user;
	struct refusals refusals;	/* of handshakes, by address */
	coap_address_t address;		/* the first it listens on */
	struct coaps_proof proof;
};

struct place {
	char *err;
	size_t err_size;
};

/* "host:port", "[v6]:port", "host", "*:port" */
static int split_address(const char *text, size_t len, char *host, size_t host_size, char *port, size_t port_size)
{
	const char *end = text + len, *host_end, *port_at = NULL;

	if (len > 0 && *text == '[') {
		host_end = memchr(text, ']', len);
		if (host_end == NULL) {
			return -EINVAL;
		}
		text++;
		port_at = host_end + 1 < end ? host_end + 1 : NULL;
		if (port_at != NULL && *port_at != ':') {
			return -EINVAL;
		}
	} else {
		port_at = memchr(text, ':', len);
		host_end = port_at != NULL ? port_at : end;
	}
	if ((size_t)(host_end - text) >= host_size || host_end == text) {
		return -EINVAL;
	}
	memcpy(host, text, (size_t)(host_end - text));
	host[host_end - text] = '\0';
	if (strcmp(host, "*") == 0) {
		snprintf(host, host_size, "::");
	}
	if (port_at == NULL) {
		snprintf(port, port_size, "%s", DEFAULT_PORT);
		return 0;
	}
	port_at++;
	if (port_at == end || (size_t)(end - port_at) >= port_size) {
		return -EINVAL;
	}
	memcpy(port, port_at, (size_t)(end - port_at));
	port[end - port_at] = '\0';
	for (const char *c = port; *c != '\0'; c++) {
		if (!isdigit((unsigned char)*c)) {
			return -EINVAL;
		}
	}
	return atoi(port) >= 1 && atoi(port) <= 65535 ? 0 : -EINVAL;
}

/*
 * libcoap binds with SO_REUSEADDR, by which two servers would share a UDP port without a word, each
 * losing the other's datagrams: bind once without it, to be told.
 */
static int probe(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int code;

	if (fd < 0) {
		return -errno;
	}
	code = bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 ? 0 : -errno;
	close(fd);
	return code;
}

static int listen_on(struct coaps_server *s, const char *text, size_t len, const struct place *p)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found = NULL;
	coap_address_t address;
	char host[256], port[8];
	int code = split_address(text, len, host, sizeof host, port, sizeof port);

	if (code != 0) {
		snprintf(p->err, p->err_size, "listen: \"%.*s\" is not HOST:PORT, [IPv6]:PORT or *:PORT", (int)len, text);
		return code;
	}
	code = getaddrinfo(host, port, &hints, &found);
	if (code != 0) {
		snprintf(p->err, p->err_size, "listen: %s: %s", host, gai_strerror(code));
		return -EADDRNOTAVAIL;
	}
	code = probe(found);
	if (code == 0) {
		coap_address_init(&address);
		address.size = found->ai_addrlen;
		memcpy(&address.addr, found->ai_addr, found->ai_addrlen);
		if (s->address.size == 0) {
			s->address = address;
		}
		code = coap_new_endpoint(s->side.context, &address, COAP_PROTO_DTLS) != NULL ? 0 : -EADDRNOTAVAIL;
	}
	freeaddrinfo(found);
	if (code == -EADDRINUSE) {
		snprintf(p->err, p->err_size, "listen: UDP port %s of %s is in use: another server runs there "
			 "(ss -ulpn tells which); choose another port", port, host);
	} else if (code == -EACCES) {
		snprintf(p->err, p->err_size, "listen: no right to use UDP port %s of %s", port, host);
	} else if (code != 0) {
		snprintf(p->err, p->err_size, "listen: %s port %s: %s", host, port, strerror(-code));
	}
	return code;
}

static int listen_on_all(struct coaps_server *s, const char *list, const struct place *p)
{
	int n = 0;

	for (const char *at = list; *at != '\0';) {
		size_t len;
		int code;

		at += strspn(at, ", ");
		len = strcspn(at, ", ");
		if (len == 0) {
			break;
		}
		code = listen_on(s, at, len, p);
		if (code != 0) {
			return code;
		}
		n++;
		at += len;
	}
	if (n == 0) {
		snprintf(p->err, p->err_size, "listen: names no address");
		return -EINVAL;
	}
	return 0;
}

static struct coaps_server *server_of(const coap_context_t *context)
{
	return coap_get_app_data(context);
}

static int on_hello(coap_context_t *context, const coap_address_t *remote, const uint8_t *data, size_t size, uint8_t *reply,
		    size_t *reply_size)
{
	struct coaps_server *s = server_of(context);
	int is_good = coaps_cookie_judge(&s->side.cookies, remote, data, size, reply, reply_size);

	if (coaps_proof_is_of(&s->proof, remote)) {
		s->proof.hellos++;
		s->proof.early = s->proof.early || s->proof.policed;
	}
	return is_good;
}

/* What the peer did wrong, for the log of an operator who asks why a node does not come through. */
static const char *why_refused(struct coaps_side *side, const mbedtls_ssl_context *ssl, int error, char *out, size_t size)
{
	uint32_t flags = mbedtls_ssl_get_verify_result(ssl);

	switch (error) {
	case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
		return "it has sent no certificate";
	case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
		return "it does not speak DTLS 1.2";
	case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
		return "it offers no cipher suite, or no curve, that [server] ciphers and our certificate allow";
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		return "it has refused us; most likely our certificate, or its name";
	default:
		break;
	}
	if (side->refused[0] != '\0') {
		return side->refused;
	}
	if (flags != 0 && flags != UINT32_MAX) {
		coaps_side_describe(flags, out, size);	/* such as a wrong extendedKeyUsage, found after verify() */
	} else {
		mbedtls_strerror(error, out, size);
	}
	return out;
}

static void on_failed(coap_session_t *session, void *ssl, int error)
{
	struct coaps_server *s = server_of(coap_session_get_context(session));
	char peer[INET6_ADDRSTRLEN + 8], words[160];
	struct timespec now;
	unsigned unsaid;

	if (coap_session_get_type(session) == COAP_SESSION_TYPE_CLIENT) {
		return;		/* of a coaps_client in the same process, which looks for itself */
	}
	if (coaps_proof_is_of(&s->proof, coap_session_get_addr_remote(session))) {
		s->proof.failed = true;
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (coap_print_ip_addr(coap_session_get_addr_remote(session), peer, sizeof peer) == NULL) {
		snprintf(peer, sizeof peer, "?");
	}
	if (refusals_tell(&s->refusals, peer, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, &unsaid)) {
		log_warning("refused peer=%s reason=\"%s\" (%u more since the last word)", peer,
			    why_refused(&s->side, ssl, error, words, sizeof words), unsaid);
	}
	s->side.refused[0] = '\0';
}

static void on_setup(coap_session_t *session)
{
	struct coaps_server *s = server_of(coap_session_get_context(session));

	if (coaps_proof_is_of(&s->proof, coap_session_get_addr_remote(session))) {
		s->proof.policed = true;
	}
}

static void process(void *arg)
{
	coaps_server_process(arg);
}

static int secure(struct coaps_server *s, const struct coaps_server_config *config, const struct place *p)
{
	coap_dtls_pki_t pki;

	if (config->client_auth == COAPS_AUTH_NONE) {
		s->side.authmode = MBEDTLS_SSL_VERIFY_NONE;
	} else if (config->credentials.ca == NULL) {
		snprintf(p->err, p->err_size, "ca: needed to verify the clients (client_auth = none would do without)");
		return -EKEYREJECTED;
	} else if (config->client_auth == COAPS_AUTH_OPTIONAL) {
		s->side.authmode = MBEDTLS_SSL_VERIFY_OPTIONAL;
	}
	/* No files: what they hold comes with the hook (deps/patches/0009). */
	coaps_side_pki(&(const struct coaps_credentials){ NULL }, config->client_auth != COAPS_AUTH_NONE, &pki);
	if (!coap_context_set_pki(s->side.context, &pki)) {
		snprintf(p->err, p->err_size, "%s: libcoap does not take these credentials", config->credentials.certificate);
		return -EKEYREJECTED;
	}
	return 0;
}

struct coaps_server *coaps_server_new(const struct coaps_server_config *config, int *code, char *err, size_t err_size)
{
	const struct place p = { err, err_size };
	struct coaps_server *s;

	*code = coaps_credentials_check(&config->credentials, COAPS_SERVER, coaps_now_s(), NULL, err, err_size);
	if (*code != 0) {
		*code = -EKEYREJECTED;
		return NULL;
	}
	s = calloc(1, sizeof *s);
	if (s == NULL) {
		*code = -ENOMEM;
		snprintf(err, err_size, "no memory");
		return NULL;
	}
	*code = coaps_side_init(&s->side, COAPS_SERVER, &config->credentials, config->ciphers, err, err_size);
	if (*code != 0) {
		free(s);
		return NULL;
	}
	coap_context_set_session_timeout(s->side.context,
					 config->session_timeout_s != 0 ? config->session_timeout_s : SESSION_TIMEOUT_S);
	coap_context_set_max_handshake_sessions(s->side.context, MAX_HANDSHAKES);
	coap_max_request_body = config->max_body != 0 ? config->max_body : MAX_BODY;
	s->side.on_setup = on_setup;
	coap_dtls_hello_hook = on_hello;
	coap_mbedtls_failed_hook = on_failed;
	*code = secure(s, config, &p);
	if (*code == 0) {
		*code = listen_on_all(s, config->listen, &p);
	}
	if (*code == 0) {
		*code = coaps_proof_run(&s->proof, &s->side, &s->address, process, s, err, err_size);
	}
	if (*code != 0) {
		coaps_server_free(s);
		return NULL;
	}
	return s;
}

int coaps_server_renew(struct coaps_server *s, const struct coaps_credentials *credentials, char *err, size_t err_size)
{
	int code = coaps_credentials_check(credentials, COAPS_SERVER, coaps_now_s(), NULL, err, err_size);

	code = code != 0 ? code : coaps_side_renew(&s->side, credentials, err, err_size);
	return code != 0 ? -EKEYREJECTED : 0;
}

void coaps_server_free(struct coaps_server *s)
{
	if (s == NULL) {
		return;
	}
	coaps_side_free(&s->side);
	free(s);
}

coap_context_t *coaps_server_context(struct coaps_server *s)
{
	return s->side.context;
}

void coaps_server_set_user(struct coaps_server *s, void *user)
{
	s->user = user;
}

void *coaps_server_user(const struct coaps_server *s)
{
	return s->user;
}

int coaps_server_fd(const struct coaps_server *s)
{
	return coap_context_get_coap_fd(s->side.context);
}

void coaps_server_process(struct coaps_server *s)
{
	coap_io_process(s->side.context, COAP_IO_NO_WAIT);
}
