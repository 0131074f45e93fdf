/*
 * The routing engine's owner: its packets travel in sessions, its routes go to
 * the forwarding table, its neighbours are the peers.
 *
 * The engine knows a peer by a link-local address made from the router-id that
 * follows from the peer's keys. A plain neighbour (plain.c) it knows by its own, and
 * what goes to it the kernel sends:
 *
 *   next hop         forwarding table   kernel, outside the deployment
 *   sealed peer      FIB_PEER           into the TUN
 *   plain neighbour  FIB_NATIVE         by the gateway, on the link's interface
 *   held             FIB_HELD           unreachable
 */
#include "meshd/node/state.h"

#include <stdio.h>
#include <string.h>

/* RTT penalty (RFC 9616, 4.3): none below 10 ms, all of it from 120 ms. */
#define RTT_MIN_US 10000
#define RTT_MAX_US 120000
#define RTT_PENALTY 150
/* On thin links a packet is one frame of a fraction of a second there: what is lost with it is little, and
 * what waits behind it does not wait long. */
#define THIN_PACKET 256
#define TURN_MIN_US (10 * SECOND)
#define THIN_PACKET_MIN 192 /* what Babel has to say at once; on links of still smaller frames it is cut */
#define ENGINE_PACKET_MIN 224 /* less is not worth a frame */

struct address node_neighbour_address(const router_id *rid)
{
	uint8_t bytes[16] = { 0xfe, 0x80 };

	memcpy(bytes + 8, rid->bytes, sizeof(rid->bytes));
	return address_ipv6(bytes);
}

/* --- what the engine sends -------------------------------------------------------------------- */

/* Around a Babel packet, on the line. */
static size_t link_frame_overhead(const struct node_link *link)
{
	return link->config.overhead + (link->config.is_thin ? THIN_OVERHEAD_MAX + 1 : NODE_OVERHEAD);
}

static void engine_send(void *user, unsigned id, const struct address *to, struct bytes packet)
{
	struct node *n = user;
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (!link)
		return;
	if (link->config.is_plain) {
		plain_send(link, to, packet);
		return;
	}
	list_for_each (node, next, &link->peers) {
		struct peer *p = list_entry(node, struct peer, on_link);

		if (!p->is_up || (to && !address_equal(&p->address, to)))
			continue;
		peer_send(p, n->now_us, to ? KIND_BABEL : KIND_BABEL | KIND_MULTICAST, packet);
		budget_said(link, n->now_us, link->need, packet.len + link_frame_overhead(link));
	}
}

/* To all is to each of them. */
static unsigned engine_copies(const struct node_link *link, const struct address *to)
{
	unsigned count = 0;

	for (const struct list *at = link->peers.next; at != &link->peers; at = at->next)
		count += list_entry(at, struct peer, on_link)->is_up;
	return to || !count ? 1 : count;
}

static size_t engine_budget(void *user, unsigned id, const struct address *to, enum babel_need need, uint64_t *again_us)
{
	struct node *n = user;
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;
	size_t overhead = link ? link_frame_overhead(link) : 0;

	if (!link)
		return SIZE_MAX;
	link->need = need;
	unsigned copies = engine_copies(link, to);
	size_t left = budget_left(link, n->now_us, need, (ENGINE_PACKET_MIN + overhead) * copies, again_us);
	return left == SIZE_MAX || left == 0 ? left : left / copies - overhead;
}

/* --- what the engine decides ------------------------------------------------------------------- */

static bool prefix_is_ours(const struct node *n, const struct prefix *prefix)
{
	return prefix_contains(&n->deployment, prefix);
}

void route_kernel(struct node *n, const struct prefix *prefix, enum node_kernel_way way, unsigned link,
	const struct address *next_hop)
{
	struct node_kernel_route route = { .prefix = *prefix, .way = way, .link = link };

	if (prefix_is_ours(n, prefix))
		return; /* all of the deployment is in the TUN */
	if (next_hop)
		route.next_hop = *next_hop;
	n->output.kernel_route(n->user, &route);
}

static void way_moved(struct node *n, const struct babel_route *route)
{
	if (n->output.way_moved)
		n->output.way_moved(n->user, &route->prefix, route->class);
}

static bool kind_is_up(enum fib_kind kind)
{
	return kind == FIB_PEER || kind == FIB_NATIVE;
}

static const char *next_hop_name(
	const struct node *n, const struct babel_route *route, const struct peer *p, char text[NODE_NAME_TEXT])
{
	char address[ADDRESS_TEXT];

	if (p)
		return name_of_rid(n, &p->rid, text);
	snprintf(text, NODE_NAME_TEXT, "%s", address_format(&route->neighbour, address));
	return text;
}

