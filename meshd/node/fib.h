/*
 * The forwarding table, built for reading: a binary radix tree with compressed
 * paths for each family. The routing engine's changes are written into it; the
 * data path only looks up.
 */
#ifndef MESHD_NODE_FIB_H
#define MESHD_NODE_FIB_H

#include "meshd/base/address.h"

struct peer;
struct fib_node;

enum fib_kind { FIB_NONE, FIB_OWN, FIB_PEER, FIB_HELD };

struct fib_entry {
	enum fib_kind kind;
	struct peer *peer; /* FIB_PEER */
	struct prefix prefix;
};

struct fib {
	struct fib_node *roots[2]; /* IPv4, IPv6 */
	size_t count;
};

/* Adds or replaces. -ENOMEM. */
int fib_set(struct fib *f, const struct prefix *prefix, enum fib_kind kind, struct peer *peer);
void fib_remove(struct fib *f, const struct prefix *prefix); /* no harm if absent */
/* Longest match; NULL: none. */
const struct fib_entry *fib_lookup(const struct fib *f, const struct address *to);
const struct fib_entry *fib_exact(const struct fib *f, const struct prefix *prefix);
/* Turns every entry that points at `peer` into FIB_HELD: it is going away. */
void fib_forget_peer(struct fib *f, const struct peer *peer);
void fib_done(struct fib *f);

#endif
