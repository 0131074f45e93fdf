/*
 * AdjIn: what a versioned neighbour announces, and for how long it holds.
 *
 *              begin of a full sync             end
 *   nothing ─────────────────────────► syncing ─────► in step ◄─── refresh matches: new lease
 *      ▲                                                │ ▲
 *      │ lease over, other epoch          gap, other ───┘ │ asks: SYNCACK with N, F
 *      └──────────────────────────────────  digest  ──────┘
 *
 * The routes are the neighbour's `routes`, all of them finite. None has a clock of
 * its own: one lease holds all, and only a refresh that matches version, count
 * and digest prolongs it (R3).
 */
#include "routing/session.h"

#define ASK_US (250 * MS)
#define NACK_GAP_US (200 * MS) /* for the same gap */
#define ANSWER_THIN_US (1 * SECOND) /* on a thin link neither any sooner: there the answer is on its way */
#define MISMATCH_US (1 * SECOND)
#define ACK_THIN_US (250 * MS) /* on a thin link, of what is: the time of a packet */
#define SYNC_PACKETS 3 /* of a table are acknowledged together: one less than may be on the way */
#define ACK_LATER_US (4 * SECOND) /* on a thin link, of what is not urgent */

void adj_in_count(const struct route *r, bool is_there)
{
	struct session *s = r->neighbour->session;

	struct claim claims[BABEL_CLASSES];

	if (!s || !route_is_announced(r))
		return;
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		claims[c] = r->variants[c].claim;
	uint64_t hash = adj_hash(s->in.key, &r->destination->prefix, claims);
	s->in.digest += is_there ? hash : 0 - hash;
}

void adj_in_wipe(struct session *s, uint64_t now_us)
{
	list_for_each (node, next, &s->n->routes) {
		routes_fetch(s->n, node);
		struct route *r = list_entry(node, struct route, on_neighbour);
		struct destination *d = r->destination;

		route_free(r);
		destination_decide(d, now_us);
	}
}

/* --- asking ----------------------------------------------------------------------------- */

static bool is_in_step(const struct session_in *in)
{
	return in->has_begun && !in->is_wrong && in->applied == in->heard;
}

/* For how long acknowledgments gather on a thin link. In the midst of a table more comes at once, and each word
 * in between has a half-duplex radio turn round twice. */
static uint64_t gather_us(const struct session *s)
{
	const struct babel_link_config *config = &s->n->link->config;
	uint64_t packet_us = config->rate_bps ? config->packet_max * 8 * SECOND / config->rate_bps : 0;
	uint64_t table_us = SYNC_PACKETS * packet_us;

	return s->in.is_syncing && table_us > ACK_THIN_US ? table_us : ACK_THIN_US;
}

/* The neighbour will hear it with the next packet. */
static void ack_soon(struct session *s, uint64_t now_us)
{
	s->in.owes_ack = true;
	/* What comes next is acknowledged with it, and by one frame. */
	if (s->n->link->config.is_thin)
		timer_set_earlier(&s->n->b->heap, &s->flush, now_us + gather_us(s));
	else
		session_flush_soon(s, now_us, true);
}

/* ... or with the next Hello, if that comes before. */
static void ack_later(struct session *s, uint64_t now_us)
{
	s->in.owes_ack = true;
	timer_set_earlier(&s->n->b->heap, &s->flush, now_us + ACK_LATER_US);
}

static uint64_t patient_us(const struct session *s, uint64_t us)
{
	return s->n->link->config.is_thin && us < ANSWER_THIN_US ? ANSWER_THIN_US : us;
}

void adj_in_nack(struct session *s, uint64_t now_us)
{
	struct session_in *in = &s->in;
	uint64_t gap_us = patient_us(s, NACK_GAP_US) + s->n->link->config.turn_us;

	/* A burst behind one lost packet is one gap. */
	if (in->nacked == in->applied && in->nacked_us && now_us < in->nacked_us + gap_us)
		return;
	in->nacked = in->applied;
	in->nacked_us = now_us;
	in->owes_nack = true;
	ack_soon(s, now_us);
}

