/*
 * Peace on a thin link: Hello, IHU, refresh and acknowledgment in one body of thirteen
 * bytes (protocol.md 2.3), between nodes that name members by short-ids.
 *
 * Its numbers are the low bits of those that both ends know from fuller words: an
 * acknowledgment counts only after one in a SYNCACK has named the epoch, and what does
 * not fit is asked for.
 */
#include "routing/compact.h"

bool thin_suffices(const struct session *s)
{
	const struct neighbour *n = s->n;

	/* The interval that it says again must be one that was promised. */
	return s->is_compact && n->promised_cs > 0 && !n->link->config.rtt && !s->in.owes_epoch_ack &&
	       s->in.whole_len == 0;
}

void thin_say(struct session *s, uint64_t now_us, bool is_hello)
{
	struct neighbour *n = s->n;
	struct session_out *out = &s->out;
	const struct babel_tlv ack = adj_in_syncack(s);
	struct wire_thin thin = { .is_hello = is_hello };
	uint8_t body[THIN_LEN];
	uint64_t unused_us;

	thin.is_refresh = session_may_refresh(s);
	thin.nack = ack.u.syncack.nack;
	thin.full = ack.u.syncack.full;
	thin.epoch = (uint8_t)out->epoch;
	thin.ver = (uint16_t)out->ver;
	thin.digest = (uint32_t)out->digest;
	thin.interval_cs = n->promised_cs;
	thin.applied = (uint16_t)ack.u.syncack.applied;
	thin.seqno = (uint8_t)(is_hello ? n->hello_seqno++ : n->hello_seqno);
	thin.rxcost = metric_rxcost(n);
	n->told_rxcost = thin.rxcost;
	if (thin.is_refresh)
		session_refreshed(s, now_us);
	wire_thin_write(body, &thin);
	/* It is a sign of life: the owner lets it pass, and counts it as such. */
	if (n->b->output.budget)
		n->b->output.budget(n->b->user, n->link->id, &n->address, BABEL_NEED_LIFE, &unused_us);
	n->b->counters.thin_sent++;
	packet_send_bytes(n->b, n->link, &n->address, bytes_of(body, sizeof(body)));
}

/* --- what is heard ---------------------------------------------------------------------- */

/* The number near `near` that ends in these bits. */
static uint16_t seqno_of(const struct history *h, uint8_t low)
{
	return h->is_known ? (uint16_t)(h->expected + (int8_t)(uint8_t)(low - (uint8_t)h->expected)) : low;
}

static void thin_hello(struct neighbour *n, uint64_t now_us, const struct wire_thin *thin)
{
	struct babel_tlv hello = { .type = TLV_HELLO }, ihu = { .type = TLV_IHU };
	uint32_t hold_cs = 3u * thin->interval_cs;

	ihu.u.ihu.rxcost = thin->rxcost;
	ihu.u.ihu.interval_cs = (uint16_t)(hold_cs > UINT16_MAX ? UINT16_MAX : hold_cs);
	if (thin->is_hello) {
		hello.u.hello.unicast = true;
		hello.u.hello.seqno = seqno_of(&n->unicast, thin->seqno);
		hello.u.hello.interval_cs = thin->interval_cs;
		/* It has a session: it stays the neighbour that it is. */
		neighbour_hello(n->link, now_us, &n->address, &hello);
	}
	neighbour_ihu(n, now_us, &ihu);
}

static void thin_acknowledgment(struct session *s, uint64_t now_us, const struct wire_thin *thin)
{
	struct session_out *out = &s->out;
	struct babel_tlv tlv = { .type = TLV_SYNCACK };
	uint32_t applied = out->acked + (uint16_t)(thin->applied - (uint16_t)out->acked);

	if (!out->is_followed && !thin->full)
		return;
	tlv.u.syncack.epoch = out->epoch;
	tlv.u.syncack.applied = out->is_followed && applied <= out->sent ? applied : 0;
	tlv.u.syncack.nack = thin->nack;
	tlv.u.syncack.full = thin->full;
	session_syncack_received(s, now_us, &tlv);
}

void thin_received(struct session *s, uint64_t now_us, const struct wire_thin *thin, bool is_late)
{
	s->n->b->counters.thin_received++;
	thin_hello(s->n, now_us, thin);
	thin_acknowledgment(s, now_us, thin);
	if (thin->is_refresh)
		adj_in_thin_refresh(s, now_us, thin, is_late);
}
