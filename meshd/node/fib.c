/*
 * Longest-prefix match (fib.h): hosts first, then the tree.
 *
 * A node of the tree stands for a prefix; its two children continue it with bit 0 or 1 at
 * `plen`. Nodes without an entry exist only where two branches part.
 */
#include "meshd/node/fib_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fib_node {
	struct fib_node *child[2];
	struct fib_entry entry; /* kind FIB_NONE: only a fork */
};

static struct fib_node **root_of(const struct fib *f, uint8_t family)
{
	return (struct fib_node **)&f->roots[family == FAMILY_IPV6];
}

static unsigned bit_at(const struct address *a, unsigned i)
{
	return a->bytes[i / 8] >> (7 - i % 8) & 1;
}

/* Number of leading bits, at most `limit`, in which a and b agree. */
static unsigned common_bits(const struct address *a, const struct address *b, unsigned limit)
{
	unsigned i = 0;

	while (i + 8 <= limit && a->bytes[i / 8] == b->bytes[i / 8])
		i += 8;
	while (i < limit && bit_at(a, i) == bit_at(b, i))
		i++;
	return i;
}

static struct fib_node *fib_node_new(const struct prefix *prefix)
{
	struct fib_node *node = calloc(1, sizeof(*node));

	if (node)
		node->entry.prefix = *prefix;
	return node;
}

/* Finds the node of exactly `prefix`, making it (and the fork above it). */
static struct fib_node *fib_node_get(struct fib *f, const struct prefix *prefix)
{
	struct fib_node **at = root_of(f, prefix->address.family);

	for (;;) {
		struct fib_node *node = *at;

		if (!node)
			return *at = fib_node_new(prefix);
		unsigned limit = node->entry.prefix.plen < prefix->plen ? node->entry.prefix.plen : prefix->plen;
		unsigned common = common_bits(&node->entry.prefix.address, &prefix->address, limit);

		if (common == node->entry.prefix.plen) {
			if (common == prefix->plen)
				return node;
			at = &node->child[bit_at(&prefix->address, common)];
			continue;
		}
		/* They part inside `node`: a fork, or `prefix` itself, goes above it. */
		struct prefix above = prefix_of(prefix->address, common);
		struct fib_node *fork = fib_node_new(&above);

		if (!fork)
			return NULL;
		fork->child[bit_at(&node->entry.prefix.address, common)] = node;
		*at = fork;
		if (common == prefix->plen)
			return fork;
		at = &fork->child[bit_at(&prefix->address, common)];
	}
}

/* A new one is FIB_HELD. NULL: out of memory. */
static struct fib_entry *entry_get(struct fib *f, const struct prefix *prefix)
{
	size_t hosts = f->host_count;
	struct fib_entry *e;

	if (fib_is_host(prefix)) {
		e = fib_host_get(f, &prefix->address);
	} else {
		struct fib_node *node = fib_node_get(f, prefix);

		e = node ? &node->entry : NULL;
	}
	if (!e)
		return NULL;
	if (e->kind == FIB_NONE || f->host_count > hosts) {
		f->count++;
		e->kind = FIB_HELD;
		e->is_shadow = true;
	}
	return e;
}

int fib_set(struct fib *f, const struct prefix *prefix, enum fib_kind kind, struct peer *peer)
{
	struct fib_entry *e = entry_get(f, prefix);

	if (!e)
		return -ENOMEM;
	e->kind = (uint8_t)kind;
	e->peer = peer;
	e->is_shadow = false;
	return 0;
}

static bool entry_has_class(const struct fib_entry *e)
{
	bool has_one = false;

	for (unsigned i = 0; i < FIB_CLASSES; i++)
		has_one |= e->classes[i] != NULL;
	return has_one;
}

/* Removes a node that neither holds an entry nor parts two branches. */
static void fib_node_prune(struct fib_node **at)
{
	struct fib_node *node = *at;

	if (!node || node->entry.kind != FIB_NONE || (node->child[0] && node->child[1]))
		return;
	*at = node->child[0] ? node->child[0] : node->child[1];
	free(node);
}

static void fib_host_drop(struct fib *f, const struct address *host)
{
	struct fib_entry *e = fib_host_find(f, host);

	if (!e)
		return;
	fib_host_remove(f, e);
	f->count--;
}

