/*
 * Guests: members whose certificate says what they are admitted for, and until when.
 *
 * Everybody who has a guest for a neighbour holds it to its certificate:
 *
 *   routes     of it only its own; to it only what it may reach, so that it sees no more
 *   packets    from its own addresses to what it may reach, and back, of its classes
 *   messages   likewise, wherever they pass
 *   questions  (reach) about what it may reach
 *
 * It is nobody's way: a packet that is neither its own nor for it goes not by it.
 *
 * Its end comes, for each node by itself, with the first of
 *
 *   the list of who is out that has the number in its certificate, or a later one,
 *   the date in it, by the latest date that the authority is known to have signed and the
 *   time that has passed here since, which needs no clock,
 *   its whole term, from when this node learned the certificate, which needs no date either.
 *
 * Then it is out as if it were on a list, and asks on its links for another certificate
 * (admit.c).
 */
#include "meshd/node/message.h"

#define MINUTE_US (60 * SECOND)
#define LOOK_LATE_US SECOND /* not a moment too early */

static bool is_guest(const struct certificate *c)
{
	return c->roles & ROLE_GUEST;
}

/* --- until when ------------------------------------------------------------------------------- */

uint32_t guest_date_least(const struct node *n, uint64_t now_us)
{
	uint64_t date = n->time_floor.t_lo + (now_us - n->floor_us) / MINUTE_US;

	return date < UINT32_MAX ? (uint32_t)date : UINT32_MAX;
}

static uint64_t minutes_us(uint32_t from, uint32_t to)
{
	return to > from ? (uint64_t)(to - from) * MINUTE_US : 0;
}

static const struct known *known_of(const struct node *n, const struct certificate *c)
{
	router_id rid;

	identity_router_id(rid.bytes, &c->key);
	return trust_by_rid(n, &rid);
}

/* When time ends it, if nothing else is heard. */
static uint64_t end_us(const struct node *n, const struct known *k)
{
	const struct certificate *c = &k->member->certificate;
	uint64_t by_term_us = k->since_us + minutes_us(c->not_before, c->not_after);
	uint64_t by_date_us = n->floor_us + minutes_us(n->time_floor.t_lo, c->not_after) + MINUTE_US;

	return by_term_us < by_date_us ? by_term_us : by_date_us;
}

bool guest_has_ended(const struct node *n, const struct certificate *c)
{
	if (!is_guest(c))
		return false;
	const struct known *k = known_of(n, c);
	return guest_date_least(n, n->now_us) > c->not_after || (k && n->now_us >= end_us(n, k));
}

uint64_t node_guest_left_us(const struct node *n, const struct certificate *c)
{
	const struct known *k = known_of(n, c);
	uint64_t end = k && is_guest(c) && !revoke_ends(n, c) ? end_us(n, k) : 0;

	return end > n->now_us ? end - n->now_us : 0;
}

static void ended_say(struct node *n, struct known *k)
{
	const struct certificate *c = &k->member->certificate;

	k->has_ended = true;
	if (c->serial != n->enrolment.certificate.serial) {
		event_say(n, NODE_GUEST_OVER, NULL, "\"%s\", a guest of %s, is no longer admitted", c->name,
			c->guest.agency);
		return;
	}
	n->is_out = true;
	n->is_applicant = true; /* nobody hears it any more: it asks for more time as one who never belonged */
	event_say(n, NODE_GUEST_OVER, NULL,
		"this node was a guest until now, and is no longer admitted; ask who admitted it for more time");
}

void guests_look(struct node *n, uint64_t now_us)
{
	uint64_t next_us = NEVER;
	bool is_over = false;

	for (struct known *k = n->first_known; k; k = k->next) {
		const struct certificate *c = &k->member->certificate;

		if (!is_guest(c) || k->has_ended)
			continue;
		uint64_t at_us = end_us(n, k) + LOOK_LATE_US;
		if (guest_has_ended(n, c)) {
			ended_say(n, k);
			is_over = true;
		} else if (at_us < next_us) {
			next_us = at_us;
		}
	}
	if (next_us != NEVER)
		timer_set(&n->heap, &n->guests, next_us > now_us ? next_us : now_us + LOOK_LATE_US);
	if (is_over)
		revoke_act(n, now_us);
}

void guests_due(struct timer *timer, uint64_t now_us)
{
	guests_look(container_of(timer, struct node, guests), now_us);
}

void guest_learned(struct node *n, const struct certificate *c)
{
	if (is_guest(c))
		timer_set_earlier(&n->heap, &n->guests, n->now_us + LOOK_LATE_US);
}

bool node_guest_has_ended(const struct node *n, const struct certificate *c)
{
	return guest_has_ended(n, c);
}

/* --- routes ----------------------------------------------------------------------------------- */

void guest_up(struct peer *p, uint64_t now_us)
{
	struct node_link *link = p->link;

	if (!p->is_guest || link->has_guest)
		return;
	link->has_guest = true;
	babel_link_filter(p->n->babel, now_us, link->id, true);
}

bool guest_may_say(const struct peer *p, const router_id *origin)
{
	return trust_is_same_member(origin, &p->rid);
}

bool guest_may_hear(const struct peer *p, const struct prefix *prefix)
{
	const struct guest_scope *g = &p->certificate->guest;

	for (unsigned i = 0; i < g->to_count; i++)
		if (prefix_contains(&g->to[i], prefix) || prefix_contains(prefix, &g->to[i]))
			return true;
	return false;
}

/* --- messages and questions ------------------------------------------------------------------------ */

static const struct certificate *guest_at(const struct node *n, const struct address *a)
{
	const struct certificate *c = message_member(n, a);

	return c && is_guest(c) ? c : NULL;
}

bool guest_may_write(const struct node *n, const struct peer *by, const struct address *from, const struct address *to)
{
	const struct certificate *sender = guest_at(n, from), *receiver = guest_at(n, to);

	if (by->is_guest && !address_equal(from, &by->mesh_address))
		return false;
	return (!sender || guest_may_meet(sender, to)) && (!receiver || guest_may_meet(receiver, from));
}

bool guest_may_ask(const struct peer *by, const struct address *about)
{
	return !by->is_guest || guest_may_meet(by->certificate, about);
}
