/*
 * Plain links: RFC 8966 in the clear, to routers that are no members of the
 * network (babeld, BIRD, FRR, another meshd). Packets go through the shell as they
 * are, and routes whose next hop is there are the kernel's.
 *
 * Nobody there has proven anything, so what is believed is bounded, in this order:
 *
 *   what is no destination             refused: loopback, link-local, multicast
 *   an origin that is a member         refused: members speak for themselves, sealed
 *   the deployment, what members have  refused (trust_is_foreign())
 *   the rules of the link, inwards     the first that matches; none: refused (policy.c)
 *
 * What they are told is everything, unless the rules outwards say otherwise.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IPV6_LEN 16

bool plain_new(struct node_link *link)
{
	link->plain = calloc(1, sizeof(*link->plain));
	return link->plain != NULL;
}

static struct node_link *plain_link(const struct node *n, unsigned id)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	return link && link->config.is_plain ? link : NULL;
}

/* --- the link ------------------------------------------------------------------------------ */

int node_plain_address(
	struct node *n, uint64_t now_us, unsigned id, const struct address *self, const struct address *ipv4)
{
	struct node_link *link = plain_link(n, id);

	if (!link || !address_is_link_local(self) || (ipv4 && ipv4->family != FAMILY_IPV4))
		return -EINVAL;
	struct plain *p = link->plain;
	if (link->up && !address_equal(&p->self, self))
		return -EBUSY;
	bool is_same = p->has_self && p->has_ipv4 == (ipv4 != NULL) && (!ipv4 || address_equal(&p->ipv4, ipv4));
	n->now_us = now_us;
	p->has_self = true;
	p->self = *self;
	p->has_ipv4 = ipv4;
	p->ipv4 = ipv4 ? *ipv4 : (struct address){ 0 };
	return link->up && !is_same ? babel_link_next_hop(n->babel, now_us, id, ipv4) : 0;
}

/* By the book: Hellos to all, and no liveness but by them. */
void plain_engine_config(const struct node_link *link, struct babel_link_config *config)
{
	const struct plain *p = link->plain;

	config->idle_interval_cs = 0;
	config->mtu = link->config.mtu - BABEL_MAC_OVERHEAD; /* keys may come while it is up */
	config->split_horizon = link->config.split_horizon;
	config->has_ipv4 = p->has_ipv4;
	config->next_hop_ipv4 = p->ipv4;
	config->is_open = true;
	config->is_filtered = true;
}

void plain_send_as_is(struct node_link *link, const struct address *to, struct bytes packet)
{
	struct endpoint endpoint = { .len = IPV6_LEN };

	if (to)
		memcpy(endpoint.bytes, to->bytes, IPV6_LEN);
	frame_transmit(link, link->n->now_us, to ? &endpoint : NULL, packet);
}

void plain_send(struct node_link *link, const struct address *to, struct bytes packet)
{
	uint8_t protected[NODE_FRAME_MAX];

	if (link->plain->mac)
		packet = bytes_of(
			protected, babel_mac_protect(link->plain->mac, to, packet, protected, link->config.mtu));
	if (packet.len > 0)
		plain_send_as_is(link, to, packet);
}

void node_babel_in(struct node *n, uint64_t now_us, unsigned id, const struct babel_sender *from, struct bytes packet)
{
	struct node_link *link = plain_link(n, id);

	if (!link || !link->up) {
		DROP(n, link, link_down);
		return;
	}
	if (n->is_leaving)
		return;
	n->now_us = now_us;
	link->rx_frames++;
	link->rx_bytes += packet.len;
	if (link->plain->mac && !babel_mac_receive(link->plain->mac, now_us, from, packet)) {
		DROP(n, link, not_authentic);
		return;
	}
	babel_receive(n->babel, now_us, id, from, packet);
}

/* --- whom to believe what ------------------------------------------------------------------------ */

static struct babel_verdict denied(struct node_link *link)
{
	DROP(link->n, link, policy_denied);
	return (struct babel_verdict){ .accept = false };
}

/* Of this host, or of one link only, whoever says so: a route to the like would take the host's own traffic. */
static bool prefix_is_no_destination(const struct prefix *prefix)
{
	static const struct prefix none[] = {
		{ 127, { FAMILY_IPV6, { 0 } } }, /* :: and ::1 */
		{ 10, { FAMILY_IPV6, { 0xfe, 0x80 } } },
		{ 8, { FAMILY_IPV6, { 0xff } } },
		{ 8, { FAMILY_IPV4, { 0 } } },
		{ 8, { FAMILY_IPV4, { 127 } } },
		{ 16, { FAMILY_IPV4, { 169, 254 } } },
		{ 4, { FAMILY_IPV4, { 224 } } },
	};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (prefix_contains(&none[i], prefix))
			return true;
	return false;
}

struct babel_verdict plain_accept(
	struct node_link *link, const struct address *neighbour, const struct prefix *prefix, const router_id *origin)
{
	if (prefix_is_no_destination(prefix) || trust_by_rid(link->n, origin) || !trust_is_foreign(link->n, prefix))
		return denied(link);
	struct babel_verdict verdict = policy_ask(link, NODE_IN, prefix, neighbour);
	if (!verdict.accept)
		return denied(link);
	link->n->believes_foreigners = true;
	return verdict;
}
