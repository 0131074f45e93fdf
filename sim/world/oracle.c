/*
 * The loop oracle. A loop that was not there before goes through a way that has just
 * moved: so after every event, or window, a packet of each class is followed from each
 * node whose way moved, for that prefix, until it meets a way that was followed. Where
 * it goes, and as what it goes on, the nodes are asked as their data paths are: one that
 * falls to the base and is lifted again may go round though each topology is free of
 * loops (protocol.md 3). What a node seals for an earlier life of its neighbour is not
 * heard there and leads nowhere (protocol.md 2.2, R7).
 *
 * A way that moved, and each that the authority has just ended, must not lead to an origin
 * that its node knows to be revoked (protocol.md 5).
 *
 * A prefix that several nodes announce may loop for a moment while nodes change
 * from one origin to the other (RFC 8966, 1.1); so may those of a node that lost
 * its disk and came back as another origin (protocol.md 6.3). Such a loop is
 * looked at again and again, and must be gone before long: in ten seconds, and where
 * it goes over a thin link, after the time in which the nodes there may say anything
 * at all of it.
 */
#include "sim/world/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_US 100000
#define REVOKED 0x80 /* beside the classes that go round */
#define SHARED_FROM 6 /* suspects: of fewer no other thread is woken */
/* What a thin link carries while 5 % of it pay for one packet with all headers, if two share it. */
#define TURN_BITS UINT64_C(96000)

struct suspect {
	struct station *station;
	enum babel_class class;
	struct prefix prefix;
};

/* A packet at a node. */
struct trail_step {
	struct station *at;
	enum packet_class class;
};

struct second_look {
	struct list list; /* first: world_free() */
	struct timer timer;
	struct trail_step from;
	struct prefix prefix;
	uint64_t until_us;
};

static struct station *port_neighbour(const struct port *p, const struct address *neighbour)
{
	uint64_t key = address_key(neighbour);

	for (unsigned i = 0; i < p->attachment_count; i++) {
		const struct segment *g = p->attachments[i].segment;

		for (unsigned end = 0; end < g->end_count; end++)
			if (g->end_keys[end] == key &&
				address_equal(&g->ends[end].port->station->neighbour_address, neighbour))
				return g->ends[end].port->station;
	}
	return NULL;
}

void oracle_fetch(const struct station *s, const struct prefix *prefix, unsigned step)
{
	if (s->node)
		node_way_fetch(s->node, prefix, step);
}

struct station *oracle_successor(
	const struct station *s, const struct prefix *prefix, enum packet_class *class, unsigned *link)
{
	struct node_way way;

	if (!s->node || !node_way(s->node, prefix, class, &way) || way.link >= s->port_count)
		return NULL;
	struct station *next = port_neighbour(s->ports[way.link], &way.neighbour);
	*link = way.link;
	return next && next->node && way.since_us && way.since_us >= next->born_us ? next : NULL;
}

static void suspects_reserve(struct suspects *all, unsigned count)
{
	if (count <= all->capacity)
		return;
	all->capacity = count < 64 ? 64 : 2 * count;
	all->suspects = realloc(all->suspects, all->capacity * sizeof(*all->suspects));
	if (!all->suspects)
		abort();
}

void oracle_suspect(struct station *s, const struct prefix *prefix, enum babel_class class)
{
	struct suspects *all = s->lane ? &s->lane->suspects : &s->w->suspects;

	if (s->w->is_unchecked)
		return;
	suspects_reserve(all, all->count + 1);
	all->suspects[all->count++] = (struct suspect){ .station = s, .class = class, .prefix = *prefix };
}

struct listed {
	struct station *station;
	struct revocation list;
};

static void suspect_listed(void *arg, const struct babel_route_info *info)
{
	const struct listed *l = arg;
	const struct certificate *c = node_certificate_of(l->station->node, &info->route.origin);

	if (info->selected && c && revocation_ends(&l->list, c))
		oracle_suspect(l->station, &info->route.prefix, info->route.class);
}

void oracle_suspect_listed(struct station *s, struct bytes list)
{
	struct listed l = { .station = s };

	if (!s->node || revocation_decode(&l.list, list) < 0)
		return;
	for (enum babel_class class = BABEL_TEXT; class < BABEL_CLASSES; class ++)
		babel_dump_routes(node_babel(s->node), station_now_us(s), class, suspect_listed, &l);
}

