// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* initgroups(), setresuid() */
#include "unit_user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

bool unit_user_become(const char *user)
{
	const struct passwd *account = geteuid() == 0 ? getpwnam(user) : NULL;

	if (account != NULL &&
	    (initgroups(user, account->pw_gid) != 0 ||
	     setresgid(account->pw_gid, account->pw_gid, account->pw_gid) != 0 ||
	     setresuid(account->pw_uid, account->pw_uid, account->pw_uid) != 0)) {
		log_error("cannot become the user %s: %s", user, strerror(errno));
		return false;
	}
	account = getpwuid(geteuid());
	printf("as user      %s\n", account != NULL ? account->pw_name : "(without a name)");
	fflush(stdout); /* before what is logged */
	return true;
}
