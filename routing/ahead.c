/*
 * Updates that were read and are not applied yet.
 *
 *   read ──► bucket ──► destination ──► routes, distances, what was told ──► other routes ──► applied
 *            (its memory is fetched one step further with each update that is read behind it)
 *
 * A table of a thousand destinations does not fit in a cache, and what an update
 * touches is found by one pointer after the other: each would be waited for. Nothing
 * is remembered of what was found on the way, as an update applied meanwhile may have
 * freed it, and nothing but the speed differs from applying each at once.
 */
#include "routing/ahead.h"

#include "meshd/base/fetch.h"

/* What was found so far; NULL: nothing is there yet. */
static const struct destination *found(const struct babel *b, const struct ahead_entry *e)
{
	const struct map_entry *at =
		map_find_hashed(&b->destinations, e->hash, prefix_key(&e->said.update.u.update.prefix));

	return at ? container_of(at, struct destination, entry) : NULL;
}

static void fetch_destination(const struct babel *b, const struct ahead_entry *e)
{
	const struct map_entry *first = map_first_hashed(&b->destinations, e->hash);

	if (first)
		fetch(container_of(first, struct destination, entry), sizeof(struct destination));
}

static void fetch_of_destination(const struct babel *b, const struct ahead_entry *e)
{
	const struct destination *d = found(b, e);

	if (!d)
		return;
	for (const struct list *at = b->sessions.next; at != &b->sessions; at = at->next)
		adj_out_fetch(list_entry(at, struct session, on_babel), d);
	if (d->sources)
		fetch(d->sources, sizeof(*d->sources));
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		if (d->selected[c])
			fetch(d->selected[c], sizeof(struct route));
	if (!list_is_empty(&d->routes))
		fetch(list_entry(d->routes.next, struct route, on_destination), sizeof(struct route));
}

static void fetch_routes(const struct babel *b, const struct ahead_entry *e)
{
	const struct destination *d = found(b, e);

	if (!d || list_is_empty(&d->routes))
		return;
	for (const struct list *at = d->routes.next->next; at != &d->routes; at = at->next)
		fetch(list_entry(at, struct route, on_destination), sizeof(struct route));
}

static struct ahead_entry *entry_at(struct ahead *a, unsigned place)
{
	return &a->entries[(a->first + place) % AHEAD];
}

static void apply_first(struct ahead *a, uint64_t now_us)
{
	const struct ahead_entry *e = entry_at(a, 0);

	adj_in_update(a->session, now_us, a->use, &e->said);
	a->first = (a->first + 1) % AHEAD;
	a->count--;
}

void ahead_begin(struct ahead *a, struct session *s, enum delta_use use)
{
	a->session = s;
	a->use = use;
	a->first = a->count = 0;
}

void ahead_add(struct ahead *a, uint64_t now_us, const struct babel_tlv *update)
{
	const struct babel *b = a->session->n->b;

	if (a->count == AHEAD)
		apply_first(a, now_us);
	struct ahead_entry *e = entry_at(a, a->count++);

	e->said = announcement_of(update);
	e->hash = map_hash(&b->destinations, prefix_key(&update->u.update.prefix));
	map_fetch(&b->destinations, e->hash);
	if (a->count > 1)
		fetch_destination(b, entry_at(a, a->count - 2));
	if (a->count > 2)
		fetch_of_destination(b, entry_at(a, a->count - 3));
	if (a->count > 3)
		fetch_routes(b, entry_at(a, a->count - 4));
}

bool ahead_add_class(struct ahead *a, const struct babel_tlv *update)
{
	return a->count > 0 && announcement_add(&entry_at(a, a->count - 1)->said, update);
}

void ahead_catch_up(struct ahead *a, uint64_t now_us)
{
	while (a->count > 1)
		apply_first(a, now_us);
}

void ahead_end(struct ahead *a, uint64_t now_us)
{
	while (a->count > 0)
		apply_first(a, now_us);
}
