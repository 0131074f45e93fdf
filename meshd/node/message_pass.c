/*
 * From store to store (message.h): who has what to go on with, and when.
 *
 *   waiting ──there is a way, a neighbour has a place free──► offered ──TAKEN──► gone
 *      ▲                                                         │
 *      └──────────── REFUSED, no answer, neighbour lost ─────────┘
 *
 * Few are on their way to a neighbour at a time, so that a link that comes up after
 * hours is not filled with what waited: the next one goes when one is taken. Urgent ones
 * first, else the one that came first.
 *
 *   op 2 TAKEN: id 8        op 3 REFUSED: id 8, why 1
 */
#include "meshd/node/message.h"

#include <string.h>

#define OFFERS 8 /* to one neighbour at a time ... */
#define OFFERS_THIN 2 /* ... on a thin link */
#define ANSWER_US (5 * SECOND) /* for an answer, beside the time that this takes on the link: */
#define ANSWER_BYTES (4 * NODE_THIN_BODY)
#define DOUBLINGS_MAX 6
#define WAY_LOOK_US (60 * SECOND) /* for what nobody says */
#define WAY_UP_US (100 * MS) /* gathers the routes of one packet */
#define REPORTS_MAX 64 /* own ones that wait */
#define FULL_US (60 * SECOND)
#define BACK_US (10 * SECOND) /* it does not go back to who brought it for so long */
#define MESSAGES_INTERVAL_US (20 * MS) /* between what one neighbour says of messages ... */
#define MESSAGES_BURST 64 /* ... of which so much may come at once */

/* --- when ----------------------------------------------------------------------------------------- */

static void kick_at(struct node *n, uint64_t at_us)
{
	if (n->messages)
		timer_set_earlier(&n->heap, &n->messages->timer, at_us);
}

void messages_kick(struct node *n)
{
	kick_at(n, n->now_us);
}

void messages_way_up(struct node *n)
{
	kick_at(n, n->now_us + WAY_UP_US);
}

/* --- what is said ----------------------------------------------------------------------------------- */

static void say(struct peer *p, uint64_t now_us, struct bytes body)
{
	uint8_t buffer[FRAME_HEADER + 1 + NODE_THIN_BODY + NODE_TAILROOM];
	uint8_t *inner = buffer + FRAME_HEADER;

	memcpy(inner + 1, body.data, body.len);
	egress_message(p, now_us, inner, body.len + 1);
}

void message_taken_say(struct peer *p, uint64_t now_us, const uint8_t id[NODE_MESSAGE_ID_LEN])
{
	uint8_t body[1 + NODE_MESSAGE_ID_LEN] = { MESSAGE_OP_TAKEN };

	memcpy(body + 1, id, NODE_MESSAGE_ID_LEN);
	say(p, now_us, bytes_of(body, sizeof(body)));
}

void message_refused_say(
	struct peer *p, uint64_t now_us, const uint8_t id[NODE_MESSAGE_ID_LEN], enum message_refusal why)
{
	uint8_t body[1 + NODE_MESSAGE_ID_LEN + 1] = { MESSAGE_OP_REFUSED };

	memcpy(body + 1, id, NODE_MESSAGE_ID_LEN);
	body[1 + NODE_MESSAGE_ID_LEN] = (uint8_t)why;
	say(p, now_us, bytes_of(body, sizeof(body)));
}

static uint64_t answer_us(const struct peer *p, unsigned tries)
{
	unsigned doublings = tries < DOUBLINGS_MAX ? tries : DOUBLINGS_MAX;

	/* Where a frame waits for its turn, there and back. */
	uint64_t turns_us = 3 * link_turn_us(p->link);

	return (ANSWER_US + link_airtime_us(p->link, ANSWER_BYTES) + turns_us) << doublings;
}

static void offer(struct peer *p, uint64_t now_us, struct message *m)
{
	uint8_t body[NODE_THIN_BODY];
	size_t len = message_write(m, now_us, body, sizeof(body));

	m->offered = p;
	p->offers++;
	m->due_us = now_us + answer_us(p, m->tries++);
	m->info.wait = NODE_MESSAGE_WAIT_ANSWER;
	say(p, now_us, bytes_of(body, len));
}

void message_offer_end(struct message *m)
{
	if (m->offered)
		m->offered->offers--;
	m->offered = NULL;
}

/* --- known again --------------------------------------------------------------------------------------- */

static void passed_note(struct node *n, uint64_t now_us, const uint8_t id[NODE_MESSAGE_ID_LEN])
{
	struct message_passed *p = &n->messages->passed[n->messages->passed_next++ % MESSAGE_PASSED_MAX];

	memcpy(p->id, id, NODE_MESSAGE_ID_LEN);
	p->until_us = now_us + MESSAGE_PASSED_US;
}

