// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* flock, gmtime_r */
#include "ca.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ca_crl.h"
#include "userspace/reading/reading.h"

#define PEM_MAX 8192
#define CN_MAX 64 /* RFC 5280 appendix A.1, ub-common-name */

struct ca {
	char dir[PATH_MAX / 2];
	int lock;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context drbg;
	mbedtls_pk_context key;
	mbedtls_x509_crt crt;
	struct ca_index index;
};

static int complain(char *err, size_t size, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int complain(char *err, size_t size, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, size, format, args);
	va_end(args);
	return code;
}

static int complain_mbedtls(char *err, size_t size, int code, const char *what)
{
	char why[96];

	mbedtls_strerror(code, why, sizeof why);
	return complain(err, size, -EINVAL, "%s: %s", what, why);
}

struct ca_index *ca_index(struct ca *ca)
{
	return &ca->index;
}

void ca_file_of(const struct ca *ca, const char *name, const char *suffix, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/%s%s", ca->dir, name, suffix);

	for (char *c = path + strlen(ca->dir) + 1; n > 0 && (size_t)n < size && *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && strchr("._-@", *c) == NULL) {
			*c = '_';
		}
	}
}

/* Fails if it is there; else it is whole and on the disk. */
static int write_new(const char *path, mode_t mode, const void *bytes, size_t size, char *err,
		     size_t err_size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode), rc = 0;

	if (fd < 0) {
		return complain(err, err_size, -errno, "%s: %s%s", path, strerror(errno),
				errno == EEXIST ? ": it is never overwritten" : "");
	}
	if (write(fd, bytes, size) != (ssize_t)size || fsync(fd) != 0) {
		rc = complain(err, err_size, -EIO, "%s: %s", path, strerror(errno));
		unlink(path);
	}
	close(fd);
	return rc;
}

static struct ca *ca_new(const char *dir, char *err, size_t err_size)
{
	struct ca *ca = calloc(1, sizeof *ca);

	if (ca == NULL) {
		complain(err, err_size, -ENOMEM, "out of memory");
		return NULL;
	}
	ca->lock = -1;
	mbedtls_entropy_init(&ca->entropy);
	mbedtls_ctr_drbg_init(&ca->drbg);
	mbedtls_pk_init(&ca->key);
	mbedtls_x509_crt_init(&ca->crt);
	if ((size_t)snprintf(ca->dir, sizeof ca->dir, "%s", dir) >= sizeof ca->dir ||
	    mbedtls_ctr_drbg_seed(&ca->drbg, mbedtls_entropy_func, &ca->entropy, NULL, 0) != 0) {
		complain(err, err_size, -EINVAL, "%s: too long a name, or no randomness", dir);
		ca_close(ca);
		return NULL;
	}
	return ca;
}

void ca_close(struct ca *ca)
{
	if (ca == NULL) {
		return;
	}
	ca_index_free(&ca->index);
	mbedtls_x509_crt_free(&ca->crt);
	mbedtls_pk_free(&ca->key);
	mbedtls_ctr_drbg_free(&ca->drbg);
	mbedtls_entropy_free(&ca->entropy);
	if (ca->lock >= 0) {
		close(ca->lock);
	}
	free(ca);
}

static int lock(struct ca *ca, char *err, size_t err_size)
{
	ca->lock = open(ca->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ca->lock < 0) {
		return complain(err, err_size, -errno, "%s: %s", ca->dir, strerror(errno));
	}
	if (flock(ca->lock, LOCK_EX | LOCK_NB) != 0) {
		return complain(err, err_size, -errno, "%s: another process uses it", ca->dir);
	}
	return 0;
}

static int make_key(struct ca *ca, mbedtls_pk_context *key, const char *path, char *err,
		    size_t err_size)
{
	unsigned char pem[PEM_MAX];
	int rc = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));

	rc = rc != 0 ? rc
		     : mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key),
					   mbedtls_ctr_drbg_random, &ca->drbg);
	rc = rc != 0 ? rc : mbedtls_pk_write_key_pem(key, pem, sizeof pem);
	if (rc != 0) {
		return complain_mbedtls(err, err_size, rc, path);
	}
	rc = write_new(path, 0600, pem, strlen((char *)pem), err, err_size);
	memset(pem, 0, sizeof pem);
	return rc;
}

