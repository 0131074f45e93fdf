/*
 * The traffic of a versioned session: what leaves when, and what comes back.
 *
 *   commit ──► flush ──► DELTA ... ──► SYNCACK ──► acknowledged
 *                │          │ none came
 *                │          └──► retransmit, from the table, one packet at first
 *                └── with it: SYNCACK if one is owed, REFRESH if one is due
 *
 * Deltas are applied in order, so a lost one stops those behind it: a window of
 * packets bounds what may be in flight for nothing. It opens with each
 * acknowledgment and closes to one packet when none comes.
 */
#include "routing/compact.h"

#include <stdlib.h>

#define RTT_FIRST_US (300 * MS)
#define RTT_FIRST_THIN_US (2 * SECOND)
#define WINDOW_THIN 4 /* the other end gets no word in before they have left */
#define RTT_MAX_US (10 * SECOND)
#define RETRANSMIT_MIN_US (50 * MS)
#define RETRANSMIT_THIN_MIN_US (2 * SECOND) /* its acknowledgment waits for a turn, and for its part of the budget */
#define DOUBLINGS_MAX 3 /* of the time to a retransmission: news waits behind it, and so would a link that heals */
#define WINDOW_FIRST 4
#define WINDOW_MAX (OUTSTANDING_MAX - 1) /* and one that is ahead of its turn */
/* A change runs through a mesh in many steps, each with a better path than the last;
 * a metric that is told late does no harm (protocol.md 2.2, R9). */
#define SETTLE_US (1 * SECOND)
#define FULL_GAP_US (1 * SECOND) /* between full syncs that a neighbour asks for */

static void refresh_due(struct timer *timer, uint64_t now_us);
static void retransmit_due(struct timer *timer, uint64_t now_us);
static void flush_due(struct timer *timer, uint64_t now_us);

/* --- new and free ------------------------------------------------------------------------ */

static void refresh_arm(struct session *s, uint64_t now_us)
{
	uint64_t interval_us = link_update_interval_us(s->n->link);

	timer_set(&s->n->b->heap, &s->out.refresh,
		now_us + engine_random_between(s->n->b, interval_us - interval_us / 8, interval_us - interval_us / 32));
}

struct session *session_new(struct neighbour *n, uint64_t now_us, uint32_t remote_epoch, unsigned classes)
{
	struct session *s = calloc(1, sizeof(*s));
	struct babel *b = n->b;

	if (!s)
		return NULL;
	s->n = n;
	s->remote_epoch = remote_epoch;
	for (unsigned c = 1; c < b->config.classes; c++)
		if (babel_rate_admits(n->link->config.rate_bps, c))
			n->classes |= classes & 1u << c;
	s->out.rtt_us = (n->link->config.is_thin ? RTT_FIRST_THIN_US : RTT_FIRST_US) + 2 * n->link->config.turn_us;
	s->out.window = n->link->config.is_thin ? WINDOW_THIN : WINDOW_FIRST;
	s->out.is_first = true;
	s->out.owes_refresh = true;
	s->out.full_us = now_us;
	timer_init(&s->flush, flush_due);
	timer_init(&s->out.refresh, refresh_due);
	timer_init(&s->out.retransmit, retransmit_due);
	adj_out_init(s);
	adj_in_init(s, now_us);
	n->session = s;
	list_push_back(&b->sessions, &s->on_babel);
	session_announce_all(s, now_us);
	refresh_arm(s, now_us);
	return s;
}

void session_free(struct session *s, uint64_t now_us)
{
	struct heap *heap = &s->n->b->heap;

	list_remove(&s->on_babel);
	s->n->session = NULL;
	adj_out_done(s, now_us);
	adj_in_done(s);
	timer_cancel(heap, &s->flush);
	timer_cancel(heap, &s->out.refresh);
	timer_cancel(heap, &s->out.retransmit);
	free(s);
}

void session_leave(struct session *s)
{
	const struct babel_tlv tlv = update_retracting_all(s->n->link);
	struct packet p;

	packet_begin(&p, s->n->b, s->n->link, &s->n->address);
	packet_write(&p, &tlv);
	packet_send(&p);
}

