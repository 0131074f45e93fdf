/*
 * The judge. It knows no routing protocol: it follows packets through the nodes'
 * forwarding tables by longest prefix match, and cables for connectivity.
 *
 * A new loop must go through the entry that changed last. So each change of a
 * table is followed by walks from that node alone, to each address that the
 * prefix may answer for; this finds every loop in the moment in which it arises.
 *
 * A walk is of a class. Where its prefix has no route in it the walk goes on in the
 * base, and stays there: the longest prefix that has a route in any class decides.
 *
 * Babel promises loop-freedom for each source, a (prefix, router-id). Where two
 * nodes originate one prefix, two loop-free graphs may together form a circle
 * until an update has gone around it (RFC 8966, 2.7). Such a circle is counted
 * and timed, and is a failure if it outlasts the bound; any other is one at once.
 */
#include "tests/property/routing_worlds/world.h"

enum walk_end { WALK_ARRIVED, WALK_REFUSED, WALK_NO_ROUTE, WALK_DEAD, WALK_NOT_ADMITTED, WALK_LOOP };

struct walk {
	enum walk_end end;
	enum babel_class class; /* of the packet, now */
	bool is_bulk; /* it was sent as such */
	unsigned falls;
	unsigned last; /* node where it ended */
	struct step {
		unsigned node;
		const struct fib_entry *taken; /* its entry that was used ... */
		unsigned prefix; /* ... its prefix, */
		enum babel_class class; /* and its class */
	} path[2 * WORLD_NODES + 2]; /* each part is free of loops, so no node is there more than twice */
	unsigned length;
};

/* Does `b` take transit from `a` there? Not what was sealed for its dead self. */
static bool edge_is_open(const struct world *w, unsigned a, unsigned segment, unsigned b)
{
	const struct segment *s = &w->segments[segment];

	if (!w->nodes[b].b)
		return false;
	/* In the clear, and who died is back at once: what runs into a dead cable runs in no circle yet. */
	if (w->is_quick && (s->is_cut || (s->deaf[b] >> a & 1) || !(w->nodes[b].with_carrier >> segment & 1)))
		return false;
	return s->is_open || w->mutant == MUTANT_NO_GATE || w->nodes[a].known_boot[segment][b] == w->nodes[b].boot;
}

static bool prefix_is_routed(const struct node *n, unsigned p)
{
	bool is_routed = n->fib[BABEL_TEXT][p].state == FIB_REFUSE;

	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		is_routed |= n->fib[c][p].state == FIB_ROUTE;
	return is_routed;
}

/* The entry by which a packet leaves, its class lowered if there is none of its own. */
static const struct fib_entry *walk_choose(const struct world *w, const struct node *n, unsigned p, struct walk *walk)
{
	const struct fib_entry *own = &n->fib[walk->class][p];
	struct step *step = &walk->path[walk->length - 1];

	step->class = walk->class;
	if (walk->class == BABEL_TEXT || own->state == FIB_ROUTE)
		return own;
	walk->falls++;
	step->class = BABEL_TEXT;
	if (w->mutant != MUTANT_NO_MARK)
		walk->class = BABEL_TEXT;
	return &n->fib[BABEL_TEXT][p];
}

/* One step: where the walk goes, or how it ends. */
static bool walk_step(const struct world *w, unsigned probe, struct walk *walk)
{
	const struct node *n = &w->nodes[walk->last];

	for (unsigned i = 0; i < w->cover_count[probe]; i++) {
		unsigned p = w->covers[probe][i];

		if (n->own >> p & 1) {
			walk->end = WALK_ARRIVED;
			return false;
		}
		if (!prefix_is_routed(n, p))
			continue;
		const struct fib_entry *e = walk_choose(w, n, p, walk);

		walk->end = e->state != FIB_ROUTE ? WALK_REFUSED : WALK_DEAD;
		if (e->state != FIB_ROUTE || !edge_is_open(w, n->index, e->segment, e->next))
			return false;
		walk->end = WALK_NOT_ADMITTED;
		if (walk->is_bulk && !segment_admits(&w->segments[e->segment], BABEL_BULK))
			return false;
		walk->path[walk->length - 1].taken = e;
		walk->path[walk->length - 1].prefix = p;
		walk->last = e->next;
		return true;
	}
	walk->end = WALK_NO_ROUTE;
	return false;
}

