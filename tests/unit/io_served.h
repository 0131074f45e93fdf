/* The small world whose car is served on its control socket, and who connects to that. */
#ifndef TESTS_UNIT_IO_SERVED_H
#define TESTS_UNIT_IO_SERVED_H

#include "tests/unit/io_world.h"

#include <sys/socket.h>
#include <sys/un.h>

static inline struct world *served(struct place *p)
{
	struct world *w = world_new(p);
	struct daemon *d = w->members[CAR].d;

	d->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(d->loop);
	assert_int_equal(control_open(d, p->error), 0);
	return w;
}

static inline void unserved(struct world *w)
{
	struct daemon *d = w->members[CAR].d;

	control_close(d);
	for (unsigned i = 0; i < TAPS_MAX; i++)
		assert_null(d->taps[i]); /* who looked on went with the socket */
	ev_loop_destroy(d->loop);
	world_free(w);
}

static inline void turns(const struct daemon *d, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ev_run(d->loop, EVRUN_NOWAIT);
}

static inline struct sockaddr_un socket_address(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_true(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	return address;
}

/* -1: nobody is let in. */
static inline int connected(const struct daemon *d)
{
	struct sockaddr_un address = socket_address(d->config.control_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

#endif
