/*
 * The data path: where an IP packet goes.
 *
 *   host ──node_packets_in──► ┐                 ┌ own, native ► host
 *                             ├─► parse ► fib ──┼ neighbour ► hop limit ► size ► egress.c
 *   mesh ──forward_from_peer► ┘                 └ held, none ► "no route" to the source
 *
 * The hop limit falls at every relay. It does not fall on the way in from the
 * host: what the host itself sends starts here with its full count, and what the
 * host forwards from its LAN the kernel has counted already. Nor on the way out
 * to the host, whose kernel counts if it forwards.
 *
 * No packet goes back to the neighbour that brought it, unless it falls here: two that
 * each take the other one to be nearer, as those of a prefix with several origins may
 * for a moment (RFC 8966, 1.1), would send it to and fro until its hop limit ends that,
 * and fill a link that news of it has to cross.
 *
 * Its class is set where it enters the mesh, and its frames name it: a relay goes by
 * them, not by what the packet's header says. Where its class has no route it falls
 * to the base topology and stays there (routing/babel.h). Bulk that fell still goes
 * over no link that is too thin for bulk: its source is told.
 */
#include "meshd/base/fetch.h"
#include "meshd/node/state.h"

#include <string.h>

#define ICMP_INTERVAL_US (10 * MS) /* between errors of one kind ... */
#define ICMP_BURST 50 /* ... of which so many may go at once */

/* --- errors ------------------------------------------------------------------------------- */

/* Own IPv4 address, if the certificate names one; else the IPv6 one. */
static struct address self_for(const struct node *n, uint8_t family)
{
	const struct certificate *c = &n->enrolment.certificate;

	for (unsigned i = 0; family == FAMILY_IPV4 && i < c->prefix_count; i++) {
		const struct prefix *p = &c->prefixes[i];

		if (p->address.family == FAMILY_IPV4 && p->plen == 32)
			return p->address;
	}
	return n->address;
}

/* Tells the source why its packet did not get through. Errors are never subject
 * to an error, so this does not recurse. */
static void complain(struct node *n, uint64_t now_us, const struct packet *about, enum icmp_error error, unsigned mtu)
{
	uint8_t buffer[NODE_HEADROOM + NODE_FRAME_MIN + NODE_TAILROOM];
	uint8_t *out = buffer + NODE_HEADROOM;
	struct address self = self_for(n, about->source.family);
	const struct fib_entry *back = NULL;

	if (about->from) {
		back = fib_lookup(&n->fib, &about->source);
		if (!back || (back->kind != FIB_OWN && back->kind != FIB_PEER && back->kind != FIB_NATIVE))
			return;
	}
	if (!bucket_take(&n->icmp_errors[error], now_us, ICMP_INTERVAL_US, ICMP_BURST))
		return;
	size_t len = icmp_error_write(out, NODE_FRAME_MIN, bytes_of(about->data, about->len), error, mtu, &self);

	if (len == 0)
		return;
	n->counters.icmp_sent++;
	if (!back || back->kind != FIB_PEER) {
		n->output.deliver(n->user, bytes_of(out, len));
		return;
	}
	egress_packet(back->peer, now_us, CLASS_TEXT, out - 1, len + 1);
}

/* --- out ------------------------------------------------------------------------------------ */

static void deliver(struct node *n, const struct packet *p)
{
	n->counters.packets_delivered++;
	if (n->output.came_as)
		n->output.came_as(n->user, p->class);
	n->output.deliver(n->user, bytes_of(p->data, p->len));
}

static void send_fragments(struct peer *peer, uint64_t now_us, const struct packet *p, size_t mtu)
{
	uint8_t buffer[NODE_HEADROOM + NODE_FRAME_MAX + NODE_TAILROOM];
	uint8_t *out = buffer + NODE_HEADROOM;
	struct fragmenter f;
	size_t len;

	fragmenter_init(&f, p, mtu);
	for (unsigned pieces = 0; (len = fragmenter_next(&f, out, NODE_FRAME_MAX)) > 0; pieces++) {
		peer->n->counters.fragments_more += pieces > 0;
		egress_packet(peer, now_us, p->class, out - 1, len + 1);
	}
}

static void guest_refuse(struct node *n, uint64_t now_us, const struct packet *p, struct node_link *link)
{
	DROP(n, link, guest_denied);
	complain(n, now_us, p, ICMP_PROHIBITED, 0);
}

static void send_to_peer(struct node *n, uint64_t now_us, struct packet *p, struct peer *peer)
{
	size_t mtu = peer_packet_max(peer, p->source.family);

	if (peer->is_guest && !guest_may_get(peer, p)) {
		guest_refuse(n, now_us, p, peer->link);
		return;
	}
	if (p->from && p->hop_limit <= 1) {
		DROP(n, peer->link, hop_limit);
		complain(n, now_us, p, ICMP_TIME_EXCEEDED, 0);
		return;
	}
	if (p->len > mtu && p->dont_fragment) {
		DROP(n, peer->link, too_big);
		complain(n, now_us, p, ICMP_TOO_BIG, (unsigned)mtu);
		return;
	}
	if (p->from)
		packet_hop(p);
	if (p->from && p->from->link == peer->link)
		meet_relayed(p->from, peer, now_us);
	n->counters.packets_forwarded++;
	peer_busy(peer, now_us);
	detect_used(peer, now_us);
	if (p->len > mtu) {
		send_fragments(peer, now_us, p, mtu);
		return;
	}
	egress_packet(peer, now_us, p->class, p->data - 1, p->len + 1);
}

