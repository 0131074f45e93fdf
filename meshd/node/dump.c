/* Looking inside: nothing here changes anything. */
#include "meshd/node/state.h"

#include <assert.h>
#include <string.h>

const struct node_counters *node_counters(const struct node *n)
{
	return &n->counters;
}

uint64_t node_drop_at(const struct node_drops *drops, unsigned i, const char **name)
{
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = {
#define FIELD(name) { #name, offsetof(struct node_drops, name) },
		NODE_DROPS(FIELD)
#undef FIELD
	};

	if (i >= sizeof(fields) / sizeof(fields[0])) {
		*name = NULL;
		return 0;
	}
	*name = fields[i].name;
	return *(const uint64_t *)((const char *)drops + fields[i].offset);
}

struct node_table node_table_at(const struct node *n, unsigned i)
{
	const struct node_table tables[] = {
		{ "neighbours", n->peer_count, NODE_PEER_MAX },
		{ "handshakes waiting", n->handshakes_theirs, HANDSHAKES_MAX },
		{ "handshakes called", n->handshakes_own, CALLINGS_MAX },
		{ "receiver indices", n->indices.count, n->indices.limit },
		{ "certificates", n->certificates.count, n->certificates.limit },
		{ "certificates wanted", n->want_count, CERTIFICATE_WANTS_MAX },
		{ "packets waiting", n->pool.used, WAITING_PACKETS_MAX },
		{ "packets in pieces", n->join_count, JOINS_MAX },
		{ "introductions", meet_meetings(n), NODE_MEETINGS_MAX },
		{ "pairs introduced", meet_pairs(n), PAIRS_MAX },
		messages_table(n, 0),
		messages_table(n, 1),
		messages_table(n, 2),
	};

	return i < sizeof(tables) / sizeof(tables[0]) ? tables[i] : (struct node_table){ 0 };
}

const char *node_lane_name(unsigned lane)
{
	static const char *const names[NODE_LANES] = { "control", "command", "text", "bulk" };

	return names[lane];
}

void node_dump_links(const struct node *n, void (*each)(void *arg, const struct node_link_info *info), void *arg)
{
	for (unsigned id = 0; id < NODE_LINK_MAX; id++) {
		const struct node_link *link = n->links[id];

		if (!link)
			continue;
		struct node_link_info info = {
			.id = id,
			.config = link->config,
			.up = link->up,
			.tx_frames = link->tx_frames,
			.tx_bytes = link->tx_bytes,
			.rx_frames = link->rx_frames,
			.rx_bytes = link->rx_bytes,
			.drops = link->drops,
			.stranger = link->stranger,
			.strange_frames = link->strange_frames,
			.control_permille = budget_permille(link, n->now_us),
			.learned_bps = link->shaper.learned.rate_bps,
		};
		for (unsigned lane = 0; lane < NODE_LANES; lane++)
			info.lanes[lane] = egress_info(link, (enum lane)lane);
		list_for_each (node, next, &link->peers) {
			const struct peer *p = list_entry(node, struct peer, on_link);

			info.neighbours += p->is_up && !p->is_silent;
		}
		each(arg, &info);
	}
}

static struct node_peer_info info_of(const struct peer *p)
{
	const router_id *introducer = meet_introducer(p);
	struct node_peer_info info = {
		.link = p->link->id,
		.rid = p->rid,
		.address = p->mesh_address,
		.certificate = p->certificate,
		.endpoint = p->endpoint,
		.is_up = p->is_up && !p->is_silent,
		.up_since_us = p->up_since_us,
		.last_heard_us = p->heard_us,
		.has_classes = peer_has_classes(p),
		.is_introduced = introducer,
		.frame_max = peer_frame_max(p),
		.is_probed = peer_is_probed(p),
	};

	memcpy(info.over_limit, p->policer.over, sizeof(info.over_limit));
	if (introducer)
		info.introducer = *introducer;
	return info;
}

void node_dump_peers(const struct node *n, void (*each)(void *arg, const struct node_peer_info *info), void *arg)
{
	for (const struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p)) {
		struct node_peer_info info = info_of(p);

		each(arg, &info);
	}
}

bool node_find_peer(const struct node *n, unsigned link, const struct address *neighbour, struct node_peer_info *info)
{
	const struct peer *p =
		link < NODE_LINK_MAX && n->links[link] ? peer_find_address(n->links[link], neighbour) : NULL;

	if (p)
		*info = info_of(p);
	return p;
}

uint64_t node_peer_since(const struct node *n, unsigned link, const struct address *neighbour)
{
	const struct peer *p =
		link < NODE_LINK_MAX && n->links[link] ? peer_find_address(n->links[link], neighbour) : NULL;

	return p ? p->up_since_us : 0;
}

void node_dump_certificates(const struct node *n, void (*each)(void *arg, const struct certificate *c), void *arg)
{
	for (const struct known *k = n->first_known; k; k = k->next)
		each(arg, &k->member->certificate);
}

void node_certificate_prove(const struct node *n, const struct certificate *c, uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	uint8_t encoding[CERTIFICATE_MAX_LEN];
	int len = certificate_encode(c, encoding, sizeof(encoding));

	assert(len > 0); /* it was decoded once */
	certificate_proof(proof, n->proof_key, &n->enrolment.authority, bytes_of(encoding, (size_t)len));
}

const struct certificate *node_certificate_of(const struct node *n, const router_id *rid)
{
	const struct known *k = trust_by_rid(n, rid);

	return k ? &k->member->certificate : NULL;
}

const struct certificate *node_certificate(const struct node *n)
{
	return &n->enrolment.certificate;
}

struct address node_address(const struct node *n)
{
	return n->address;
}

struct prefix node_deployment(const struct node *n)
{
	return n->deployment;
}

const struct babel *node_babel(const struct node *n)
{
	return n->babel;
}

enum node_verdict node_lookup(const struct node *n, const struct address *to, struct prefix *match)
{
	const struct fib_entry *e = fib_lookup(&n->fib, to);

	if (!e)
		return NODE_VERDICT_NONE;
	*match = e->prefix;
	switch (e->kind) {
	case FIB_OWN:
		return NODE_VERDICT_OWN;
	case FIB_PEER:
		return NODE_VERDICT_ROUTE;
	case FIB_NATIVE:
		return NODE_VERDICT_NATIVE;
	case FIB_HELD:
		return NODE_VERDICT_HELD;
	case FIB_NONE:
		break;
	}
	return NODE_VERDICT_NONE;
}

bool node_has_duplicate(const struct node *n)
{
	return n->has_duplicate;
}