void babel_neighbour_session(struct babel *b, uint64_t now_us, unsigned id, const struct address *address,
	uint32_t remote_epoch, unsigned classes)
{
	struct link *link = link_by_id(b, id);
	struct neighbour *n = neighbour_at(b, id, address);

	if (!link || b->is_leaving)
		return;
	if (n && n->session && n->session->remote_epoch == remote_epoch) {
		neighbour_meet(n, now_us);
		adj_in_ask(n->session, now_us);
		return;
	}
	/* Another process has forgotten what we said, and what it said is void: at once (R6). */
	if (n)
		neighbour_free(n, now_us);
	n = neighbour_new(link, now_us, address);
	if (!n)
		return;
	/* The owner's keys are new with each process: whatever was said to the one
	 * before us does not come here, and the neighbour has dropped our routes (R7). */
	n->is_confirmed = true;
	timer_cancel(&b->heap, &n->confirm);
	if (!session_new(n, now_us, remote_epoch, classes))
		neighbour_free(n, now_us);
}

bool babel_neighbour_compact(struct babel *b, unsigned id, const struct address *address)
{
	struct neighbour *n = neighbour_at(b, id, address);

	if (!n || !n->session)
		return false;
	const struct babel_link_config *config = &n->link->config;
	n->session->is_compact = config->is_thin && n->address.family == FAMILY_IPV6 && !config->has_ipv4;
	return true;
}

/* --- what is announced ----------------------------------------------------------------------- */

void session_announce(struct destination *d, uint64_t now_us, enum commit why)
{
	struct claim claims[BABEL_CLASSES];

	for (struct list *node = d->b->sessions.next; node != &d->b->sessions; node = node->next)
		adj_out_fetch(list_entry(node, struct session, on_babel), d);
	destination_claims(d, claims);
	for (struct list *node = d->b->sessions.next; node != &d->b->sessions; node = node->next) {
		struct session *s = list_entry(node, struct session, on_babel);

		if (adj_out_commit_claims(s, d, claims, now_us, why))
			session_flush_soon(s, now_us, s->out.is_urgent);
	}
}

void session_announce_all(struct session *s, uint64_t now_us)
{
	const struct babel *b = s->n->b;

	for (unsigned i = 0; i < b->place_count; i++) {
		struct destination *d = destination_at(b, i);

		if (d)
			adj_out_commit(s, d, now_us, COMMIT_CHANGED);
	}
	session_flush_soon(s, now_us, false);
}

void session_reconsider(struct session *s, struct destination *d, uint64_t now_us)
{
	if (adj_out_commit(s, d, now_us, COMMIT_CHANGED))
		session_flush_soon(s, now_us, s->out.is_urgent);
}

void session_reply(struct session *s, struct destination *d, uint64_t now_us)
{
	if (adj_out_commit(s, d, now_us, COMMIT_FORCED))
		session_flush_soon(s, now_us, true);
}

void session_drifts(struct destination *d, uint64_t now_us)
{
	struct babel *b = d->b;

	b->places[d->index].is_drifting = true;
	timer_set_earlier(&b->heap, &b->drift, now_us + DRIFT_US);
}

void session_drift_due(struct timer *timer, uint64_t now_us)
{
	struct babel *b = container_of(timer, struct babel, drift);

	for (unsigned i = 0; i < b->place_count; i++) {
		if (!b->places[i].is_drifting)
			continue;
		b->places[i].is_drifting = false;
		session_announce(b->places[i].destination, now_us, COMMIT_DRIFTED);
	}
}

void session_settles(struct destination *d, uint64_t now_us)
{
	if (list_is_empty(&d->on_unsettled))
		list_push_back(&d->b->unsettled, &d->on_unsettled);
	if (!timer_is_armed(&d->b->settle))
		timer_set(&d->b->heap, &d->b->settle, now_us + SETTLE_US);
}

void session_settle_due(struct timer *timer, uint64_t now_us)
{
	struct babel *b = container_of(timer, struct babel, settle);

	while (!list_is_empty(&b->unsettled)) {
		struct destination *d = list_entry(list_pop_front(&b->unsettled), struct destination, on_unsettled);

		session_announce(d, now_us, COMMIT_SETTLED);
	}
}

uint64_t session_follows_until_us(const struct destination *d, bool in_full)
{
	uint64_t until_us = 0;

	for (const struct list *node = d->b->sessions.next; node != &d->b->sessions; node = node->next) {
		const struct session *s = list_entry(node, struct session, on_babel);

		if (adj_out_find(s, d) && (s->out.is_full || !in_full) && s->out.granted_until_us > until_us)
			until_us = s->out.granted_until_us;
	}
	return until_us;
}

/* --- in flight ---------------------------------------------------------------------------------- */

