// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/auth_worker.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * One ring for both directions: the jobs [taken, done) are answers, [done, put) wait. The thread
 * works on a copy of job `done`.
 */
struct auth_worker {
	pthread_mutex_t mutex;
	pthread_cond_t more;
	pthread_t thread;
	bool started;
	bool stop;
	int fd;
	uint64_t taken, done, put;
	struct auth_job jobs[HTTP_AUTH_QUEUE_MAX];
	struct crypt_data crypt; /* 32 KB, too large for the stack */
};

static struct auth_job *job_at(struct auth_worker *worker, uint64_t number)
{
	return &worker->jobs[number % HTTP_AUTH_QUEUE_MAX];
}

int auth_worker_new(struct auth_worker **worker)
{
	struct auth_worker *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (made->fd < 0) {
		err = -errno;
		free(made);
		return err;
	}
	pthread_mutex_init(&made->mutex, NULL);
	pthread_cond_init(&made->more, NULL);
	*worker = made;
	return 0;
}

void auth_worker_free(struct auth_worker *worker)
{
	if (!worker)
		return;
	if (worker->started) {
		pthread_mutex_lock(&worker->mutex);
		worker->stop = true;
		pthread_cond_signal(&worker->more);
		pthread_mutex_unlock(&worker->mutex);
		pthread_join(worker->thread, NULL);
	}
	pthread_cond_destroy(&worker->more);
	pthread_mutex_destroy(&worker->mutex);
	close(worker->fd);
	explicit_bzero(worker, sizeof(*worker));
	free(worker);
}

int auth_worker_fd(const struct auth_worker *worker)
{
	return worker->fd;
}

static bool password_matches(struct auth_worker *worker, const struct auth_job *job)
{
	const char *hash = crypt_r(job->password, job->hash, &worker->crypt);
	bool matches = hash && strlen(hash) == WEB_HASH_LEN - 1 &&
		       http_secret_equal(hash, job->hash, WEB_HASH_LEN - 1);

	explicit_bzero(&worker->crypt, sizeof(worker->crypt));
	return matches;
}

static void *work(void *context)
{
	struct auth_worker *worker = context;
	struct auth_job job;

	pthread_mutex_lock(&worker->mutex);
	while (!worker->stop) {
		if (worker->done == worker->put) {
			pthread_cond_wait(&worker->more, &worker->mutex);
			continue;
		}
		job = *job_at(worker, worker->done);
		pthread_mutex_unlock(&worker->mutex);
		job.matched = password_matches(worker, &job);
		explicit_bzero(job.password, sizeof(job.password));
		pthread_mutex_lock(&worker->mutex);
		*job_at(worker, worker->done++) = job;
		/* Cannot block: the counter stays far below its maximum. */
		eventfd_write(worker->fd, 1);
	}
	pthread_mutex_unlock(&worker->mutex);
	return NULL;
}

/*
 * Starts the thread with all signals blocked: they are for the event loop. It is started late, so
 * that it has only the capabilities that tcpwatch keeps.
 */
static int start(struct auth_worker *worker)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	worker->started = !err;
	return err;
}

static size_t waiting_of(struct auth_worker *worker, const struct http_peer *peer)
{
	size_t count = 0;

	for (uint64_t i = worker->taken; i < worker->put; i++)
		count += !memcmp(&job_at(worker, i)->peer, peer, sizeof(*peer));
	return count;
}

int auth_worker_put(struct auth_worker *worker, const struct auth_job *job)
{
	int err = worker->started ? 0 : start(worker);

	if (err)
		return err;
	pthread_mutex_lock(&worker->mutex);
	if (worker->put - worker->taken == HTTP_AUTH_QUEUE_MAX ||
	    waiting_of(worker, &job->peer) >= HTTP_AUTH_PEER_MAX) {
		err = -EAGAIN;
	} else {
		*job_at(worker, worker->put++) = *job;
		pthread_cond_signal(&worker->more);
	}
	pthread_mutex_unlock(&worker->mutex);
	return err;
}

bool auth_worker_take(struct auth_worker *worker, struct auth_job *job)
{
	bool found;
	eventfd_t count;

	pthread_mutex_lock(&worker->mutex);
	found = worker->taken < worker->done;
	if (found)
		*job = *job_at(worker, worker->taken++);
	else
		eventfd_read(worker->fd, &count); /* so that it is not readable any more */
	pthread_mutex_unlock(&worker->mutex);
	return found;
}
