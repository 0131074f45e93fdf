/*
 * Does a class of traffic get there, and how well? A question that goes the way of the
 * class, from node to node, each of which looks it up as it would a packet, and its
 * answer, which goes back by the way of the class from there:
 *
 *   asker ──REACH──► relay ──REACH──► relay ... owner of the address
 *     ▲                                          or who cannot pass it on
 *     └──────────────REACHED─────────────────────┘
 *
 * It waits in the lane of its class, so the time it takes is that of the class; it counts
 * as what nodes say to each other, inside the budget of each link (budget.c); and it has
 * the same size over any number of hops: what it collects is the slowest one.
 *
 *   unasked ──► waiting ──answer──► works, or does not
 *                  │ ▲
 *                  └─┴─ asked again, REACH_TRIES times in all; then: unknown
 *
 * Nothing proves an answer beyond this: members said so, one to the next.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>

#define REACH_TRIES 4 /* no more: two bits of the id of a question tell which it is */
#define HOPS_MAX 32
#define WAIT_US (2 * SECOND) /* for the first answer, at least, and half as long again for each further one */
#define WAIT_FRAMES 4
#define RELAY_INTERVAL_US (100 * MS) /* between questions and answers of one neighbour ... */
#define RELAY_BURST 24 /* ... of which so many may come at once */
#define URGENT_INTERVAL_US (5 * SECOND) /* between messages on a link beyond its routine budget ... */
#define URGENT_BURST 6 /* ... of which so many may go at once: three questions and three answers */
#define MESSAGE_MAX (1 + 4 + 4 + 4 + 16 + 16 + 17) /* op, id, four bytes, rate, two nodes, asker, destination */

/* The byte behind the id: which class was asked for, which one it goes on as, and what befell it. */
#define CLASS_ASKED 0x03
#define CLASS_NOW 0x0c
#define CLASS_NOW_SHIFT 2
#define FELL_THERE 0x10
#define RATE_UNKNOWN 0x20 /* of one hop or more */

/* A question about a destination and a class, and what is known of it. */
struct reach {
	struct node *n;
	bool is_used;
	struct address to;
	enum packet_class class;
	uint32_t id; /* of the first try */
	unsigned tries;
	uint64_t asked_us, sent_us[REACH_TRIES];
	struct timer timer;
	struct node_reach result;
};

struct message {
	bool is_answer;
	uint32_t id;
	enum packet_class asked, now;
	bool fell_there, is_rate_unknown;
	uint8_t hops_left;
	uint8_t hops; /* that it has gone, there */
	uint8_t slow_hop; /* the slowest of them, from 1; 0: none is known */
	uint32_t slow_bps;
	router_id slow_from, slow_to;
	struct address asker; /* of its own, in the mesh */
	struct address to; /* of a question */
	enum node_reach_end end; /* of an answer: ... */
	router_id ended_at; /* ... who gave it */
};

/* --- on the wire --------------------------------------------------------------------------- */

static size_t message_write(const struct message *m, uint8_t *body, size_t capacity)
{
	struct writer w = writer_of(body, capacity);
	unsigned class = (unsigned)m->asked | (unsigned)m->now << CLASS_NOW_SHIFT;

	class |= m->fell_there ? FELL_THERE : 0;
	class |= m->is_rate_unknown ? RATE_UNKNOWN : 0;
	write_u8(&w, m->is_answer ? CONTROL_REACHED : CONTROL_REACH);
	write_u32(&w, m->id);
	write_u8(&w, (uint8_t) class);
	write_u8(&w, m->hops_left);
	write_u8(&w, m->hops);
	write_u8(&w, m->slow_hop);
	write_u32(&w, m->slow_bps);
	write_copy(&w, m->slow_from.bytes, sizeof(m->slow_from.bytes));
	write_copy(&w, m->slow_to.bytes, sizeof(m->slow_to.bytes));
	write_copy(&w, m->asker.bytes, 16);
	if (m->is_answer) {
		write_u8(&w, (uint8_t)m->end);
		write_copy(&w, m->ended_at.bytes, sizeof(m->ended_at.bytes));
	} else {
		write_u8(&w, m->to.family);
		write_copy(&w, m->to.bytes, m->to.family == FAMILY_IPV4 ? 4 : 16);
	}
	return writer_len(&w);
}