/* It knows that the origin of its route is out. */
static bool is_of_revoked(const struct suspect *s)
{
	const struct node *n = s->station->node;
	const struct certificate *c;
	struct babel_route r;

	if (!n || !s->station->revocation_len || !babel_selected(node_babel(n), &s->prefix, s->class, &r))
		return false;
	c = node_certificate_of(n, &r.origin);
	return c && node_is_revoked(n, c);
}

void oracle_gather(struct world *w)
{
	for (unsigned l = 0; l < w->lane_count; l++) {
		struct suspects *from = &w->lanes[l]->suspects;

		if (!from->count)
			continue;
		suspects_reserve(&w->suspects, w->suspects.count + from->count);
		memcpy(w->suspects.suspects + w->suspects.count, from->suspects, from->count * sizeof(*from->suspects));
		w->suspects.count += from->count;
		from->count = 0;
	}
}

static const char *class_words(enum packet_class class)
{
	static const char *const words[PACKET_CLASSES] = { [CLASS_TEXT] = "",
		[CLASS_COMMAND] = " as command",
		[CLASS_BULK] = " as bulk",
		[CLASS_FALLEN] = " as bulk that fell" };

	return words[class];
}

static void loop_found(struct trail_step from, const struct prefix *prefix)
{
	struct world *w = from.at->w;
	char text[PREFIX_TEXT];
	unsigned link;

	w->loops++;
	world_note(w, 'L', from.at->index, from.class, bytes_of(prefix, 0));
	if (w->loop[0])
		return;
	size_t len = (size_t)snprintf(w->loop, sizeof(w->loop), "at %.6f s: %s goes%s %s",
		(double)world_time_us(w) / 1e6, prefix_format(prefix, text), class_words(from.class), from.at->name);
	for (unsigned steps = 0; from.at && steps < 8 && len < sizeof(w->loop); steps++) {
		enum packet_class before = from.class;

		from.at = w->successor(from.at, prefix, &from.class, &link);
		len += (size_t)snprintf(w->loop + len, sizeof(w->loop) - len, "%s > %s",
			from.class != before ? " (falls)" : "", from.at ? from.at->name : "nowhere");
	}
}

static struct tracks *tracks_of(struct world *w, unsigned lane)
{
	struct tracks *t = &w->tracks[lane];

	if (t->room < PACKET_CLASSES * w->station_count) {
		t->room = PACKET_CLASSES * w->station_count;
		free(t->marks);
		free(t->trail);
		t->marks = world_alloc(t->room * sizeof(*t->marks));
		t->trail = world_alloc(t->room * sizeof(*t->trail));
	}
	return t;
}

static uint64_t *mark_of(const struct tracks *t, struct trail_step step)
{
	return &t->marks[step.at->index * PACKET_CLASSES + step.class];
}

/* What leads to a node where that class bears the present mark leads out. */
static bool is_loop(struct tracks *t, struct trail_step from, const struct prefix *prefix)
{
	struct trail_step step = from;
	unsigned link, steps = 0;

	for (; step.at && *mark_of(t, step) != t->mark;
		step.at = from.at->w->successor(step.at, prefix, &step.class, &link)) {
		if (steps == t->room)
			return true;
		t->trail[steps++] = step;
	}
	while (steps)
		*mark_of(t, t->trail[--steps]) = t->mark;
	return false;
}

/* When nothing is known of any node. */
static bool is_loop_now(struct trail_step from, const struct prefix *prefix)
{
	struct tracks *t = tracks_of(from.at->w, 0);

	t->mark++;
	return is_loop(t, from, prefix);
}

/* How many origins of the prefix the others may have heard of at this station. */
static unsigned origins_at(const struct station *s, const struct prefix *prefix)
{
	struct prefix host = prefix_of_host(s->address);
	bool is_here = prefix_equal(&host, prefix);

	for (unsigned k = 0; k < s->prefix_count; k++)
		is_here |= prefix_equal(&s->prefixes[k], prefix);
	if (!is_here)
		return 0;
	return s->wiped_us && s->w->now_us - s->wiped_us < WORLD_TWO_LIVES_US ? 2 : 1;
}

static bool prefix_is_shared(const struct world *w, const struct prefix *prefix)
{
	unsigned origins = 0;

	for (unsigned i = 0; i < w->station_count; i++)
		origins += origins_at(w->stations[i], prefix);
	return origins > 1;
}

