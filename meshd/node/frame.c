/*
 * Frames: what leaves a link and what arrives on it (protocol.md 4.5).
 *
 *   first byte   1 init  2 response  3 fin  4 cookie    ► handshake.c, call.c, answer.c
 *                5 beacon                               ► beacon.c
 *                10 data  ► keyring of the receiver index ► kind:  0 IP       ► forward.c
 *                                                                  1 Babel    ► routing engine
 *                                                                  2 control  ► control.c
 *
 * Nothing of a data frame is looked at before its tag is right.
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
	n->output.send(n->user, link->id, to, frame);
}

static void inner_show(const struct peer *p, bool is_out, const uint8_t *inner, size_t len)
{
	const struct node *n = p->n;

	if (n->output.inner)
		n->output.inner(n->user, is_out, p->link->id, &p->address, bytes_of(inner, len));
}

void peer_send_in_place(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len)
{
	uint8_t *frame = inner - FRAME_HEADER;

	inner_show(p, true, inner, len);
	int sealed = keyring_seal(&p->keys, frame, len, 0);

	if (sealed < 0) {
		DROP(p->n, p->link, no_session);
		return;
	}
	p->sent_us = now_us;
	frame_transmit(p->link, now_us, &p->endpoint, bytes_of(frame, (size_t)sealed));
}

size_t peer_send_piece(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len, size_t at)
{
	(void)at; /* frames here are as large as packets */
	peer_send_in_place(p, now_us, inner, len);
	return len;
}

void peer_send(struct peer *p, uint64_t now_us, uint8_t kind, struct bytes body)
{
	uint8_t buffer[NODE_FRAME_MAX];
	uint8_t *inner = buffer + FRAME_HEADER;

	if (body.len + NODE_OVERHEAD > p->link->config.mtu) {
		DROP(p->n, p->link, too_big);
		return;
	}
	inner[0] = kind;
	if (body.len)
		memcpy(inner + 1, body.data, body.len);
	egress_control(p, now_us, inner, body.len + 1);
}

int node_inner_send(struct node *n, uint64_t now_us, unsigned id, const struct address *neighbour, struct bytes inner)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;
	struct peer *p = link ? peer_find_address(link, neighbour) : NULL;

	if (!p || !p->is_up || !inner.len)
		return -ENOENT;
	if (inner.len - 1 + NODE_OVERHEAD > link->config.mtu)
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

static void inner_in(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len, bool is_late)
{
	switch (inner[0]) {
	case KIND_IP:
		peer_busy(p, now_us);
		forward_from_peer(p->n, now_us, inner + 1, len - 1);
		break;
	case KIND_BABEL:
	case KIND_BABEL | KIND_MULTICAST:
		if (p->is_silent)
			DROP(p->n, p->link, not_fresh);
		else
			babel_in(p, now_us, bytes_of(inner + 1, len - 1), inner[0] & KIND_MULTICAST, is_late);
		break;
	case KIND_CONTROL:
		control_in(p, now_us, bytes_of(inner + 1, len - 1));
		break;
	default:
		DROP(p->n, p->link, unknown_kind);
		break;
	}
}

static void data_refused(struct node_link *link, int error)
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
static bool frame_is_late(const struct peer *p, uint32_t index, struct bytes frame)
{
	bool is_previous = p->keys.has_previous && p->keys.previous.local_index == index;
	const struct secret_session *s = is_previous ? &p->keys.previous : &p->keys.current;

	return frame_counter(frame) + 1 != s->window.head;
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
	inner_show(p, false, frame + FRAME_HEADER, (size_t)plain);
	bool is_overtaken = order_is_overtaken(p, now_us, value, frame_counter(bytes_of(frame, len)));
	if (!is_overtaken)
		peer_heard(p, now_us, from, promoted);
	if (plain == 0) {
		DROP(n, link, unknown_kind);
		return;
	}
	if (is_overtaken && frame[FRAME_HEADER] != KIND_IP) {
		DROP(n, link, not_fresh);
		return;
	}
	inner_in(p, now_us, frame + FRAME_HEADER, (size_t)plain, frame_is_late(p, value, bytes_of(frame, len)));
}

void node_frame_in(
	struct node *n, uint64_t now_us, unsigned id, const struct endpoint *from, uint8_t *frame, size_t len)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (!link || !link->up) {
		DROP(n, link, link_down);
		return;
	}
	if (n->is_leaving)
		return;
	if (link->config.is_plain) {
		DROP(n, link, unknown_type); /* nothing sealed comes from there */
		return;
	}
	n->now_us = now_us;
	link->rx_frames++;
	link->rx_bytes += len;
	shaper_heard(link, now_us, len + link->config.overhead);
	if (len == 0 || len > NODE_FRAME_MAX) {
		DROP(n, link, truncated);
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
	default:
		DROP(n, link, unknown_type);
		break;
	}
}
