/*
 * Of which class a packet is that enters the mesh: by the rules of whoever runs this
 * node, and where none holds, by its DSCP.
 *
 * Rules look at what is behind the IP header, so the headers of IPv6 are walked to the
 * one of the transport. Whatever cannot be read is not there, and rules about it do not
 * match: a packet is never refused for that. Of a fragment the ports are not read, not
 * even of the first, or what was one datagram would be in two classes.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <stdlib.h>

#define HEADERS_MAX 8 /* of IPv6, before the transport's */
#define FRAGMENT_BITS 0x3fff /* of IPv4: offset, and more to come */

/* Of IPv6 (RFC 8200, 4; RFC 4302). */
enum header { HEADER_HOPS = 0, HEADER_ROUTING = 43, HEADER_FRAGMENT = 44, HEADER_AH = 51, HEADER_OPTIONS = 60 };

_Static_assert(
	(int)TRAFFIC_TEXT == CLASS_TEXT && (int)TRAFFIC_COMMAND == CLASS_COMMAND && (int)TRAFFIC_BULK == CLASS_BULK,
	"operators and frames number classes alike");
_Static_assert(TRAFFIC_CLASSES == BABEL_CLASSES, "there are as many");

static void ports_read(struct traffic_key *key, struct reader r)
{
	key->source_port = read_u16(&r);
	key->destination_port = read_u16(&r);
	key->has_ports = reader_ok(&r);
}

static void key_of_v4(struct traffic_key *key, struct bytes packet, size_t header_len)
{
	struct reader r = reader_of(packet);

	read_skip(&r, 6);
	bool is_fragment = read_u16(&r) & FRAGMENT_BITS;
	read_skip(&r, 1);
	key->protocol = read_u8(&r);
	key->has_protocol = reader_ok(&r);
	r = reader_of(packet);
	read_skip(&r, header_len);
	if (!is_fragment && traffic_protocol_has_ports(key->protocol))
		ports_read(key, r);
}

/* Length of the header behind its first two bytes; 0: it is none that can be passed over. */
static size_t header_rest(uint8_t kind, uint8_t length)
{
	switch (kind) {
	case HEADER_HOPS:
	case HEADER_ROUTING:
	case HEADER_OPTIONS:
		return (size_t)length * 8 + 6;
	case HEADER_AH:
		return (size_t)length * 4 + 6;
	default:
		return 0;
	}
}

static void key_of_v6(struct traffic_key *key, struct bytes packet)
{
	struct reader r = reader_of(packet);
	bool is_fragment = false;

	read_skip(&r, 6);
	uint8_t kind = read_u8(&r);
	read_skip(&r, 33);
	for (unsigned i = 0; i < HEADERS_MAX && reader_ok(&r); i++) {
		bool is_opaque = !header_rest(kind, 0) && kind != HEADER_FRAGMENT;

		if (is_opaque) {
			key->protocol = kind;
			key->has_protocol = true;
			if (!is_fragment && traffic_protocol_has_ports(kind))
				ports_read(key, r);
			return;
		}
		uint8_t next = read_u8(&r), length = read_u8(&r);
		if (kind == HEADER_FRAGMENT) {
			uint16_t place = read_u16(&r);

			read_skip(&r, 4);
			is_fragment |= place & 0xfff9; /* offset, and more to come; else it is whole (RFC 6946) */
			if (place & 0xfff8 && (header_rest(next, 0) || next == HEADER_FRAGMENT))
				return; /* the headers that follow are in the first one */
		} else {
			read_skip(&r, header_rest(kind, length));
		}
		kind = next;
	}
}

struct traffic_key traffic_key_of(const struct packet *p)
{
	struct bytes packet = bytes_of(p->data, p->len);
	struct traffic_key key = { .source = p->source, .destination = p->destination, .dscp = packet_dscp(packet) };

	if (p->source.family == FAMILY_IPV4)
		key_of_v4(&key, packet, p->header_len);
	else
		key_of_v6(&key, packet);
	return key;
}

enum packet_class classify(struct node *n, const struct packet *p)
{
	struct node_classes *c = n->classes;

	if (c && c->policy.rule_count) {
		const struct traffic_key key = traffic_key_of(p);

		for (unsigned i = 0; i < c->policy.rule_count; i++) {
			if (!traffic_rule_matches(&c->policy.rules[i], &key))
				continue;
			c->rule_packets[i]++;
			return (enum packet_class)c->policy.rules[i].class;
		}
	}
	return class_of_dscp(bytes_of(p->data, p->len));
}

int node_classes_set(struct node *n, const struct traffic_policy *policy)
{
	if (policy->rule_count > TRAFFIC_RULES_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < TRAFFIC_CLASSES; i++)
		if (policy->limits[i].kind == TRAFFIC_LIMIT_STATED &&
			(!policy->limits[i].rate_bps || !policy->limits[i].burst_ms))
			return -EINVAL;
	if (!n->classes)
		n->classes = calloc(1, sizeof(*n->classes));
	if (!n->classes)
		return -ENOMEM;
	*n->classes = (struct node_classes){ .policy = *policy };
	return 0;
}

uint64_t node_rule_packets(const struct node *n, unsigned rule)
{
	return n->classes && rule < n->classes->policy.rule_count ? n->classes->rule_packets[rule] : 0;
}