static bool address_read(struct address *out, struct reader *r)
{
	uint8_t family = read_u8(r), bytes[16];

	if (family != FAMILY_IPV4 && family != FAMILY_IPV6)
		return false;
	read_copy(r, bytes, family == FAMILY_IPV4 ? 4 : 16);
	*out = family == FAMILY_IPV4 ? address_ipv4(bytes) : address_ipv6(bytes);
	return true;
}

/* What follows the op. */
static bool message_read(struct message *m, bool is_answer, struct reader *r)
{
	uint8_t asker[16];

	*m = (struct message){ .is_answer = is_answer, .id = read_u32(r) };
	uint8_t class = read_u8(r);
	m->asked = (enum packet_class)(class & CLASS_ASKED);
	m->now = (enum packet_class)((class & CLASS_NOW) >> CLASS_NOW_SHIFT);
	m->fell_there = class & FELL_THERE;
	m->is_rate_unknown = class & RATE_UNKNOWN;
	uint8_t left = read_u8(r);
	m->hops_left = left < HOPS_MAX ? left : HOPS_MAX; /* whatever the neighbour says */
	m->hops = read_u8(r);
	m->slow_hop = read_u8(r);
	m->slow_bps = read_u32(r);
	read_copy(r, m->slow_from.bytes, sizeof(m->slow_from.bytes));
	read_copy(r, m->slow_to.bytes, sizeof(m->slow_to.bytes));
	read_copy(r, asker, sizeof(asker));
	m->asker = address_ipv6(asker);
	if (is_answer) {
		uint8_t end = read_u8(r);

		read_copy(r, m->ended_at.bytes, sizeof(m->ended_at.bytes));
		m->end = (enum node_reach_end)end;
		return reader_ok(r) && end <= NODE_REACH_BUSY && m->asked != CLASS_FALLEN;
	}
	return address_read(&m->to, r) && reader_ok(r) && m->asked != CLASS_FALLEN;
}

/* Somebody waits for it; but who asks on and on must not take the reserve of those who have lost their routes. */
static bool budget_takes(struct node_link *link, uint64_t now_us, size_t cost, enum babel_need *need)
{
	uint64_t again_us;

	*need = BABEL_NEED_ROUTINE;
	if (budget_left(link, now_us, *need, cost, &again_us) >= cost)
		return true;
	*need = BABEL_NEED_URGENT;
	return bucket_take(&link->reaches, now_us, URGENT_INTERVAL_US, URGENT_BURST) &&
	       budget_left(link, now_us, *need, cost, &again_us) >= cost;
}

/* False: the link's budget has no room for it now. */
static bool message_send(struct peer *p, uint64_t now_us, const struct message *m)
{
	uint8_t room[NODE_HEADROOM + MESSAGE_MAX + NODE_TAILROOM], *inner = room + NODE_HEADROOM - 1;
	size_t len = message_write(m, inner + 1, MESSAGE_MAX);
	size_t cost = len + 1 + FRAME_OVERHEAD + p->link->config.overhead;
	enum babel_need need;

	if (!budget_takes(p->link, now_us, cost, &need))
		return false;
	/* In a lane of data it would else count as that. */
	budget_spent(p->link, now_us, cost);
	budget_said(p->link, now_us, need, cost);
	peer_busy(p, now_us); /* a way that died unnoticed is found out, as by a packet */
	egress_reach(p, now_us, m->now, inner, len + 1);
	return true;
}

/* --- on its way ------------------------------------------------------------------------------- */

static void slowest_note(struct message *m, const struct peer *next)
{
	uint64_t rate = link_rate_bps(next->link);
	uint32_t rate_bps = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;

	m->is_rate_unknown |= !rate_bps;
	if (!rate_bps || (m->slow_hop && m->slow_bps <= rate_bps))
		return;
	m->slow_hop = m->hops;
	m->slow_bps = rate_bps;
	m->slow_from = next->n->rid;
	m->slow_to = next->rid;
}

/* One hop on, by the way of its class. Where it ended if it did not go on; NODE_REACH_ENDS: it did. */
static enum node_reach_end question_pass(struct node *n, uint64_t now_us, struct message *m)
{
	const struct fib_entry *to = fib_lookup(&n->fib, &m->to);

