/*
 * Destinations: which route is used, and what follows from that
 * (RFC 8966, 3.6, 3.5.4, appendix A.3).
 *
 *            route selected                    route lost
 *   nothing ───────────────► installed ────────────────────► held (unreachable)
 *      ▲                        ▲    route selected              │
 *      │                        └────────────────────────────────┤
 *      └─────────────────────────────────────────────────────────┘
 *                 no neighbour can still follow our last word
 *
 * destination_decide() is the only place that selects. It is called after every
 * change, so a selected route is feasible and finite whenever anybody looks.
 *
 * Each class selects for itself. The hold is one for all: it begins with the loss of
 * the base, or with that of the last other class after it, and lasts as long as
 * anybody may follow anything that was said of the prefix. Until then no shorter
 * prefix is used, in no class (babel.h).
 */
#include "routing/session.h"

#include <errno.h>

static void hold_ended(struct timer *timer, uint64_t now_us)
{
	struct destination *d = container_of(timer, struct destination, hold);

	/* A full sync gives leases on the way, and tells of the loss at its end. */
	uint64_t until_us = session_follows_until_us(d, true);
	if (until_us > now_us) {
		timer_set(&d->b->heap, timer, until_us);
		return;
	}
	d->is_held = false;
	destination_decide(d, now_us);
}

static void reselect_due(struct timer *timer, uint64_t now_us)
{
	destination_decide(container_of(timer, struct destination, reselect), now_us);
}

void destination_init_timers(struct destination *d)
{
	timer_init(&d->hold, hold_ended);
	timer_init(&d->reselect, reselect_due);
}

/* --- selection ------------------------------------------------------------------------- */

#define BULK_DWELL_US (30 * SECOND) /* a transfer under way loses by each move */

/* Better by enough to be worth a move: a tenth, or a fifth, and at least eight units. */
static bool is_clearly_less(enum babel_class class, uint32_t metric, uint32_t than)
{
	uint32_t part = than / (class == BABEL_BULK ? 5 : 10);

	return metric + (part < METRIC_LEAST ? METRIC_LEAST : part) < than;
}

#define LOOKS_AHEAD 32 /* quarters of a half-life: no doubt lasts longer */

static bool route_is_smoother(const struct route *r, const struct route *than, enum babel_class class, uint64_t now_us)
{
	return is_clearly_less(class, route_smoothed_at(r, class, now_us), route_smoothed_at(than, class, now_us));
}

/* When enough of the doubt has decayed, if nothing moves until then. It is looked at only then. */
static uint64_t route_trusted_us(
	const struct route *r, const struct route *than, enum babel_class class, uint64_t now_us)
{
	uint64_t step_us = route_half_life_us(r) / 4 + MS, at_us = now_us + step_us;

	for (unsigned i = 1; i < LOOKS_AHEAD && !route_is_smoother(r, than, class, at_us); i++)
		at_us += step_us;
	return at_us;
}

/* True if `r` may replace the selected route: clearly better now, and for a
 * while. The margin holds for the smoothed metrics as well: noise of 20 % on two
 * equal links passes any margin on the last sample alone. A route that has
 * become three times as bad is left at once: by loss of 8 % a cost doubles now and then. */
static bool route_beats(
	struct destination *d, enum babel_class class, struct route *r, const struct route *selected, uint64_t now_us)
{
	uint16_t metric = route_metric(r, class), than = route_metric(selected, class);

	/* Also where both are so small that no margin is left: cables cost command next to nothing. */
	if (than / 3 >= metric)
		return true;
	if (!is_clearly_less(class, metric, than))
		return false;
	if (class == BABEL_BULK && now_us < d->bulk_moved_us + BULK_DWELL_US) {
		timer_set_earlier(&d->b->heap, &d->reselect, d->bulk_moved_us + BULK_DWELL_US);
		return false;
	}
	if (route_is_smoother(r, selected, class, now_us))
		return true;
	timer_set_earlier(&d->b->heap, &d->reselect, route_trusted_us(r, selected, class, now_us));
	return false;
}

static struct route *route_select(struct destination *d, enum babel_class class, uint64_t now_us)
{
	struct route *before = d->selected[class];
	struct route *selected = before && route_is_usable(before, class) ? before : NULL;
	struct route *best = selected;
	uint16_t least = best ? route_metric(best, class) : BABEL_INFINITY;

	list_for_each (node, next, &d->routes) {
		struct route *r = list_entry(node, struct route, on_destination);

		if (r == selected || route_metric(r, class) >= least || !route_is_usable(r, class))
			continue;
		if (selected && !route_beats(d, class, r, selected, now_us))
			continue;
		best = r;
		least = route_metric(r, class);
	}
	return best;
}