/* --- certificates --------------------------------------------------------- */

static void x509_time(int64_t seconds, char text[16])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, 16, "%Y%m%d%H%M%S", &tm);
}

/* A name that neither the syntax of a subject nor of a file or the index can be broken with. */
static int check_name(enum ca_role role, const char *name, char *err, size_t err_size)
{
	static const char *const more[] = { ":;._-", ".:-_", "._@- " };

	if (*name == '\0' || strlen(name) >= CA_NAME_SIZE ||
	    (role != CA_NODE && strlen(name) > CN_MAX)) {
		return complain(err, err_size, -EINVAL,
				"\"%s\": a name of 1 to %d characters is wanted", name,
				role == CA_NODE ? CA_NAME_SIZE - 1 : CN_MAX);
	}
	for (const char *c = name; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && strchr(more[role], *c) == NULL) {
			return complain(err, err_size, -EINVAL,
					"\"%s\": no %s can have this name, because of its '%c'",
					name, ca_role_words[role], *c);
		}
	}
	if (*name == '.' || *name == '-' || *name == ' ') {
		return complain(err, err_size, -EINVAL,
				"\"%s\": a name begins with a letter or digit", name);
	}
	if (role == CA_NODE &&
	    (strncmp(name, "urn:dev:", 8) != 0 || reading_device_check(name) != 0)) {
		return complain(
			err, err_size, -EINVAL,
			"\"%s\": a node is named by a URN, such as urn:dev:mac:b827ebfffe123456",
			name);
	}
	return 0;
}

struct names {
	mbedtls_x509_san_list list[CA_SANS_MAX + 1];
	unsigned char bytes[CA_SANS_MAX + 1][CA_NAME_SIZE];
	size_t n;
};

static void add_name(struct names *names, int type, const void *bytes, size_t size)
{
	mbedtls_x509_san_list *at = &names->list[names->n];

	memset(at, 0, sizeof *at);
	memcpy(names->bytes[names->n], bytes, size);
	at->node.type = type;
	at->node.san.unstructured_name.p = names->bytes[names->n];
	at->node.san.unstructured_name.len = size;
	if (names->n > 0) {
		names->list[names->n - 1].next = at;
	}
	names->n++;
}

static void add_host(struct names *names, const char *name)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, name, address) == 1) {
		add_name(names, MBEDTLS_X509_SAN_IP_ADDRESS, address, 4);
	} else if (inet_pton(AF_INET6, name, address) == 1) {
		add_name(names, MBEDTLS_X509_SAN_IP_ADDRESS, address, 16);
	} else {
		add_name(names, MBEDTLS_X509_SAN_DNS_NAME, name, strlen(name));
	}
}

static int set_names(mbedtls_x509write_cert *w, const struct ca_request *request)
{
	struct names names = { .n = 0 };

	if (request->role == CA_NODE) {
		add_name(&names, MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER, request->name,
			 strlen(request->name));
	} else if (request->role == CA_SERVER) {
		add_host(&names, request->name);
		for (size_t i = 0; i < request->n_sans; i++) {
			add_host(&names, request->sans[i]);
		}
	}
	return names.n > 0 ? mbedtls_x509write_crt_set_subject_alternative_name(w, names.list) : 0;
}

