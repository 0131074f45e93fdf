/*
 * Header compression with the members that this node knows (header.c has the rules).
 *
 *   packet ──► short-ids of both addresses ──► smaller frame ──► expanded, checksum right?
 *                                                                └ no: dropped, and RAW said
 *
 * A neighbour may not know who a short-id is, or know another. Then it says RAW with the
 * short-ids that it read, and for a while packets with them go to it as they are; with
 * none, all packets do. What was lost until then is repeated by who sent it.
 */
#include "meshd/node/state.h"

#include "meshd/node/header.h"

#include <string.h>

#define RAW_US (600 * SECOND) /* by then its certificates may be here */

/* --- members as the rules see them ------------------------------------------------------- */

static struct header_member member_of(const struct babel_member *m)
{
	return (struct header_member){
		.short_id = m->short_id,
		.host = m->host.address,
		.prefixes = m->lans,
		.prefix_count = (unsigned)m->lan_count,
	};
}

/* The ends of the link need no short-id. */
static struct header_member end_of(const struct certificate *c, const struct address *host)
{
	return (struct header_member){
		.short_id = c->short_id, .host = *host, .prefixes = c->prefixes, .prefix_count = c->prefix_count
	};
}

static bool is_raw(const struct peer *p, uint16_t short_id)
{
	for (unsigned i = 0; i < p->raw_count; i++)
		if (p->raw_ids[i] == short_id)
			return true;
	return false;
}

static bool by_short_id(void *user, uint16_t short_id, struct header_member *out)
{
	struct peer *p = user;
	struct babel_member m;

	if (!short_id_from(p->n, short_id, &m) || m.short_id != short_id)
		return false;
	*out = member_of(&m);
	return true;
}

/* Whose certificate names a prefix of IPv4 that it is in. */
static const struct node_member *member_with(const struct node *n, const struct address *a)
{
	for (const struct known *k = n->first_known; k; k = k->next) {
		const struct certificate *c = &k->member->certificate;

		for (unsigned i = 0; i < c->prefix_count; i++)
			if (c->prefixes[i].plen >= 24 && prefix_contains_address(&c->prefixes[i], a))
				return k->member;
	}
	return NULL;
}

static bool by_address(void *user, const struct address *a, struct header_member *out)
{
	struct peer *p = user;
	struct node *n = p->n;
	struct babel_member m;
	router_id rid;

	if (a->family == FAMILY_IPV4) {
		const struct node_member *member = member_with(n, a);

		if (!member)
			return false;
		rid = member->rid;
	} else {
		rid = router_id_of_address(a);
	}
	if (!short_id_of_origin(n, &rid, &m) || is_raw(p, m.short_id))
		return false;
	*out = member_of(&m);
	return a->family == FAMILY_IPV4 || address_equal(a, &out->host);
}

static struct header_rules rules_of(struct peer *p, bool is_out)
{
	const struct node *n = p->n;
	struct header_member self = end_of(&n->enrolment.certificate, &n->address);
	struct header_member other = end_of(p->certificate, &p->mesh_address);

	return (struct header_rules){
		.from = is_out ? self : other,
		.to = is_out ? other : self,
		.by_short_id = by_short_id,
		.by_address = by_address,
		.user = p,
	};
}

/* --- out -------------------------------------------------------------------------------------- */

void compress(struct peer *p, uint64_t now_us, struct outgoing *o)
{
	uint8_t room[NODE_FRAME_MAX];

	if (now_us >= p->raw_until_us) {
		p->raw_count = 0;
		p->is_raw = false;
	}
	const uint8_t kind = o->inner[0];
	if (kind_base(kind) != KIND_IP || p->is_raw || o->len - 1 > sizeof(room))
		return;
	const struct header_rules rules = rules_of(p, true);
	size_t len = header_compress(&rules, bytes_of(o->inner + 1, o->len - 1), room);
	if (len == 0)
		return;
	size_t saved = o->len - 1 - len;
	p->n->counters.header_bytes_saved += saved;
	o->inner += saved;
	o->len -= saved;
	o->inner[0] = kind_of_class(KIND_COMPRESSED, class_of_kind(kind));
	memcpy(o->inner + 1, room, len);
}

void compress_raw_said(struct peer *p, uint64_t now_us, struct reader *r)
{
	p->is_raw |= reader_left(r) < 2;
	p->raw_until_us = now_us + RAW_US;
	while (reader_left(r) >= 2) {
		uint16_t short_id = read_u16(r);

		if (!is_raw(p, short_id) && p->raw_count < RAW_IDS_MAX)
			p->raw_ids[p->raw_count++] = short_id;
		else if (!is_raw(p, short_id))
			p->is_raw = true; /* so many that none is worth while */
	}
}

/* --- in ----------------------------------------------------------------------------------------- */

/* What the other end sends cannot be read here: which short-ids it is that are not the same to both is not known. */
static void raw_say(struct peer *p, uint64_t now_us, struct bytes compressed)
{
	uint8_t body[4];
	struct writer w = writer_of(body, sizeof(body));
	uint16_t ids[2];

	if (!bucket_take(&p->raw_says, now_us, link_pace_us(p->link), 2))
		return;
	unsigned count = header_short_ids(compressed, ids);
	for (unsigned i = 0; i < count; i++)
		write_u16(&w, ids[i]);
	control_raw(p, now_us, writer_bytes(&w));
}

void compressed_in(struct peer *p, uint64_t now_us, uint8_t kind, struct bytes compressed)
{
	uint8_t room[NODE_HEADROOM + NODE_FRAME_MAX + NODE_TAILROOM];
	const struct header_rules rules = rules_of(p, false);
	size_t len = header_expand(&rules, compressed, room + NODE_HEADROOM, NODE_FRAME_MAX);

	if (len == 0) {
		DROP(p->n, p->link, not_expandable);
		raw_say(p, now_us, compressed);
		return;
	}
	room[NODE_HEADROOM - 1] = kind_of_class(KIND_IP, class_of_kind(kind));
	whole_show(p, false, room + NODE_HEADROOM - 1, len + 1);
	forward_from_peer(p, now_us, kind, room + NODE_HEADROOM, len);
}
