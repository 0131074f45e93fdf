/*
 * What waits for a link, and what leaves next (protocol.md 3, design.md 6).
 *
 * Four lanes in strict order: what nodes say to each other, command, text, bulk. A
 * data lane is divided into flows, which take turns by deficit round robin, and each
 * flow has CoDel. A lane that is full loses the oldest packets of its fattest flow, so
 * that nobody fills it for others.
 *
 * A packet leaves in pieces where the link has small frames: between two of them
 * whatever has come meanwhile in a higher lane goes first.
 */
#include "meshd/node/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL_BYTES_MAX 16384
#define LANE_BYTES_MAX 524288 /* of a data lane of a fast link ... */
#define LANE_PACKETS_MIN 8 /* ... and of a slow one at least so many whole packets, or */
#define LANE_US (2 * SECOND) /* ... what it carries in so long */
/* Of the control lane, in this order: who is out; handshakes, as nothing is heard without keys; the rest. */
enum { FLOW_FIRST, FLOW_HANDSHAKES, FLOW_CONTROL, CONTROL_FLOWS };

/* --- limits and counters ------------------------------------------------------------------ */

/* Of a whole one, on the line. */
static size_t packet_cost(const struct node_link *link)
{
	size_t packet = link->config.is_thin ? link_packet_max(link) : link->config.mtu;

	return packet + link->config.overhead;
}

static size_t lane_limit(const struct node_link *link, enum lane lane)
{
	uint64_t rate_bps = link_rate_bps(link);
	size_t least = LANE_PACKETS_MIN * packet_cost(link);

	if (lane == LANE_CONTROL)
		return CONTROL_BYTES_MAX;
	if (!rate_bps)
		return LANE_BYTES_MAX;
	uint64_t bytes = rate_bps / 8 * (LANE_US / SECOND);
	return bytes < least ? least : bytes < LANE_BYTES_MAX ? (size_t)bytes : LANE_BYTES_MAX;
}

/* Only the first one of a flow can be. */
static unsigned begun_count(const struct lane_queue *l)
{
	unsigned count = 0;

	for (unsigned i = 0; l->flows && i < FLOWS; i++)
		count += l->flows[i].first && l->flows[i].first->out.at > 0;
	return count;
}

struct node_lane_info egress_info(const struct node_link *link, enum lane lane)
{
	struct node_lane_info info = { 0 };

	if (link->egress) {
		info = link->egress->counts[lane];
		info.packets = link->egress->lanes[lane].packets;
		info.bytes = link->egress->lanes[lane].bytes;
		info.begun += begun_count(&link->egress->lanes[lane]);
	}
	info.sent_bytes = link->lane_bytes[lane];
	return info;
}

/* --- flows ----------------------------------------------------------------------------------- */

static void flow_wake(struct lane_queue *l, struct flow *f)
{
	if (f->is_active)
		return;
	f->is_active = true;
	f->deficit = 0;
	f->next = NULL;
	*l->last_active = f;
	l->last_active = &f->next;
}

/* The one whose turn it is. */
static struct flow *flow_take_turn(struct lane_queue *l)
{
	struct flow *f = l->active;

	l->active = f->next;
	if (!l->active)
		l->last_active = &l->active;
	f->is_active = false;
	f->next = NULL;
	return f;
}

static void flow_push(struct lane_queue *l, struct flow *f, struct waiting *w)
{
	w->next = NULL;
	*f->last = w;
	f->last = &w->next;
	f->bytes += w->cost;
	l->bytes += w->cost;
	l->packets++;
	flow_wake(l, f);
}

static struct waiting *flow_pop(struct lane_queue *l, struct flow *f)
{
	struct waiting *w = f->first;

	f->first = w->next;
	if (!f->first)
		f->last = &f->first;
	f->bytes -= w->cost;
	l->bytes -= w->cost;
	l->packets--;
	if (l->begun == f)
		l->begun = NULL;
	return w;
}

static struct flow *fattest(const struct lane_queue *l)
{
	struct flow *most = &l->flows[0];

	for (unsigned i = 1; i < FLOWS; i++)
		if (l->flows[i].bytes > most->bytes)
			most = &l->flows[i];
	return most;
}

static bool lane_open(struct lane_queue *l)
{
	if (l->flows)
		return true;
	l->flows = calloc(FLOWS, sizeof(*l->flows));
	if (!l->flows)
		return false;
	for (unsigned i = 0; i < FLOWS; i++)
		l->flows[i].last = &l->flows[i].first;
	l->active = NULL;
	l->last_active = &l->active;
	return true;
}

