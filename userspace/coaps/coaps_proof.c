// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "coaps_proof.h"

#include <errno.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/timing.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TURN_MS 50
#define TURNS 100

struct client {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_timing_delay_context timer;
	mbedtls_net_context net;
};

static in_port_t port_of(const struct sockaddr *a)
{
	return a->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)a)->sin6_port
					: ((const struct sockaddr_in *)(const void *)a)->sin_port;
}

/* By the port alone: an IPv4 sender is another family to a socket that takes both. */
bool coaps_proof_is_of(const struct coaps_proof *proof, const coap_address_t *remote)
{
	return proof->client.ss_family != 0 &&
	       port_of((const struct sockaddr *)&proof->client) == port_of(&remote->addr.sa);
}

static int open_socket(struct coaps_proof *proof, const coap_address_t *address)
{
	socklen_t size = sizeof(proof->client);
	struct sockaddr_storage to = { 0 };
	int fd;

	memcpy(&to, &address->addr, address->size);
	if (to.ss_family == AF_INET6) {
		struct sockaddr_in6 *at = (struct sockaddr_in6 *)(void *)&to;

		if (IN6_IS_ADDR_UNSPECIFIED(&at->sin6_addr)) {
			at->sin6_addr = in6addr_loopback;
		}
	} else {
		struct sockaddr_in *at = (struct sockaddr_in *)(void *)&to;

		if (at->sin_addr.s_addr == htonl(INADDR_ANY)) {
			at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		}
	}
	fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return -errno;
	}
	if (connect(fd, (const struct sockaddr *)&to, address->size) != 0 ||
	    getsockname(fd, (struct sockaddr *)&proof->client, &size) != 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static int configure(struct client *c, struct coaps_endpoint *endpoint)
{
	int rc = mbedtls_ssl_config_defaults(&c->conf, MBEDTLS_SSL_IS_CLIENT,
					     MBEDTLS_SSL_TRANSPORT_DATAGRAM,
					     MBEDTLS_SSL_PRESET_DEFAULT);

	mbedtls_ssl_conf_rng(&c->conf, mbedtls_ctr_drbg_random, &endpoint->drbg);
	mbedtls_ssl_conf_authmode(&c->conf, MBEDTLS_SSL_VERIFY_NONE); /* its own name is not the
									 question */
	mbedtls_ssl_conf_max_tls_version(&c->conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_groups(&c->conf, coaps_policy_groups);
	rc = rc != 0 ? rc : mbedtls_ssl_setup(&c->ssl, &c->conf);
	mbedtls_ssl_set_bio(&c->ssl, &c->net, mbedtls_net_send, mbedtls_net_recv, NULL);
	mbedtls_ssl_set_timer_cb(&c->ssl, &c->timer, mbedtls_timing_set_delay,
				 mbedtls_timing_get_delay);
	return rc;
}

static bool in_policy(const struct coaps_endpoint *endpoint, int suite)
{
	for (const int *at = endpoint->policy.suites; *at != 0; at++) {
		if (*at == suite) {
			return true;
		}
	}
	return false;
}

/* What is missing, or NULL. rc: how the handshake ended. */
static const char *judge(const struct coaps_proof *p, const struct coaps_endpoint *endpoint, int rc,
			 int suite)
{
	if (rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE) {
		return "nothing answers";
	}
	if (p->hellos < 2 || p->early) {
		return "sessions are made before a cookie has come back (0007-stateless-hello-hook)";
	}
	if (!p->policed || (rc == 0 && !in_policy(endpoint, suite))) {
		return "sessions are set up without our policy (0001-mbedtls-setup-hook)";
	}
	/* It came without a certificate. */
	if (rc == 0) {
		return endpoint->authmode != MBEDTLS_SSL_VERIFY_REQUIRED
			       ? NULL
			       : "a client without a certificate is let in (0001-mbedtls-setup-hook)";
	}
	if (endpoint->authmode != MBEDTLS_SSL_VERIFY_REQUIRED) {
		return "a client without a certificate is refused, and client_auth allows it";
	}
	return p->failed ? NULL : "a refused handshake is not told (0010-handshake-failed-hook)";
}

static int shake_hands(struct client *c, void (*process)(void *arg), void *arg)
{
	int rc = mbedtls_ssl_handshake(&c->ssl);

	for (int turn = 0;
	     turn < TURNS && (rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE);
	     turn++) {
		struct pollfd fd = { .fd = c->net.fd, .events = POLLIN };

		process(arg);
		poll(&fd, 1, TURN_MS);
		rc = mbedtls_ssl_handshake(&c->ssl);
	}
	return rc;
}

int coaps_proof_run(struct coaps_proof *proof, struct coaps_endpoint *endpoint,
		    const coap_address_t *address, void (*process)(void *arg), void *arg, char *err,
		    size_t err_size)
{
	struct client c = { .net.fd = open_socket(proof, address) };
	const char *missing;
	int rc;

	if (c.net.fd < 0) {
		snprintf(err, err_size, "the server's check of itself: %s", strerror(-c.net.fd));
		return c.net.fd;
	}
	mbedtls_ssl_init(&c.ssl);
	mbedtls_ssl_config_init(&c.conf);
	rc = configure(&c, endpoint);
	rc = rc != 0 ? rc : shake_hands(&c, process, arg);
	missing = judge(proof, endpoint, rc, mbedtls_ssl_get_ciphersuite_id_from_ssl(&c.ssl));
	mbedtls_ssl_close_notify(&c.ssl);
	process(arg);
	mbedtls_ssl_free(&c.ssl);
	mbedtls_ssl_config_free(&c.conf);
	mbedtls_net_free(&c.net);
	memset(&proof->client, 0, sizeof(proof->client));
	if (missing != NULL) {
		snprintf(
			err, err_size,
			"the server's check of itself: %s; it was linked with another libcoap than deps/build makes",
			missing);
		return -EPROTO;
	}
	return 0;
}