/* Whole tables of them come and go: what nobody reads is not put into words. */
static void route_say_set(struct node *n, enum node_event event, const struct node_link *link,
	const struct babel_route *route, const struct peer *p)
{
	char name[NODE_NAME_TEXT], next[NODE_NAME_TEXT], text[PREFIX_TEXT];

	if (n->is_wordless)
		event_say(n, event, link, "%s", "");
	else
		event_say(n, event, link, "%s of %s by %s, metric %u", prefix_format(&route->prefix, text),
			name_of_rid(n, &route->origin, name), next_hop_name(n, route, p, next), route->metric);
}

static void route_say_lost(struct node *n, const struct babel_route *route)
{
	char name[NODE_NAME_TEXT], text[PREFIX_TEXT];

	if (n->is_wordless)
		event_say(n, NODE_ROUTE_DOWN, NULL, "%s", "");
	else
		event_say(n, NODE_ROUTE_DOWN, NULL, "%s of %s", prefix_format(&route->prefix, text),
			name_of_rid(n, &route->origin, name));
}

/* The forwarding table has one way by `before` less, and one by `now` more; NULL: nobody. */
static void ways_count(struct peer *before, struct peer *now)
{
	if (before)
		before->ways--;
	if (now)
		now->ways++;
}

static void route_set(struct node *n, const struct babel_route *route)
{
	struct node_link *link = n->links[route->link];
	bool is_plain = link && link->config.is_plain;
	struct peer *p = link && !is_plain ? peer_find_address(link, &route->neighbour) : NULL;
	enum fib_kind kind = is_plain ? FIB_NATIVE : p ? FIB_PEER : FIB_HELD;
	const struct fib_entry *before = fib_exact(&n->fib, &route->prefix);
	enum fib_kind kind_before = before ? before->kind : FIB_NONE;
	struct peer *peer_before = before ? before->peer : NULL;

	if (kind == FIB_PEER && kind == kind_before && p == peer_before)
		return; /* only its metric moved */
	if (fib_set(&n->fib, &route->prefix, kind, p) < 0)
		return;
	ways_count(peer_before, p);
	/* Another gateway does not show in the table: it is told each time. */
	if (kind == FIB_NATIVE)
		route_kernel(n, &route->prefix, NODE_KERNEL_NATIVE, route->link, &route->next_hop);
	else if (kind != kind_before)
		route_kernel(n, &route->prefix, kind == FIB_PEER ? NODE_KERNEL_MESH : NODE_KERNEL_UNREACHABLE,
			NODE_LINK_MAX, NULL);
	if (!kind_is_up(kind) || (kind == kind_before && p == peer_before))
		return;
	way_moved(n, route);
	messages_way_up(n);
	route_say_set(n, kind_is_up(kind_before) ? NODE_ROUTE_MOVED : NODE_ROUTE_UP, link, route, p);
}

static void route_lost(struct node *n, const struct babel_route *route, bool is_held)
{
	const struct fib_entry *before = fib_exact(&n->fib, &route->prefix);
	enum fib_kind kind_before = before ? before->kind : FIB_NONE;
	enum fib_kind kind = is_held ? FIB_HELD : FIB_NONE;

	if (kind_before == FIB_OWN)
		return;
	ways_count(before ? before->peer : NULL, NULL);
	if (is_held)
		fib_set(&n->fib, &route->prefix, FIB_HELD, NULL);
	else
		fib_remove(&n->fib, &route->prefix);
	if (kind != kind_before)
		route_kernel(
			n, &route->prefix, is_held ? NODE_KERNEL_UNREACHABLE : NODE_KERNEL_NONE, NODE_LINK_MAX, NULL);
	/* A neighbour's end may have held it already. */
	if (kind_is_up(kind_before) || (kind_before == FIB_HELD && is_held))
		route_say_lost(n, route);
}

/* Of another class than the base. The kernel, and whoever reads events, know the base alone. */
static void route_class(struct node *n, const struct babel_route *route, bool is_there)
{
	struct node_link *link = is_there ? n->links[route->link] : NULL;
	struct peer *p = link && !link->config.is_plain ? peer_find_address(link, &route->neighbour) : NULL;
	const struct fib_entry *before = fib_exact(&n->fib, &route->prefix);
	struct peer *peer_before = before ? before->classes[route->class - 1] : NULL;

	if (p && p == peer_before)
		return; /* only its metric moved */
	if (fib_set_class(&n->fib, &route->prefix, route->class, p) < 0 || p == peer_before)
		return;
	ways_count(peer_before, p);
	way_moved(n, route);
}

static void engine_route_changed(void *user, enum babel_route_change change, const struct babel_route *route)
{
	struct node *n = user;

	if (route->class != BABEL_TEXT)
		route_class(n, route, change == BABEL_ROUTE_SET);
	else if (change == BABEL_ROUTE_SET)
		route_set(n, route);
	else
		route_lost(n, route, change == BABEL_ROUTE_UNREACHABLE);
}