static bool port_carries(const struct port *p, const struct station *to)
{
	for (unsigned i = 0; i < p->attachment_count; i++) {
		const struct segment *g = p->attachments[i].segment;

		for (unsigned end = 0; end < g->end_count && g->model.state == LINK_UP; end++)
			if (g->ends[end].port->station == to)
				return true;
	}
	return false;
}

/* To the next node; returns the port that leads there, NULL: none does, or it is not looked at. */
static const struct port *step_on(struct trail_step *step, const struct prefix *prefix)
{
	const struct station *at = step->at;
	unsigned link = 0;

	step->at = at->w->successor(at, prefix, &step->class, &link);
	return step->at && link < at->port_count ? at->ports[link] : NULL;
}

/* No packet goes round where a link is silent, and nodes need their time to notice that it is. */
static bool loop_carries(struct trail_step step, const struct prefix *prefix)
{
	unsigned room = PACKET_CLASSES * step.at->w->station_count;

	for (unsigned steps = 0; step.at && steps < room; steps++) {
		const struct port *over = step_on(&step, prefix);

		if (over && !port_carries(over, step.at))
			return false;
	}
	return true;
}

/* The least of what the node believes of its link and what goes either way; 0: no limit. */
static uint64_t port_rate_bps(const struct port *p)
{
	uint64_t least_bps = p->config.rate_bps;

	for (unsigned i = 0; i < p->attachment_count; i++) {
		const struct segment *g = p->attachments[i].segment;

		for (unsigned way = 0; way < 2; way++)
			if (g->params[way].rate_bps && (!least_bps || g->params[way].rate_bps < least_bps))
				least_bps = g->params[way].rate_bps;
	}
	return least_bps;
}

/* How long it may last. */
static uint64_t loop_patience_us(struct trail_step step, const struct prefix *prefix)
{
	unsigned room = PACKET_CLASSES * step.at->w->station_count;
	uint64_t turn_us = 0;

	for (unsigned steps = 0; step.at && steps < room; steps++) {
		const struct port *over = step_on(&step, prefix);
		uint64_t rate_bps = over ? port_rate_bps(over) : 0;

		if (!babel_rate_admits(rate_bps, BABEL_BULK) && TURN_BITS * SECOND_US / rate_bps > turn_us)
			turn_us = TURN_BITS * SECOND_US / rate_bps;
	}
	return WORLD_SHARED_LOOP_US + turn_us;
}

static void look_again(struct timer *timer, uint64_t now_us)
{
	struct second_look *l = container_of(timer, struct second_look, timer);
	struct world *w = l->from.at->w;

	bool is_there = is_loop_now(l->from, &l->prefix);

	if (is_there && !loop_carries(l->from, &l->prefix))
		l->until_us = now_us + loop_patience_us(l->from, &l->prefix);
	/* Another one later, between two that hesitate, is not one that lasts. */
	if (is_there && now_us < l->until_us) {
		timer_set(&w->heap, timer, now_us + LOOK_AGAIN_US);
		return;
	}
	if (is_there)
		loop_found(l->from, &l->prefix);
	list_remove(&l->list);
	free(l);
}

static void loop_judge(struct trail_step from, const struct prefix *prefix)
{
	struct world *w = from.at->w;

	if (!prefix_is_shared(w, prefix)) {
		loop_found(from, prefix);
		return;
	}
	struct second_look *l = world_alloc(sizeof(*l));

	w->shared_loops++;
	timer_init(&l->timer, look_again);
	l->from = from;
	l->prefix = *prefix;
	list_init(&l->list);
	list_push_back(&w->pending, &l->list);
	l->until_us = w->now_us + loop_patience_us(from, prefix);
	timer_set(&w->heap, &l->timer, w->now_us + LOOK_AGAIN_US);
}

static int compare_suspects(const void *a, const void *b)
{
	const struct suspect *first = a, *second = b;
	int order = prefix_compare(&first->prefix, &second->prefix);

	if (order)
		return order;
	if (first->station != second->station)
		return first->station->index < second->station->index ? -1 : 1;
	return (int)first->class - (int)second->class;
}

/* --- all that moved ------------------------------------------------------------------ */

