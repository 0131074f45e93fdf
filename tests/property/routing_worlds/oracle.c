/*
 * The judge. It knows no routing protocol: it follows packets through the nodes'
 * forwarding tables by longest prefix match, and cables for connectivity.
 *
 * A new loop must go through the entry that changed last. So each change of a
 * table is followed by walks from that node alone, to each address that the
 * prefix may answer for; this finds every loop in the moment in which it arises.
 *
 * Babel promises loop-freedom for each source, a (prefix, router-id). Where two
 * nodes originate one prefix, two loop-free graphs may together form a circle
 * until an update has gone around it (RFC 8966, 2.7). Such a circle is counted
 * and timed, and is a failure if it outlasts the bound; any other is one at once.
 */
#include "tests/property/routing_worlds/world.h"

enum walk_end { WALK_ARRIVED, WALK_REFUSED, WALK_NO_ROUTE, WALK_DEAD, WALK_LOOP };

struct walk {
	enum walk_end end;
	unsigned last; /* node where it ended */
	unsigned path[WORLD_NODES + 1];
	const struct fib_entry *taken[WORLD_NODES + 1]; /* entry used at path[] */
	unsigned length;
};

/* Does `b` take transit from `a` there? Not what was sealed for its dead self. */
static bool edge_is_open(const struct world *w, unsigned a, unsigned segment, unsigned b)
{
	if (!w->nodes[b].b)
		return false;
	return !w->sessions || w->mutant == MUTANT_NO_GATE || w->nodes[a].known_boot[segment][b] == w->nodes[b].boot;
}

/* One step: where the walk goes, or how it ends. */
static bool walk_step(const struct world *w, unsigned probe, struct walk *walk)
{
	const struct node *n = &w->nodes[walk->last];

	for (unsigned i = 0; i < w->cover_count[probe]; i++) {
		unsigned p = w->covers[probe][i];
		const struct fib_entry *e = &n->fib[p];

		if (n->own >> p & 1) {
			walk->end = WALK_ARRIVED;
			return false;
		}
		if (e->state == FIB_NOTHING)
			continue;
		walk->end = e->state == FIB_REFUSE ? WALK_REFUSED : WALK_DEAD;
		if (e->state == FIB_REFUSE || !edge_is_open(w, n->index, e->segment, e->next))
			return false;
		walk->taken[walk->length - 1] = e;
		walk->last = e->next;
		return true;
	}
	walk->end = WALK_NO_ROUTE;
	return false;
}

static struct walk walk_from(const struct world *w, unsigned node, unsigned probe)
{
	struct walk walk = { .last = node };

	do {
		if (walk.length > w->node_count) {
			walk.end = WALK_LOOP;
			break;
		}
		walk.path[walk.length++] = walk.last;
	} while (walk_step(w, probe, &walk));
	return walk;
}

static void walk_format(const struct walk *walk, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned i = 0; i < walk->length && used + 8 < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%u", i ? ">" : "", walk->path[i]);
}

/* Longest match never goes back to a shorter prefix, so a circle has one prefix. */
static bool loop_has_two_origins(const struct world *w, const struct walk *walk)
{
	unsigned at = walk->length - 1; /* surely inside the circle */
	const struct fib_entry *first = walk->taken[at];
	size_t prefix = (size_t)(first - w->nodes[walk->path[at]].fib);
	bool has_two = false;

	for (unsigned i = at; i-- > 0 && walk->path[i] != walk->path[at];) {
		if ((size_t)(walk->taken[i] - w->nodes[walk->path[i]].fib) != prefix)
			return false;
		has_two |= !router_id_equal(&walk->taken[i]->origin, &first->origin);
	}
	return has_two;
}

static void loop_fail(struct world *w, const struct walk *walk, unsigned probe, const char *kind)
{
	char text[PREFIX_TEXT], path[80];

	walk_format(walk, path, sizeof(path));
	world_trace(w, "LOOP (%s) to %s: %s", kind, prefix_format(&w->prefixes[probe], text), path);
	if (w->loops++ == 0)
		snprintf(w->verdict, sizeof(w->verdict), "%s at %.6f s to %s: %s", kind, (double)w->now_us / 1e6,
			prefix_format(&w->prefixes[probe], text), path);
}

static void loop_judge(struct world *w, const struct walk *walk, unsigned probe)
{
	if (walk->end != WALK_LOOP)
		return;
	if (!loop_has_two_origins(w, walk)) {
		loop_fail(w, walk, probe, "loop");
	} else if (w->circle_since_us[probe] == 0) {
		w->circle_since_us[probe] = w->now_us;
		w->circles++;
	}
}

static bool probe_has_loop(const struct world *w, unsigned probe, struct walk *walk)
{
	for (unsigned i = 0; i < w->node_count; i++) {
		if (!w->nodes[i].b)
			continue;
		*walk = walk_from(w, i, probe);
		if (walk->end == WALK_LOOP)
			return true;
	}
	return false;
}

