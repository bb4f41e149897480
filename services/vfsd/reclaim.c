// SPDX-License-Identifier: MIT
// The cleaner: gives the records of unmounted file systems and removed directories back, a few per transaction, while
// nobody else needs the state. Sleeps until a request leaves something.
#include "vfsd.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static bool is_wanted = true; /* an earlier instance may have left something */

void reclaim_wake(void)
{
	pthread_mutex_lock(&lock);
	is_wanted = true;
	pthread_cond_signal(&wanted);
	pthread_mutex_unlock(&lock);
}

static bool clean_once(void)
{
	state_lock();
	bool garbage = tree_has_garbage();
	state_unlock();
	if (!garbage)
		return false;
	txn_begin();
	tree_reclaim();
	txn_commit(NULL, OK);
	return true;
}

static void cleaner(void *arg UNUSED)
{
	for (;;) {
		pthread_mutex_lock(&lock);
		while (!is_wanted)
			pthread_cond_wait(&wanted, &lock);
		is_wanted = false;
		pthread_mutex_unlock(&lock);
		while (clean_once())
			;
	}
}

void reclaim_start(void)
{
	if (service_thread(cleaner, NULL))
		service_panic("cannot start the cleaner");
}
