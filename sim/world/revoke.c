/*
 * A node is revoked, in the world's own way: the authority signs the next list and makes
 * the key that goes with it, and one node is told. What is measured is when the last of
 * the others has let go of it: no session with it, and no route to its address or to what
 * lies behind it; and when a node that counts who has the list has counted them all.
 */
#include "sim/world/traffic.h"
#include "sim/world/trial.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_US 100000

void station_revoke(struct station *s, struct station *at)
{
	struct world *w = s->w;
	uint32_t date = WORLD_CLOCK_MIN + (uint32_t)(world_time_us(w) / SECOND_US / 60);
	uint8_t encoded[REVOCATION_MAX_LEN], key_encoded[DEPLOYMENT_KEY_LEN];
	struct secret_deployment_key key;

	if (revocation_add(&w->revocation, s->enrolment.certificate.serial) < 0 ||
		revocation_issue(&w->revocation, &w->authority, date) < 0)
		abort();
	int len = revocation_encode(&w->revocation, encoded, sizeof(encoded));
	if (len < 0)
		abort();
	station_note(s, 'R', at->index, bytes_of(encoded, (size_t)len));
	node_revocation_add(at->node, w->now_us, bytes_of(encoded, (size_t)len));
	deployment_key_make(&key, &w->authority, w->revocation.epoch);
	deployment_key_encode(&key, key_encoded);
	node_key_add(at->node, w->now_us, bytes_of(key_encoded, sizeof(key_encoded)));
	station_settle(at);
}

/* The first that runs, of those that are asked in the order of the plan. */
static struct station *station_running(struct world *w, const struct station *but)
{
	for (unsigned i = 0; i < w->station_count; i++)
		if (w->stations[i] != but && w->stations[i]->node)
			return w->stations[i];
	return NULL;
}

void trial_revoke(struct trial *t, const struct plan_event *e)
{
	struct world *w = t->world;
	struct station *s = w->stations[e->object];
	struct station *at = e->revoke_at >= 0 ? w->stations[e->revoke_at] : station_running(w, s);

	if (at && at->node)
		station_revoke(s, at);
}

/* --- who still knows it ------------------------------------------------------------------------- */

bool station_meets(const struct station *s, const struct station *other)
{
	struct node_peer_info info;

	for (unsigned i = 0; s->node && i < s->port_count; i++)
		if (node_find_peer(s->node, i, &other->neighbour_address, &info) && info.is_up)
			return true;
	return false;
}

static bool has_way(const struct station *s, const struct prefix *p)
{
	enum packet_class class = CLASS_TEXT;
	struct node_way way;

	return node_way(s->node, p, &class, &way);
}

/* What lies behind it may be announced by others as well. */
static bool has_route_of(const struct station *s, const struct prefix *p, const struct station *out)
{
	const struct certificate *c;
	struct babel_route r;

	if (!babel_selected(node_babel(s->node), p, BABEL_TEXT, &r))
		return false;
	c = node_certificate_of(s->node, &r.origin);
	return c && c->serial == out->enrolment.certificate.serial;
}

static const char *hold_of(const struct station *s, const struct station *out)
{
	struct prefix host = prefix_of_host(out->address);

	if (station_meets(s, out))
		return "a session with";
	if (has_way(s, &host))
		return "a route to";
	for (unsigned k = 0; k < out->prefix_count; k++)
		if (has_route_of(s, &out->prefixes[k], out))
			return "a route to what is behind";
	return NULL;
}

/* "known": has the one that counts heard of this one that it has the list? Else: has it let go? */
static bool is_good(struct trial_expect *e, const struct station *s)
{
	const struct station *out = e->trial->world->stations[e->conf->from];
	const struct station *at = e->trial->world->stations[e->conf->to];

	if (e->conf->measure == PLAN_KNOWN) {
		snprintf(e->detail, sizeof(e->detail), "that %s knows is not known", s->name);
		return at->node && node_is_aware(at->node, &s->enrolment.certificate);
	}
	const char *hold = hold_of(s, out);
	snprintf(e->detail, sizeof(e->detail), "%s has %s it", s->name, hold ? hold : "let go of");
	return !hold;
}

static bool are_good(struct trial_expect *e)
{
	struct world *w = e->trial->world;
	unsigned *groups = whole_groups(w, traffic_mark(e->conf->class));
	bool good = true;

	for (unsigned i = 0; good && i < w->station_count; i++) {
		const struct station *s = w->stations[i];

		if (i != e->conf->from && s->node && groups[i] == groups[e->conf->to])
			good = is_good(e, s);
	}
	free(groups);
	return good;
}

/* For good: whoever takes it up again once all have let go is noticed, too. A count may be forgotten. */
void trial_revoked_due(struct timer *timer, uint64_t now_us)
{
	struct trial_expect *e = container_of(timer, struct trial_expect, timer);

	trial_expect_look(e, now_us, are_good(e));
	if (e->conf->measure == PLAN_KNOWN && e->measured >= 0)
		return;
	timer_set(&e->trial->world->heap, timer, now_us + LOOK_US);
}