bool message_was_passed(const struct node *n, uint64_t now_us, const uint8_t id[NODE_MESSAGE_ID_LEN])
{
	for (unsigned i = 0; i < MESSAGE_PASSED_MAX; i++) {
		const struct message_passed *p = &n->messages->passed[i];

		if (p->until_us > now_us && memcmp(p->id, id, NODE_MESSAGE_ID_LEN) == 0)
			return true;
	}
	return false;
}

/* --- one of them ------------------------------------------------------------------------------------------ */

/* The neighbour by which texts go to that member, and to nobody else. */
static struct peer *way_to(const struct node *n, const struct address *to)
{
	struct prefix host = prefix_of_host(*to);
	const struct fib_entry *e = fib_exact(&n->fib, &host);
	enum packet_class class = CLASS_TEXT;

	return e && e->kind == FIB_PEER ? peer_of_class(e, &class) : NULL;
}

static unsigned offers_max(const struct peer *p)
{
	return p->link->config.is_by_message ? 1 : link_is_thin(p->link) ? OFFERS_THIN : OFFERS;
}

/* Why it cannot be offered to that neighbour now; NODE_MESSAGE_WAIT_NONE: it can. */
static enum node_message_wait obstacle(const struct message *m, uint64_t now_us, const struct peer *p)
{
	bool is_back = p && now_us < m->since_us + BACK_US && trust_is_same_member(&p->rid, &m->bringer);

	if (!p || is_back)
		return NODE_MESSAGE_WAIT_WAY;
	if (!peer_speaks_of(p, CAPABILITY_MESSAGES))
		return NODE_MESSAGE_WAIT_OLD;
	return p->offers >= offers_max(p) ? NODE_MESSAGE_WAIT_TURN : NODE_MESSAGE_WAIT_NONE;
}

static bool is_our_report(const struct node *n, const struct message *m)
{
	return m->what == MESSAGE_REPORT && address_equal(&m->info.from, &n->address);
}

static unsigned reports_waiting(const struct node *n)
{
	unsigned count = 0;

	list_for_each (node, next, &n->messages->all)
		count += is_our_report(n, list_entry(node, struct message, on_store));
	return count;
}

/* The sender is told where it waits. */
static void report_make(struct node *n, uint64_t now_us, struct message *letter)
{
	uint8_t content[MESSAGE_REPORT_LEN];
	struct message m = { .what = MESSAGE_REPORT, .hops_left = MESSAGE_HOPS, .is_stored = true, .since_us = now_us };

	letter->is_reported = true;
	memcpy(content, letter->info.id, NODE_MESSAGE_ID_LEN);
	content[NODE_MESSAGE_ID_LEN] = (uint8_t)(MESSAGE_HOPS - letter->hops_left);
	m.info = (struct node_message){
		.box = NODE_MESSAGE_HELD,
		.from = n->address,
		.to = letter->info.from,
		.made_us = (int64_t)now_us,
		.expires_us = letter->info.expires_us,
	};
	m.content = bytes_of(content, sizeof(content));
	message_id(m.info.id, &m);
	/* They must not take the room of receipts, however many letters wait. */
	if (reports_waiting(n) < REPORTS_MAX && !message_find(n, m.info.id) && message_new(n, &m))
		messages_kick(n);
}

/* The letter has gone on: that it waits here is no news any more. */
static void report_drop(struct node *n, const struct message *letter)
{
	list_for_each (node, next, &n->messages->all) {
		struct message *m = list_entry(node, struct message, on_store);

		if (is_our_report(n, m) && memcmp(m->content.data, letter->info.id, NODE_MESSAGE_ID_LEN) == 0) {
			message_free(n, m);
			return;
		}
	}
}

static bool is_expired(const struct message *m, uint64_t now_us)
{
	return m->info.expires_us <= (int64_t)now_us;
}

/* False: it is gone. */
static bool message_expire(struct node *n, uint64_t now_us, struct message *m)
{
	message_offer_end(m);
	if (m->info.box == NODE_MESSAGE_OUT) {
		message_state_set(n, now_us, m, NODE_MESSAGE_EXPIRED);
		return true;
	}
	message_forget(n, m);
	message_free(n, m);
	return false;
}

