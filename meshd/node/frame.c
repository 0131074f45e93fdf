/*
 * Frames: what leaves a link and what arrives on it (protocol.md 4.5).
 *
 *   first byte   1 init  2 response  3 fin  4 cookie    ► handshake.c, call.c, answer.c
 *                5 beacon                               ► beacon.c
 *                7 plea  8 answer                       ► admit.c
 *                10 data  ► keyring of the receiver index ► kind:  0 IP       ► forward.c
 *                                                                  1 Babel    ► routing engine
 *                                                                  2 control  ► control.c
 *                                                                  8 message  ► message_pass.c
 *
 * Nothing of a data frame is looked at before its tag is right. On thin links frames
 * look otherwise (thin.c) and carry the same, pieces and bundles of it too (join.c).
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <string.h>

void frame_transmit(struct node_link *link, uint64_t now_us, const struct endpoint *to, struct bytes frame)
{
	struct node *n = link->n;
	size_t cost = frame.len + link->config.overhead;

	if (!link->up) {
		DROP(n, link, link_down);
		return;
	}
	link->tx_frames++;
	link->tx_bytes += frame.len;
	link->lane_bytes[link->lane] += cost;
	shaper_sent(link, now_us, cost, link->waiting);
	if (link->lane == LANE_CONTROL)
		budget_spent(link, now_us, cost);
	n->output.send(n->user, link->id, to, frame);
}

void inner_show(const struct peer *p, bool is_out, const uint8_t *inner, size_t len)
{
	const struct node *n = p->n;

	if (n->output.inner)
		n->output.inner(n->user, is_out, p->link->id, &p->address, bytes_of(inner, len));
}

void whole_show(const struct peer *p, bool is_out, const uint8_t *inner, size_t len)
{
	const struct node *n = p->n;

	if (n->output.whole)
		n->output.whole(n->user, is_out, p->link->id, &p->address, bytes_of(inner, len));
}

bool peer_seal_send(struct peer *p, uint64_t now_us, uint8_t *frame, size_t len, uint8_t first)
{
	struct node *n = p->n;

	if (n->output.sealing && p->keys.has_current)
		n->output.sealing(n->user, p->link->id, &p->keys.current);
	int sealed = keyring_seal(&p->keys, frame, len, first);
	if (sealed < 0) {
		DROP(n, p->link, no_session);
		return false;
	}
	p->sent_us = now_us;
	frame_transmit(p->link, now_us, &p->endpoint, bytes_of(frame, (size_t)sealed));
	return true;
}

/* The next piece of what does not reach the neighbour whole. */
static bool piece_send(struct peer *p, uint64_t now_us, struct outgoing *o, size_t room)
{
	uint8_t frame[NODE_FRAME_MAX + NODE_TAILROOM], *inner = frame + FRAME_HEADER;

	if (o->at == 0) {
		whole_show(p, true, o->inner, o->len);
		o->id = p->cut_id++;
	}
	inner[0] = KIND_PIECE;
	size_t len = 1 + piece_next(o, inner + 1, room - 1);
	inner_show(p, true, inner, len);
	p->n->counters.pieces_sent++;
	return peer_seal_send(p, now_us, frame, len, 0) && o->at < o->len;
}

bool peer_send_next(struct peer *p, uint64_t now_us, struct outgoing *o)
{
	size_t room = peer_frame_room(p);

	if (p->link->config.is_thin)
		return thin_send_next(p, now_us, o);
	if (!control_is_probe(o->inner, o->len)) {
		path_used(&p->path, now_us, (o->len < room ? o->len : room) + FRAME_OVERHEAD);
		if (o->len > room || o->at)
			return piece_send(p, now_us, o, room);
	}
	inner_show(p, true, o->inner, o->len);
	peer_seal_send(p, now_us, o->inner - FRAME_HEADER, o->len, 0);
	o->at = o->len;
	return false;
}

void peer_send_in_place(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len)
{
	struct outgoing o = { .inner = inner, .len = len };

	while (peer_send_next(p, now_us, &o))
		;
}