static void lane_close_if_empty(struct lane_queue *l)
{
	if (l->packets)
		return;
	free(l->flows);
	*l = (struct lane_queue){ 0 };
}

/* --- in ----------------------------------------------------------------------------------------- */

static void waiting_free(struct node_link *link, struct waiting *w)
{
	link->waiting--;
	pool_give(&link->n->pool, w);
}

static void waiting_drop(struct node_link *link, enum lane lane, struct waiting *w)
{
	link->egress->counts[lane].begun += w->out.at > 0;
	waiting_free(link, w);
}

/* A lane that is too full loses the oldest of the flow that fills it most. */
static void lane_trim(struct node_link *link, enum lane lane)
{
	struct lane_queue *l = &link->egress->lanes[lane];
	size_t limit = lane_limit(link, lane);

	while (l->bytes > limit && l->packets > 1) {
		struct flow *f = fattest(l);

		waiting_drop(link, lane, flow_pop(l, f));
		link->egress->counts[lane].full++;
		DROP(link->n, link, queue_full);
	}
}

static struct waiting *waiting_make(struct node_link *link, uint64_t now_us, const uint8_t *data, size_t len)
{
	struct waiting *w = pool_take(&link->n->pool, NODE_HEADROOM + len + NODE_TAILROOM);

	if (!w)
		return NULL;
	w->since_us = now_us;
	w->out = (struct outgoing){ .inner = w->room + NODE_HEADROOM, .len = len };
	w->cost = len + FRAME_OVERHEAD + link->config.overhead;
	memcpy(w->out.inner, data, len);
	return w;
}

static bool egress_open(struct node_link *link)
{
	if (!link->egress)
		link->egress = calloc(1, sizeof(*link->egress));
	return link->egress;
}

static void egress_run(struct node_link *link, uint64_t now_us);

static void egress_put(struct node_link *link, uint64_t now_us, enum lane lane, unsigned flow, struct waiting *w)
{
	if (!w || !egress_open(link) || !lane_open(&link->egress->lanes[lane])) {
		if (w)
			pool_give(&link->n->pool, w);
		if (link->egress)
			link->egress->counts[lane].full++;
		DROP(link->n, link, queue_full);
		return;
	}
	struct lane_queue *l = &link->egress->lanes[lane];
	link->waiting++;
	flow_push(l, &l->flows[flow % FLOWS], w);
	if (w->out.at)
		l->begun = &l->flows[flow % FLOWS];
	lane_trim(link, lane);
	egress_run(link, now_us);
}

static bool passes_at_once(const struct node_link *link, uint64_t now_us)
{
	return !link->waiting && link_takes(link, now_us);
}

/* An inner frame of a data lane. */
static void egress_inner(struct peer *p, uint64_t now_us, enum lane lane, uint8_t *inner, size_t len)
{
	struct node_link *link = p->link;
	struct outgoing out = { .inner = inner, .len = len };
	bool is_first = passes_at_once(link, now_us);
	uint32_t flow = 0;

	if (kind_is_packet(inner[0]) && (!is_first || len > peer_frame_room(p)))
		flow = flow_of_packet(bytes_of(inner + 1, len - 1), link->n->fib.secret);
	if (is_first) {
		link->lane = lane;
		bool is_more = peer_send_next(p, now_us, &out);
		link->lane = LANE_CONTROL;
		if (!is_more)
			return;
	}
	struct waiting *w = waiting_make(link, now_us, out.inner, out.len);
	if (w) {
		w->peer = p;
		w->out.at = out.at;
		w->out.id = out.id;
	}
	egress_put(link, now_us, lane, flow, w);
}

void egress_packet(struct peer *p, uint64_t now_us, enum packet_class class, uint8_t *inner, size_t len)
{
	inner[0] = kind_of_class(KIND_IP, peer_has_classes(p) ? class : CLASS_TEXT);
	egress_inner(p, now_us, lane_of_class(class), inner, len);
}

void egress_reach(struct peer *p, uint64_t now_us, enum packet_class class, uint8_t *inner, size_t len)
{
	inner[0] = KIND_CONTROL;
	egress_inner(p, now_us, lane_of_class(class), inner, len);
}