/* Offers it if that is possible. False: it is gone. */
static bool message_try(struct node *n, uint64_t now_us, struct message *m)
{
	bool is_own = m->info.box == NODE_MESSAGE_OUT, is_out = message_is_out(n, &m->info.to);

	message_offer_end(m);
	m->due_us = now_us + WAY_LOOK_US;
	if (!is_own && (is_out || message_is_out(n, &m->info.from)))
		return message_expire(n, now_us, m); /* whoever wrote it seals it to who takes the place */
	if (is_out && !message_readdress(n, now_us, m)) {
		m->info.wait = NODE_MESSAGE_WAIT_OUT;
		return true;
	}
	if (!m->is_stored) {
		m->info.wait = NODE_MESSAGE_WAIT_STORE;
		return true;
	}
	if (m->hops_left <= 1) {
		DROP(n, NULL, hop_limit);
		return message_expire(n, now_us, m);
	}
	struct peer *p = way_to(n, &m->info.to);
	m->info.wait = obstacle(m, now_us, p);
	if (m->info.wait == NODE_MESSAGE_WAIT_NONE)
		offer(p, now_us, m);
	else if (m->info.wait == NODE_MESSAGE_WAIT_WAY && p)
		m->due_us = m->since_us + BACK_US;
	if (m->what == MESSAGE_LETTER && m->info.box == NODE_MESSAGE_HELD && !m->is_reported &&
		now_us >= m->since_us + MESSAGE_REPORT_US) {
		report_make(n, now_us, m);
		message_keep(n, now_us, m);
	}
	return true;
}

/* What waits for others than for time may go as soon as anything has changed. */
static bool is_due(const struct message *m, uint64_t now_us)
{
	if (now_us >= m->due_us)
		return true;
	return !m->offered && (m->info.wait == NODE_MESSAGE_WAIT_WAY || m->info.wait == NODE_MESSAGE_WAIT_TURN ||
				      m->info.wait == NODE_MESSAGE_WAIT_OLD || m->info.wait == NODE_MESSAGE_WAIT_OUT);
}

/* It was sent to somebody who is out now. */
static bool is_astray(const struct node *n, const struct message *m)
{
	return n->revocations && message_is_out(n, &m->info.to);
}

static uint64_t next_of(const struct message *m)
{
	uint64_t next_us = m->due_us, report_us = m->since_us + MESSAGE_REPORT_US;

	if ((int64_t)next_us > m->info.expires_us)
		next_us = (uint64_t)m->info.expires_us;
	if (m->info.box == NODE_MESSAGE_HELD && m->what == MESSAGE_LETTER && m->is_stored && !m->is_reported &&
		!m->offered && report_us < next_us)
		next_us = report_us;
	return next_us;
}

static uint64_t look(struct node *n, uint64_t now_us, bool is_urgent)
{
	uint64_t next_us = NEVER;

	list_for_each (node, next, &n->messages->all) {
		struct message *m = list_entry(node, struct message, on_store);

		if (m->info.is_urgent != is_urgent || m->is_over || m->info.box == NODE_MESSAGE_IN)
			continue;
		if (is_expired(m, now_us)) {
			message_expire(n, now_us, m);
			continue;
		}
		if ((is_due(m, now_us) || next_of(m) <= now_us || is_astray(n, m)) && !message_try(n, now_us, m))
			continue;
		next_us = next_of(m) < next_us ? next_of(m) : next_us;
	}
	return next_us;
}

void messages_due(struct timer *timer, uint64_t now_us)
{
	struct messages *all = container_of(timer, struct messages, timer);
	uint64_t urgent_us = look(all->n, now_us, true), other_us = look(all->n, now_us, false);
	uint64_t next_us = urgent_us < other_us ? urgent_us : other_us;

	if (next_us != NEVER)
		timer_set_earlier(&all->n->heap, timer, next_us > now_us ? next_us : now_us + MS);
}

/* --- what neighbours say ------------------------------------------------------------------------------------- */

/* What that neighbour answers to, offered no more; NULL: it was not offered anything of that id. */
static struct message *answered_take(struct peer *p, const uint8_t id[NODE_MESSAGE_ID_LEN])
{
	struct message *m = message_find(p->n, id);

	if (!m || m->offered != p) {
		DROP(p->n, p->link, message_refused);
		return NULL;
	}
	message_offer_end(m);
	return m;
}

static void taken_out(struct node *n, uint64_t now_us, struct peer *by, struct message *m)
{
	unsigned doublings = m->rounds < DOUBLINGS_MAX ? m->rounds : DOUBLINGS_MAX;

	n->counters.messages_sent += m->rounds++ == 0;
	m->tries = 0;
	m->due_us = now_us + (MESSAGE_AGAIN_US << doublings);
	m->info.wait = NODE_MESSAGE_WAIT_NONE;
	if (m->info.state == NODE_MESSAGE_REACHED)
		return;
	memcpy(m->info.link, by->link->config.name, sizeof(m->info.link));
	m->info.at = by->mesh_address;
	message_state_set(n, now_us, m, NODE_MESSAGE_LEFT);
}