static struct walk walk_from(const struct world *w, unsigned node, unsigned probe, enum babel_class class)
{
	struct walk walk = { .last = node, .class = class, .is_bulk = class == BABEL_BULK };

	do {
		if (walk.length > 2 * w->node_count) {
			walk.end = WALK_LOOP;
			break;
		}
		walk.path[walk.length++].node = walk.last;
	} while (walk_step(w, probe, &walk));
	return walk;
}

static void walk_format(const struct walk *walk, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned i = 0; i < walk->length && used + 8 < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%u", i ? ">" : "", walk->path[i].node);
}

/* Longest match never goes back to a shorter prefix, so a circle has one prefix; and one class. */
static bool loop_has_two_origins(const struct walk *walk)
{
	unsigned i = walk->length - 1;
	const struct step *at = &walk->path[i]; /* surely inside the circle */
	bool has_two = false;

	while (i-- > 0 && walk->path[i].node != at->node) {
		const struct step *step = &walk->path[i];

		if (step->prefix != at->prefix || step->class != at->class)
			return false;
		has_two |= !router_id_equal(&step->taken->origin, &at->taken->origin);
	}
	return has_two;
}

static void loop_fail(
	struct world *w, const struct walk *walk, enum babel_class class, unsigned probe, const char *kind)
{
	char text[PREFIX_TEXT], path[80];

	walk_format(walk, path, sizeof(path));
	world_trace(w, "LOOP (%s) of class %u to %s: %s", kind, class, prefix_format(&w->prefixes[probe], text), path);
	if (w->loops++ == 0)
		snprintf(w->verdict, sizeof(w->verdict), "%s of class %u at %.6f s to %s: %s", kind, class,
			(double)w->now_us / 1e6, prefix_format(&w->prefixes[probe], text), path);
}

static void loop_judge(struct world *w, const struct walk *walk, enum babel_class class, unsigned probe)
{
	w->falls += walk->falls > 0;
	if (walk->falls > 1 && w->mutant != MUTANT_NO_MARK)
		loop_fail(w, walk, class, probe, "a second fall");
	if (walk->end != WALK_LOOP)
		return;
	if (!loop_has_two_origins(walk)) {
		loop_fail(w, walk, class, probe, "loop");
	} else if (w->circle_since_us[class][probe] == 0) {
		w->circle_since_us[class][probe] = w->now_us;
		w->circles++;
	}
}

static bool probe_has_loop(const struct world *w, enum babel_class class, unsigned probe, struct walk *walk)
{
	for (unsigned i = 0; i < w->node_count; i++) {
		if (!w->nodes[i].b)
			continue;
		*walk = walk_from(w, i, probe, class);
		if (walk->end == WALK_LOOP)
			return true;
	}
	return false;
}

static void circle_watch(struct world *w, enum babel_class class, unsigned probe)
{
	uint64_t lasted_us = w->now_us - w->circle_since_us[class][probe];
	struct walk walk;

	if (lasted_us > w->longest_circle_us)
		w->longest_circle_us = lasted_us;
	if (!probe_has_loop(w, class, probe, &walk)) {
		w->circle_since_us[class][probe] = 0;
	} else if (lasted_us > world_bound_us(w)) {
		loop_fail(w, &walk, class, probe, "lasting circle of two origins");
		w->circle_since_us[class][probe] = 0;
	}
}

void oracle_event(struct world *w)
{
	for (unsigned class = 0; class < BABEL_CLASSES; class ++)
		for (unsigned probe = 0; probe < w->prefix_count; probe++)
			if (w->circle_since_us[class][probe])
				circle_watch(w, class, probe);
}

/* All classes: those that fall to the base take its entries, too. */
static void walk_judge(struct world *w, unsigned node, unsigned probe)
{
	for (unsigned class = 0; class < w->classes; class ++) {
		struct walk walk = walk_from(w, node, probe, class);

		loop_judge(w, &walk, class, probe);
	}
}