/* --- in --------------------------------------------------------------------------------------- */

bool class_is_admitted(const struct node_link *link, enum packet_class class)
{
	return class != CLASS_FALLEN || babel_rate_admits(link->config.rate_bps, BABEL_BULK);
}

bool node_way(const struct node *n, const struct prefix *prefix, enum packet_class *class, struct node_way *way)
{
	const struct fib_entry *to = fib_exact(&n->fib, prefix);
	const struct peer *peer = NULL;

	if (to && (to->kind == FIB_PEER || to->kind == FIB_HELD))
		peer = peer_of_class(to, class);
	if (!peer || !class_is_admitted(peer->link, *class))
		return false;
	*way = (struct node_way){ .link = peer->link->id, .neighbour = peer->address, .since_us = peer->up_since_us };
	return true;
}

void node_way_fetch(const struct node *n, const struct prefix *prefix, unsigned step)
{
	if (step == 0)
		fetch(&n->fib, sizeof(n->fib));
	else
		fib_fetch(&n->fib, prefix);
}

bool node_backup(const struct node *n, const struct prefix *prefix, enum babel_class class, struct node_way *way)
{
	const struct fib_entry *to = fib_exact(&n->fib, prefix);
	const struct peer *peer = to ? n->numbered[to->backups[class]] : NULL;

	if (!peer)
		return false;
	*way = (struct node_way){ .link = peer->link->id, .neighbour = peer->address };
	return true;
}

static void refuse(struct node *n, uint64_t now_us, const struct packet *p)
{
	DROP(n, NULL, no_route);
	complain(n, now_us, p, ICMP_NO_ROUTE, 0);
}

static bool is_base(enum packet_class class)
{
	return class == CLASS_TEXT || class == CLASS_FALLEN;
}

static bool comes_back(const struct packet *p, const struct peer *to)
{
	bool is_same = p->class == p->brought_as || (is_base(p->class) && is_base(p->brought_as));

	return p->from && is_same && address_equal(&p->from->address, &to->address);
}

static void route_to_peer(struct node *n, uint64_t now_us, struct packet *p, const struct fib_entry *to)
{
	enum packet_class before = p->class;
	struct peer *peer = peer_of_class(to, &p->class);

	if (!peer) {
		refuse(n, now_us, p);
		return;
	}
	n->counters.packets_fallen += p->class != before;
	if (comes_back(p, peer)) {
		DROP(n, peer->link, came_back);
		complain(n, now_us, p, ICMP_NO_ROUTE, 0);
		return;
	}
	if (!class_is_admitted(peer->link, p->class)) {
		DROP(n, peer->link, bulk_not_admitted);
		complain(n, now_us, p, ICMP_PROHIBITED, 0);
		return;
	}
	send_to_peer(n, now_us, p, peer);
}

static void route(struct node *n, uint64_t now_us, struct packet *p)
{
	const struct fib_entry *to = fib_lookup(&n->fib, &p->destination);
	enum fib_kind kind = to ? to->kind : FIB_NONE;

	/* The host's kernel knows its own addresses. If it sends here what lies in a
	 * prefix behind it, it has no route there (any more): giving the packet back
	 * would make a loop between the two of us. */
	if (kind == FIB_OWN && !p->from && !address_equal(&p->destination, &n->address))
		kind = FIB_NONE;
	/* Likewise what the kernel should have sent to a plain neighbour itself. */
	if (kind == FIB_NATIVE && !p->from)
		kind = FIB_NONE;
	switch (kind) {
	case FIB_OWN:
	case FIB_NATIVE:
		deliver(n, p);
		break;
	case FIB_PEER:
	case FIB_HELD:
		route_to_peer(n, now_us, p, to);
		break;
	case FIB_NONE:
		refuse(n, now_us, p);
		break;
	}
}

static bool packet_is_forwardable(const struct packet *p)
{
	return address_is_host(&p->source) && address_is_host(&p->destination);
}

void node_packets_in(struct node *n, uint64_t now_us, struct node_packet *packets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct packet p;

		n->counters.packets_in++;
		/* The kernel has just written the header: its checksum is not in doubt. */
		if (!packet_parse(&p, packets[i].data, packets[i].len))
			DROP(n, NULL, packet_malformed);
		else if (!packet_is_forwardable(&p))
			DROP(n, NULL, not_forwardable);
		else {
			p.class = classify(n, &p);
			if (police(n, now_us, &p))
				route(n, now_us, &p);
		}
	}
}

void forward_from_peer(struct peer *from, uint64_t now_us, uint8_t kind, uint8_t *packet, size_t len)
{
	struct node *n = from->n;
	struct packet p;

	/* That the frame is authentic says nothing about what a member put into it. */
	if (!packet_parse(&p, packet, len) || !packet_checksum_is_right(&p)) {
		DROP(n, NULL, packet_malformed);
		return;
	}
	/* Nobody else speaks from this node's address. */
	if (!packet_is_forwardable(&p) || address_equal(&p.source, &n->address)) {
		DROP(n, NULL, not_forwardable);
		return;
	}
	p.from = from;
	p.brought_as = peer_has_classes(from) ? class_of_kind(kind) : CLASS_TEXT;
	/* Of who does not speak of classes packets enter here. */
	p.class = peer_has_classes(from) ? p.brought_as : classify(n, &p);
	if (from->is_guest && !guest_may_send(from, &p)) {
		guest_refuse(n, now_us, &p, from->link);
		return;
	}
	if (police(n, now_us, &p))
		route(n, now_us, &p);
}
