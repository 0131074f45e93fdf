/*
 * The Babel routing engine (RFC 8966, with RFC 9229 and RFC 9616), without I/O:
 * the public face of routing/.
 *
 * One `struct babel` is one Babel speaker. Its owner hands in packets, time and
 * randomness, and is handed packets to send and routes to install. The engine
 * opens nothing, reads no clock, and keeps no state outside the object.
 *
 * Time is microseconds of a monotonic clock, the same one in every call and
 * never running backwards. After each call the owner asks babel_poll() for the
 * next deadline (babel_poll() also runs whatever is due). Packets and route
 * changes leave only through `struct babel_output`, from within any call that
 * takes `now_us`; the callbacks must not call back into the engine.
 */
#ifndef ROUTING_BABEL_H
#define ROUTING_BABEL_H

#include "meshd/base/address.h"
#include "meshd/base/bytes.h"
#include "meshd/base/random.h"

#define BABEL_PORT 6696
#define BABEL_INFINITY 0xffffu /* the metric of what is not reachable, and of a retraction */
#define BABEL_LINK_MAX 64 /* links have ids below this */
#define BABEL_CLASSES 3

/* Traffic has topologies of its own, each with its costs, distances and selections
 * (protocol.md 3). The first is the base, the only one that plain neighbours know. */
enum babel_class {
	BABEL_TEXT, /* messages, and what is not marked: reaches over anything */
	BABEL_COMMAND, /* voice and control: delay and loss */
	BABEL_BULK, /* pictures and files: airtime; not over thin links */
};

struct babel;

typedef struct router_id {
	uint8_t bytes[8];
} router_id;

