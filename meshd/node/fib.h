/*
 * The forwarding table, built for reading. Nearly every destination is the host
 * address of a node, and nothing can match better: hosts are found by one look into
 * a hash table. Shorter prefixes, and hosts of IPv4, are in a binary radix tree with
 * compressed paths for each family. The routing engine's changes are written into
 * it; the data path only looks up. What a look returns holds until the next change.
 *
 * One entry has the ways of all classes (routing/babel.h): what one look finds is all
 * that there is, also if a class has no way and its packets fall to the base. Beside each
 * way is the one that is taken while nobody is sure of its neighbour (detect.c): a
 * neighbour that fails is a flag of its own, and no entry is touched for it.
 */
#ifndef MESHD_NODE_FIB_H
#define MESHD_NODE_FIB_H

#include "meshd/base/address.h"

struct peer;
struct fib_node;

enum fib_kind { FIB_NONE, FIB_OWN, FIB_PEER, FIB_HELD, FIB_NATIVE /* the kernel has the way */ };

#define FIB_CLASSES 2 /* beside the base */

struct fib_entry {
	struct peer *peer; /* FIB_PEER; the way of the base */
	struct peer *classes[FIB_CLASSES]; /* of the others, by class - 1; NULL: none */
	struct prefix prefix;
	uint8_t kind; /* enum fib_kind; of the base */
	uint8_t backups[1 + FIB_CLASSES]; /* by class: a number of a peer (state.h); 0: none */
	bool is_shadow; /* the base knows nothing of it: FIB_HELD, as long as a class has a way */
};

struct fib {
	struct fib_node *roots[2]; /* IPv4, IPv6 */
	size_t count;
	struct fib_entry *hosts; /* a power of two of slots, searched from that of the hash on */
	size_t host_slots, host_count;
	uint64_t secret[2]; /* of the owner: peers choose addresses */
};

/* Adds or replaces. -ENOMEM. */
int fib_set(struct fib *f, const struct prefix *prefix, enum fib_kind kind, struct peer *peer);
void fib_remove(struct fib *f, const struct prefix *prefix); /* no harm if absent */
/* The way of another class than the base; NULL: it has none any more. -ENOMEM. */
int fib_set_class(struct fib *f, const struct prefix *prefix, unsigned class, struct peer *peer);
/* The backup of a class, the base among them; the number is not looked at. No harm if there is no entry. */
void fib_set_backup(struct fib *f, const struct prefix *prefix, unsigned class, uint8_t number);
/* Longest match; NULL: none. */
const struct fib_entry *fib_lookup(const struct fib *f, const struct address *to);
const struct fib_entry *fib_exact(const struct fib *f, const struct prefix *prefix);
void fib_fetch(const struct fib *f, const struct prefix *prefix); /* what fib_exact() will look at, into caches */
/* Turns every entry that points at `peer` into FIB_HELD: it is going away. Classes lose it. */
void fib_forget_peer(struct fib *f, const struct peer *peer);
void fib_done(struct fib *f);

#endif
