// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* CPU affinity, MAP_ANONYMOUS, dl_iterate_phdr() */
#include "w1_thread.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Above ordinary programs, below the kernel's threaded interrupts (50). */
#define RT_PRIORITY 49
#define STACK_SIZE (1024 * 1024) /* sanitizers and static TLS take most of it */

static void note_missing(struct w1_thread *t, const char *what)
{
	size_t len = strlen(t->missing_rights);

	if (len > 0) {
		strncat(t->missing_rights, ", ", sizeof t->missing_rights - len - 1);
		len = strlen(t->missing_rights);
	}
	strncat(t->missing_rights, what, sizeof t->missing_rights - len - 1);
}

/* The pages of a range, those that are cut too. Linux 5.14; before, they come at the first touch.
 */
static void populate(uintptr_t start, size_t size, int how)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = start & ~(page - 1);

	/* The loader gives addresses as numbers. */
	madvise((void *)from, start + size - from, how); /* NOLINT(performance-no-int-to-ptr) */
}

void w1_thread_populate(void *data, size_t size)
{
	populate((uintptr_t)data, size, MADV_POPULATE_WRITE);
}

/* Code and constants: a page that must come from the card takes milliseconds. */
static int populate_code(struct dl_phdr_info *object, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && (part->p_flags & PF_W) == 0) {
			populate(object->dlpi_addr + part->p_vaddr, part->p_memsz,
				 MADV_POPULATE_READ);
		}
	}
	return 0;
}

static void request_realtime(struct w1_thread *t, pthread_attr_t *attr)
{
	const struct sched_param param = { .sched_priority = RT_PRIORITY };

	pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(attr, SCHED_FIFO);
	pthread_attr_setschedparam(attr, &param);
	/* What the thread touches stays; without MCL_ONFAULT all stacks and libraries would be
	 * loaded. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
		note_missing(t, "locked memory (LimitMEMLOCK=)");
	}
	dl_iterate_phdr(populate_code, NULL);
	if (access("/dev/cpu_dma_latency", W_OK) != 0) {
		note_missing(t, "a bound on CPU wake-up (write access to /dev/cpu_dma_latency)");
	}
}

static void leave_cpu0(struct w1_thread *t, pthread_attr_t *attr)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof cpus, &cpus) != 0 || !CPU_ISSET(0, &cpus)) {
		return;
	}
	CPU_CLR(0, &cpus);
	if (CPU_COUNT(&cpus) == 0 || pthread_attr_setaffinity_np(attr, sizeof cpus, &cpus) != 0) {
		note_missing(t, "a CPU other than 0");
	}
}

int w1_thread_start(struct w1_thread *t, bool realtime, void *(*run)(void *arg), void *arg)
{
	pthread_attr_t attr;
	int code;

	t->missing_rights[0] = '\0';
	t->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (t->stack == MAP_FAILED) {
		return -errno;
	}
	memset(t->stack, 0, STACK_SIZE);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, t->stack, STACK_SIZE);
	if (realtime) {
		request_realtime(t, &attr);
		leave_cpu0(t, &attr);
	}
	code = pthread_create(&t->thread, &attr, run, arg);
	if (code == EPERM) {
		note_missing(t, "real-time priority (CAP_SYS_NICE or LimitRTPRIO=)");
		pthread_attr_setinheritsched(&attr, PTHREAD_INHERIT_SCHED);
		code = pthread_create(&t->thread, &attr, run, arg);
	}
	pthread_attr_destroy(&attr);
	if (code != 0) {
		munmap(t->stack, STACK_SIZE);
	}
	return -code;
}

void w1_thread_join(struct w1_thread *t)
{
	pthread_join(t->thread, NULL);
	munmap(t->stack, STACK_SIZE);
}