void oracle_changed(struct node *n, unsigned p)
{
	struct world *w = n->w;

	for (unsigned probe = 0; probe < w->prefix_count; probe++)
		if (prefix_contains_address(&w->prefixes[p], &w->probes[probe]))
			walk_judge(w, n->index, probe);
}

void oracle_walk_all(struct world *w)
{
	for (unsigned i = 0; i < w->node_count; i++)
		for (unsigned probe = 0; w->nodes[i].b && probe < w->prefix_count; probe++)
			walk_judge(w, i, probe);
}

/* --- connectivity --------------------------------------------------------------------------- */

static bool nodes_hear_each_other(const struct world *w, unsigned segment, unsigned a, unsigned b)
{
	const struct segment *s = &w->segments[segment];
	uint64_t bit = UINT64_C(1) << segment;

	return !s->is_cut && w->nodes[a].b && w->nodes[b].b && (w->nodes[a].with_carrier & bit) &&
	       (w->nodes[b].with_carrier & bit) && !(s->deaf[a] >> b & 1) && !(s->deaf[b] >> a & 1);
}

/* Both hear each other, `a` may use what `b` announces, and the class is known to both and to the medium. */
static bool node_can_use(const struct world *w, enum babel_class class, unsigned a, unsigned b)
{
	const struct node *x = &w->nodes[a], *y = &w->nodes[b];
	bool is_versioned = x->speaks_versions && y->speaks_versions;

	if (class != BABEL_TEXT && (!is_versioned || x->classes <= class || y->classes <= class))
		return false;
	for (unsigned s = 0; s < w->segment_count; s++)
		if (!(x->refuses >> s & 1) && nodes_hear_each_other(w, s, a, b) &&
			segment_admits(&w->segments[s], class) && (class == BABEL_TEXT || !w->segments[s].is_open))
			return true;
	return false;
}

/* Those to whom a packet from `start` can be led. */
static uint32_t nodes_connected_to(const struct world *w, enum babel_class class, unsigned start)
{
	uint32_t seen = UINT32_C(1) << start, todo = seen;

	while (todo) {
		unsigned at = (unsigned)__builtin_ctz(todo);

		todo &= todo - 1;
		for (unsigned i = 0; i < w->node_count; i++) {
			if (seen >> i & 1 || !node_can_use(w, class, at, i))
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
		"is not admitted", "loops" };
	int origin = best_origin(w, where, probe);
	struct walk walk = walk_from(w, from, probe, BABEL_TEXT);
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

/* Another class has a route of its own where it is connected, by which a walk arrives without a fall, and none
 * elsewhere. */
static enum order class_order(const struct world *w, enum babel_class class, unsigned from, uint32_t where, unsigned p,
	char *why, size_t size)
{
	bool has_route = w->nodes[from].fib[class][p].state == FIB_ROUTE, is_there = false;
	char text[PREFIX_TEXT];

	if (w->nodes[from].own >> p & 1)
		return ORDER_RIGHT;
	for (unsigned k = 0; k < w->node_count; k++)
		is_there |= where >> k & 1 && w->nodes[k].own >> p & 1;
	if (has_route == is_there)
		return ORDER_RIGHT;
	snprintf(why, size, "%u has %s route of class %u to %s", from, has_route ? "a" : "no", class,
		prefix_format(&w->prefixes[p], text));
	return is_there ? ORDER_BROKEN : ORDER_GHOSTS;
}

enum order oracle_order(const struct world *w, char *why, size_t size)
{
	enum order worst = ORDER_RIGHT;

	for (unsigned i = 0; i < w->node_count; i++) {
		if (!w->nodes[i].b)
			continue;
		for (unsigned class = 0; class < w->classes; class ++) {
			uint32_t where = nodes_connected_to(w, class, i);

			for (unsigned probe = 0; worst != ORDER_BROKEN && probe < w->prefix_count; probe++) {
				enum order order = class == BABEL_TEXT
							   ? probe_order(w, i, where, probe, why, size)
							   : class_order(w, class, i, where, probe, why, size);

				if (order > worst)
					worst = order;
			}
		}
	}
	return worst;
}