static void taken_in(struct peer *p, uint64_t now_us, const uint8_t id[NODE_MESSAGE_ID_LEN])
{
	struct node *n = p->n;
	struct message *m = answered_take(p, id);

	if (!m)
		return;
	if (m->info.box == NODE_MESSAGE_OUT) {
		taken_out(n, now_us, p, m);
		return;
	}
	n->counters.messages_passed += m->what == MESSAGE_LETTER;
	passed_note(n, now_us, id);
	if (m->what == MESSAGE_LETTER)
		report_drop(n, m);
	message_forget(n, m);
	message_free(n, m);
}

static void refused_in(struct peer *p, uint64_t now_us, const uint8_t id[NODE_MESSAGE_ID_LEN])
{
	struct message *m = answered_take(p, id);

	if (!m)
		return;
	m->info.wait = NODE_MESSAGE_WAIT_FULL;
	m->due_us = now_us + FULL_US;
}

/* We have it, or had it a moment ago. */
static bool is_here_already(struct peer *from, uint64_t now_us, const struct message *copy)
{
	struct node *n = from->n;
	struct message *m = message_find(n, copy->info.id);

	if (!m && !message_was_passed(n, now_us, copy->info.id))
		return false;
	/* Each has offered it to the other: one of them must keep it. */
	if (m && m->offered == from && memcmp(n->id, from->id, NODE_ID_LEN) > 0)
		return true;
	if (m && m->info.box == NODE_MESSAGE_OUT && !m->is_over) {
		/* It comes back: nobody else has it any more. */
		message_offer_end(m);
		m->due_us = now_us + BACK_US;
		message_state_set(n, now_us, m, NODE_MESSAGE_QUEUED);
	}
	if (m && !m->is_stored)
		m->giver = from;
	else
		message_taken_say(from, now_us, copy->info.id);
	return true;
}

static void relay(struct peer *from, uint64_t now_us, const struct message *model)
{
	struct node *n = from->n;

	if (is_here_already(from, now_us, model))
		return;
	struct message *m = message_new(n, model);
	if (!m) {
		DROP(n, from->link, message_limited);
		message_refused_say(from, now_us, model->info.id, MESSAGE_FULL);
		return;
	}
	message_keep(n, now_us, m);
	if (m->is_stored)
		message_taken_say(from, now_us, m->info.id);
	else
		m->giver = from;
}

static void message_brought(struct peer *from, uint64_t now_us, struct reader *r)
{
	struct node *n = from->n;
	struct message m;

	if (!message_read(n, &m, now_us, r)) {
		DROP(n, from->link, message_malformed);
		return;
	}
	if (message_is_out(n, &m.info.from) || is_expired(&m, now_us) || m.hops_left == 0) {
		DROP(n, from->link, message_refused);
		return;
	}
	if (!guest_may_write(n, from, &m.info.from, &m.info.to)) {
		DROP(n, from->link, guest_denied);
		message_refused_say(from, now_us, m.info.id, MESSAGE_STRANGER);
		return;
	}
	m.since_us = now_us;
	m.bringer = from->rid;
	if (address_equal(&m.info.to, &n->address))
		message_arrived(n, now_us, from, &m);
	else
		relay(from, now_us, &m);
}

void message_in(struct peer *p, uint64_t now_us, struct bytes body)
{
	struct reader r = reader_of(body);
	struct node *n = p->n;
	uint8_t op = read_u8(&r), id[NODE_MESSAGE_ID_LEN];

	if (!bucket_take(&p->messages, now_us, MESSAGES_INTERVAL_US, MESSAGES_BURST)) {
		DROP(n, p->link, message_limited);
		return;
	}
	if (!messages_get(n))
		return;
	if (op == MESSAGE_OP_MESSAGE) {
		message_brought(p, now_us, &r);
		messages_kick(n);
		return;
	}
	read_copy(&r, id, sizeof(id));
	uint8_t why = op == MESSAGE_OP_REFUSED ? read_u8(&r) : 0;
	(void)why; /* it is the same to us */
	if (!reader_ok(&r) || reader_left(&r) || (op != MESSAGE_OP_TAKEN && op != MESSAGE_OP_REFUSED))
		DROP(n, p->link, message_malformed);
	else if (op == MESSAGE_OP_TAKEN)
		taken_in(p, now_us, id);
	else
		refused_in(p, now_us, id);
	messages_kick(n);
}