void outstanding_add(struct outstanding *f, uint64_t now_us, uint32_t ver)
{
	unsigned last = (f->first + f->count) % OUTSTANDING_MAX;

	if (f->count == OUTSTANDING_MAX)
		return;
	f->vers[last] = ver;
	f->sent_us[last] = now_us;
	f->count++;
}

void outstanding_forget(struct outstanding *f)
{
	f->count = 0;
}

/* One acknowledgment is of all packets up to what it names. */
static void outstanding_end(struct outstanding *f, uint32_t applied)
{
	while (f->count > 0 && f->vers[f->first] <= applied) {
		f->first = (f->first + 1) % OUTSTANDING_MAX;
		f->count--;
	}
}

/* --- out ---------------------------------------------------------------------------------------- */

void session_flush_soon(struct session *s, uint64_t now_us, bool urgent)
{
	struct babel *b = s->n->b;
	uint64_t wait_us = urgent ? engine_random_between(b, URGENT_JITTER_MIN_US, URGENT_JITTER_MAX_US)
				  : engine_random_between(b, TRIGGERED_JITTER_MIN_US, TRIGGERED_JITTER_MAX_US);

	timer_set_earlier(&b->heap, &s->flush, now_us + wait_us);
}

/* In a full sync the last packet brings it. */
bool session_may_refresh(const struct session *s)
{
	return s->n->cost[BABEL_TEXT] != BABEL_INFINITY && (s->out.sent == s->out.ver || !s->out.is_full);
}

void session_refreshed(struct session *s, uint64_t now_us)
{
	s->out.owes_refresh = false;
	s->out.said = s->out.ver;
	s->out.granted_until_us = now_us + link_update_hold_us(s->n->link);
	refresh_arm(s, now_us);
}

static void refresh_write(struct session *s, struct packet *p, uint64_t now_us)
{
	struct session_out *out = &s->out;
	struct babel_tlv tlv = { .type = TLV_REFRESH };

	tlv.u.refresh.epoch = out->epoch;
	tlv.u.refresh.ver = out->ver;
	tlv.u.refresh.count = (uint16_t)out->count;
	tlv.u.refresh.interval_cs = s->n->link->config.update_interval_cs;
	tlv.u.refresh.digest = out->digest;
	packet_write(p, &tlv);
	session_refreshed(s, now_us);
}

static uint64_t retransmit_us(const struct session *s)
{
	uint64_t wait_us = s->out.rtt_us * 3 / 2 + RETRANSMIT_MIN_US;

	if (s->n->link->config.is_thin && wait_us < RETRANSMIT_THIN_MIN_US)
		wait_us = RETRANSMIT_THIN_MIN_US;
	uint64_t max_us = link_update_interval_us(s->n->link);

	wait_us <<= s->out.tries < DOUBLINGS_MAX ? s->out.tries : DOUBLINGS_MAX;
	return wait_us < max_us ? wait_us : max_us;
}

bool session_says_urgent(const struct session *s)
{
	return s->out.is_urgent || s->out.sent < s->out.urgent;
}

/* What is urgent counts behind a gap (R4). On a thin link it would be said twice. */
static bool news_is_ahead(const struct session *s)
{
	return s->out.is_urgent && !s->n->link->config.is_thin;
}

/* Is there news, and may it leave? One packet may ahead of its turn. Nothing is gained by telling who does not hear
 * us, or whom we do not hear. */
static bool news_may_leave(const struct session *s)
{
	const struct session_out *out = &s->out;

	return s->n->cost[BABEL_TEXT] != BABEL_INFINITY && out->sent < out->ver &&
	       out->outstanding.count < out->window + news_is_ahead(s);
}

/* Lost, it is said again as after a first loss, however long something else has been said in vain. */
static void retransmit_soon(struct session *s, uint64_t now_us)
{
	s->out.tries = 0;
	if (timer_is_armed(&s->out.retransmit))
		timer_set_earlier(&s->n->b->heap, &s->out.retransmit, now_us + retransmit_us(s));
}

static bool refresh_may_leave(const struct session *s)
{
	return s->out.owes_refresh && session_may_refresh(s);
}

void session_ride(struct session *s, struct packet *p, uint64_t now_us)
{
	struct session_out *out = &s->out;

	if (s->in.owes_ack) {
		struct babel_tlv tlv = adj_in_syncack(s);

		packet_write(p, &tlv);
	}
	/* Nothing is gained by telling who does not hear us, or whom we do not hear. */
	if (s->n->cost[BABEL_TEXT] == BABEL_INFINITY)
		return;
	while (news_may_leave(s) && packet_goes_on(p)) {
		if (news_is_ahead(s))
			retransmit_soon(s, now_us);
		adj_out_write(s, p, now_us);
	}
	if (out->is_urgent && out->sent > out->urgent)
		out->urgent = out->sent;
	out->is_urgent &= out->sent < out->ver;
	if (refresh_may_leave(s))
		refresh_write(s, p, now_us);
	if (out->acked < out->sent && !timer_is_armed(&out->retransmit))
		timer_set(&s->n->b->heap, &out->retransmit, now_us + retransmit_us(s));
}