void oracle_event(struct world *w)
{
	struct walk walk;

	for (unsigned probe = 0; probe < w->prefix_count; probe++) {
		if (w->circle_since_us[probe] == 0)
			continue;
		uint64_t lasted_us = w->now_us - w->circle_since_us[probe];

		if (lasted_us > w->longest_circle_us)
			w->longest_circle_us = lasted_us;
		if (!probe_has_loop(w, probe, &walk)) {
			w->circle_since_us[probe] = 0;
		} else if (lasted_us > world_bound_us(w)) {
			loop_fail(w, &walk, probe, "lasting circle of two origins");
			w->circle_since_us[probe] = 0;
		}
	}
}

void oracle_changed(struct node *n, unsigned p)
{
	struct world *w = n->w;

	for (unsigned probe = 0; probe < w->prefix_count; probe++) {
		if (!prefix_contains_address(&w->prefixes[p], &w->probes[probe]))
			continue;
		struct walk walk = walk_from(w, n->index, probe);
		loop_judge(w, &walk, probe);
	}
}

void oracle_walk_all(struct world *w)
{
	for (unsigned i = 0; i < w->node_count; i++) {
		for (unsigned probe = 0; w->nodes[i].b && probe < w->prefix_count; probe++) {
			struct walk walk = walk_from(w, i, probe);
			loop_judge(w, &walk, probe);
		}
	}
}

/* --- connectivity --------------------------------------------------------------------------- */

static bool nodes_hear_each_other(const struct world *w, unsigned segment, unsigned a, unsigned b)
{
	const struct segment *s = &w->segments[segment];
	uint64_t bit = UINT64_C(1) << segment;

	return !s->is_cut && w->nodes[a].b && w->nodes[b].b && (w->nodes[a].with_carrier & bit) &&
	       (w->nodes[b].with_carrier & bit) && !(s->deaf[a] >> b & 1) && !(s->deaf[b] >> a & 1);
}

/* Both hear each other, and `a` may use what `b` announces. */
static bool node_can_use(const struct world *w, unsigned a, unsigned b)
{
	for (unsigned s = 0; s < w->segment_count; s++)
		if (!(w->nodes[a].refuses >> s & 1) && nodes_hear_each_other(w, s, a, b))
			return true;
	return false;
}

/* Those to whom a packet from `start` can be led. */
static uint32_t nodes_connected_to(const struct world *w, unsigned start)
{
	uint32_t seen = UINT32_C(1) << start, todo = seen;

	while (todo) {
		unsigned at = (unsigned)__builtin_ctz(todo);

		todo &= todo - 1;
		for (unsigned i = 0; i < w->node_count; i++) {
			if (seen >> i & 1 || !node_can_use(w, at, i))
				continue;
			seen |= UINT32_C(1) << i;
			todo |= UINT32_C(1) << i;
		}
	}
	return seen;
}

/* The longest prefix around the probe that some node of `where` originates, or -1. */
static int best_origin(const struct world *w, uint32_t where, unsigned probe)
{
	for (unsigned i = 0; i < w->cover_count[probe]; i++)
		for (unsigned k = 0; k < w->node_count; k++)
			if (where >> k & 1 && w->nodes[k].own >> w->covers[probe][i] & 1)
				return w->covers[probe][i];
	return -1;
}

static enum order probe_order(
	const struct world *w, unsigned from, uint32_t where, unsigned probe, char *why, size_t size)
{
	static const char *const ends[] = { "arrives at the wrong node", "is refused", "has no route", "dies",
		"loops" };
	int origin = best_origin(w, where, probe);
	struct walk walk = walk_from(w, from, probe);
	char text[PREFIX_TEXT], path[80];
	bool is_right = origin < 0 ? walk.end == WALK_NO_ROUTE && walk.length == 1
				   : walk.end == WALK_ARRIVED && w->nodes[walk.last].own >> origin & 1;

	if (is_right)
		return ORDER_RIGHT;
	walk_format(&walk, path, sizeof(path));
	snprintf(why, size, "%u to %s %s (%s), should %s", from, prefix_format(&w->prefixes[probe], text),
		ends[walk.end], path, origin < 0 ? "have no route" : "arrive");
	return origin < 0 || w->prefixes[origin].plen < w->prefixes[probe].plen ? ORDER_GHOSTS : ORDER_BROKEN;
}

enum order oracle_order(const struct world *w, char *why, size_t size)
{
	enum order worst = ORDER_RIGHT;

	for (unsigned i = 0; i < w->node_count; i++) {
		if (!w->nodes[i].b)
			continue;
		uint32_t where = nodes_connected_to(w, i);

		for (unsigned probe = 0; worst != ORDER_BROKEN && probe < w->prefix_count; probe++) {
			enum order order = probe_order(w, i, where, probe, why, size);

			if (order > worst)
				worst = order;
		}
	}
	return worst;
}