/* What is common to all: whom, how long, by whom. */
static int prepare(struct ca *ca, mbedtls_x509write_cert *w, const char *subject,
		   mbedtls_pk_context *key, const struct ca_entry *entry)
{
	char issuer[256], from[16], to[16];
	unsigned char serial[CA_SERIAL_SIZE];
	int rc;

	mbedtls_x509write_crt_set_version(w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(w, key);
	mbedtls_x509write_crt_set_issuer_key(w, &ca->key);
	memcpy(serial, entry->serial, sizeof serial);
	x509_time(entry->not_before_s, from);
	x509_time(entry->not_after_s, to);
	rc = mbedtls_x509write_crt_set_serial_raw(w, serial, sizeof serial);
	rc = rc != 0 ? rc : mbedtls_x509write_crt_set_validity(w, from, to);
	rc = rc != 0 ? rc : mbedtls_x509write_crt_set_subject_name(w, subject);
	if (rc == 0 && ca->crt.version != 0) {
		rc = mbedtls_x509_dn_gets(issuer, sizeof issuer, &ca->crt.subject);
		rc = rc < 0 ? rc : 0;
	} else {
		snprintf(issuer, sizeof issuer, "%s", subject);
	}
	rc = rc != 0 ? rc : mbedtls_x509write_crt_set_issuer_name(w, issuer);
	rc = rc != 0 ? rc : mbedtls_x509write_crt_set_subject_key_identifier(w);
	return rc != 0 ? rc : mbedtls_x509write_crt_set_authority_key_identifier(w);
}

/* Signs and writes DIR/... 0 or a negative errno with err. */
static int sign(struct ca *ca, mbedtls_x509write_cert *w, int rc, const char *path, char *err,
		size_t err_size)
{
	unsigned char pem[PEM_MAX];

	rc = rc != 0 ? rc
		     : mbedtls_x509write_crt_pem(w, pem, sizeof pem, mbedtls_ctr_drbg_random,
						 &ca->drbg);
	if (rc != 0) {
		return complain_mbedtls(err, err_size, rc, path);
	}
	return write_new(path, 0644, pem, strlen((char *)pem), err, err_size);
}

static int new_serial(struct ca *ca, struct ca_entry *entry)
{
	int rc = mbedtls_ctr_drbg_random(&ca->drbg, entry->serial, sizeof entry->serial);

	/* Positive, and without a leading zero that an encoder would drop. */
	entry->serial[0] = (uint8_t)((entry->serial[0] & 0x3f) | 0x40);
	return rc;
}

static int write_index(struct ca *ca, char *err, size_t err_size)
{
	char path[PATH_MAX];
	int rc;

	ca_file_of(ca, "index", "", path, sizeof path);
	rc = ca_index_write(&ca->index, path);
	return rc == 0 ? 0 : complain(err, err_size, rc, "%s: %s", path, strerror(-rc));
}

static int write_crl(struct ca *ca, int64_t now_s, char *err, size_t err_size)
{
	char path[PATH_MAX];
	int rc;

	ca_file_of(ca, "crl.pem", "", path, sizeof path);
	rc = ca_crl_write(path, &ca->crt, &ca->key, &ca->drbg, &ca->index, now_s);
	return rc == 0 ? 0 : complain(err, err_size, rc, "%s: %s", path, strerror(-rc));
}

/* --- the authority -------------------------------------------------------- */

int ca_init(const char *dir, const char *title, int64_t now_s, char *err, size_t err_size)
{
	struct ca_entry entry = { .not_before_s = now_s,
				  .not_after_s = now_s + INT64_C(86400) * CA_DAYS_OF_ITSELF };
	struct ca *ca = ca_new(dir, err, err_size);
	char path[PATH_MAX], subject[128];
	mbedtls_x509write_cert w;
	int rc;

	if (ca == NULL) {
		return -ENOMEM;
	}
	mbedtls_x509write_crt_init(&w);
	rc = check_name(CA_OPERATOR, title, err, err_size);
	if (rc == 0 && mkdir(dir, 0700) != 0 && errno != EEXIST) {
		rc = complain(err, err_size, -errno, "%s: %s", dir, strerror(errno));
	}
	rc = rc != 0 ? rc : lock(ca, err, err_size);
	if (rc == 0) {
		ca_file_of(ca, "ca.key", "", path, sizeof path);
		rc = make_key(ca, &ca->key, path, err, err_size);
	}
	if (rc == 0) {
		snprintf(subject, sizeof subject, "O=geotherm,CN=%s", title);
		rc = new_serial(ca, &entry);
		rc = rc != 0 ? rc : prepare(ca, &w, subject, &ca->key, &entry);
		rc = rc != 0 ? rc : mbedtls_x509write_crt_set_basic_constraints(&w, 1, 0);
		rc = rc != 0 ? rc
			     : mbedtls_x509write_crt_set_key_usage(
				       &w,
				       MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN);
		ca_file_of(ca, "ca.pem", "", path, sizeof path);
		rc = sign(ca, &w, rc, path, err, err_size);
	}
	if (rc == 0 && mbedtls_x509_crt_parse_file(&ca->crt, path) != 0) {
		rc = complain(err, err_size, -EIO, "%s: cannot be read again", path);
	}
	rc = rc != 0 ? rc : write_index(ca, err, err_size);
	rc = rc != 0 ? rc : write_crl(ca, now_s, err, err_size);
	mbedtls_x509write_crt_free(&w);
	ca_close(ca);
	return rc;
}

struct ca *ca_open(const char *dir, char *err, size_t err_size)
{
	struct ca *ca = ca_new(dir, err, err_size);
	char crt[PATH_MAX], key[PATH_MAX], index[PATH_MAX];
	unsigned line = 0;
	int rc;

	if (ca == NULL) {
		return NULL;
	}
	ca_file_of(ca, "ca.pem", "", crt, sizeof crt);
	ca_file_of(ca, "ca.key", "", key, sizeof key);
	ca_file_of(ca, "index", "", index, sizeof index);
	rc = lock(ca, err, err_size);
	if (rc == 0 && access(crt, R_OK) != 0) {
		rc = complain(err, err_size, -errno,
			      "%s: %s; 'geotherm ca init' makes an authority", crt,
			      strerror(errno));
	} else if (rc == 0 && access(key, R_OK) != 0) {
		rc = complain(err, err_size, -errno, "%s: %s", key, strerror(errno));
	}
	if (rc == 0) {
		rc = mbedtls_x509_crt_parse_file(&ca->crt, crt);
		rc = rc != 0 ? complain_mbedtls(err, err_size, rc, crt) : 0;
	}
	if (rc == 0) {
		rc = mbedtls_pk_parse_keyfile(&ca->key, key, NULL, mbedtls_ctr_drbg_random,
					      &ca->drbg);
		rc = rc == 0 ? mbedtls_pk_check_pair(&ca->crt.pk, &ca->key, mbedtls_ctr_drbg_random,
						     &ca->drbg)
			     : rc;
		rc = rc != 0 ? complain_mbedtls(err, err_size, rc, key) : 0;
	}
	if (rc == 0) {
		rc = ca_index_read(&ca->index, index, &line);
		rc = rc == 0	     ? 0
		     : rc == -EINVAL ? complain(err, err_size, rc, "%s:%u: not a line of an index",
						index, line)
				     : complain(err, err_size, rc, "%s: %s", index, strerror(-rc));
	}
	if (rc != 0) {
		ca_close(ca);
		return NULL;
	}
	return ca;
}

/* The key to be signed: of the request, whose signature shows that its maker has the other half; or
 * a new one. */
static int subject_key(struct ca *ca, const struct ca_request *r, mbedtls_x509_csr *csr,
		       mbedtls_pk_context *made, mbedtls_pk_context **key, char *err,
		       size_t err_size)
{
	unsigned char hash[MBEDTLS_MD_MAX_SIZE];
	char path[PATH_MAX];
	int rc;

	if (r->csr == NULL) {
		ca_file_of(ca, r->name, ".key", path, sizeof path);
		*key = made;
		return make_key(ca, made, path, err, err_size);
	}
	if (access(r->csr, R_OK) != 0) {
		return complain(err, err_size, -errno, "%s: %s", r->csr, strerror(errno));
	}
	rc = mbedtls_x509_csr_parse_file(csr, r->csr);
	if (rc == 0) {
		const mbedtls_md_info_t *md = mbedtls_md_info_from_type(csr->private_sig_md);

		rc = md == NULL ? MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG
				: mbedtls_md(md, csr->cri.p, csr->cri.len, hash);
		rc = rc != 0 ? rc
			     : mbedtls_pk_verify_ext(csr->private_sig_pk, csr->private_sig_opts,
						     &csr->pk, csr->private_sig_md, hash,
						     mbedtls_md_get_size(md), csr->private_sig.p,
						     csr->private_sig.len);
	}
	if (rc != 0) {
		return complain_mbedtls(err, err_size, rc, r->csr);
	}
	if (mbedtls_pk_get_bitlen(&csr->pk) <
	    (mbedtls_pk_can_do(&csr->pk, MBEDTLS_PK_RSA) != 0 ? 2048u : 256u)) {
		return complain(err, err_size, -EINVAL,
				"%s: its key is too weak: EC of 256 bits or RSA of 2048 is wanted",
				r->csr);
	}
	*key = &csr->pk;
	return 0;
}

static int write_certificate(struct ca *ca, const struct ca_request *r, mbedtls_pk_context *key,
			     const struct ca_entry *entry, const char *path, char *err,
			     size_t err_size)
{
	unsigned char oid[MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)]; /* both are of this length */
	mbedtls_asn1_sequence usage = { 0 };
	mbedtls_x509write_cert w;
	char subject[160];
	int rc;

	mbedtls_x509write_crt_init(&w);
	usage.buf.tag = MBEDTLS_ASN1_OID;
	memcpy(oid, r->role == CA_SERVER ? MBEDTLS_OID_SERVER_AUTH : MBEDTLS_OID_CLIENT_AUTH,
	       sizeof oid);
	usage.buf.p = oid;
	usage.buf.len = sizeof oid;
	snprintf(subject, sizeof subject, "O=geotherm,%sCN=%.*s",
		 r->role == CA_OPERATOR ? "OU=operator," : "", CN_MAX, r->name);
	rc = prepare(ca, &w, subject, key, entry);
	rc = rc != 0 ? rc : mbedtls_x509write_crt_set_basic_constraints(&w, 0, -1);
	rc = rc != 0 ? rc
		     : mbedtls_x509write_crt_set_key_usage(&w, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
	rc = rc != 0 ? rc : mbedtls_x509write_crt_set_ext_key_usage(&w, &usage);
	rc = rc != 0 ? rc : set_names(&w, r);
	rc = sign(ca, &w, rc, path, err, err_size);
	mbedtls_x509write_crt_free(&w);
	return rc;
}

/* Signs key for r into path: in the index before it exists, so that what was signed can always be
 * revoked. */
static int certify(struct ca *ca, const struct ca_request *r, mbedtls_pk_context *key,
		   int64_t now_s, const char *path, char *err, size_t err_size)
{
	struct ca_entry entry = { .role = r->role,
				  .not_before_s = now_s,
				  .not_after_s = now_s + INT64_C(86400) * r->days };
	int rc = 0;

	snprintf(entry.name, sizeof entry.name, "%s", r->name);
	if (new_serial(ca, &entry) != 0) {
		rc = complain(err, err_size, -EIO, "no randomness");
	} else if (ca_index_add(&ca->index, &entry) != 0) {
		rc = complain(err, err_size, -ENOMEM, "out of memory");
	}
	rc = rc != 0 ? rc : write_index(ca, err, err_size);
	return rc != 0 ? rc : write_certificate(ca, r, key, &entry, path, err, err_size);
}

int ca_issue(struct ca *ca, const struct ca_request *r, int64_t now_s, char *path, size_t path_size,
	     char *err, size_t err_size)
{
	mbedtls_pk_context made, *key = NULL;
	mbedtls_x509_csr csr;
	int rc = check_name(r->role, r->name, err, err_size);

	for (size_t i = 0; rc == 0 && i < r->n_sans; i++) {
		rc = check_name(CA_SERVER, r->sans[i], err, err_size);
	}
	if (rc != 0) {
		return rc;
	}
	ca_file_of(ca, r->name, ".pem", path, path_size);
	if (access(path, F_OK) == 0) {
		return complain(err, err_size, -EEXIST,
				"%s: it is never overwritten; renew or revoke it", path);
	}
	mbedtls_pk_init(&made);
	mbedtls_x509_csr_init(&csr);
	rc = subject_key(ca, r, &csr, &made, &key, err, err_size);
	rc = rc != 0 ? rc : certify(ca, r, key, now_s, path, err, err_size);
	mbedtls_x509_csr_free(&csr);
	mbedtls_pk_free(&made);
	return rc;
}

/* A server's names but the one that the request has, as text into text[]. */
static void further_names(const mbedtls_x509_crt *crt, struct ca_request *r,
			  char text[CA_SANS_MAX][CA_NAME_SIZE])
{
	const mbedtls_x509_sequence *at = &crt->subject_alt_names;

	for (; r->role == CA_SERVER && at != NULL && r->n_sans < CA_SANS_MAX; at = at->next) {
		char *out = text[r->n_sans];

		if ((at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_IP_ADDRESS) {
			inet_ntop(at->buf.len == 4 ? AF_INET : AF_INET6, at->buf.p, out,
				  CA_NAME_SIZE);
		} else {
			snprintf(out, CA_NAME_SIZE, "%.*s", (int)at->buf.len,
				 (const char *)at->buf.p);
		}
		r->sans[r->n_sans] = out;
		r->n_sans += strcmp(out, r->name) != 0;
	}
}

int ca_renew(struct ca *ca, const char *name, unsigned days, int64_t now_s, char *path,
	     size_t path_size, char *err, size_t err_size)
{
	struct ca_request r = { .name = name, .days = days };
	const struct ca_entry *entry = ca_index_valid(&ca->index, name);
	char text[CA_SANS_MAX][CA_NAME_SIZE], new_path[PATH_MAX];
	mbedtls_x509_crt old;
	int rc;

	if (entry == NULL) {
		return complain(err, err_size, -ENOENT,
				"%s: no certificate that was not revoked has this name", name);
	}
	r.role = entry->role;
	ca_file_of(ca, name, ".pem", path, path_size);
	ca_file_of(ca, name, ".pem.new", new_path, sizeof new_path);
	unlink(new_path); /* of a renewal that was cut short */
	mbedtls_x509_crt_init(&old);
	rc = mbedtls_x509_crt_parse_file(&old, path);
	if (rc != 0) {
		rc = complain_mbedtls(err, err_size, rc, path);
	} else {
		further_names(&old, &r, text);
		rc = certify(ca, &r, &old.pk, now_s, new_path, err, err_size);
	}
	if (rc == 0 && rename(new_path, path) != 0) {
		rc = complain(err, err_size, -errno, "%s: %s", path, strerror(errno));
	}
	mbedtls_x509_crt_free(&old);
	return rc;
}

/* The files of what was revoked make room for its successor, and are kept. */
static void set_aside(const struct ca *ca, const struct ca_entry *e)
{
	char serial[2 * CA_SERIAL_SIZE + 1], from[PATH_MAX], to[PATH_MAX + 64];

	ca_index_serial(e, serial);
	for (int i = 0; i < 2; i++) {
		ca_file_of(ca, e->name, i == 0 ? ".pem" : ".key", from, sizeof from);
		snprintf(to, sizeof to, "%s.revoked-%s", from, serial);
		rename(from, to);
	}
}

int ca_revoke(struct ca *ca, const char *which, int64_t now_s, char *err, size_t err_size)
{
	char serial[2 * CA_SERIAL_SIZE + 1];
	int n = 0, rc;

	for (size_t i = 0; i < ca->index.n; i++) {
		struct ca_entry *e = &ca->index.entries[i];

		ca_index_serial(e, serial);
		if (e->revoked_s == 0 &&
		    (strcmp(e->name, which) == 0 || strcmp(serial, which) == 0)) {
			e->revoked_s = now_s;
			n++;
		}
	}
	if (n == 0) {
		return complain(err, err_size, -ENOENT,
				"%s: nothing of this name or serial number is to be revoked",
				which);
	}
	rc = write_index(ca, err, err_size);
	rc = rc != 0 ? rc : write_crl(ca, now_s, err, err_size);
	for (size_t i = 0; rc == 0 && i < ca->index.n; i++) {
		if (ca->index.entries[i].revoked_s == now_s) {
			set_aside(ca, &ca->index.entries[i]);
		}
	}
	return rc != 0 ? rc : n;
}