/* Whose way it is that moved; returns how many. */
static unsigned suspect_packets(const struct suspect *s, enum packet_class classes[PACKET_CLASSES])
{
	struct world *w = s->station->w;
	enum packet_class as = CLASS_TEXT;
	unsigned count = 0, link;

	if (s->class != BABEL_TEXT) {
		classes[0] = s->class == BABEL_COMMAND ? CLASS_COMMAND : CLASS_BULK;
		return 1;
	}
	const struct station *next = w->successor(s->station, &s->prefix, &as, &link);

	classes[count++] = CLASS_TEXT;
	for (enum packet_class class = CLASS_TEXT + 1; class < PACKET_CLASSES; class ++) {
		const struct station *other;

		as = class;
		other = w->successor(s->station, &s->prefix, &as, &link);
		/* Its class has a way of its own here; or it fell before, and goes on as all of the base does. */
		if (as == class && (class != CLASS_FALLEN || other == next))
			continue;
		classes[count++] = class;
	}
	return count;
}

/* Suspects in order: those of one prefix are one lane's. */
struct look {
	struct world *w;
	struct suspect *all;
	unsigned count, shares;
	uint8_t *loops; /* for each suspect, those of its packets that go round */
};

static bool is_new_prefix(const struct look *l, unsigned i)
{
	return i == 0 || i >= l->count || !prefix_equal(&l->all[i - 1].prefix, &l->all[i].prefix);
}

static unsigned share_begin(const struct look *l, unsigned share)
{
	unsigned i = (unsigned)((uint64_t)l->count * share / l->shares);

	while (!is_new_prefix(l, i))
		i++;
	return i;
}

/* Of suspects that come soon. */
static void look_ahead(const struct look *l, unsigned i, unsigned step)
{
	if (i < l->count)
		oracle_fetch(l->all[i].station, &l->all[i].prefix, step);
}

static void look_at_share(void *arg, unsigned lane)
{
	struct look *l = arg;
	struct tracks *t = tracks_of(l->w, lane);

	for (unsigned i = share_begin(l, lane), end = share_begin(l, lane + 1); i < end; i++) {
		struct suspect *s = &l->all[i];
		enum packet_class classes[PACKET_CLASSES];

		look_ahead(l, i + 4, 0);
		look_ahead(l, i + 2, 1);
		if (is_new_prefix(l, i))
			t->mark++; /* a new question: nothing is known of any node */
		else if (compare_suspects(s - 1, s) == 0)
			continue; /* its way moved twice */
		if (is_of_revoked(s))
			l->loops[i] |= REVOKED;
		for (unsigned k = 0, count = suspect_packets(s, classes); k < count; k++) {
			t->looks++;
			if (is_loop(t, (struct trail_step){ s->station, classes[k] }, &s->prefix))
				l->loops[i] |= (uint8_t)(1u << classes[k]);
		}
	}
}

static void revoked_found(const struct suspect *s)
{
	char text[PREFIX_TEXT];

	station_breach(s->station, "it uses a route to %s, whose origin it knows to be revoked",
		prefix_format(&s->prefix, text));
}

static void look_judge(const struct look *l)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->loops[i] & REVOKED)
			revoked_found(&l->all[i]);
	for (unsigned i = 0; i < l->count; i++)
		for (enum packet_class class = CLASS_TEXT; l->loops[i] && class < PACKET_CLASSES; class ++)
			if (l->loops[i] >> class & 1)
				loop_judge((struct trail_step){ l->all[i].station, class }, &l->all[i].prefix);
}

void oracle_look(struct world *w)
{
	struct look l = { .w = w, .shares = 1 };

	oracle_gather(w);
	l.all = w->suspects.suspects;
	l.count = w->suspects.count;
	if (!l.count)
		return;
	if (l.count > 1)
		qsort(l.all, l.count, sizeof(*l.all), compare_suspects);
	l.loops = world_alloc(l.count);
	if (l.count >= SHARED_FROM && w->lane_count > 1) {
		l.shares = w->lane_count;
		crew_share(w, look_at_share, &l);
	} else {
		look_at_share(&l, 0);
	}
	w->suspects.count = 0;
	look_judge(&l);
	free(l.loops);
	for (unsigned i = 0; i < l.shares; i++) {
		w->looks += w->tracks[i].looks;
		w->tracks[i].looks = 0;
	}
}