void session_ride_early(struct session *s, struct packet *p, uint64_t now_us)
{
	uint64_t interval_us = link_update_interval_us(s->n->link);

	s->out.owes_refresh |= s->out.refresh.due_us < now_us + interval_us / 8;
	session_ride(s, p, now_us);
}

static void flush_due(struct timer *timer, uint64_t now_us)
{
	struct session *s = container_of(timer, struct session, flush);
	struct packet p;

	/* The first word that names the epoch may be lost, and none that does not counts before it was heard. */
	bool suffices = thin_suffices(s), is_thin = suffices && !(s->in.is_syncing && s->in.owes_ack);
	bool has_room = true;
	/* Who knows nothing yet reaches nobody. */
	bool is_urgent = session_says_urgent(s) || s->out.is_full || (s->in.owes_ack && !is_thin);
	enum babel_need need = is_urgent ? BABEL_NEED_URGENT : BABEL_NEED_ROUTINE;

	if (!is_thin || news_may_leave(s)) {
		has_room = packet_begin_within(&p, s->n->b, s->n->link, &s->n->address, need);
		if (has_room) {
			session_ride(s, &p, now_us);
			packet_send(&p);
		}
		has_room = packet_goes_on(&p);
	}
	if ((is_thin || (suffices && !has_room)) && (s->in.owes_ack || refresh_may_leave(s)))
		thin_say(s, now_us, false);
	if (!has_room && (s->in.owes_ack || refresh_may_leave(s) || news_may_leave(s)))
		timer_set_earlier(&s->n->b->heap, &s->flush, p.again_us);
}

static void refresh_due(struct timer *timer, uint64_t now_us)
{
	struct session *s = container_of(timer, struct session, out.refresh);

	s->out.owes_refresh = true;
	timer_set_earlier(&s->n->b->heap, &s->flush, now_us);
	refresh_arm(s, now_us);
}

/* --- acknowledgments -------------------------------------------------------------------------------- */

static void rewind_to(struct session *s, uint64_t now_us, uint32_t ver)
{
	s->out.sent = ver;
	outstanding_forget(&s->out.outstanding);
	timer_set_earlier(&s->n->b->heap, &s->flush, now_us);
}

static void retransmit_due(struct timer *timer, uint64_t now_us)
{
	struct session *s = container_of(timer, struct session, out.retransmit);

	if (s->out.acked >= s->out.sent)
		return;
	s->n->b->counters.deltas_resent++;
	s->out.tries++;
	s->out.window = 1;
	rewind_to(s, now_us, s->out.acked);
}

/*
 * How long the acknowledgment took; 0: nobody can tell. It may be one of any copy, and
 * time in which nothing arrived is none that a packet takes: each loss would make the
 * next one last longer. Hellos tell which copy cannot be meant; without them, and on
 * thin links, where a copy waits for its turn, the first one is.
 */
static uint64_t ack_took_us(const struct session *s, uint64_t now_us)
{
	const struct session_out *out = &s->out;
	uint32_t least_us = s->n->link->config.is_thin ? 0 : rtt_least_us(&s->n->rtt);

	if (out->timed_copies > 0 && least_us > 0 && now_us >= out->timed_copy_us + least_us)
		return now_us - out->timed_copy_us;
	return out->timed_copies > 1 && least_us > 0 ? 0 : now_us - out->timed_us;
}

static void acked(struct session *s, uint64_t now_us, uint32_t applied)
{
	struct session_out *out = &s->out;

	adj_out_acked(s, now_us, applied);
	if (out->timed_ver && applied >= out->timed_ver) {
		uint64_t sample_us = ack_took_us(s, now_us);
		uint64_t max_us = RTT_MAX_US + 8 * s->n->link->config.turn_us;

		if (sample_us > 0)
			out->rtt_us = (7 * out->rtt_us + (sample_us < max_us ? sample_us : max_us)) / 8;
		out->timed_ver = 0;
	}
	out->tries = 0;
	if (out->window < (s->n->link->config.is_thin ? WINDOW_THIN : WINDOW_MAX))
		out->window++;
	if (out->sent < applied)
		out->sent = applied;
	if (out->said < applied)
		out->said = applied;
	if (applied == out->ver)
		out->is_full = out->is_first = false;
	outstanding_end(&out->outstanding, applied);
	timer_cancel(&s->n->b->heap, &out->retransmit);
	if (applied < out->sent)
		timer_set(&s->n->b->heap, &out->retransmit, now_us + retransmit_us(s));
	if (out->sent < out->ver)
		session_flush_soon(s, now_us, true);
}

