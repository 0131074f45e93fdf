/*
 * Looking up names off the loop: one detached thread per look-up, since the
 * resolver of libc may hang for half a minute. Private to meshd/io.
 *
 *   loop: lookup_start ──► thread: find ──► done list, eventfd ──► loop: lookup_take
 *
 * The threads and the loop share `struct lookups` by count, so that it may be
 * closed while threads hang: the last one that returns frees it.
 */
#ifndef MESHD_IO_LOOKUP_H
#define MESHD_IO_LOOKUP_H

#include "meshd/base/list.h"
#include "meshd/io/io.h"

#define LOOKUPS_MAX 8 /* at a time */

struct lookups;

struct lookup {
	struct list on_done;
	struct lookups *all;
	unsigned link, slot; /* who asked */
	char host[CONFIG_HOST_MAX];
	uint16_t port;
	int error; /* of getaddrinfo() */
	unsigned count;
	struct endpoint addresses[PEER_ADDRESS_MAX];
};

/* The resolver of libc: fills in error or addresses, and may block. */
void lookup_find(struct lookup *l);
/* An address in numbers, without blocking; -EINVAL: it is a name. `scope` is for
 * link-local addresses that bring none. */
int lookup_numeric(const char *host, uint16_t port, unsigned scope, struct endpoint *out);

/* `find` is lookup_find() but in tests. NULL: no memory or descriptors. */
struct lookups *lookups_open(void (*find)(struct lookup *l));
void lookups_close(struct lookups *all);
int lookups_fd(const struct lookups *all); /* readable: look-ups are done */
/* -EAGAIN: LOOKUPS_MAX are under way, or no thread is to be had. */
int lookup_start(struct lookups *all, unsigned link, unsigned slot, const char *host, uint16_t port);
/* One that is done, for free(); NULL: no more. */
struct lookup *lookup_take(struct lookups *all);

#endif
