/* Names to addresses in threads of their own (lookup.h). */
#include "meshd/io/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lookups {
	pthread_mutex_t lock;
	void (*find)(struct lookup *l);
	unsigned users; /* the loop, and every thread under way */
	bool is_closed;
	int fd; /* eventfd */
	struct list done;
};

/* --- asking ---------------------------------------------------------------------------------- */

static int ask(const char *host, int flags, struct addrinfo **found)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = flags };

	return getaddrinfo(host, NULL, &hints, found);
}

static struct endpoint endpoint_of_found(const struct addrinfo *found, uint16_t port, unsigned scope)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (found->ai_family == AF_INET && found->ai_addrlen >= sizeof(v4)) {
		memcpy(&v4, found->ai_addr, sizeof(v4));
		v4.sin_port = htons(port);
		return endpoint_of_sockaddr((struct sockaddr *)&v4);
	}
	if (found->ai_family == AF_INET6 && found->ai_addrlen >= sizeof(v6)) {
		memcpy(&v6, found->ai_addr, sizeof(v6));
		v6.sin6_port = htons(port);
		if (!v6.sin6_scope_id)
			v6.sin6_scope_id = scope;
		return endpoint_of_sockaddr((struct sockaddr *)&v6);
	}
	return (struct endpoint){ 0 };
}

void lookup_find(struct lookup *l)
{
	struct addrinfo *found = NULL;

	l->error = ask(l->host, 0, &found);
	if (l->error)
		return;
	for (struct addrinfo *f = found; f && l->count < PEER_ADDRESS_MAX; f = f->ai_next) {
		struct endpoint e = endpoint_of_found(f, l->port, 0);

		if (e.len)
			l->addresses[l->count++] = e;
	}
	freeaddrinfo(found);
	if (!l->count)
		l->error = EAI_NONAME;
}

int lookup_numeric(const char *host, uint16_t port, unsigned scope, struct endpoint *out)
{
	struct addrinfo *found = NULL;

	if (ask(host, AI_NUMERICHOST, &found))
		return -EINVAL;
	*out = endpoint_of_found(found, port, scope);
	freeaddrinfo(found);
	return out->len ? 0 : -EINVAL;
}

/* --- threads ------------------------------------------------------------------------------------ */

struct lookups *lookups_open(void (*find)(struct lookup *l))
{
	struct lookups *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (all->fd < 0) {
		free(all);
		return NULL;
	}
	pthread_mutex_init(&all->lock, NULL);
	all->find = find;
	all->users = 1;
	list_init(&all->done);
	return all;
}

/* Takes the lock with it. */
static void user_leave(struct lookups *all)
{
	bool is_last = --all->users == 0;

	pthread_mutex_unlock(&all->lock);
	if (!is_last)
		return;
	close(all->fd);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

void lookups_close(struct lookups *all)
{
	struct lookup *l;

	while ((l = lookup_take(all)))
		free(l);
	pthread_mutex_lock(&all->lock);
	/* What was done since then. */
	list_for_each (node, next, &all->done) {
		list_remove(node);
		free(list_entry(node, struct lookup, on_done));
	}
	all->is_closed = true;
	user_leave(all);
}

int lookups_fd(const struct lookups *all)
{
	return all->fd;
}

static void *thread_run(void *arg)
{
	struct lookup *l = arg;
	struct lookups *all = l->all;
	uint64_t one = 1;

	all->find(l);
	pthread_mutex_lock(&all->lock);
	if (all->is_closed) {
		free(l);
	} else {
		list_push_back(&all->done, &l->on_done);
		/* It can only fail when it is readable already. */
		if (write(all->fd, &one, sizeof(one)) < 0)
			errno = 0;
	}
	user_leave(all);
	return NULL;
}

/* Signals are the loop's. */
static int thread_start(struct lookup *l)
{
	pthread_attr_t attributes;
	sigset_t every, before;
	pthread_t thread;

	sigfillset(&every);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	int code = pthread_create(&thread, &attributes, thread_run, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return code ? -EAGAIN : 0;
}

int lookup_start(struct lookups *all, unsigned link, unsigned slot, const char *host, uint16_t port)
{
	struct lookup *l = calloc(1, sizeof(*l));
	int code;

	if (!l)
		return -EAGAIN;
	*l = (struct lookup){ .all = all, .link = link, .slot = slot, .port = port };
	snprintf(l->host, sizeof(l->host), "%s", host);
	pthread_mutex_lock(&all->lock);
	code = all->users > LOOKUPS_MAX ? -EAGAIN : thread_start(l);
	if (!code)
		all->users++; /* the thread waits for the lock before it leaves */
	pthread_mutex_unlock(&all->lock);
	if (code)
		free(l);
	return code;
}

struct lookup *lookup_take(struct lookups *all)
{
	struct lookup *l = NULL;
	uint64_t count;

	pthread_mutex_lock(&all->lock);
	if (!list_is_empty(&all->done)) {
		l = list_entry(all->done.next, struct lookup, on_done);
		list_remove(&l->on_done);
	} else if (read(all->fd, &count, sizeof(count)) < 0) {
		errno = 0; /* nothing had been told */
	}
	pthread_mutex_unlock(&all->lock);
	return l;
}