/* Said before what is on its way can have arrived: on a thin link it is not said twice for that. */
static bool nack_has_crossed(const struct session *s, uint64_t now_us, uint32_t applied)
{
	const struct outstanding *f = &s->out.outstanding;

	return s->n->link->config.is_thin && applied <= s->out.acked && f->count > 0 &&
	       now_us < f->sent_us[f->first] + s->out.rtt_us;
}

/* Nothing new was acknowledged by a word that could have done so: on a thin link there are few, and no nack comes of
 * what was the last for now. */
static bool last_was_lost(const struct session *s, uint64_t now_us, uint32_t applied)
{
	const struct session_out *out = &s->out;

	return s->n->link->config.is_thin && applied == out->acked && applied < out->sent &&
	       out->outstanding.count > 0 && !nack_has_crossed(s, now_us, applied);
}

static void full_wanted(struct session *s, uint64_t now_us)
{
	struct session_out *out = &s->out;

	/* The one that is under way will do, as long as it can still begin. */
	if (out->is_full && out->acked <= out->full_from) {
		if (!nack_has_crossed(s, now_us, out->full_from))
			rewind_to(s, now_us, out->full_from);
		return;
	}
	if (now_us < out->full_us + FULL_GAP_US + 4 * s->n->link->config.turn_us)
		return; /* it will ask again */
	s->n->b->counters.full_syncs++;
	adj_out_full(s, now_us);
	session_flush_soon(s, now_us, true);
}

void session_syncack_received(struct session *s, uint64_t now_us, const struct babel_tlv *tlv)
{
	struct session_out *out = &s->out;
	bool is_of_table = tlv->u.syncack.epoch == out->epoch && tlv->u.syncack.applied <= out->ver;

	s->n->b->counters.syncacks_received++;
	if (is_of_table && tlv->u.syncack.applied > out->acked)
		acked(s, now_us, tlv->u.syncack.applied);
	if (tlv->u.syncack.nack && is_of_table)
		compact_refused(s, tlv->u.syncack.whole, tlv->u.syncack.is_unknown);
	if (tlv->u.syncack.full) {
		full_wanted(s, now_us);
	} else if (tlv->u.syncack.nack && is_of_table) {
		if (tlv->u.syncack.applied < out->sent && tlv->u.syncack.applied >= out->acked &&
			(tlv->u.syncack.whole.len > 0 || !nack_has_crossed(s, now_us, tlv->u.syncack.applied)))
			rewind_to(s, now_us, tlv->u.syncack.applied);
		out->owes_refresh = true;
		session_flush_soon(s, now_us, true);
	} else if (is_of_table && last_was_lost(s, now_us, tlv->u.syncack.applied)) {
		rewind_to(s, now_us, tlv->u.syncack.applied);
	}
}

/* --- for others ---------------------------------------------------------------------------------------- */

uint64_t session_lease_us(const struct session *s)
{
	return timer_is_armed(&s->in.lease) ? s->in.lease.due_us : 0;
}

void session_cost_changed(struct session *s, uint64_t now_us, uint16_t old)
{
	struct neighbour *n = s->n;

	if (n->cost[BABEL_TEXT] == BABEL_INFINITY) {
		n->is_dormant = true;
		return;
	}
	if (old != BABEL_INFINITY)
		return;
	/* One refresh that matches is enough to bring its routes back (R13), and ours there. */
	if (n->is_dormant)
		adj_in_ask(s, now_us);
	s->out.owes_refresh = true;
	s->out.tries = 0;
	rewind_to(s, now_us, s->out.acked);
}

/* As route_forgive(): by a quarter of an interval at most. */
void session_forgive(struct session *s, uint64_t now_us, uint64_t slept_us)
{
	uint64_t most_us = s->in.interval_us / 4;

	(void)now_us;
	if (timer_is_armed(&s->in.lease))
		timer_set(&s->n->b->heap, &s->in.lease, s->in.lease.due_us + (slept_us < most_us ? slept_us : most_us));
}
