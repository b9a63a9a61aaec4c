// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of a process that holds the bus, with libgpiod 1.x as a fake in memory that the test
 * shares with it. What sensors and the next start make of it is in test_w1_faults.c.
 */
#define _GNU_SOURCE
#define FAKE_GPIO_SHARED
#include "fake_gpiod1.h"

#include "gpio-w1/w1_gpiod1.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "gpio-w1/thermometers.h"

#define GPIO4 (&fake.line[0][4])

/* What geotherm-node does: one cycle after the other until SIGTERM, then it closes. */
static void be_a_node(void)
{
	const struct thermometers_config config = { .bus = THERMOMETERS_USERSPACE, .gpio = { 4 } };
	static struct thermometers_result result;
	char err[200];
	struct thermometers *t = thermometers_open(&config, err, sizeof err);
	sigset_t set;
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };

	if (t == NULL) {
		_exit(2);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	p[0].fd = thermometers_fd(t);
	p[1].fd = signalfd(-1, &set, SFD_CLOEXEC);
	while ((p[1].revents & POLLIN) == 0) {
		thermometers_start(t, 0);
		poll(p, 2, -1);
		thermometers_take(t, &result);
	}
	thermometers_close(t);
	_exit(0);
}

/* A node at work on the bus, its n-th operation done. */
static pid_t start_node(unsigned operations)
{
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	fake_reset();
	fake_add(0, "pinctrl-bcm2835", 54);
	sigprocmask(SIG_BLOCK, &set, NULL); /* the child inherits it: no signal before it listens */
	pid = fork();
	if (pid == 0) {
		be_a_node();
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	while (*(volatile unsigned *)&fake.sets < operations && waitpid(pid, NULL, WNOHANG) == 0) {
		usleep(50);
	}
	return pid;
}

static void sigterm_lets_the_bus_go_and_ends(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		pid_t pid = start_node(1 + i * 7);
		int status;

		GPIO4->pulled = i % 4 == 3; /* also with a short to ground, which it tries again and
					       again */
		kill(pid, SIGTERM);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		assert_int_equal(GPIO4->value, 1);
		assert_int_equal(GPIO4->drive, FAKE_INPUT);
		assert_false(GPIO4->requested);
		assert_int_equal(fake.open_chips, 0);
	}
}

static void after_sigkill_nothing_but_the_open_descriptor_held_the_bus(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		pid_t pid = start_node(1 + i * 7);
		int status;

		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		/* Its one request; the kernel ends it with the process and makes the pin an input,
		 * which raises the line. */
		assert_int_equal(fake.requests, 1);
		assert_true(GPIO4->requested);
		fake_release(GPIO4);
		assert_int_equal(GPIO4->drive, FAKE_INPUT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sigterm_lets_the_bus_go_and_ends),
		cmocka_unit_test(after_sigkill_nothing_but_the_open_descriptor_held_the_bus),
	};

	fake_world = mmap(NULL, sizeof *fake_world, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fake_world == MAP_FAILED) {
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
