// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>

#include "symbol/jail.h"

/* By which an open file could be changed or created. */
#define OPEN_CHANGES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (__O_TMPFILE & ~O_DIRECTORY))

/* Calls that an architecture does not have are left out by libseccomp. */
static const int for_all[] = {
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	/* files that can be read */
	SCMP_SYS(access), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(fcntl), SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(getcwd), SCMP_SYS(lseek),
	SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(pread64), SCMP_SYS(read),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(readv), SCMP_SYS(stat), SCMP_SYS(statx),
	/* messages to main, and to standard error */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(write),
	SCMP_SYS(writev),
	/* time, signals to itself, the end */
	SCMP_SYS(alarm), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(exit),
	SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(getpid), SCMP_SYS(getppid),
	SCMP_SYS(getrandom), SCMP_SYS(gettid), SCMP_SYS(gettimeofday), SCMP_SYS(geteuid),
	SCMP_SYS(getuid), SCMP_SYS(getegid), SCMP_SYS(getgid), SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_yield), SCMP_SYS(setitimer), SCMP_SYS(sigaltstack), SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	/* threads of the C library, also a single one */
	SCMP_SYS(arch_prctl), SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address)};

static const int for_spawner[] = {SCMP_SYS(clone),     SCMP_SYS(clone3),   SCMP_SYS(close_range),
				  SCMP_SYS(dup2),      SCMP_SYS(dup3),	   SCMP_SYS(fork),
				  SCMP_SYS(getrlimit), SCMP_SYS(kill),	   SCMP_SYS(prctl),
				  SCMP_SYS(prlimit64), SCMP_SYS(pwrite64), SCMP_SYS(seccomp),
				  SCMP_SYS(setrlimit), SCMP_SYS(wait4)};

/* libdebuginfod downloads with libcurl, which has a thread for each name, and keeps files. */
static const int for_debuginfod[] = {
	SCMP_SYS(bind),		 SCMP_SYS(chmod),      SCMP_SYS(clone),
	SCMP_SYS(clone3),	 SCMP_SYS(connect),    SCMP_SYS(clock_nanosleep),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),  SCMP_SYS(epoll_wait),
	SCMP_SYS(eventfd2),	 SCMP_SYS(fchmod),     SCMP_SYS(fsync),
	SCMP_SYS(ftruncate),	 SCMP_SYS(getdents64), SCMP_SYS(getpeername),
	SCMP_SYS(getsockname),	 SCMP_SYS(getsockopt), SCMP_SYS(ioctl),
	SCMP_SYS(mkdir),	 SCMP_SYS(mkdirat),    SCMP_SYS(open),
	SCMP_SYS(openat),	 SCMP_SYS(pipe2),      SCMP_SYS(pwrite64),
	SCMP_SYS(recvfrom),	 SCMP_SYS(recvmmsg),   SCMP_SYS(rename),
	SCMP_SYS(renameat2),	 SCMP_SYS(rmdir),      SCMP_SYS(sendmmsg),
	SCMP_SYS(sendto),	 SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
	SCMP_SYS(socket),	 SCMP_SYS(socketpair), SCMP_SYS(statfs),
	SCMP_SYS(unlink),	 SCMP_SYS(unlinkat),   SCMP_SYS(utimensat)};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);

		if (err)
			return err;
	}
	return 0;
}

static int allow_reading(scmp_filter_ctx filter)
{
	int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, OPEN_CHANGES, 0));

	return err ? err
		   : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				      SCMP_A1(SCMP_CMP_MASKED_EQ, OPEN_CHANGES, 0));
}

#define ALLOW(filter, calls) allow(filter, calls, sizeof(calls) / sizeof((calls)[0]))

int jail_limit_calls(enum jail_calls calls, bool debuginfod)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err;

	if (!filter)
		return -ENOMEM;
	err = ALLOW(filter, for_all);
	if (!err && calls == JAIL_SPAWNER)
		err = ALLOW(filter, for_spawner);
	if (!err)
		err = debuginfod ? ALLOW(filter, for_debuginfod) : allow_reading(filter);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}
