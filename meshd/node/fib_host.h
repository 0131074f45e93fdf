/*
 * Hosts of a forwarding table: open addressing, no slot is ever marked as deleted.
 * Private to fib.c.
 */
#ifndef MESHD_NODE_FIB_HOST_H
#define MESHD_NODE_FIB_HOST_H

#include "meshd/node/fib.h"

bool fib_is_host(const struct prefix *prefix); /* does it belong here? */
struct fib_entry *fib_host_find(const struct fib *f, const struct address *host);
void fib_host_fetch(const struct fib *f, const struct address *host); /* its memory, soon to be looked at */
/* Its entry, made if need be; NULL: out of memory. */
struct fib_entry *fib_host_get(struct fib *f, const struct address *host);
void fib_host_remove(struct fib *f, struct fib_entry *e);

#endif