static void ask_arm(struct session *s, uint64_t now_us)
{
	struct session_in *in = &s->in;
	uint64_t first_us = patient_us(s, ASK_US),
		 max_us = in->interval_us / 8 > first_us ? in->interval_us / 8 : first_us;
	uint64_t wait_us = first_us << (in->asks < 10 ? in->asks : 10);

	if (wait_us > max_us)
		wait_us = max_us;
	/* A question and its answer are two turns, and others wait for theirs. */
	wait_us += 4 * s->n->link->config.turn_us;
	/* A table that a full sync does not mend is not worth one every second. */
	if (in->is_wrong && wait_us < MISMATCH_US << (in->mismatches < 6 ? in->mismatches : 6))
		wait_us = MISMATCH_US << (in->mismatches < 6 ? in->mismatches : 6);
	timer_set(&s->n->b->heap, &in->ask, now_us + wait_us);
}

void adj_in_ask(struct session *s, uint64_t now_us)
{
	s->in.asks = 0;
	adj_in_nack(s, now_us);
	ask_arm(s, now_us);
}

static void ask_due(struct timer *timer, uint64_t now_us)
{
	struct session *s = container_of(timer, struct session, in.ask);

	s->in.asks++;
	s->in.nacked_us = 0;
	adj_in_nack(s, now_us);
	ask_arm(s, now_us);
}

struct babel_tlv adj_in_syncack(struct session *s)
{
	struct session_in *in = &s->in;
	struct babel_tlv tlv = { .type = TLV_SYNCACK };

	tlv.u.syncack.epoch = in->has_epoch ? in->epoch : 0;
	tlv.u.syncack.applied = in->applied;
	tlv.u.syncack.nack = in->owes_nack;
	tlv.u.syncack.full = in->owes_nack && (!in->has_begun || in->is_wrong);
	if (in->owes_nack) {
		tlv.u.syncack.whole = bytes_of(in->whole, in->whole_len);
		tlv.u.syncack.is_unknown = in->whole_is_unknown && in->whole_len;
		in->whole_len = 0;
	}
	in->owes_ack = in->owes_nack = in->owes_epoch_ack = false;
	return tlv;
}

/* --- the lease ------------------------------------------------------------------------------ */

static void lease_set(struct session *s, uint64_t now_us)
{
	timer_set(&s->n->b->heap, &s->in.lease, now_us + s->in.interval_us * 7 / 2);
}

static void lease_due(struct timer *timer, uint64_t now_us)
{
	struct session *s = container_of(timer, struct session, in.lease);

	s->n->b->counters.leases_lapsed++;
	s->in.has_begun = s->in.is_syncing = s->in.is_wrong = false;
	adj_in_wipe(s, now_us);
	adj_in_ask(s, now_us);
}

/* --- epochs ----------------------------------------------------------------------------------- */

void adj_in_init(struct session *s, uint64_t now_us)
{
	timer_init(&s->in.lease, lease_due);
	timer_init(&s->in.ask, ask_due);
	/* It will begin by itself. */
	s->in.interval_us = link_update_interval_us(s->n->link);
	timer_set(&s->n->b->heap, &s->in.ask, now_us + SECOND + 4 * s->n->link->config.turn_us);
}

void adj_in_done(struct session *s)
{
	timer_cancel(&s->n->b->heap, &s->in.lease);
	timer_cancel(&s->n->b->heap, &s->in.ask);
}

/* Another epoch is another table: what was said in the old one is void at once
 * (R6). False: perhaps a packet of a table before this one. */
