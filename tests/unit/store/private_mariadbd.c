// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "private_mariadbd.h"

#include <mysql.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_S 30 /* it takes 0.2 s on a quiet machine */

static pid_t private_mariadbd_spawn(const struct private_mariadbd *m, const char *const argv[])
{
	pid_t pid = fork();

	if (pid == 0) {
		char path[120];
		int out;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(path, sizeof(path), "%s/out", m->dir);
		out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(out, 1);
		dup2(out, 2);
		snprintf(path, sizeof(path), "%s/tmp", m->dir);
		setenv("TMPDIR", path, 1); /* two servers with one tmpdir break each other */
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static bool private_mariadbd_answers(const struct private_mariadbd *m)
{
	MYSQL *db = mysql_init(NULL);
	bool answers = mysql_real_connect(db, NULL, "root", "", NULL, 0, m->socket, 0) != NULL;

	mysql_close(db);
	return answers;
}

bool private_mariadbd_run(struct private_mariadbd *m)
{
	char data[120], tmp[120], sock[120], pid_file[120], log[120], port[40], cert[120], key[120],
		ca[120];
	time_t until = time(NULL) + START_S;
	const char *argv[] = {
		"/usr/sbin/mariadbd",
		"--no-defaults",
		data,
		tmp,
		sock,
		pid_file,
		log,
		"--bind-address=127.0.0.1",
		m->port == 0 ? "--skip-networking" : port,
		cert,
		key,
		ca,
		"--innodb-buffer-pool-size=32M",
		"--innodb-log-file-size=8M",
		"--performance-schema=0",
		"--max-allowed-packet=1M",
		geteuid() == 0 ? "--user=root" : NULL,
		NULL,
	};

	snprintf(data, sizeof(data), "--datadir=%s/data", m->dir);
	snprintf(tmp, sizeof(tmp), "--tmpdir=%s/tmp", m->dir);
	snprintf(sock, sizeof(sock), "--socket=%s", m->socket);
	snprintf(pid_file, sizeof(pid_file), "--pid-file=%s/pid", m->dir);
	snprintf(log, sizeof(log), "--log-error=%s/err.log", m->dir);
	snprintf(port, sizeof(port), "--port=%u", m->port);
	snprintf(cert, sizeof(cert), m->port != 0 ? "--ssl-cert=%s/server.pem" : "--skip-ssl",
		 m->pki);
	snprintf(key, sizeof(key), m->port != 0 ? "--ssl-key=%s/server.key" : "--skip-ssl", m->pki);
	snprintf(ca, sizeof(ca), m->port != 0 ? "--ssl-ca=%s/ca.pem" : "--skip-ssl", m->pki);
	m->pid = private_mariadbd_spawn(m, argv);
	while (!private_mariadbd_answers(m)) {
		int status;

		if (waitpid(m->pid, &status, WNOHANG) == m->pid || time(NULL) > until) {
			snprintf(m->why, sizeof(m->why), "mariadbd did not start; see %s/err.log",
				 m->dir);
			m->pid = 0;
			return false;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	return true;
}

bool private_mariadbd_start(struct private_mariadbd *m)
{
	const char *base = getenv("TMPDIR");
	char data[120], command[200];
	const char *argv[] = {
		"mariadb-install-db",
		"--no-defaults",
		data,
		"--auth-root-authentication-method=normal",
		"--skip-test-db",
		"--innodb-log-file-size=8M",
		geteuid() == 0 ? "--user=root" : NULL,
		NULL,
	};
	int status;
	pid_t pid;

	memset(m, 0, sizeof(*m));
	if (access("/usr/sbin/mariadbd", X_OK) != 0) {
		snprintf(m->why, sizeof(m->why),
			 "/usr/sbin/mariadbd is not installed (mariadb-server-core)");
		return false;
	}
	snprintf(m->dir, sizeof(m->dir), "%s/mariadb-XXXXXX",
		 base != NULL && strlen(base) < 50 ? base : "/tmp");
	if (mkdtemp(m->dir) == NULL) {
		snprintf(m->why, sizeof(m->why), "%s: %s", m->dir, strerror(errno));
		return false;
	}
	snprintf(m->socket, sizeof(m->socket), "%s/sock", m->dir);
	snprintf(command, sizeof(command), "%s/tmp", m->dir);
	if (mkdir(command, 0700) != 0) {
		snprintf(m->why, sizeof(m->why), "%s: %s", command, strerror(errno));
		return false;
	}
	snprintf(data, sizeof(data), "--datadir=%s/data", m->dir);
	pid = private_mariadbd_spawn(m, argv);
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		snprintf(m->why, sizeof(m->why), "mariadb-install-db failed; see %s/out", m->dir);
		return false;
	}
	return private_mariadbd_run(m);
}

void private_mariadbd_end(struct private_mariadbd *m, int signal)
{
	if (m->pid > 0) {
		kill(m->pid, signal);
		waitpid(m->pid, NULL, 0);
		m->pid = 0;
	}
}

void private_mariadbd_remove(struct private_mariadbd *m)
{
	pid_t pid;

	private_mariadbd_end(m, SIGTERM);
	if (m->dir[0] != '\0') {
		pid = private_mariadbd_spawn(m, (const char *[]){ "rm", "-rf", m->dir, NULL });
		waitpid(pid, NULL, 0);
	}
}

bool private_mariadbd_sql(const struct private_mariadbd *m, const char *sql)
{
	MYSQL *db = mysql_init(NULL);
	bool done = mysql_real_connect(db, NULL, "root", "", NULL, 0, m->socket, 0) != NULL &&
		    mysql_query(db, sql) == 0;

	if (!done) {
		fprintf(stderr, "%s: %s\n", sql, mysql_error(db));
	}
	mysql_close(db);
	return done;
}