	if (to && to->kind == FIB_OWN)
		return NODE_REACH_ARRIVED;
	if (to && to->kind == FIB_NATIVE)
		return NODE_REACH_EDGE;
	struct peer *next = to ? peer_of_class(to, &m->now) : NULL;
	if (!next)
		return NODE_REACH_NO_ROUTE;
	m->fell_there |= m->now != m->asked;
	if (m->hops_left <= 1 || m->hops >= HOPS_MAX)
		return NODE_REACH_TOO_FAR;
	m->hops_left--;
	m->hops++;
	if (!class_is_admitted(next->link, m->now)) {
		m->slow_hop = 0;
		slowest_note(m, next);
		return NODE_REACH_NOT_ADMITTED;
	}
	slowest_note(m, next);
	return message_send(next, now_us, m) ? NODE_REACH_ENDS : NODE_REACH_BUSY;
}

/* An answer passes over any link: it is no traffic of its class. */
static void answer_pass(struct node *n, uint64_t now_us, struct message *m)
{
	const struct fib_entry *to = fib_lookup(&n->fib, &m->asker);
	struct peer *next = to ? peer_of_class(to, &m->now) : NULL;

	if (!next || m->hops_left <= 1) {
		DROP(n, NULL, no_route);
		return;
	}
	m->hops_left--;
	if (!message_send(next, now_us, m))
		DROP(n, next->link, reach_limited);
}

static void answer_give(struct node *n, uint64_t now_us, struct message *m, enum node_reach_end end)
{
	m->is_answer = true;
	m->now = m->asked;
	m->hops_left = HOPS_MAX;
	m->end = end;
	m->ended_at = n->rid;
	answer_pass(n, now_us, m);
}

/* --- here ---------------------------------------------------------------------------------------- */

static struct reach *reach_find(const struct node *n, const struct address *to, enum packet_class class)
{
	for (unsigned i = 0; n->reaches && i < REACHES_MAX; i++) {
		struct reach *r = &n->reaches[i];

		if (r->is_used && r->class == class && address_equal(&r->to, to))
			return r;
	}
	return NULL;
}

static void reach_due(struct timer *timer, uint64_t now_us);

/* That which was asked for the longest time ago, if no other is free. */
static struct reach *reach_get(struct node *n, const struct address *to, enum packet_class class)
{
	struct reach *r = reach_find(n, to, class);

	if (r)
		return r;
	if (!n->reaches)
		n->reaches = calloc(REACHES_MAX, sizeof(*n->reaches));
	if (!n->reaches)
		return NULL;
	r = &n->reaches[0];
	for (unsigned i = 1; i < REACHES_MAX; i++) {
		struct reach *other = &n->reaches[i];

		if (r->is_used && (!other->is_used || other->asked_us < r->asked_us))
			r = other;
	}
	timer_cancel(&n->heap, &r->timer);
	*r = (struct reach){ .n = n, .is_used = true, .to = *to, .class = class };
	timer_init(&r->timer, reach_due);
	return r;
}

static void reach_end(struct reach *r, uint64_t now_us, const struct message *m, enum node_reach_end end)
{
	struct node_reach *result = &r->result;

	timer_cancel(&r->n->heap, &r->timer);
	*result = (struct node_reach){
		.state = end == NODE_REACH_ARRIVED || end == NODE_REACH_EDGE ? NODE_REACH_WORKS : NODE_REACH_FAILS,
		.end = end,
		.at_us = now_us,
		.worked_us = result->worked_us,
		.fell_there = m->fell_there,
		.fell_back = m->is_answer && m->now != m->asked,
		.is_rate_unknown = m->is_rate_unknown,
		.hops = m->hops,
		.slow_hop = m->slow_hop,
		.slow_bps = m->slow_bps,
		.slow_from = m->slow_from,
		.slow_to = m->slow_to,
		.ended_at = m->ended_at,
	};
	if (result->state == NODE_REACH_WORKS)
		result->worked_us = now_us;
}

/* It is no verdict: the question is asked again. */
static void busy_note(struct reach *r, const struct message *m)
{
	r->result.end = NODE_REACH_BUSY;
	r->result.hops = m->hops;
	r->result.ended_at = m->ended_at;
}

/* For the first answer. Where the way begins with a slow link, as whole frames take there and back behind others. */
static uint64_t reach_wait_us(const struct reach *r)
{
	const struct fib_entry *to = fib_lookup(&r->n->fib, &r->to);
	enum packet_class class = r->class;
	const struct peer *next = to ? peer_of_class(to, &class) : NULL;
	uint64_t frames_us = next ? WAIT_FRAMES * link_airtime_us(next->link, next->link->config.mtu) : 0;

	return frames_us > WAIT_US ? frames_us : WAIT_US;
}