static inline bool router_id_equal(const router_id *a, const router_id *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
/* The second half of a member's address (protocol.md 4.2). */
static inline router_id router_id_of_address(const struct address *a)
{
	router_id id;

	memcpy(id.bytes, a->bytes + 8, sizeof(id.bytes));
	return id;
}
bool router_id_is_reserved(const router_id *id); /* all zeros or all ones (RFC 8966, 4.1.3) */

/* Does a link of that rate, 0 if it is not known, carry the class at all? */
bool babel_rate_admits(uint64_t rate_bps, enum babel_class class);

/* --- what the engine asks of its owner -------------------------------------- */

/* What a selected route looks like from outside. */
struct babel_route {
	struct prefix prefix;
	enum babel_class class;
	router_id origin;
	uint16_t seqno;
	uint16_t metric; /* as selected; BABEL_INFINITY when there is none */
	unsigned link;
	struct address next_hop;
	struct address neighbour;
};

/*
 * Of one class. Packets of a class that has no route there fall to the base, once and
 * for good: they are marked as such, and no node lifts them again, or two topologies
 * free of loops could make one together. While a prefix has a route in any class,
 * shorter ones are not used for it in any other.
 */
enum babel_route_change {
	BABEL_ROUTE_SET, /* install, or replace atomically */
	BABEL_ROUTE_UNREACHABLE, /* hold: packets to it must be refused, covering prefixes not used (3.5.4); the base */
	BABEL_ROUTE_REMOVED, /* forget the prefix, or only its route in this class */
};

/* The owner's verdict on a route: asked when it is announced first or anew, when its
 * origin changes, and with each update while it is refused. If the owner changes its
 * mind in between it says so by babel_refilter(). */
struct babel_verdict {
	bool accept; /* false: the update counts as a retraction */
	/* There are few of its kind, whatever a member does: only such prefixes get into the last quarter of a table.
	 */
	bool is_named;
	uint16_t extra_cost; /* added to the link cost of this route (policy, tariff), but for command */
};

/*
 * A member of the network, as links on which every byte counts name it: by a short-id
 * that both ends know. Who has no short-id that is his alone is named in full.
 */
struct babel_member {
	uint16_t short_id;
	router_id origin; /* as it follows from the member's keys; of the one in use the first two bytes may differ */
	struct prefix host; /* its own address */
	const struct prefix *lans; /* that it may announce beside; borrowed while the owner knows it so */
	size_t lan_count;
};

/* Why something is said: what the owner's budget may let through. */
enum babel_need {
	BABEL_NEED_LIFE, /* we are there: Hello, IHU, an acknowledgment. Always said */
	BABEL_NEED_URGENT, /* lost routes, other origins, requests and what answers them */
	BABEL_NEED_ROUTINE, /* metrics, refreshes */
};

struct babel_output {
	/* Send one Babel packet, header included, of at most the link's mtu. `to`
	 * is the neighbour, or NULL for all neighbours of the link (ff02::1:6).
	 * `packet` is borrowed for the call. */
	void (*send)(void *user, unsigned link, const struct address *to, struct bytes packet);
	/* The route to `route->prefix` changed. Called for received prefixes only,
	 * not for own ones. */
	void (*route_changed)(void *user, enum babel_route_change change, const struct babel_route *route);
	/* Where packets of route->class for route->prefix may go, with nobody told, when the selected route's neighbour
	 * is not there: infinite metric: nowhere. It holds until the next such call, whatever else changes. NULL:
	 * nobody asks. */
	void (*backup_changed)(void *user, const struct babel_route *route);
	/* Persist: after a restart this node must not use a seqno below `seqno`
	 * (protocol.md 6.3: blocks of 16). May be NULL. */
	void (*seqno_store)(void *user, uint16_t seqno);
	/* May this update be used? NULL accepts all. */
	struct babel_verdict (*accept)(void *user, unsigned link, const struct address *neighbour,
		const struct prefix *prefix, const router_id *origin, uint16_t metric);
	/* May this route be announced on a filtered link, and at what cost on top of its
	 * metric (but for command)? Asked with every finite update: for the neighbour of a session, or for
	 * all others of the link if it is NULL. NULL says yes to all. If the owner
	 * changes its mind it says so by babel_link_filter(). */
	struct babel_verdict (*announce)(void *user, unsigned link, const struct address *neighbour,
		const struct prefix *prefix, const router_id *origin);
	/* The member whose short-id is `from`, or else the first above it; false: there is none. And the member who
	 * has this origin; false: it is none, or its short-id is not its alone. NULL: nobody is known by a short-id.
	 * What they say of a member may differ from what they say to others: lists are checked. */
	bool (*member_from)(void *user, uint16_t from, struct babel_member *out);
	bool (*member_of_origin)(void *user, const router_id *origin, struct babel_member *out);
	/* How many bytes may one packet of that need have on the link now, header included, to `to` or to
	 * all if NULL? SIZE_MAX: any. 0: none, and *again_us is when to ask again. Asked before each packet is
	 * begun, which then holds what is true at that time; what was superseded while it was not allowed is
	 * never said. The owner counts what is sent; its need is what was asked about last. NULL: everything may be
	 * said. */
	size_t (*budget)(void *user, unsigned link, const struct address *to, enum babel_need need, uint64_t *again_us);
};

/* --- the speaker ------------------------------------------------------------- */

struct babel_limits {
	size_t neighbours; /* per engine; 0 = 256 */
	size_t routes; /* routes per neighbour; 0 = 16384 */
	size_t sources; /* per engine; 0 = 65536 */
	size_t requests; /* pending seqno requests; 0 = 4096 */
};

struct babel_config {
	router_id id;
	/* Set when the last run stored a seqno: the engine starts at
	 * stored + 17 (protocol.md 6.3). Otherwise it starts at a random seqno, and for
	 * ten minutes adopts s+1 when it hears its own router-id with a newer s; the
	 * owner should then also have chosen a fresh router-id. */
	bool has_stored_seqno;
	uint16_t stored_seqno;
	/* Some links will be in the clear (is_open): for a while after the start no route is used (gate.c). */
	bool has_open_links;
	bool kernel_has_v4_via_v6; /* AE 4 routes may be selected (RFC 9229, 2.3) */
	unsigned classes; /* that are routed: BABEL_CLASSES, or 0 or 1: the base alone */
	struct random random; /* borrowed generator */
	struct babel_limits limits;
};

/* NULL when memory runs out or the id is reserved. `output` is copied. */
struct babel *babel_new(const struct babel_config *config, const struct babel_output *output, void *user);
/* The end is near: nothing is decided or sent any more, and links may go without a thought for the others. */
void babel_end(struct babel *b);
/* Frees all, sends nothing: call babel_shutdown() first for a clean leave. */
void babel_free(struct babel *b);

/* Retracts all own and selected routes on every link, once, at once, and marks
 * the engine as leaving: nothing but babel_free() may follow. */
void babel_shutdown(struct babel *b, uint64_t now_us);

/* Runs what is due at now_us and returns the next deadline (UINT64_MAX: none). */
uint64_t babel_poll(struct babel *b, uint64_t now_us);
/* Fetches into caches what the next call touches: step 0, and some time later step 1. Nothing changes. */
void babel_fetch(const struct babel *b, unsigned step);

/* --- links -------------------------------------------------------------------- */

enum babel_cost_kind {
	BABEL_COST_2_OUT_OF_3, /* wired: appendix A.2.1 */
	BABEL_COST_ETX, /* lossy: appendix A.2.2 */
};

struct babel_link_config {
	char name[16]; /* for dumps only */
	enum babel_cost_kind cost;
	uint16_t rxcost; /* nominal; 96 for wired and 256 for ETX are customary; not 0 */
	uint16_t hello_interval_cs; /* Hellos; not 0 */
	/* 0: multicast Hellos, as in the RFC. Else each neighbour gets unicast Hellos of
	 * its own: at this interval, not below hello_interval_cs, while no packets pass
	 * between us and it (babel_neighbour_busy()). Only for owners that say who is
	 * there and who is gone or was restarted (_hint(), _lost()). */
	uint16_t idle_interval_cs;
	uint16_t update_interval_cs; /* full dump; not 0 */
	/* Cost infinite after so many consecutive missed Hellos, or polls of a neighbour
	 * whose slow Hello is late; 0 = by history alone. */
	unsigned dead_misses;
	size_t mtu; /* largest Babel packet, header included; at least 512 */
	bool split_horizon; /* only on point-to-point or wired links (3.7.4) */
	bool has_ipv4; /* native IPv4 next hop, in next_hop_ipv4 */
	struct address next_hop_ipv4;
	bool rtt; /* timestamps in Hello and IHU (RFC 9616) */
	uint32_t rtt_min_us, rtt_max_us; /* 9616 section 4.3: 10 ms and 120 ms are customary */
	uint16_t rtt_max_penalty; /* 0: RTT is measured and not used */
	/* Every byte counts: short-ids and other short forms for those who read them. */
	bool is_thin;
	size_t packet_max; /* packets are sent no longer than this, nor than mtu; 0: as long as mtu */
	bool needs_ack; /* ask acknowledgements for urgent retractions (3.7.2) */
	bool is_open; /* nothing seals packets for this process: those who do not know of its start still send them */
	bool is_filtered; /* the owner is asked what may be announced here */
	uint64_t rate_bps; /* usable, not less its own load; 0: not known */
	/* A packet takes so long to leave, as on a message modem: nothing is said again sooner. 0: not worth counting.
	 */
	uint64_t turn_us;
};

/* `link` < BABEL_LINK_MAX, not in use; `self` is the node's own address there
 * (link-local). Errors: -EINVAL, -EEXIST. Sends Hello and a wildcard request. */
int babel_link_add(struct babel *b, uint64_t now_us, unsigned link, const struct address *self,
	const struct babel_link_config *config);
/* Retracts all routes there, once, at once: for a link that is removed while it works, just before it is. */
void babel_link_leave(struct babel *b, unsigned link);
/* The link is gone, or has no carrier: neighbours are dropped, their routes are
 * lost at once. Nothing is sent on it. */
void babel_link_remove(struct babel *b, uint64_t now_us, unsigned link);

/* The native IPv4 next hop of the link is another one, or, with NULL, there is none any
 * more: everything is announced anew. -ENOENT. */
int babel_link_next_hop(struct babel *b, uint64_t now_us, unsigned link, const struct address *next_hop_ipv4);
/* Whether announce() is asked there. Everything is judged anew: what it now refuses is retracted. */
void babel_link_filter(struct babel *b, uint64_t now_us, unsigned link, bool is_filtered);

/* An operator steers: whatever goes over the link costs so much more, in every class, both ways: ours by its cost, that
 * of the neighbours by what they are told there. 0 ends it. With another link of this number it is over. */
void babel_link_steer(struct babel *b, uint64_t now_us, unsigned link, uint16_t cost);
/* Everybody is told that ways by this node cost so much more; not those to it. 0 ends it. */
void babel_drain(struct babel *b, uint64_t now_us, uint16_t cost);

/* The owner knows that this neighbour is gone (session lost, keys revoked). */
void babel_neighbour_lost(struct babel *b, uint64_t now_us, unsigned link, const struct address *neighbour);
/* A neighbour is known to be there (session up): say Hello, request its table. */
void babel_neighbour_hint(struct babel *b, uint64_t now_us, unsigned link, const struct address *neighbour);
/* The owner has a sealed session with this neighbour, and the neighbour speaks of
 * versions (docs/routing.md): it is told each change once, acknowledges it, and is
 * refreshed by digest. `remote_epoch` names the process behind the session; another
 * one is another neighbour. What was sealed for a process must not reach one that
 * was started after it, and the caller must have taken its routes through a dead
 * process away before it proves the session (R6, R7). Called again it is a hint.
 * It stays a neighbour until babel_neighbour_lost(). Its address must name the same
 * node on all links. `classes`: those that it speaks of, as a bit mask; the base is
 * always one. */
void babel_neighbour_session(struct babel *b, uint64_t now_us, unsigned link, const struct address *neighbour,
	uint32_t remote_epoch, unsigned classes);
/* The neighbour of a session reads lists of short-ids: on a thin link it is told so. False:
 * there is no session. To be said after each babel_neighbour_session(). */
bool babel_neighbour_compact(struct babel *b, unsigned link, const struct address *neighbour);
/* Ask all neighbours for full tables: the owner's accept() now says yes to what
 * it refused before. Routes that it now refuses are dropped. */
void babel_refilter(struct babel *b, uint64_t now_us);
/* The owner's accept() refuses more than before: routes that it now refuses are dropped, and nobody is asked. */
void babel_judge(struct babel *b, uint64_t now_us);

/* Any authenticated frame proves life: counts as if no Hello had been missed
 * since (protocol.md 6.1); does not by itself create a neighbour. */
void babel_neighbour_alive(struct babel *b, uint64_t now_us, unsigned link, const struct address *neighbour);

/* The owner has asked it and it does not answer: the cost of the link to it is infinite until its next sign of life. */
void babel_neighbour_mute(struct babel *b, uint64_t now_us, unsigned link, const struct address *neighbour);

/* It comes and goes: until then the link to it costs up to four times as much, in all classes, and is used if there is
 * nothing better. */
void babel_neighbour_damp(
	struct babel *b, uint64_t now_us, unsigned link, const struct address *neighbour, uint64_t until_us);

/* A packet was forwarded to this neighbour, or one came from it. Often enough is
 * once a second while they flow; nothing happens on links without an idle interval. */
void babel_neighbour_busy(struct babel *b, uint64_t now_us, unsigned link, const struct address *neighbour);

/* --- own prefixes --------------------------------------------------------------- */

/* Announces a prefix of this node (metric 0 or more). -ENOMEM, -EEXIST. */
int babel_originate(struct babel *b, uint64_t now_us, const struct prefix *prefix, uint16_t metric);
/* Retracts it. -ENOENT. */
int babel_withdraw(struct babel *b, uint64_t now_us, const struct prefix *prefix);

/* --- packets -------------------------------------------------------------------- */

struct babel_sender {
	struct address address; /* link-local IPv6, or IPv4 of the link */
	uint16_t port;
	uint8_t hop_limit; /* as received: 1 (RFC 8966, 4), 255 accepted as sent by old speakers is not */
	bool multicast; /* destination was the multicast group */
	bool is_late; /* a packet that was sealed after it has come before it */
};

/* One received UDP payload. Whatever is wrong with it is dropped and counted. */
void babel_receive(
	struct babel *b, uint64_t now_us, unsigned link, const struct babel_sender *from, struct bytes packet);

/* --- looking inside -------------------------------------------------------------- */

struct babel_neighbour_info {
	unsigned link;
	struct address address;
	uint16_t rxcost; /* what we would tell it in an IHU */
	uint16_t txcost; /* what it told us */
	uint16_t cost[BABEL_CLASSES]; /* of the link to it, RTT penalty included */
	uint16_t hello_history; /* multicast, newest in bit 15 */
	uint16_t unicast_history;
	bool has_rtt;
	uint32_t rtt_us; /* smoothed */
	size_t routes;
	uint64_t last_heard_us;
	bool is_versioned;
	uint64_t lease_until_us; /* versioned: its routes are lost then; 0: it has none */
};

struct babel_route_info {
	struct babel_route route; /* metric as this node would use it */
	uint16_t refmetric; /* as announced by the neighbour */
	uint16_t cost; /* of the link, extra cost included */
	uint16_t smoothed; /* smoothed metric (appendix A.3) */
	bool selected;
	bool feasible;
	bool held; /* unreachable entry (3.5.4) */
	uint64_t expires_us;
};

/* Each calls `each` for every entry; `each` must not call the engine. */
void babel_dump_neighbours(
	const struct babel *b, void (*each)(void *arg, const struct babel_neighbour_info *info), void *arg);
/* Of one class. */
void babel_dump_routes(const struct babel *b, uint64_t now_us, enum babel_class class,
	void (*each)(void *arg, const struct babel_route_info *info), void *arg);
/* The selected route for exactly this prefix; false if none (or own). */
bool babel_selected(
	const struct babel *b, const struct prefix *prefix, enum babel_class class, struct babel_route *out);
/* Own feasibility distance for (prefix, origin); false if there is none (tests, `why`). */
bool babel_feasibility_distance(const struct babel *b, const struct prefix *prefix, enum babel_class class,
	const router_id *origin, uint16_t *seqno, uint16_t *metric);
uint16_t babel_own_seqno(const struct babel *b);

/* How full the i-th table is that neighbours can fill, and how full it may get; NULL: there is none. */
const char *babel_table_at(const struct babel *b, unsigned i, size_t *used, size_t *limit);

/* Events by name; each is counted in babel_counter(). */
/* clang-format off */
#define BABEL_COUNTERS(X) \
	X(packets_received) X(packets_sent) X(packets_bad_sender) X(packets_bad_magic) X(packets_bad_version) \
	X(packets_truncated) X(tlvs_malformed) X(tlvs_unknown) X(tlvs_mandatory_subtlv) X(tlvs_bad_value) \
	X(updates_received) X(updates_sent) X(updates_unfeasible) X(updates_no_router_id) X(updates_no_next_hop) \
	X(updates_refused) X(retractions_received) X(hellos_received) X(hellos_sent) X(ihus_received) X(ihus_sent) \
	X(acks_received) X(acks_sent) X(ack_timeouts) X(route_requests_received) X(route_requests_sent) \
	X(seqno_requests_received) X(seqno_requests_sent) X(seqno_requests_forwarded) X(seqno_requests_duplicate) \
	X(seqno_requests_resent) X(seqno_increments) X(routes_expired) X(routes_switched) X(neighbours_lost) \
	X(refused_neighbours) X(refused_routes) X(refused_sources) X(refused_requests) X(rtt_samples) X(rtt_discarded) \
	X(deltas_sent) X(deltas_resent) X(deltas_received) X(refreshes_sent) X(refreshes_received) X(refreshes_late) \
	X(syncacks_sent) X(syncacks_received) X(sync_gaps) X(sync_mismatches) X(full_syncs) X(leases_lapsed) \
	X(epochs_changed) X(compacts_sent) X(compacts_received) X(compacts_refused) X(updates_stray_class) \
	X(thin_sent) X(thin_received) X(seqno_requests_batched)
/* clang-format on */

struct babel_counters {
#define BABEL_COUNTER_FIELD(name) uint64_t name;
	BABEL_COUNTERS(BABEL_COUNTER_FIELD)
#undef BABEL_COUNTER_FIELD
};
const struct babel_counters *babel_counters(const struct babel *b);
/* For simulators: a bit of the digest of what each versioned neighbour announced flips, as one in bad memory would.
 * How many digests that were; each is found out by a refresh, and its table is asked for again (R5). */
unsigned babel_damage(struct babel *b);

/* --- MAC authentication (RFC 8967 with RFC 9467) ---------------------------------- */

/*
 * A layer of its own between the engine and the socket of one plain link: what the
 * engine sends goes through babel_mac_protect(), what comes in reaches
 * babel_receive() only if babel_mac_receive() says so. It knows no algorithm: its
 * owner computes MACs. A link's mtu in the engine must leave BABEL_MAC_OVERHEAD.
 */
#define BABEL_MAC_KEYS_MAX 4 /* one, and two while keys are changed */
#define BABEL_MAC_MAX 32 /* bytes of a MAC: those of HMAC-SHA256 */
#define BABEL_MAC_INDEX_LEN 8 /* of our own index */
#define BABEL_MAC_OVERHEAD (2 + 4 + BABEL_MAC_INDEX_LEN + BABEL_MAC_KEYS_MAX * (2 + BABEL_MAC_MAX))
#define BABEL_MAC_NEIGHBOURS_MAX 256 /* on one link */

struct babel_mac;

struct babel_mac_output {
	/* The MAC, under key number `key`, of `parts` run together. Writes at most
	 * BABEL_MAC_MAX bytes and returns how many. */
	size_t (*compute)(void *user, unsigned key, const struct bytes parts[2], uint8_t mac[BABEL_MAC_MAX]);
	/* Send this packet, protected already, to that neighbour: a challenge, or the
	 * answer to one. Borrowed. */
	void (*send)(void *user, const struct address *to, struct bytes packet);
};

struct babel_mac_config {
	struct address self; /* link-local: the source of what we send */
	unsigned keys; /* 1..BABEL_MAC_KEYS_MAX */
	/* Packets are protected, and let in whatever their MAC is: while a network is
	 * being moved to authentication (5). */
	bool is_lenient;
	struct random random; /* borrowed generator: indices and nonces must never repeat */
};

/* NULL when memory runs out or the number of keys is wrong. `output` is copied. */
struct babel_mac *babel_mac_new(
	const struct babel_mac_config *config, const struct babel_mac_output *output, void *user);
void babel_mac_free(struct babel_mac *m);
/* From now on these many keys are there, behind compute(): packets carry a MAC of each, and one that matches will do.
 * Neighbours stay known. -EINVAL. */
int babel_mac_keys_set(struct babel_mac *m, unsigned keys, bool is_lenient);
/* Writes `packet` with its counter and its MACs to `out`; `to` is NULL for all neighbours of the link. Returns the
 * length; 0 if it is no Babel packet or there is no room (4.2). */
size_t babel_mac_protect(
	struct babel_mac *m, const struct address *to, struct bytes packet, uint8_t *out, size_t capacity);
/* May the engine see this packet? Sends challenges and answers to challenges by itself (4.3). */
bool babel_mac_receive(struct babel_mac *m, uint64_t now_us, const struct babel_sender *from, struct bytes packet);

/* clang-format off */
#define BABEL_MAC_COUNTERS(X) \
	X(accepted) X(accepted_unproven) X(bad_sender) X(malformed) X(no_mac) X(wrong_mac) X(no_counter) X(replayed) \
	X(index_unknown) X(challenges_sent) X(challenges_limited) X(challenges_met) X(challenges_failed) \
	X(replies_sent) X(replies_limited) X(refused_neighbours) X(indices_drawn)
/* clang-format on */
struct babel_mac_counters {
#define BABEL_MAC_COUNTER_FIELD(name) uint64_t name;
	BABEL_MAC_COUNTERS(BABEL_MAC_COUNTER_FIELD)
#undef BABEL_MAC_COUNTER_FIELD
};
const struct babel_mac_counters *babel_mac_counters(const struct babel_mac *m);

#endif