static void destination_select(struct destination *d, uint64_t now_us)
{
	list_for_each (node, next, &d->routes)
		route_smooth(list_entry(node, struct route, on_destination), now_us);
	for (unsigned c = 0; c < d->b->config.classes; c++) {
		struct route *old = d->selected[c];

		d->selected[c] = d->is_own ? NULL : route_select(d, c, now_us);
		if (old == d->selected[c])
			continue;
		d->b->counters.routes_switched += old && d->selected[c];
		if (c == BABEL_BULK && old)
			d->bulk_moved_us = now_us; /* nothing is lost by leaving what was found just now */
	}
}

bool destination_depends_on(const struct destination *d, const struct route *r)
{
	bool depends = false;

	for (unsigned c = 0; c < d->b->config.classes; c++) {
		const struct route *selected = d->selected[c];

		depends |= selected == r || (selected ? route_metric(r, c) < route_metric(selected, c)
						      : route_metric(r, c) != BABEL_INFINITY);
	}
	return depends;
}

/* --- what the owner is told -------------------------------------------------------------- */

static bool told_is(const struct told *t, const struct route *r, enum babel_class class)
{
	const struct claim *claim = &r->variants[class].claim;

	return t->installed == INSTALLED_ROUTE && !t->is_outdated && t->neighbour == r->neighbour->number &&
	       t->seqno == claim->seqno && t->metric == route_metric(r, class) &&
	       router_id_equal(&t->origin, &claim->origin);
}

/* The last word on what is not there any more. */
static void destination_tell_lost(
	struct destination *d, enum babel_class class, enum installed state, enum babel_route_change change)
{
	struct told *t = &d->told[class];
	struct babel_route route = {
		.prefix = d->prefix,
		.class = class,
		.origin = t->origin,
		.seqno = t->seqno,
		.metric = BABEL_INFINITY,
	};

	if (t->installed == state)
		return;
	t->installed = state;
	if (d->b->output.route_changed)
		d->b->output.route_changed(d->b->user, change, &route);
}

static void destination_install(struct destination *d, enum babel_class class)
{
	const struct route *selected = d->selected[class];

	if (selected && told_is(&d->told[class], selected, class))
		return;
	if (selected) {
		struct babel_route route = destination_route(d, selected, class);

		d->told[class] = (struct told){
			.origin = route.origin,
			.seqno = route.seqno,
			.metric = route.metric,
			.neighbour = selected->neighbour->number,
			.installed = INSTALLED_ROUTE,
			.backup = d->told[class].backup,
		};
		if (d->b->output.route_changed)
			d->b->output.route_changed(d->b->user, BABEL_ROUTE_SET, &route);
	} else if (class == BABEL_TEXT && d->is_held && !d->is_own) {
		destination_tell_lost(d, class, INSTALLED_UNREACHABLE, BABEL_ROUTE_UNREACHABLE);
	} else {
		destination_tell_lost(d, class, INSTALLED_NOTHING, BABEL_ROUTE_REMOVED);
	}
}

/* --- what the neighbours are told ----------------------------------------------------------- */

/*
 * True if acknowledgments of a retraction sent now will prove that nobody follows
 * us to `d`. Not if an update of just before may still overtake it on the way.
 */
static bool retraction_is_provable(const struct destination *d, uint64_t now_us)
{
	const struct babel *b = d->b;

	if (now_us < b->forgotten_until_us || now_us < d->announced_us + STRAY_US)
		return false;
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++) {
		const struct link *link = b->links[id];

		if (link && link_speaks_plain(link) && !list_is_empty(&link->neighbours) && !update_is_acked_on(link))
			return false;
	}
	return true;
}

/* Until nobody can follow our last word any more. */
static void destination_hold(struct destination *d, uint64_t now_us)
{
	uint64_t until_us = session_follows_until_us(d, false);

	if (until_us < d->announced_until_us)
		until_us = d->announced_until_us;
	if (until_us <= now_us)
		return;
	d->is_held = true;
	d->hold_by_ack = retraction_is_provable(d, now_us);
	timer_set(&d->b->heap, &d->hold, until_us);
}

static void destination_lost(struct destination *d, uint64_t now_us)
{
	router_id lost = d->announced_id;

	d->is_announced = false;
	session_announce(d, now_us, COMMIT_CHANGED);
	destination_hold(d, now_us);
	update_trigger(d, now_us, true, true);
	if (!router_id_equal(&lost, &d->b->config.id))
		request_seqno(d, now_us, BABEL_TEXT, &lost, NULL);
}