static bool epoch_follow(struct session *s, uint64_t now_us, uint32_t epoch, bool is_late)
{
	struct session_in *in = &s->in;

	if (in->has_epoch && epoch == in->epoch)
		return true;
	if (is_late || (in->has_retired && epoch == in->retired && now_us < in->retired_until_us))
		return false;
	if (in->has_epoch) {
		s->n->b->counters.epochs_changed++;
		in->has_retired = true;
		in->retired = in->epoch;
		in->retired_until_us = now_us + STRAY_US;
	}
	adj_in_wipe(s, now_us);
	timer_cancel(&s->n->b->heap, &in->lease);
	in->has_epoch = in->owes_epoch_ack = true;
	in->epoch = epoch;
	in->has_begun = in->is_syncing = in->is_wrong = false;
	in->applied = in->heard = 0;
	in->digest = 0;
	in->asks = in->mismatches = 0;
	ask_arm(s, now_us);
	return true;
}

/* --- deltas --------------------------------------------------------------------------------------- */

static void key_follow(struct session *s, const uint64_t key[2])
{
	struct session_in *in = &s->in;

	in->key[0] = key[0];
	in->key[1] = key[1];
	in->digest = 0;
	list_for_each (node, next, &s->n->routes) {
		routes_fetch(s->n, node);
		struct route *r = list_entry(node, struct route, on_neighbour);

		r->is_fresh = false;
		adj_in_count(r, true);
	}
}

static void sync_begin(struct session *s, uint64_t now_us, const struct babel_tlv *delta)
{
	struct session_in *in = &s->in;

	key_follow(s, delta->u.delta.key);
	in->interval_us = (uint64_t)delta->u.delta.interval_cs * 10 * MS;
	in->has_begun = in->is_syncing = in->owes_epoch_ack = true;
	in->is_wrong = false;
	if (!timer_is_armed(&in->lease))
		lease_set(s, now_us);
}

static void sync_end(struct session *s, uint64_t now_us)
{
	s->in.is_syncing = false;
	list_for_each (node, next, &s->n->routes) {
		routes_fetch(s->n, node);
		struct route *r = list_entry(node, struct route, on_neighbour);
		struct destination *d = r->destination;

		if (r->is_fresh)
			continue;
		route_free(r);
		destination_decide(d, now_us);
	}
}

enum delta_use adj_in_delta(struct session *s, uint64_t now_us, const struct babel_tlv *delta, bool is_late)
{
	struct session_in *in = &s->in;

	s->n->b->counters.deltas_received++;
	if (!epoch_follow(s, now_us, delta->u.delta.epoch, is_late))
		return DELTA_SKIPPED;
	if (delta->u.delta.ver > in->heard)
		in->heard = delta->u.delta.ver;
	if (delta->u.delta.ver <= in->applied) {
		in->owes_epoch_ack = true; /* the acknowledgment was lost, or did not count without one that names it */
		ack_soon(s, now_us);
		return DELTA_SKIPPED;
	}
	/* A begin needs nothing before it: everything is said again behind it. */
	if (delta->u.delta.begin) {
		sync_begin(s, now_us, delta);
		return DELTA_APPLIED;
	}
	if (in->has_begun && delta->u.delta.from <= in->applied)
		return DELTA_APPLIED;
	s->n->b->counters.sync_gaps++;
	adj_in_nack(s, now_us);
	return in->has_begun && delta->u.delta.urgent ? DELTA_RETRACTIONS : DELTA_SKIPPED;
}

void adj_in_leave(struct session *s, uint64_t now_us)
{
	s->n->b->counters.retractions_received++;
	s->in.has_begun = s->in.is_syncing = false;
	adj_in_wipe(s, now_us);
}

void adj_in_update(struct session *s, uint64_t now_us, enum delta_use use, const struct announcement *a)
{
	if (use == DELTA_APPLIED)
		route_update(s->n, now_us, a);
	else if (use == DELTA_RETRACTIONS)
		route_update_losses(s->n, now_us, a);
}