/* Sends one more question. */
static void reach_try(struct reach *r, uint64_t now_us)
{
	struct node *n = r->n;
	struct message m = { .id = r->id + r->tries,
		.asked = r->class,
		.now = r->class,
		.hops_left = HOPS_MAX,
		.asker = n->address,
		.to = r->to };
	enum node_reach_end end = question_pass(n, now_us, &m);

	r->sent_us[r->tries++] = now_us;
	m.ended_at = n->rid;
	if (end == NODE_REACH_ENDS)
		r->result.end = NODE_REACH_SILENT;
	else if (end == NODE_REACH_BUSY)
		busy_note(r, &m);
	else {
		reach_end(r, now_us, &m, end);
		return;
	}
	/* 1, 1.5, 2 and 2.5 of them. */
	timer_set(&n->heap, &r->timer, now_us + reach_wait_us(r) * (r->tries + 1) / 2);
}

static void reach_due(struct timer *timer, uint64_t now_us)
{
	struct reach *r = container_of(timer, struct reach, timer);

	if (r->tries < REACH_TRIES) {
		reach_try(r, now_us);
		return;
	}
	r->result.state = NODE_REACH_UNKNOWN;
	r->result.at_us = now_us;
}

static void reach_start(struct reach *r, uint64_t now_us)
{
	r->result = (struct node_reach){ .state = NODE_REACH_WAITING, .worked_us = r->result.worked_us };
	r->asked_us = now_us;
	r->tries = 0;
	/* An answer tells by its id which of them it is to. */
	r->id = random_u32(&r->n->random) & ~UINT32_C(3);
	reach_try(r, now_us);
}

int node_reach_ask(struct node *n, uint64_t now_us, const struct address *to, unsigned class)
{
	if (class >= TRAFFIC_CLASSES || to->family == FAMILY_NONE)
		return -EINVAL;
	n->now_us = now_us;
	struct reach *r = reach_get(n, to, (enum packet_class) class);
	if (!r)
		return -ENOMEM;
	if (r->result.state != NODE_REACH_WAITING)
		reach_start(r, now_us);
	return 0;
}

struct node_reach node_reach(const struct node *n, const struct address *to, unsigned class)
{
	const struct reach *r = class < TRAFFIC_CLASSES ? reach_find(n, to, (enum packet_class) class) : NULL;

	return r ? r->result : (struct node_reach){ .state = NODE_REACH_UNASKED };
}

static void answered(struct node *n, uint64_t now_us, const struct message *m)
{
	for (unsigned i = 0; n->reaches && i < REACHES_MAX; i++) {
		struct reach *r = &n->reaches[i];
		uint32_t number = m->id - r->id;

		if (!r->is_used || r->result.state != NODE_REACH_WAITING || r->class != m->asked || number >= r->tries)
			continue;
		if (m->end == NODE_REACH_BUSY) {
			busy_note(r, m);
			return;
		}
		reach_end(r, now_us, m, m->end);
		r->result.rtt_us = now_us - r->sent_us[number];
		return;
	}
	/* Late, or an answer to what was not asked. */
	DROP(n, NULL, reach_stray);
}

void reach_in(struct peer *from, uint64_t now_us, bool is_answer, struct reader *r)
{
	struct node *n = from->n;
	struct message m;

	if (!message_read(&m, is_answer, r)) {
		DROP(n, from->link, control_malformed);
		return;
	}
	if (!bucket_take(&from->reaches, now_us, RELAY_INTERVAL_US, RELAY_BURST)) {
		DROP(n, from->link, reach_limited);
		return;
	}
	if (is_answer && address_equal(&m.asker, &n->address)) {
		answered(n, now_us, &m);
		return;
	}
	if (is_answer) {
		answer_pass(n, now_us, &m);
		return;
	}
	if (!guest_may_ask(from, &m.to)) {
		DROP(n, from->link, guest_denied);
		return;
	}
	enum node_reach_end end = question_pass(n, now_us, &m);
	if (end == NODE_REACH_BUSY)
		DROP(n, NULL, reach_limited);
	if (end != NODE_REACH_ENDS)
		answer_give(n, now_us, &m, end);
}

void reach_done(struct node *n)
{
	for (unsigned i = 0; n->reaches && i < REACHES_MAX; i++)
		timer_cancel(&n->heap, &n->reaches[i].timer);
	free(n->reaches);
	n->reaches = NULL;
}
