/*
 * How much a link takes: in one frame, of a packet, of what nodes say to each other.
 * A thin link takes more of a packet than of a frame: it cuts it into pieces. So do
 * others towards a neighbour whom frames of full size do not reach (probe.c).
 */
#include "meshd/node/state.h"

enum session_form link_form(const struct node_link *link)
{
	if (!link->config.is_thin)
		return SESSION_NORMAL;
	return link->config.is_paired ? SESSION_THIN : SESSION_THIN_SHARED;
}

size_t link_frame_room(const struct node_link *link)
{
	size_t mtu = link->config.mtu;

	return link->config.is_thin ? mtu - thin_header_len(link_form(link)) - THIN_TAG_LEN : mtu - NODE_OVERHEAD + 1;
}

size_t link_packet_max(const struct node_link *link)
{
	size_t whole = link_frame_room(link);

	if (!link->config.is_thin)
		return whole - 1;
	return whole < NODE_THIN_PACKET ? NODE_THIN_PACKET : whole;
}

size_t link_body_max(const struct node_link *link)
{
	size_t whole = link_frame_room(link) - 1;

	return link->config.is_thin && whole < NODE_THIN_BODY ? NODE_THIN_BODY : whole;
}

size_t peer_frame_max(const struct peer *p)
{
	return peer_is_probed(p) && p->path.size ? p->path.size : p->link->config.mtu;
}

size_t peer_frame_room(const struct peer *p)
{
	return p->link->config.is_thin ? link_frame_room(p->link) : peer_frame_max(p) - NODE_OVERHEAD + 1;
}

size_t peer_packet_max(const struct peer *p, uint8_t family)
{
	size_t whole = peer_frame_room(p) - 1;

	/* Of what passes nothing is known yet: hosts are told of a size that lasts. */
	if (p->link->config.is_thin || !peer_is_probed(p) || !p->path.is_settled)
		return link_packet_max(p->link);
	/* Who sends IPv4 can send less, or have it cut; IPv6 is owed so much (RFC 8200, 5). */
	return family == FAMILY_IPV6 && whole < NODE_THIN_PACKET ? NODE_THIN_PACKET : whole;
}