static void entry_drop(struct fib *f, const struct prefix *prefix)
{
	if (fib_is_host(prefix)) {
		fib_host_drop(f, &prefix->address);
		return;
	}
	struct fib_node **path[129 + 1];
	unsigned depth = 0;
	struct fib_node **at = root_of(f, prefix->address.family);

	while (*at && (*at)->entry.prefix.plen < prefix->plen) {
		path[depth++] = at;
		at = &(*at)->child[bit_at(&prefix->address, (*at)->entry.prefix.plen)];
	}
	if (!*at || !prefix_equal(&(*at)->entry.prefix, prefix) || (*at)->entry.kind == FIB_NONE)
		return;
	(*at)->entry = (struct fib_entry){ .prefix = (*at)->entry.prefix };
	f->count--;
	fib_node_prune(at);
	while (depth > 0)
		fib_node_prune(path[--depth]);
}

static struct fib_entry *entry_exact(const struct fib *f, const struct prefix *prefix)
{
	return (struct fib_entry *)fib_exact(f, prefix);
}

void fib_remove(struct fib *f, const struct prefix *prefix)
{
	struct fib_entry *e = entry_exact(f, prefix);

	if (!e || !entry_has_class(e)) {
		entry_drop(f, prefix);
		return;
	}
	e->kind = FIB_HELD;
	e->peer = NULL;
	e->is_shadow = true;
}

int fib_set_class(struct fib *f, const struct prefix *prefix, unsigned class, struct peer *peer)
{
	struct fib_entry *e = peer ? entry_get(f, prefix) : entry_exact(f, prefix);

	if (!e)
		return peer ? -ENOMEM : 0;
	e->classes[class - 1] = peer;
	if (e->is_shadow && !entry_has_class(e))
		entry_drop(f, prefix);
	return 0;
}

void fib_set_backup(struct fib *f, const struct prefix *prefix, unsigned class, uint8_t number)
{
	struct fib_entry *e = entry_exact(f, prefix);

	if (e)
		e->backups[class] = number;
}

const struct fib_entry *fib_lookup(const struct fib *f, const struct address *to)
{
	const struct fib_entry *best = to->family == FAMILY_IPV6 ? fib_host_find(f, to) : NULL;

	if (best)
		return best;
	const struct fib_node *node = *root_of(f, to->family);
	unsigned bits = family_bits(to->family);

	while (node &&
		common_bits(&node->entry.prefix.address, to, node->entry.prefix.plen) == node->entry.prefix.plen) {
		if (node->entry.kind != FIB_NONE)
			best = &node->entry;
		if (node->entry.prefix.plen >= bits)
			break;
		node = node->child[bit_at(to, node->entry.prefix.plen)];
	}
	return best;
}

const struct fib_entry *fib_exact(const struct fib *f, const struct prefix *prefix)
{
	if (fib_is_host(prefix))
		return fib_host_find(f, &prefix->address);
	const struct fib_node *node = *root_of(f, prefix->address.family);

	while (node && node->entry.prefix.plen < prefix->plen)
		node = node->child[bit_at(&prefix->address, node->entry.prefix.plen)];
	return node && node->entry.kind != FIB_NONE && prefix_equal(&node->entry.prefix, prefix) ? &node->entry : NULL;
}

void fib_fetch(const struct fib *f, const struct prefix *prefix)
{
	if (fib_is_host(prefix))
		fib_host_fetch(f, &prefix->address);
}

static void entry_forget(struct fib_entry *e, const struct peer *peer)
{
	for (unsigned i = 0; i < FIB_CLASSES; i++)
		e->classes[i] = e->classes[i] == peer ? NULL : e->classes[i];
	if (e->kind != FIB_PEER || e->peer != peer)
		return;
	e->kind = FIB_HELD;
	e->peer = NULL;
}

static void forget_below(struct fib_node *node, const struct peer *peer)
{
	if (!node)
		return;
	entry_forget(&node->entry, peer);
	forget_below(node->child[0], peer);
	forget_below(node->child[1], peer);
}

void fib_forget_peer(struct fib *f, const struct peer *peer)
{
	for (size_t i = 0; i < f->host_slots; i++)
		entry_forget(&f->hosts[i], peer);
	forget_below(f->roots[0], peer);
	forget_below(f->roots[1], peer);
}

static void free_below(struct fib_node *node)
{
	if (!node)
		return;
	free_below(node->child[0]);
	free_below(node->child[1]);
	free(node);
}

void fib_done(struct fib *f)
{
	free(f->hosts);
	free_below(f->roots[0]);
	free_below(f->roots[1]);
	*f = (struct fib){ 0 };
}
