/*
 * Hosts by hash.
 *
 * An entry lies in the slot of its hash or, in one unbroken run, behind it. To
 * remove one closes the gap: entries of the run that may lie there move up.
 */
#include "meshd/node/fib_host.h"

#include "meshd/base/fetch.h"
#include "meshd/base/map.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 16

bool fib_is_host(const struct prefix *prefix)
{
	return prefix->address.family == FAMILY_IPV6 && prefix->plen == 128;
}

static size_t slot_of(const struct fib *f, const struct address *host)
{
	return (size_t)siphash24(f->secret, bytes_of(host->bytes, sizeof(host->bytes))) & (f->host_slots - 1);
}

static size_t slot_after(const struct fib *f, size_t slot)
{
	return (slot + 1) & (f->host_slots - 1);
}

/* Where it is, or the free slot where it would be. */
static size_t slot_search(const struct fib *f, const struct address *host)
{
	size_t slot = slot_of(f, host);

	while (f->hosts[slot].kind != FIB_NONE &&
		memcmp(f->hosts[slot].prefix.address.bytes, host->bytes, sizeof(host->bytes)) != 0)
		slot = slot_after(f, slot);
	return slot;
}

struct fib_entry *fib_host_find(const struct fib *f, const struct address *host)
{
	if (f->host_count == 0)
		return NULL;
	struct fib_entry *e = &f->hosts[slot_search(f, host)];

	return e->kind == FIB_NONE ? NULL : e;
}

void fib_host_fetch(const struct fib *f, const struct address *host)
{
	if (f->host_count)
		fetch(&f->hosts[slot_of(f, host)], sizeof(*f->hosts));
}

static bool hosts_grow(struct fib *f)
{
	struct fib grown = *f;

	grown.host_slots = f->host_slots ? 2 * f->host_slots : SLOTS_MIN;
	grown.hosts = calloc(grown.host_slots, sizeof(*grown.hosts));
	if (!grown.hosts)
		return false;
	for (size_t i = 0; i < f->host_slots; i++)
		if (f->hosts[i].kind != FIB_NONE)
			grown.hosts[slot_search(&grown, &f->hosts[i].prefix.address)] = f->hosts[i];
	free(f->hosts);
	*f = grown;
	return true;
}

struct fib_entry *fib_host_get(struct fib *f, const struct address *host)
{
	struct fib_entry *e = f->hosts ? &f->hosts[slot_search(f, host)] : NULL;

	if (e && e->kind != FIB_NONE)
		return e;
	/* A quarter stays free, so that runs are short. */
	if (4 * (f->host_count + 1) > 3 * f->host_slots) {
		if (!hosts_grow(f))
			return NULL;
		e = &f->hosts[slot_search(f, host)];
	}
	*e = (struct fib_entry){ .kind = FIB_HELD, .prefix = prefix_of_host(*host) };
	f->host_count++;
	return e;
}

void fib_host_remove(struct fib *f, struct fib_entry *e)
{
	size_t gap = (size_t)(e - f->hosts);

	for (size_t at = slot_after(f, gap); f->hosts[at].kind != FIB_NONE; at = slot_after(f, at)) {
		size_t home = slot_of(f, &f->hosts[at].prefix.address);

		/* Not if its home lies behind the gap: it would not be found. */
		if (((at - home) & (f->host_slots - 1)) < ((at - gap) & (f->host_slots - 1)))
			continue;
		f->hosts[gap] = f->hosts[at];
		gap = at;
	}
	f->hosts[gap] = (struct fib_entry){ .kind = FIB_NONE };
	f->host_count--;
}