/* What a plain neighbour would take the kernel sends, which asks nobody here. */
static void engine_backup_changed(void *user, const struct babel_route *route)
{
	struct node *n = user;
	struct node_link *link = route->metric != BABEL_INFINITY ? n->links[route->link] : NULL;
	struct peer *p = link && !link->config.is_plain ? peer_find_address(link, &route->neighbour) : NULL;

	fib_set_backup(&n->fib, &route->prefix, route->class, p ? p->number : 0);
}

static void engine_seqno_store(void *user, uint16_t seqno)
{
	struct node *n = user;

	n->output.store_seqno(n->user, (uint32_t)n->rid.bytes[0] << 24 | (uint32_t)n->rid.bytes[1] << 16 | seqno);
}

/* --- starting --------------------------------------------------------------------------------------- */

bool route_engine_start(struct node *n, const struct node_config *config)
{
	static const struct babel_output output = {
		.send = engine_send,
		.route_changed = engine_route_changed,
		.backup_changed = engine_backup_changed,
		.seqno_store = engine_seqno_store,
		.accept = trust_accept,
		.announce = essential_announce,
		.member_from = short_id_from,
		.member_of_origin = short_id_to_announce,
		.budget = engine_budget,
	};
	const struct babel_config babel = {
		.id = n->rid,
		.has_stored_seqno = config->has_stored_seqno,
		.stored_seqno = (uint16_t)config->stored_seqno,
		.has_open_links = config->has_plain_links,
		.kernel_has_v4_via_v6 = true, /* the forwarding is our own */
		.classes = n->capabilities & CAPABILITY_CLASSES ? BABEL_CLASSES : 1,
		.random = n->random,
		.limits = { .neighbours = NODE_PEER_MAX },
	};

	n->babel = babel_new(&babel, &output, n);
	return n->babel != NULL;
}

/* Whole in one frame, if it has room for any. */
static size_t thin_packet_max(const struct node_link *link)
{
	size_t room = link_frame_room(link) - 1;

	return room >= THIN_PACKET_MIN && room < THIN_PACKET ? room : THIN_PACKET;
}

uint64_t link_turn_us(const struct node_link *link)
{
	const struct node_link_config *c = &link->config;
	uint64_t airtime_us = c->rate_bps ? (uint64_t)c->mtu * 8 * SECOND / c->rate_bps : 0;

	return airtime_us >= TURN_MIN_US ? airtime_us : 0;
}

/* The engine's link is a new one each time that the link comes up. */
static int engine_link_add(
	struct node_link *link, uint64_t now_us, const struct address *self, const struct babel_link_config *config)
{
	int error = babel_link_add(link->n->babel, now_us, link->id, self, config);

	if (!error)
		babel_link_steer(link->n->babel, now_us, link->id, link->steer_cost);
	return error;
}

void node_link_steer(struct node *n, uint64_t now_us, unsigned id, uint16_t cost)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (!link)
		return;
	n->now_us = now_us;
	link->steer_cost = cost;
	if (link->up)
		babel_link_steer(n->babel, now_us, id, cost);
}

void node_drain(struct node *n, uint64_t now_us, uint16_t cost)
{
	n->now_us = now_us;
	babel_drain(n->babel, now_us, cost);
}

int route_link_start(struct node_link *link, uint64_t now_us)
{
	struct node *n = link->n;
	const struct node_link_config *c = &link->config;
	router_id rid;
	struct babel_link_config config = {
		.cost = c->wired ? BABEL_COST_2_OUT_OF_3 : BABEL_COST_ETX,
		.rxcost = c->rxcost,
		.hello_interval_cs = (uint16_t)(c->hello_ms / 10 ? c->hello_ms / 10 : 1),
		.idle_interval_cs = (uint16_t)(link_idle_ms(link) / 10 ? link_idle_ms(link) / 10 : 1),
		.update_interval_cs = (uint16_t)(c->update_s > 655 ? 65500 : c->update_s * 100),
		.dead_misses = c->dead_misses,
		.mtu = link_body_max(link),
		/* Not all peers of a link hear each other: what one says must reach the rest. */
		.split_horizon = false,
		.rtt = c->rtt,
		.rtt_min_us = RTT_MIN_US,
		.rtt_max_us = RTT_MAX_US,
		.rtt_max_penalty = RTT_PENALTY,
		.needs_ack = true,
		.rate_bps = c->rate_bps,
		.turn_us = link_turn_us(link),
		.is_filtered = policy_filters(link),
		.is_thin = link_is_thin(link),
		.packet_max = link_is_thin(link) ? thin_packet_max(link) : 0,
	};
	struct address self;

	memcpy(config.name, c->name, sizeof(config.name));
	if (c->is_plain) {
		plain_engine_config(link, &config);
		return engine_link_add(link, now_us, &link->plain->self, &config);
	}
	identity_router_id(rid.bytes, &n->enrolment.identity.public);
	self = node_neighbour_address(&rid);
	return engine_link_add(link, now_us, &self, &config);
}