void egress_message(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len)
{
	inner[0] = KIND_MESSAGE;
	p->n->counters.messages_said++;
	egress_inner(p, now_us, LANE_TEXT, inner, len);
}

static void egress_said(struct peer *p, uint64_t now_us, unsigned flow, uint8_t *inner, size_t len)
{
	if (passes_at_once(p->link, now_us)) {
		peer_send_in_place(p, now_us, inner, len);
		return;
	}
	struct waiting *w = waiting_make(p->link, now_us, inner, len);
	if (w)
		w->peer = p;
	egress_put(p->link, now_us, LANE_CONTROL, flow, w);
}

void egress_control(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len)
{
	egress_said(p, now_us, FLOW_CONTROL, inner, len);
}

void egress_first(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len)
{
	egress_said(p, now_us, FLOW_FIRST, inner, len);
}

void egress_frame(struct node_link *link, uint64_t now_us, const struct endpoint *to, struct bytes frame)
{
	if (!link->up || passes_at_once(link, now_us)) {
		frame_transmit(link, now_us, to, frame);
		return;
	}
	struct waiting *w = waiting_make(link, now_us, frame.data, frame.len);
	if (w) {
		w->is_to_all = !to;
		w->to = to ? *to : (struct endpoint){ 0 };
	}
	bool is_beacon = frame.len && frame.data[0] == FRAME_BEACON;
	egress_put(link, now_us, LANE_CONTROL, is_beacon ? FLOW_CONTROL : FLOW_HANDSHAKES, w);
}

/* --- out ---------------------------------------------------------------------------------------- */

/* Marks it instead, if its ends know what that means. */
static bool is_marked(struct node_link *link, enum lane lane, struct waiting *w)
{
	uint8_t *inner = w->out.inner;

	if (!w->peer || kind_base(inner[0]) != KIND_IP || !packet_mark_congestion(inner + 1, w->out.len - 1))
		return false;
	link->egress->counts[lane].marked++;
	return true;
}

/* Drops from the head of the flow what has waited for too long. */
static void flow_control_delay(struct node_link *link, uint64_t now_us, enum lane lane, struct flow *f)
{
	struct lane_queue *l = &link->egress->lanes[lane];
	const struct codel_limits limits = codel_limits_of(link_rate_bps(link), packet_cost(link));

	while (f->first && !f->first->out.at &&
		codel_drops(&f->codel, now_us, now_us - f->first->since_us, f->bytes, &limits)) {
		if (is_marked(link, lane, f->first))
			return;
		waiting_drop(link, lane, flow_pop(l, f));
		link->egress->counts[lane].late++;
		DROP(link->n, link, queue_late);
	}
}

/* Whose packet leaves next; NULL: nothing is left. */
static struct flow *lane_next(struct node_link *link, uint64_t now_us, enum lane lane)
{
	struct lane_queue *l = &link->egress->lanes[lane];

	if (l->begun)
		return l->begun;
	while (lane != LANE_CONTROL && l->active) {
		struct flow *f = l->active;

		if (f->first && f->deficit <= 0) {
			int64_t deficit = f->deficit + link->config.mtu;

			flow_take_turn(l);
			flow_wake(l, f);
			f->deficit = deficit;
			continue;
		}
		flow_control_delay(link, now_us, lane, f);
		if (f->first)
			return f;
		flow_take_turn(l);
	}
	if (lane != LANE_CONTROL || !l->packets)
		return NULL;
	unsigned first = FLOW_FIRST;
	while (first + 1 < CONTROL_FLOWS && !l->flows[first].first)
		first++;
	return &l->flows[first];
}

/* True if all of it is sent. */
static bool waiting_send(struct node_link *link, uint64_t now_us, enum lane lane, struct waiting *w)
{
	bool is_more = false;

	if (!w->peer) {
		frame_transmit(link, now_us, w->is_to_all ? NULL : &w->to, bytes_of(w->out.inner, w->out.len));
		return true;
	}
	link->lane = lane;
	if (lane == LANE_CONTROL)
		peer_send_in_place(w->peer, now_us, w->out.inner, w->out.len);
	else
		is_more = peer_send_next(w->peer, now_us, &w->out);
	link->lane = LANE_CONTROL;
	return !is_more;
}

/* May it go in one frame with what follows? */
static bool is_bundled(const struct waiting *w, const struct peer *p, const struct bundle *b)
{
	return w && w->peer == p && !w->out.at && bundle_takes(p, b, w->out.len);
}

