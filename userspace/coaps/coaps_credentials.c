// SPDX-License-Identifier: BSD-2-Clause
#include "coaps_credentials.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "coaps_keys.h"
#include "coaps_x509.h"
#include "time/civil.h"

#define NEWER_THAN_S INT64_C(1767225600) /* 2026-01-01: this source is younger */

int coaps_credentials_check(const struct coaps_credentials *credentials, enum coaps_role role,
			    int64_t now_s, struct coaps_certificate_info *info, char *err,
			    size_t err_size)
{
	struct coaps_keys keys;
	int code;

	coaps_keys_init(&keys);
	code = coaps_keys_load(&keys, credentials, role, now_s, err, err_size);
	if (info != NULL) {
		memset(info, 0, sizeof *info);
	}
	if (info != NULL && keys.own.version != 0) {
		mbedtls_x509_dn_gets(info->subject, sizeof info->subject, &keys.own.subject);
		coaps_x509_device(&keys.own, info->device, sizeof info->device);
		info->not_before_s = coaps_x509_seconds(&keys.own.valid_from);
		info->not_after_s = coaps_x509_seconds(&keys.own.valid_to);
	}
	coaps_keys_free(&keys);
	return code;
}

bool coaps_credentials_exposed(const struct coaps_credentials *credentials, char *text, size_t size)
{
	const char *path = credentials->key != NULL ? credentials->key : credentials->certificate;
	struct stat st;

	if (path == NULL || stat(path, &st) != 0 || (st.st_mode & S_IROTH) == 0) {
		return false;
	}
	snprintf(text, size,
		 "%s: mode %03o: every user of this machine can read the private key: chmod o= %s",
		 path, st.st_mode & 0777u, path);
	return true;
}

int64_t coaps_now_s(void)
{
	int64_t now_s = time(NULL);

	return now_s >= NEWER_THAN_S ? now_s : 0;
}

char *coaps_certificate_end(const struct coaps_certificate_info *info, char day[11])
{
	char text[CIVIL_TEXT_SIZE];

	snprintf(day, 11, "%.10s", civil_text(info->not_after_s, text));
	return day;
}