static void send_body(struct peer *p, uint64_t now_us, uint8_t kind, struct bytes body,
	void (*egress)(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len))
{
	uint8_t buffer[FRAME_HEADER + 1 + NODE_FRAME_MAX + NODE_TAILROOM];
	uint8_t *inner = buffer + FRAME_HEADER;

	if (body.len > link_body_max(p->link)) {
		DROP(p->n, p->link, too_big);
		return;
	}
	inner[0] = kind;
	if (body.len)
		memcpy(inner + 1, body.data, body.len);
	egress(p, now_us, inner, body.len + 1);
}

void peer_send(struct peer *p, uint64_t now_us, uint8_t kind, struct bytes body)
{
	send_body(p, now_us, kind, body, egress_control);
}

void peer_send_first(struct peer *p, uint64_t now_us, uint8_t kind, struct bytes body)
{
	send_body(p, now_us, kind, body, egress_first);
}

int node_inner_send(struct node *n, uint64_t now_us, unsigned id, const struct address *neighbour, struct bytes inner)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;
	struct peer *p = link ? peer_find_address(link, neighbour) : NULL;

	if (!p || !p->is_up || !inner.len)
		return -ENOENT;
	if (inner.len - 1 > link_body_max(link))
		return -EMSGSIZE;
	n->now_us = now_us;
	peer_send(p, now_us, inner.data[0], bytes_of(inner.data + 1, inner.len - 1));
	return 0;
}

/* --- in ------------------------------------------------------------------------------------ */

static void babel_in(struct peer *p, uint64_t now_us, struct bytes packet, bool multicast, bool is_late)
{
	const struct babel_sender sender = {
		.address = p->address,
		.port = BABEL_PORT,
		.hop_limit = 1,
		.multicast = multicast,
		.is_late = is_late,
	};

	babel_receive(p->n->babel, now_us, p->link->id, &sender, packet);
}

void inner_in(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len, struct freshness f)
{
	bool is_thin = p->link->config.is_thin;
	uint8_t base = kind_base(inner[0]);

	/* Nothing of who has another list than ours is used before both have the newer one. */
	if (!p->is_up && !revoke_is_settled(p) && base != KIND_CONTROL && base != KIND_PIECE && base != KIND_BUNDLE) {
		DROP(p->n, p->link, list_first);
		return;
	}

	switch (base) {
	case KIND_IP:
		peer_busy(p, now_us);
		forward_from_peer(p, now_us, inner[0], inner + 1, len - 1);
		break;
	case KIND_BABEL:
	case KIND_BABEL | KIND_MULTICAST:
		budget_heard(p->link, now_us, len + p->link->config.overhead);
		if (p->is_silent)
			DROP(p->n, p->link, not_fresh);
		else
			babel_in(p, now_us, bytes_of(inner + 1, len - 1), inner[0] & KIND_MULTICAST, f.is_late);
		break;
	case KIND_CONTROL:
		budget_heard(p->link, now_us, len + p->link->config.overhead);
		control_in(p, now_us, bytes_of(inner + 1, len - 1));
		break;
	case KIND_MESSAGE:
		message_in(p, now_us, bytes_of(inner + 1, len - 1));
		break;
	case KIND_PIECE:
		if (is_thin || peer_speaks_of(p, CAPABILITY_PROBES))
			piece_in(p, now_us, bytes_of(inner + 1, len - 1), f);
		else
			DROP(p->n, p->link, unknown_kind);
		break;
	case KIND_BUNDLE:
		if (is_thin)
			bundle_in(p, now_us, bytes_of(inner + 1, len - 1), f);
		else
			DROP(p->n, p->link, unknown_kind);
		break;
	case KIND_COMPRESSED:
		peer_busy(p, now_us);
		if (is_thin)
			compressed_in(p, now_us, inner[0], bytes_of(inner + 1, len - 1));
		else
			DROP(p->n, p->link, unknown_kind);
		break;
	default:
		DROP(p->n, p->link, unknown_kind);
		break;
	}
}

void data_refused(struct node_link *link, int error)
{
	if (error == -EALREADY)
		DROP(link->n, link, replayed);
	else if (error == -EKEYEXPIRED)
		DROP(link->n, link, session_expired);
	else if (error == -ENOENT)
		DROP(link->n, link, unknown_session);
	else
		DROP(link->n, link, not_authentic);
}