/* What the other classes have lost, which only versioned neighbours heard of. */
static void destination_lost_classes(struct destination *d, uint64_t now_us)
{
	bool is_lost = false;

	for (unsigned c = 1; c < d->b->config.classes; c++) {
		if (d->told[c].installed != INSTALLED_ROUTE || d->selected[c] || d->is_own)
			continue;
		is_lost = true;
		request_seqno(d, now_us, c, &d->told[c].origin, NULL);
	}
	if (is_lost && !destination_is_routed(d))
		destination_hold(d, now_us);
}

static void destination_announce(struct destination *d, uint64_t now_us)
{
	if (!destination_is_reachable(d, BABEL_TEXT)) {
		if (d->is_announced)
			destination_lost(d, now_us);
		else
			session_announce(d, now_us, COMMIT_CHANGED);
		return;
	}
	const struct claim claim = destination_claim(d, BABEL_TEXT);
	const router_id *id = &claim.origin;
	uint16_t metric = claim.metric;
	bool has_changed = !d->is_announced || !router_id_equal(id, &d->announced_id);
	bool is_significant = has_changed || metric_change_is_significant(d->announced_metric, metric);

	d->is_held = false;
	d->hold_by_ack = false;
	timer_cancel(&d->b->heap, &d->hold);
	session_announce(d, now_us, COMMIT_CHANGED);
	if (!is_significant)
		return;
	bool is_other = d->is_announced && has_changed;
	d->is_announced = true;
	d->announced_id = *id;
	d->announced_metric = metric;
	/* What appears may wait for its jitter, but one lost packet must not hide it for an interval. */
	update_trigger(d, now_us, is_other, has_changed);
}

void destination_decide(struct destination *d, uint64_t now_us)
{
	if (d->b->is_leaving)
		return;
	timer_cancel(&d->b->heap, &d->reselect);
	destination_select(d, now_us);
	destination_announce(d, now_us);
	destination_lost_classes(d, now_us);
	for (unsigned c = 0; c < d->b->config.classes; c++)
		destination_install(d, c);
	backup_review(d);
	if (!list_is_empty(&d->routes))
		route_note_starving(d, now_us);
	request_satisfied(d, now_us);
	destination_release(d);
}

void destination_acked(struct destination *d, uint64_t now_us, bool was_acked)
{
	if (d->unacked > 0)
		d->unacked--;
	if (!was_acked)
		d->hold_by_ack = false;
	/* Everybody knows: nobody can follow us there (3.5.4). */
	if (d->unacked == 0 && d->told_sessions == 0 && d->is_held && d->hold_by_ack) {
		timer_cancel(&d->b->heap, &d->hold);
		d->is_held = false;
		destination_decide(d, now_us);
		return;
	}
	destination_release(d);
}

/* The hold ends with the next deadline: a session may be walking through its table. */
void destination_told(struct destination *d, uint64_t now_us)
{
	if (d->unacked == 0 && d->told_sessions == 0 && d->is_held && d->hold_by_ack)
		timer_set(&d->b->heap, &d->hold, now_us);
	else
		destination_release(d);
}

void destination_forgotten(struct destination *d, uint64_t now_us, uint64_t until_us)
{
	if (until_us > now_us) {
		/* No acknowledgment of others proves anything before. */
		if (d->announced_us < until_us)
			d->announced_us = until_us;
		if (d->announced_until_us < until_us)
			d->announced_until_us = until_us;
		d->hold_by_ack = false;
		if (d->is_held && d->hold.due_us < until_us)
			timer_set(&d->b->heap, &d->hold, until_us);
	}
	destination_release(d);
}

/* --- own prefixes ------------------------------------------------------------------------------ */

int babel_originate(struct babel *b, uint64_t now_us, const struct prefix *prefix, uint16_t metric)
{
	engine_started(b, now_us);
	struct destination *d = destination_get(b, prefix);

	if (!d)
		return -ENOMEM;
	if (d->is_own)
		return -EEXIST;
	d->is_own = true;
	d->own_metric = metric;
	destination_decide(d, now_us);
	return 0;
}

int babel_withdraw(struct babel *b, uint64_t now_us, const struct prefix *prefix)
{
	struct destination *d = destination_find(b, prefix);

	if (!d || !d->is_own)
		return -ENOENT;
	d->is_own = false;
	destination_decide(d, now_us);
	return 0;
}