void adj_in_delta_end(struct session *s, uint64_t now_us, enum delta_use use, const struct babel_tlv *delta)
{
	struct session_in *in = &s->in;

	in->delta_us = now_us;
	if (use != DELTA_APPLIED || !in->has_begun)
		return;
	in->applied = delta->u.delta.ver;
	/* A table that is still on its way must not be over before it is here, and is not asked for meanwhile. */
	if (in->is_syncing) {
		lease_set(s, now_us);
		ask_arm(s, now_us);
	}
	if (delta->u.delta.end && in->is_syncing)
		sync_end(s, now_us);
	if (s->is_compact && !delta->u.delta.urgent)
		ack_later(s, now_us);
	else
		ack_soon(s, now_us);
}

/* --- refreshes --------------------------------------------------------------------------------------- */

static void refresh_matched(struct session *s, uint64_t now_us)
{
	struct neighbour *n = s->n;

	s->in.asks = s->in.mismatches = 0;
	lease_set(s, now_us);
	/* Overdue by half an interval, it is asked for. */
	timer_set(&n->b->heap, &s->in.ask, now_us + s->in.interval_us * 3 / 2);
	if (!n->is_dormant)
		return;
	n->is_dormant = false;
	list_for_each (node, next, &n->routes) {
		routes_fetch(n, node);
		struct route *r = list_entry(node, struct route, on_neighbour);

		route_smooth(r, now_us);
		destination_decide(r->destination, now_us);
		/* What was used meanwhile may have been newer, and this is not said again by itself. */
		route_ask_seqnos(r, now_us);
	}
}

static void refresh_differs(struct session *s, uint64_t now_us)
{
	s->n->b->counters.sync_mismatches++;
	s->in.is_wrong = true;
	s->in.mismatches++;
	adj_in_nack(s, now_us);
	ask_arm(s, now_us);
}

void adj_in_refresh(struct session *s, uint64_t now_us, const struct babel_tlv *refresh, bool is_late)
{
	struct session_in *in = &s->in;
	struct babel_counters *counters = &s->n->b->counters;
	uint64_t interval_us = (uint64_t)refresh->u.refresh.interval_cs * 10 * MS;

	counters->refreshes_received++;
	/* Who delays frames must not stretch leases (R14). */
	if (is_late || (s->n->rtt.has_smoothed && s->n->rtt.smoothed_us > interval_us)) {
		counters->refreshes_late++;
		return;
	}
	if (!epoch_follow(s, now_us, refresh->u.refresh.epoch, false) || refresh->u.refresh.ver < in->applied)
		return;
	if (refresh->u.refresh.ver > in->heard)
		in->heard = refresh->u.refresh.ver;
	in->interval_us = interval_us;
	if (in->is_syncing && refresh->u.refresh.ver > in->applied)
		return; /* more is on its way */
	if (!is_in_step(in)) {
		adj_in_nack(s, now_us);
		return;
	}
	if (in->is_syncing || in->digest != refresh->u.refresh.digest ||
		(uint16_t)s->n->route_count != refresh->u.refresh.count)
		refresh_differs(s, now_us);
	else
		refresh_matched(s, now_us);
}

void adj_in_thin_refresh(struct session *s, uint64_t now_us, const struct wire_thin *thin, bool is_late)
{
	struct session_in *in = &s->in;
	int16_t ahead = (int16_t)(uint16_t)(thin->ver - (uint16_t)in->applied);

	s->n->b->counters.refreshes_received++;
	if (is_late) {
		s->n->b->counters.refreshes_late++;
		return;
	}
	/* Who has no table here says so by himself, and what is behind is known there by what is acknowledged. */
	if (!in->has_begun || (uint8_t)in->epoch != thin->epoch || ahead < 0 || in->is_wrong)
		return;
	if (in->applied + (uint32_t)ahead > in->heard)
		in->heard = in->applied + (uint32_t)ahead;
	if (ahead > 0)
		return;
	if (in->is_syncing || (uint32_t)in->digest != thin->digest)
		refresh_differs(s, now_us);
	else
		refresh_matched(s, now_us);
}

unsigned babel_damage(struct babel *b)
{
	unsigned count = 0;

	list_for_each (node, next, &b->sessions) {
		list_entry(node, struct session, on_babel)->in.digest ^= 1;
		count++;
	}
	return count;
}