static uint64_t frame_counter(struct bytes frame)
{
	struct reader r = reader_of(frame);

	read_skip(&r, 8);
	return read_le64(&r);
}

/*
 * Did a frame that was sealed after this one come before it? Counted within one
 * session: two that crossed live side by side, each end sending by its own.
 */
static bool frame_is_late(const struct peer *p, uint32_t index, uint64_t counter)
{
	bool is_previous = p->keys.has_previous && p->keys.previous.local_index == index;
	const struct secret_session *s = is_previous ? &p->keys.previous : &p->keys.current;

	return counter + 1 != s->window.head;
}

void inner_opened(struct peer *p, uint64_t now_us, const struct endpoint *from, bool promoted, uint32_t index,
	uint64_t counter, uint8_t *inner, size_t len)
{
	struct freshness f = { 0 };

	inner_show(p, false, inner, len);
	f.is_overtaken = order_is_overtaken(p, now_us, index, counter);
	if (!f.is_overtaken)
		peer_heard(p, now_us, from, promoted);
	f.is_late = frame_is_late(p, index, counter);
	/* Of a piece it is not known yet what it is of. */
	if (len == 0)
		DROP(p->n, p->link, unknown_kind);
	else if (f.is_overtaken && !kind_is_packet(inner[0]) && inner[0] != KIND_PIECE)
		DROP(p->n, p->link, not_fresh);
	else
		inner_in(p, now_us, inner, len, f);
}

static void data_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, uint8_t *frame, size_t len)
{
	struct node *n = link->n;
	uint32_t value;
	bool promoted;

	if (!frame_receiver_index(bytes_of(frame, len), &value)) {
		DROP(n, link, truncated);
		return;
	}
	struct index *index = index_find(n, value);
	struct peer *p = index ? index->peer : NULL;
	/* A session belongs to its link: elsewhere its frames are somebody's replay. */
	if (!p || p->link != link) {
		DROP(n, link, unknown_session);
		return;
	}
	int plain = keyring_open(&p->keys, now_us, frame, len, &promoted);
	if (plain < 0) {
		data_refused(link, plain);
		return;
	}
	inner_opened(p, now_us, from, promoted, value, frame_counter(bytes_of(frame, len)), frame + FRAME_HEADER,
		(size_t)plain);
}

static void frame_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, uint8_t *frame, size_t len)
{
	struct node *n = link->n;

	link->rx_frames++;
	link->rx_bytes += len;
	shaper_heard(link, now_us, len + link->config.overhead);
	if (len == 0 || len > NODE_FRAME_MAX) {
		DROP(n, link, truncated);
		return;
	}
	if (!node_frame_is_data(link->config.is_thin, bytes_of(frame, len)))
		budget_heard(link, now_us, len + link->config.overhead);
	if (link->config.is_thin) {
		thin_in(link, now_us, from, frame, len);
		return;
	}
	switch (frame[0]) {
	case FRAME_TYPE_DATA:
		data_in(link, now_us, from, frame, len);
		break;
	case FRAME_INIT:
	case FRAME_RESP:
	case FRAME_FIN:
		handshake_in(link, now_us, from, bytes_of(frame, len));
		break;
	case FRAME_COOKIE:
		call_cookie_in(link, now_us, bytes_of(frame, len));
		break;
	case FRAME_BEACON:
		beacon_in(link, now_us, from, bytes_of(frame, len));
		break;
	case FRAME_PLEA:
		admit_plea_in(link, now_us, from, bytes_of(frame, len));
		break;
	case FRAME_ANSWER:
		admit_answer_in(link, now_us, from, bytes_of(frame, len));
		break;
	default:
		DROP(n, link, unknown_type);
		break;
	}
}

void node_frames_in(struct node *n, uint64_t now_us, unsigned id, struct node_frame *frames, size_t count)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (n->is_leaving && link && link->up)
		return;
	n->now_us = now_us;
	for (size_t i = 0; i < count; i++) {
		if (!link || !link->up)
			DROP(n, link, link_down);
		else if (link->config.is_plain)
			DROP(n, link, unknown_type); /* nothing sealed comes from there */
		else
			frame_in(link, now_us, &frames[i].from, frames[i].data, frames[i].len);
	}
}