/* Sends what is first in the flow together with what comes next, on a thin link and if it is small; false: it is not.
 */
static bool flow_send_bundle(struct node_link *link, uint64_t now_us, enum lane lane, struct flow *f)
{
	struct lane_queue *l = &link->egress->lanes[lane];
	struct peer *p = f->first->peer;
	struct bundle b = { 0 };

	if (!link->config.is_thin || !p || l->packets < 2 || !is_bundled(f->first, p, &b))
		return false;
	do {
		struct waiting *w = flow_pop(l, f);

		bundle_add(p, now_us, &b, &w->out);
		f->deficit -= (int64_t)w->cost;
		waiting_free(link, w);
		f = lane_next(link, now_us, lane);
	} while (f && is_bundled(f->first, p, &b));
	link->lane = lane;
	bundle_send(p, now_us, &b);
	link->lane = LANE_CONTROL;
	return true;
}

static void flow_send(struct node_link *link, uint64_t now_us, enum lane lane, struct flow *f)
{
	struct lane_queue *l = &link->egress->lanes[lane];
	size_t before = f->first->out.at, cost = f->first->cost;

	if (flow_send_bundle(link, now_us, lane, f))
		return;
	bool is_sent = waiting_send(link, now_us, lane, f->first);
	f->deficit -= is_sent && !before ? (int64_t)cost : (int64_t)(f->first->out.at - before);
	if (is_sent)
		waiting_free(link, flow_pop(l, f));
	else
		l->begun = f;
}

static bool egress_send_one(struct node_link *link, uint64_t now_us)
{
	for (enum lane lane = LANE_CONTROL; lane <= LANE_BULK; lane++) {
		struct lane_queue *l = &link->egress->lanes[lane];

		if (!l->flows)
			continue;
		struct flow *f = lane_next(link, now_us, lane);
		if (f)
			flow_send(link, now_us, lane, f);
		lane_close_if_empty(l);
		if (f)
			return true;
	}
	return false;
}

static void egress_run(struct node_link *link, uint64_t now_us)
{
	while (link->waiting && link_takes(link, now_us))
		if (!egress_send_one(link, now_us))
			break;
	if (link->waiting)
		timer_set(&link->n->heap, &link->dequeue, link_takes_next_us(link));
}

void egress_due(struct timer *timer, uint64_t now_us)
{
	egress_run(container_of(timer, struct node_link, dequeue), now_us);
}

void egress_flush_control(struct node_link *link, uint64_t now_us)
{
	struct lane_queue *l = link->egress ? &link->egress->lanes[LANE_CONTROL] : NULL;

	while (l && l->packets)
		flow_send(link, now_us, LANE_CONTROL, lane_next(link, now_us, LANE_CONTROL));
}

/* --- gone ---------------------------------------------------------------------------------------- */

static void flow_forget(struct node_link *link, enum lane lane, struct flow *f, const struct peer *p)
{
	struct lane_queue *l = &link->egress->lanes[lane];
	struct waiting *all = f->first;

	l->bytes -= f->bytes;
	f->bytes = 0;
	f->first = NULL;
	f->last = &f->first;
	l->begun = l->begun == f ? NULL : l->begun;
	for (struct waiting *w = all, *next; w; w = next) {
		next = w->next;
		l->packets--;
		if (p && w->peer != p) {
			flow_push(l, f, w);
			l->begun = w->out.at ? f : l->begun;
			continue;
		}
		waiting_drop(link, lane, w);
		link->egress->counts[lane].gone++;
		DROP(link->n, link, queue_gone);
	}
}

/* Of `p`, or of everybody if NULL. */
static void egress_forget(struct node_link *link, const struct peer *p)
{
	for (enum lane lane = LANE_CONTROL; link->egress && lane <= LANE_BULK; lane++) {
		struct lane_queue *l = &link->egress->lanes[lane];

		for (unsigned i = 0; l->flows && i < FLOWS; i++)
			flow_forget(link, lane, &l->flows[i], p);
		lane_close_if_empty(l);
	}
}

void egress_forget_peer(struct peer *p)
{
	if (p->link->waiting)
		egress_forget(p->link, p);
}

void egress_done(struct node_link *link)
{
	egress_forget(link, NULL);
	timer_cancel(&link->n->heap, &link->dequeue);
	link->shaper = (struct shaper){ .has_room = link->shaper.has_room, .learned = link->shaper.learned };
}
