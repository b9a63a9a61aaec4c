// SPDX-License-Identifier: BSD-2-Clause
#include "dtls_peer.h"

#include <mbedtls/psa_util.h>
#include <string.h>
#include <sys/socket.h>

static int on_send(void *arg, const unsigned char *data, size_t size)
{
	const struct dtls_peer *p = arg;

	return send(p->fd, data, size, 0) == (ssize_t)size ? (int)size
							   : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int on_receive(void *arg, unsigned char *data, size_t size)
{
	const struct dtls_peer *p = arg;
	ssize_t n = recv(p->fd, data, size, 0);

	return n > 0 ? (int)n : MBEDTLS_ERR_SSL_WANT_READ;
}

bool dtls_peer_init(struct dtls_peer *p, int fd, const struct coaps_credentials *files)
{
	memset(p, 0, sizeof(*p));
	p->fd = fd;
	mbedtls_ssl_init(&p->ssl);
	mbedtls_ssl_config_init(&p->conf);
	mbedtls_x509_crt_init(&p->ca);
	mbedtls_x509_crt_init(&p->own);
	mbedtls_pk_init(&p->key);
	if (mbedtls_x509_crt_parse_file(&p->ca, files->ca) != 0 ||
	    (files->certificate != NULL &&
	     (mbedtls_x509_crt_parse_file(&p->own, files->certificate) != 0 ||
	      mbedtls_pk_parse_keyfile(&p->key, files->key, NULL, mbedtls_psa_get_random,
				       MBEDTLS_PSA_RANDOM_STATE) != 0))) {
		return false;
	}
	mbedtls_ssl_config_defaults(&p->conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
				    MBEDTLS_SSL_PRESET_DEFAULT);
	mbedtls_ssl_conf_rng(&p->conf, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	mbedtls_ssl_conf_max_tls_version(&p->conf, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_ca_chain(&p->conf, &p->ca, NULL);
	if (files->certificate != NULL) {
		mbedtls_ssl_conf_own_cert(&p->conf, &p->own, &p->key);
	}
	if (mbedtls_ssl_setup(&p->ssl, &p->conf) != 0) {
		return false;
	}
	mbedtls_ssl_set_hostname(&p->ssl, "localhost");
	mbedtls_ssl_set_bio(&p->ssl, p, on_send, on_receive, NULL);
	mbedtls_ssl_set_timer_cb(&p->ssl, &p->timer, mbedtls_timing_set_delay,
				 mbedtls_timing_get_delay);
	return true;
}

void dtls_peer_free(struct dtls_peer *p)
{
	mbedtls_ssl_free(&p->ssl);
	mbedtls_ssl_config_free(&p->conf);
	mbedtls_x509_crt_free(&p->ca);
	mbedtls_x509_crt_free(&p->own);
	mbedtls_pk_free(&p->key);
}

int dtls_peer_handshake(struct dtls_peer *p, unsigned turns, void (*serve)(int fd))
{
	int rc = mbedtls_ssl_handshake(&p->ssl);

	while (rc == MBEDTLS_ERR_SSL_WANT_READ && turns-- > 0) {
		serve(p->fd);
		rc = mbedtls_ssl_handshake(&p->ssl);
	}
	return rc;
}
