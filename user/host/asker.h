/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ASKER_H
#define TCPWATCH_ASKER_H

#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/*
 * Asks for files of other processes by a helper process, since such a question may never be
 * answered: a process in execve() makes readers of its /proc files wait (netns.h), and a file
 * system of a user's own makes everybody wait. A helper that is silent for ASKER_DEADLINE_NS is
 * killed, and that question has failed. What was asked about, a process or a path, is not asked
 * about again in ASKER_WINDOW_NS, and each further silence is waited for half as long, down to
 * ASKER_SHORTEST_NS: 16 of them together take 435 ms. The time for which the helper was at work, or
 * had no processor for it, does not count, up to ASKER_BUSY_NS: what it reads has an end.
 *
 * There is one helper for the whole program. Until asker_start(), the questions are asked directly.
 * Not for several threads.
 */

#define ASKER_DEADLINE_NS (100 * 1000 * 1000ULL)
#define ASKER_SHORTEST_NS (20 * 1000 * 1000ULL)
#define ASKER_BUSY_NS	  (1000 * 1000 * 1000ULL)
/* At most so many silences in ASKER_WINDOW_NS; then no question is asked until it is over. */
#define ASKER_SILENCES	16
#define ASKER_WINDOW_NS (60 * 1000 * 1000 * 1000ULL)
/* So many helpers may still be there that were killed; more are not started. */
#define ASKER_LINGERING 8

#define ASKER_PATH_LEN 4096

/* From now on there is a helper, which has the privileges that tcpwatch has when it starts one. */
void asker_start(void);
/* After tcpwatch has dropped privileges: no helper has others. */
void asker_renew(void);
/* Ends the helper. */
void asker_stop(void);

/*
 * All of them return -ETIMEDOUT where there was no answer, or none to an earlier question about the
 * same process or path, and -EBUSY where nothing could be asked; or another negative errno.
 *
 * asker_read() reads a file, but at most `most` bytes, into memory, and returns a descriptor of
 * that. asker_stat() is stat(2). asker_open() opens a file as openat2(2) does, but only as a name
 * (O_PATH), and sets *what; with `regular`, opens a regular file then for reading; other files give
 * -EPERM, and files of file systems that ask a server, with `local`, -EREMOTE. The caller closes
 * the descriptors. `at` may be AT_FDCWD.
 */
int asker_read(const char *path, uint64_t most);
int asker_stat(const char *path, struct stat *what);
int asker_open(int at, const char *path, const struct open_how *how, bool regular, bool local,
	       struct stat *what);

/* How many questions had no answer or were not asked. */
uint64_t asker_failures(void);

#endif
