/*
 * The tables of one Babel speaker and who owns whom. Private to routing/.
 *
 *   babel ── links[] ── neighbour ── routes it announced (struct route)
 *     │        │            └─ queue (unicast)     │
 *     │        └─ queue (multicast)                │
 *     ├─ destinations, by prefix ── routes to it ──┘  selected route, what was announced, hold
 *     │        └─ sources, by router-id: feasibility distances
 *     └─ requests, by (class, prefix, router-id): pending seqno requests
 *
 * Classes are arrays in the entries, so that what they share is there once: a
 * destination selects a route for each, a route has a metric in each, a source a
 * distance. Plain neighbours speak of the first one only.
 *
 * A packet comes in through engine.c and changes neighbours and routes. Each
 * change ends in destination_decide(): select.c picks the route, tells the
 * owner, and marks updates in the queues. Queues hold intentions ("an update
 * for P"), and become bytes only when they are flushed: what is sent is the
 * state of that instant, and the feasibility distance is lowered right there.
 */
#ifndef ROUTING_ENGINE_H
#define ROUTING_ENGINE_H

#include "meshd/base/heap.h"
#include "meshd/base/list.h"
#include "meshd/base/map.h"
#include "routing/babel.h"
#include "routing/wire.h"

#define MS UINT64_C(1000)
#define SECOND UINT64_C(1000000)

#define URGENT_JITTER_MIN_US (2 * MS) /* within the urgent timeout of 0.2 s (appendix B) */
#define URGENT_JITTER_MAX_US (20 * MS)
#define TRIGGERED_JITTER_MIN_US (10 * MS)
#define TRIGGERED_JITTER_MAX_US (80 * MS)
#define SOURCE_GC_US (180 * SECOND)
#define STRAY_US (3 * SECOND) /* no packet is on its way for longer */
#define SEQNO_ADOPT_US (600 * SECOND)
#define FAST_HELLO_US (200 * MS)
#define FAST_HELLOS 3
#define DUMP_INTERVAL_US (1 * SECOND) /* full dumps to one neighbour */
#define COPY_INTERVAL_US (120 * MS)
#define COPIES_MAX 5
#define DRIFT_US (60 * SECOND) /* what is not quite right for so long is put right (protocol.md 2.2, R9) */
#define ACK_INTERVAL_CS 50
#define REQUEST_HOPS 64
#define REQUEST_RESENDS 3
#define REQUEST_REQUESTERS 4
#define DESTINATION_SOURCES 256 /* origins of one prefix that are remembered: they are searched one by one */
#define QUEUE_BURST 16 /* packets in a row from one queue */
#define QUEUE_MAX 4096 /* messages that wait in one queue, updates of own prefixes not counted */
#define METRIC_LEAST 8 /* less of a difference is none, in any class */
#define REQUEST_KEY (1 + sizeof(struct prefix) + sizeof(router_id))

struct link;
struct neighbour;
struct destination;
struct session;

/* --- the object -------------------------------------------------------------- */

struct babel {
	struct babel_config config; /* classes: at least one */
	struct babel_output output;
	void *user;
	struct heap heap;
	struct babel_counters counters;
	struct link *links[BABEL_LINK_MAX];
	uint16_t drain_cost; /* babel_drain() */
	size_t neighbour_count;
	uint32_t neighbour_number; /* of the last one made */
	struct map destinations;
	struct place *places; /* of destinations, by their index */
	unsigned place_count; /* every index is below */
	unsigned place_capacity;
	unsigned place_free; /* head of the list of free ones, 1-based; 0: none */
	size_t source_count;
	struct map requests;
	uint16_t seqno;
	bool has_stored; /* seqno_store() was called with `stored` */
	uint16_t stored;
	bool is_started; /* started_us is set by the first call that brings a time */
	uint64_t started_us;
	uint16_t opaque; /* of the last acknowledgment request */
	struct list sessions;
	struct timer drift; /* metrics that neighbours were not told exactly */
	struct list unsettled; /* destinations of which only the metric moved, by much */
	struct timer settle;
	struct list starving; /* destinations that need a newer seqno */
	struct timer starve; /* they ask again */
	uint64_t forgotten_until_us; /* until then a neighbour that was dropped may follow what we announced */
	bool is_gated; /* no route is used yet: gate.c */
	struct timer gate;
	bool is_leaving;
};

/* NULL: there is none by that number, whatever number that is. */
static inline struct link *link_by_id(const struct babel *b, unsigned id)
{
	return id < BABEL_LINK_MAX ? b->links[id] : NULL;
}

/* What is said of a prefix in one class. */
struct claim {
	router_id origin;
	uint16_t seqno;
	uint16_t metric; /* infinity: nothing, and the others mean nothing */
};

/* Is anything said in any class? */
static inline bool claims_are_finite(const struct claim claims[BABEL_CLASSES])
{
	bool is_finite = false;

	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		is_finite |= claims[c].metric != BABEL_INFINITY;
	return is_finite;
}

/* --- gate.c: after a start -------------------------------------------------------- */

void gate_look(struct timer *timer, uint64_t now_us);
void gate_started(struct babel *b, uint64_t now_us);
void gate_link_added(struct link *link, uint64_t now_us);
/* Hellos take back what was said before the start. */
bool gate_takes_back(const struct link *link, uint64_t now_us);

/* The first moment counts for what must be over some time after a restart. */
void engine_started(struct babel *b, uint64_t now_us);
uint64_t engine_random_between(struct babel *b, uint64_t low, uint64_t high);
bool seqno_is_newer(uint16_t a, uint16_t b); /* a > b, modulo 2^16 (3.2.1) */
/* A prefix is bytes all through, and canonical: its own key in a map. */
static inline struct bytes prefix_key(const struct prefix *prefix)
{
	return bytes_of(prefix, sizeof(*prefix));
}

/* --- queue.c: what waits to be sent -------------------------------------------- */

/* An intention: an update for a prefix, or a message that is ready. */
struct outgoing {
	struct list node;
	struct babel_tlv tlv;
	bool is_reply; /* asked for: split horizon does not apply (3.8.1.1 is a MUST) */
	bool is_reliable; /* send with an acknowledgment request */
	uint8_t copies; /* still to be sent, this one included */
	uint8_t tries; /* acknowledgment requests spent on it */
};

struct queue {
	struct babel *b;
	struct link *link;
	struct neighbour *to; /* NULL: all neighbours of the link */
	struct list items;
	struct list repeats; /* sent, to be sent again */
	size_t count;
	bool is_urgent; /* something of it is */
	struct timer flush;
	struct timer repeat;
};

#define PACKET_LEAST 192 /* bytes to which a link may limit packets: any message fits */
#define BUDGET_PACKET_MIN 224 /* where it allows more, a budget of less is no use: headers and one entry of a delta */

/* A packet under construction. */
struct packet {
	struct babel *b;
	struct link *link;
	const struct address *to;
	struct wire_builder builder;
	struct ack *ack; /* the acknowledgment that this packet asks for */
	unsigned sent;
	enum babel_need need;
	size_t most; /* bytes that it may have; 0: the budget allows no more of them */
	uint64_t again_us; /* then: when it may be asked again */
};

void queue_init(struct queue *q, struct babel *b, struct link *link, struct neighbour *to);
void queue_done(struct queue *q);
/* Queues a message; sent within the urgent timeout. */
void queue_message(struct queue *q, uint64_t now_us, const struct babel_tlv *tlv);
/* Queues an update for `prefix`, to be sent `copies` times. */
void queue_update(struct queue *q, uint64_t now_us, const struct prefix *prefix, struct outgoing how, bool urgent);
void queue_flush_soon(struct queue *q, uint64_t now_us, uint64_t low_us, uint64_t high_us);
/* One whose need is life. */
void packet_begin(struct packet *p, struct babel *b, struct link *link, const struct address *to);
/* One that keeps to the owner's budget; false: not now, but at p->again_us. While it is written, each time
 * that it was sent, packet_goes_on() says whether another may follow. */
bool packet_begin_within(
	struct packet *p, struct babel *b, struct link *link, const struct address *to, enum babel_need need);
bool packet_goes_on(const struct packet *p);
void packet_write(struct packet *p, const struct babel_tlv *tlv);
void packet_send(struct packet *p); /* sends what was written, if anything */
void packet_send_bytes(struct babel *b, struct link *link, const struct address *to, struct bytes bytes);

/* --- link.c --------------------------------------------------------------------- */

struct link {
	struct babel *b;
	unsigned id;
	struct address self;
	struct babel_link_config config;
	uint16_t hello_seqno; /* of the next multicast Hello */
	unsigned fast_hellos; /* still to be sent early, so that new neighbours hear enough */
	uint64_t last_hello_us;
	unsigned hellos_until_ihu;
	uint64_t listen_until_us; /* gate.c */
	uint16_t steer_cost; /* babel_link_steer() */
	uint64_t strangers_us; /* paced: until the next Hello to whom we do not know */
	struct list neighbours;
	struct queue queue;
	struct timer hello;
	struct timer update;
	uint8_t *buffer; /* of config.mtu bytes: the packet under construction */
};

void link_free(struct babel *b, struct link *link);
/* Does anybody here need every update again and again? */
bool link_speaks_plain(const struct link *link);
/* Says Hello ahead of time, soon: somebody new listens. */
void link_hello_soon(struct link *link, uint64_t now_us, unsigned count);
bool link_is_paced(const struct link *link); /* Hellos go to each neighbour by itself: hello.c */
uint64_t link_next_stranger_us(struct link *link);
uint64_t link_fast_us(const struct link *link); /* between early Hellos */
uint64_t link_hello_interval_us(const struct link *link); /* as configured; towards idle neighbours it may be longer */
uint64_t link_update_interval_us(const struct link *link);
uint64_t link_update_hold_us(const struct link *link); /* how long neighbours keep what we announced */
/* Ask for everything: one neighbour, or all of the link. */
void link_request_all(struct link *link, uint64_t now_us, struct neighbour *only);

/* --- neighbour.c ------------------------------------------------------------------ */

struct history {
	uint16_t bits; /* newest in bit 15 */
	uint16_t expected;
	uint16_t interval_cs; /* of the last scheduled Hello; 0: none yet */
	uint64_t since_us; /* start of the period that `timer` ends */
	uint64_t ahead_us; /* by how much a sign of life counted as a Hello came before it */
	bool is_known; /* expected is valid */
	struct timer timer;
};

struct rtt {
	bool has_origin; /* timestamps of the last Hello from the neighbour */
	uint32_t origin; /* its clock */
	uint32_t receive; /* ours */
	bool has_smoothed;
	uint32_t smoothed_us;
	uint32_t least_us, least_before_us; /* in this window, and in the one before it */
	uint64_t window_us; /* when this one began; 0: there is none */
};

/* What is measured again and again, with noise, and used as long as it is about right. */
struct measure {
	uint32_t last;
	uint32_t mean;
	uint32_t used;
	uint64_t right_us; /* when `used` was last right */
};

struct neighbour {
	struct list on_link;
	struct babel *b;
	struct link *link;
	uint32_t number; /* no other one had it before */
	uint16_t slot; /* from 1: small, and another one's once this one is gone */
	struct address address;
	struct history multicast;
	struct history unicast;
	/* hello.c: our unicast Hellos to it, and polls while it is silent */
	uint16_t hello_seqno; /* of the next */
	uint16_t promised_cs; /* interval in the last */
	uint8_t fast_hellos; /* still to be sent early */
	uint8_t hellos_until_ihu;
	uint8_t warnings; /* of a slower pace, still to be sent */
	uint8_t polls; /* unanswered */
	uint64_t said_us;
	uint64_t busy_until_us;
	struct timer hello;
	struct timer poll;
	unsigned misses; /* consecutive missed Hellos since any sign of life */
	bool is_up; /* Hellos arrive; with dead_misses it stays so until that many are missed */
	bool is_mute; /* babel_neighbour_mute() */
	struct timer damp; /* armed while its costs are inflated */
	uint64_t alive_us;
	uint64_t heard_us;
	uint16_t txcost;
	uint16_t told_rxcost; /* in our last IHU */
	struct timer ihu;
	unsigned classes; /* that both speak of, and the link admits; a bit mask */
	uint16_t cost[BABEL_CLASSES]; /* as used by its routes */
	uint16_t steered; /* how much of each is no measurement */
	struct measure text, etx; /* of the cost in text; of transmissions for a packet and its answer, 256: one */
	uint64_t measured_us; /* their means are of then */
	struct rtt rtt;
	/* After a restart our feasibility distances are gone, while the neighbour
	 * may still route through us. Its routes count only once it has
	 * acknowledged an IHU of infinite cost, which made it drop them. */
	bool is_confirmed;
	uint16_t confirm_opaque;
	unsigned confirm_tries;
	uint64_t confirm_deadline_us;
	struct timer confirm;
	bool is_asking; /* for its table: repeated until it acknowledges the request */
	bool has_met; /* it was asked after it had heard us */
	uint64_t dumped_us;
	struct timer dump;
	struct session *session; /* NULL: a plain neighbour, which must hear everything again and again */
	bool is_dormant; /* its routes wait for a refresh: the link was down (R13) */
	struct list routes;
	size_t route_count;
	struct list acks;
	struct queue queue;
};

struct neighbour *neighbour_find(const struct link *link, const struct address *address);
/* ... of the link by that number, if there is one. */
struct neighbour *neighbour_at(const struct babel *b, unsigned id, const struct address *address);
/* NULL when the table is full (counted) or memory runs out. */
struct neighbour *neighbour_new(struct link *link, uint64_t now_us, const struct address *address);
/* Drops it with its routes; selections follow. */
void neighbour_free(struct neighbour *n, uint64_t now_us);
/* A Hello came. Returns the neighbour's entry, a fresh one if the sender restarted. */
struct neighbour *neighbour_hello(
	struct link *link, uint64_t now_us, const struct address *from, const struct babel_tlv *tlv);
void neighbour_ihu(struct neighbour *n, uint64_t now_us, const struct babel_tlv *tlv);
/* For its whole table, until the request is acknowledged. */
void neighbour_ask_all(struct neighbour *n, uint64_t now_us);
void neighbour_acked(struct neighbour *n, uint64_t now_us, uint16_t opaque);
void neighbour_sign_of_life(struct neighbour *n, uint64_t now_us);
/* Recomputes the cost and, when it changed, everything that hangs on it. */
void neighbour_cost_update(struct neighbour *n, uint64_t now_us);
/* Own loop slept: time in which nothing could be heard counts no misses. */
void neighbour_forgive(struct neighbour *n, uint64_t now_us, uint64_t slept_us);
void neighbour_write_ihu(struct neighbour *n, struct packet *p, bool with_timestamps, uint16_t rxcost);

/* Between the Hellos of a history, as promised, or else as ours. */
uint64_t history_period_us(const struct neighbour *n, const struct history *h);
/* Anything of it counts, of late. */
bool neighbour_is_heard_of(const struct neighbour *n);

/* --- hello.c ---------------------------------------------------------------------- */

void neighbour_hello_init(struct neighbour *n);
void neighbour_hello_done(struct neighbour *n);
/* Says Hello ahead of time, to it or to all: it is new, or waits to hear that we hear it. */
void neighbour_hello_soon(struct neighbour *n, uint64_t now_us, unsigned count);
/* It was found, or found again. */
void neighbour_meet(struct neighbour *n, uint64_t now_us);
void neighbour_become_idle(struct neighbour *n, uint64_t now_us);
bool neighbour_is_slow(const struct neighbour *n); /* it has said that its Hellos come at an idle pace */
/* Something is overdue: are you there? Nothing happens on links where misses decide alone. */
void neighbour_poll_soon(struct neighbour *n, uint64_t now_us);
void neighbour_poll_answered(struct neighbour *n, uint64_t now_us);
/* Own loop slept: answers wait to be read. */
void neighbour_poll_forgive(struct neighbour *n, uint64_t now_us);

/* --- metric.c ---------------------------------------------------------------------- */

static inline uint16_t metric_add(uint32_t a, uint32_t b) /* saturates at infinity */
{
	uint32_t sum = a + b;

	return sum >= BABEL_INFINITY ? BABEL_INFINITY : (uint16_t)sum;
}
uint16_t metric_inflated(uint16_t cost); /* of who comes and goes */
/* By an operator; what is there stays there. */
uint16_t metric_steered(uint16_t cost, uint16_t by);
bool metric_two_out_of_three(uint16_t history);
/* The Hellos by which the link is judged. */
const struct history *metric_history(const struct neighbour *n);
uint16_t metric_rxcost(const struct neighbour *n);
/* The cost as measured at this moment. */
uint16_t metric_cost(const struct neighbour *n);
/* The cost to use from now on: noise of the measurement does not move it. */
uint16_t metric_steady_cost(struct neighbour *n, uint64_t now_us);
/* The same in another class than the base, after that one's; infinity if the neighbour or the link does not know it. */
uint16_t metric_class_cost(const struct neighbour *n, enum babel_class class);
/* The formulas (protocol.md 3): a rate, 0 if it is not known; the least round trip; the share of packets that arrive,
 * in parts of 65536, not 0. */
uint32_t metric_command(uint64_t rate_bps, uint32_t rtt_us, uint32_t delivery);
uint32_t metric_bulk(uint64_t rate_bps, uint32_t delivery);
/* The geometric step to announce for what was measured: the one in use, unless that is left behind. */
uint16_t metric_step(uint16_t used, uint32_t measured);
bool metric_is_lossy(const struct neighbour *n);
/* The exponentially smoothed `old` after `elapsed_us` of a constant `now`. */
uint32_t metric_smooth(uint32_t old, uint32_t now, uint64_t elapsed_us, uint64_t half_life_us);
bool metric_change_is_significant(uint16_t old, uint16_t now);
/* To who keeps what it was told once: this is told soon, and less than that, but not for ever, in a while. */
bool metric_has_moved(uint16_t old, uint16_t now);
bool metric_has_drifted(uint16_t old, uint16_t now);
bool metric_has_doubled(uint16_t old, uint16_t now); /* or is less than half: more than that */

/* --- rtt.c -------------------------------------------------------------------------- */

void rtt_hello(struct neighbour *n, uint64_t now_us, uint32_t t1);
/* One packet brought a Hello with timestamp `hello` and an IHU with (origin, receive). */
void rtt_sample(struct neighbour *n, uint64_t now_us, uint32_t hello, uint32_t origin, uint32_t receive);
uint16_t rtt_penalty(const struct babel_link_config *config, uint32_t rtt_us);
/* The least of the last minute: nothing waits in a queue in it. 0: not measured. */
uint32_t rtt_least_us(const struct rtt *rtt);

/* --- source.c ------------------------------------------------------------------------ */

struct source {
	struct source *next; /* of the destination; the one announced last comes first */
	struct destination *destination;
	router_id origin;
	struct distance {
		uint16_t seqno;
		uint16_t metric; /* infinity: there is none */
	} distances[BABEL_CLASSES];
	unsigned pins; /* sessions in which a finite update of it holds, counted by class */
	uint64_t until_us; /* somebody who is not counted there may follow it until then */
	struct timer gc; /* not armed while it is pinned */
};

struct source *source_find(const struct destination *d, const router_id *id);
bool source_is_feasible(const struct destination *d, enum babel_class class, const struct claim *claim);
/* Before a finite update is sent (3.7.3). False: no room, do not send. */
bool source_update(
	struct destination *d, uint64_t now_us, enum babel_class class, const struct claim *claim, uint64_t hold_us);
/* A versioned neighbour may follow the entry until it is told otherwise; it must
 * exist. Unpinned, it lives as long as leases may (R8). */
void source_pin(struct destination *d, const router_id *id);
void source_unpin(struct destination *d, uint64_t now_us, const router_id *id, uint64_t hold_us);
void source_free(struct source *s);

/* --- route.c --------------------------------------------------------------------------- */

/* For how long a route of a plain neighbour holds. */
struct route_clock {
	uint64_t expires_us;
	uint32_t forgiven_us; /* by which it may live longer, as we slept */
	uint8_t probes; /* route requests sent because it is about to expire */
	struct route *route;
	struct timer expiry;
};

/* A route in one class. */
struct variant {
	struct claim claim; /* as announced */
	uint16_t proven_metric; /* by which feasibility is judged: see route_prove() */
	uint16_t smoothed_metric; /* the metric since smoothed_ms */
	uint32_t smoothed;
	uint32_t smoothed_ms; /* when `smoothed` was computed, modulo 2^32 */
};

struct route {
	struct list on_destination;
	struct list on_neighbour;
	struct destination *destination;
	struct neighbour *neighbour;
	struct variant variants[BABEL_CLASSES];
	uint16_t extra_cost;
	uint16_t interval_cs; /* between its updates */
	struct address next_hop;
	uint8_t refused; /* classes, by the owner: as if they were retracted; a bit mask */
	bool is_v4_via_v6;
	bool is_fresh; /* said since the last full sync began */
	bool has_clock; /* the neighbour was plain when the route was made */
	struct route_clock clock[]; /* one or none: the lease of a session holds all its routes */
};

/* Of the link, and what the owner adds. Command takes the best way, whatever it is charged. */
static inline uint16_t route_cost(const struct route *r, enum babel_class class)
{
	return metric_add(r->neighbour->cost[class], class == BABEL_COMMAND ? 0 : r->extra_cost);
}
static inline uint16_t route_metric(const struct route *r, enum babel_class class)
{
	const struct neighbour *n = r->neighbour;
	uint16_t refmetric = r->variants[class].claim.metric;

	if (refmetric == BABEL_INFINITY || r->refused >> class & 1 || n->cost[class] == BABEL_INFINITY || n->is_dormant)
		return BABEL_INFINITY;
	return metric_add(refmetric, route_cost(r, class));
}
bool route_is_announced(const struct route *r); /* in any class */
bool route_is_feasible(const struct route *r, enum babel_class class);
/* Before the one at `at` of a neighbour's routes is looked at: what those behind it lead to is fetched. */
void routes_fetch(const struct neighbour *n, const struct list *at);
/* Finite, feasible, and the kernel can install it. */
bool route_is_usable(const struct route *r, enum babel_class class);
struct route *route_find(const struct destination *d, const struct neighbour *n);
/* All that a neighbour says of one prefix: the update of the base, and claims of every class, that one included. */
struct announcement {
	struct babel_tlv update; /* what a class that is finite says of next hops counts */
	struct claim claims[BABEL_CLASSES];
};
struct announcement announcement_of(const struct babel_tlv *update); /* the base alone */
/* The tagged update of another class. False: it does not follow the update of its base. */
bool announcement_add(struct announcement *a, const struct babel_tlv *update);
void route_update(struct neighbour *n, uint64_t now_us, const struct announcement *a);
/* Of that, only what is lost. */
void route_update_losses(struct neighbour *n, uint64_t now_us, const struct announcement *a);
void route_retract_all(struct neighbour *n, uint64_t now_us);
void route_free(struct route *r);
/* If the metric has changed: what was smoothed until now goes on from the new one. */
void route_smooth(struct route *r, uint64_t now_us);
uint64_t route_half_life_us(const struct route *r);
uint32_t route_smoothed_at(const struct route *r, enum babel_class class, uint64_t now_us);
void route_forgive(struct route *r, uint64_t now_us, uint64_t slept_us);

/* --- starve.c ---------------------------------------------------------------------------- */

/* Asks for a newer seqno if the unfeasible route is wanted (3.8.2.1, 3.8.2.2). */
void route_unfeasible(struct route *r, uint64_t now_us, enum babel_class class, bool was_selected);
/* For all of it that is not feasible. */
void route_ask_seqnos(struct route *r, uint64_t now_us);
/* A route of a session that is not feasible would be with the seqno of its feasibility distance. */
bool route_needs_no_new_seqno(const struct route *r, enum babel_class class);
/* Routes to `d` are there and none may be used: that is worth remembering. */
void route_note_starving(const struct destination *d, uint64_t now_us);
/* Asks once more for the seqnos that starving destinations need. */
void route_starve_due(struct timer *timer, uint64_t now_us);

/* --- destination.c ------------------------------------------------------------------------ */

struct place {
	struct destination *destination; /* NULL: free */
	unsigned next_free; /* 1-based; 0: the last one */
	bool is_drifting; /* a neighbour has a metric of it that is not quite right */
};

enum installed { INSTALLED_NOTHING, INSTALLED_ROUTE, INSTALLED_UNREACHABLE };

/* What the owner was told last. */
struct told {
	router_id origin;
	uint16_t seqno;
	uint16_t metric;
	uint32_t neighbour; /* its number */
	uint8_t installed; /* enum installed */
	bool is_outdated; /* the selected route has another next hop since */
	uint16_t backup; /* the slot of its neighbour; 0: none */
};

struct destination {
	struct map_entry entry; /* key: the prefix */
	struct prefix prefix;
	bool is_own;
	bool is_announced; /* neighbours were told, or are being told, of a finite route; the base */
	bool is_held; /* unreachable entry (3.5.4) */
	bool hold_by_ack; /* acknowledgments may end the hold */
	uint16_t own_metric;
	/* Small and dense, for arrays beside the table. It is another one's once
	 * this one is freed. */
	unsigned index;
	uint16_t announced_metric;
	uint16_t source_count;
	struct list routes;
	struct route *selected[BABEL_CLASSES]; /* never with is_own */
	struct source *sources;
	struct babel *b;
	struct list requests;
	router_id announced_id;
	uint64_t announced_us; /* when a finite update was sent last */
	uint64_t announced_until_us; /* until then a neighbour may follow what we announced */
	uint64_t announced_links; /* links on whose multicast the last word was finite */
	uint64_t queued_links; /* links in whose multicast queue an update waits */
	struct told told[BABEL_CLASSES];
	unsigned unacked; /* acknowledgments awaited for updates of this prefix */
	uint64_t bulk_moved_us; /* when that class took another route */
	unsigned told_sessions; /* in which something of this prefix holds, or is not acknowledged */
	struct list on_starving;
	struct list on_unsettled;
	struct timer hold;
	struct timer reselect; /* a better route waits for its smoothed metric */
};

struct destination *destination_find(const struct babel *b, const struct prefix *prefix);
struct destination *destination_get(struct babel *b, const struct prefix *prefix);
struct destination *destination_at(const struct babel *b, unsigned index); /* NULL: nobody has this index */
void destination_release(struct destination *d); /* frees it if it holds nothing */
void destination_free(struct destination *d);
bool destination_is_reachable(const struct destination *d, enum babel_class class);
bool destination_is_routed(const struct destination *d); /* reachable in any class */
/* What is known of it: of its own, or of the selected route; infinite if it is not reachable. */
struct claim destination_claim(const struct destination *d, enum babel_class class);
void destination_claims(const struct destination *d, struct claim claims[BABEL_CLASSES]); /* in every class */
struct babel_route destination_route(const struct destination *d, const struct route *r, enum babel_class class);

/* --- select.c ---------------------------------------------------------------------------- */

void destination_init_timers(struct destination *d);
/* Something about this prefix changed: select, install, announce, request. May
 * free the destination when nothing is left to know about it. */
void destination_decide(struct destination *d, uint64_t now_us);
/* May a change of `r` change a decision? Not if another route is selected and no worse. */
bool destination_depends_on(const struct destination *d, const struct route *r);
void destination_acked(struct destination *d, uint64_t now_us, bool was_acked);
/* A session has acknowledged that `d` is not there. */
void destination_told(struct destination *d, uint64_t now_us);
/* A neighbour that was dropped may follow what it was told of `d` until then. */
void destination_forgotten(struct destination *d, uint64_t now_us, uint64_t until_us);

/* --- backup.c: what is used when the selected route is not ---------------------------------- */

/* Something about the routes to `d` or their feasibility changed: the owner is told of other backups. */
void backup_review(struct destination *d);
uint16_t backup_slot(const struct babel *b); /* that no neighbour has */

/* --- update.c -------------------------------------------------------------------------------- */

/* Announces the state of `d` on all links. */
void update_trigger(struct destination *d, uint64_t now_us, bool urgent, bool reliable);
/* Everything we announce, to one neighbour or to all of the link. */
void update_dump(struct link *link, uint64_t now_us, struct neighbour *only);
/* The answer to a request: at once or within the urgent timeout. */
void update_reply(struct link *link, uint64_t now_us, const struct address *to, const struct prefix *prefix);
/* What an operator adds, in every class, to what is said of a prefix there. */
uint16_t update_steering(const struct destination *d, const struct link *link);
/* What `link` is to be told of a prefix; false: nothing. Lowers the feasibility distance. */
bool update_compose(
	struct link *link, uint64_t now_us, const struct outgoing *item, bool is_multicast, struct babel_tlv *out);
/* Takes back whatever was announced on the link (4.6.9). */
struct babel_tlv update_retracting_all(const struct link *link);
/* The next hop that `link` is told for `prefix`; false: there is none. */
bool update_next_hop(const struct link *link, const struct prefix *prefix, struct babel_tlv *out);
static inline bool update_has_next_hop(const struct link *link, uint8_t family)
{
	if (family == link->self.family)
		return true;
	return family == FAMILY_IPV4 && (link->config.has_ipv4 || link->b->config.kernel_has_v4_via_v6);
}
/* The owner's word on what is announced there. */
struct babel_verdict update_policy(
	const struct destination *d, const struct link *link, const struct address *neighbour);
/* Urgent updates on this link go to each plain neighbour with an acknowledgment request. */
bool update_is_acked_on(const struct link *link);
void seqno_keep(struct babel *b); /* persists the own seqno in blocks */
/* An update of our own origin with `seqno` came. After a loss of storage it may be
 * from our past and newer than our present (protocol.md 6.3). */
void seqno_meet_own_past(struct babel *b, uint64_t now_us, uint16_t seqno);

/* --- ack.c ------------------------------------------------------------------------------------ */

/* One packet for which a neighbour's acknowledgment is awaited. */
struct ack {
	struct list on_neighbour;
	struct neighbour *neighbour;
	uint16_t opaque;
	struct list items; /* the updates that it carried */
	struct timer timeout;
};

void ack_answer(struct link *link, const struct address *to, const struct babel_tlv *tlv);
struct ack *ack_new(struct neighbour *n, uint64_t now_us);
void ack_free(struct ack *a, uint64_t now_us, bool was_acked);
bool ack_received(struct neighbour *n, uint64_t now_us, uint16_t opaque);

/* --- request.c --------------------------------------------------------------------------------- */

struct requester {
	unsigned link;
	struct address address;
};

struct request {
	struct map_entry entry;
	uint8_t key[REQUEST_KEY];
	struct list on_destination;
	struct destination *destination;
	enum babel_class class;
	router_id origin;
	uint16_t seqno;
	bool is_own; /* this node wants it, not only somebody else */
	bool is_multicast; /* asked of everybody: nobody announced the prefix */
	unsigned target_link; /* of a request to one neighbour */
	struct address target; /* FAMILY_NONE: all who announce the prefix */
	unsigned resends; /* left */
	uint64_t timeout_us;
	uint64_t sent_us;
	uint8_t hop_count; /* left, of what was passed on */
	bool is_asked_again; /* by its requesters, while a copy was under way */
	uint64_t spares_thin_us; /* until then thin links are not asked in vain again */
	struct requester asked; /* whom the last copy went to; FAMILY_NONE: several */
	struct requester requesters[REQUEST_REQUESTERS];
	size_t requester_count;
	bool has_more_requesters; /* than were remembered: answer by multicast */
	struct timer timer;
};

void request_route(struct neighbour *n, uint64_t now_us, const struct prefix *prefix);
/* Asks for a seqno that makes routes to `d` of `id` feasible again: of `only`,
 * or of all who announce it, or, if nobody does, of all links with plain neighbours. */
void request_seqno(
	struct destination *d, uint64_t now_us, enum babel_class class, const router_id *id, struct neighbour *only);
/* This node waits for an answer about `id`, and asks again by itself. */
bool request_is_under_way(const struct destination *d, enum babel_class class, const router_id *id);
void request_received(struct link *link, uint64_t now_us, const struct address *from, const struct babel_tlv *tlv);
void request_satisfied(struct destination *d, uint64_t now_us); /* after a decision */
void request_free(struct request *q);
/* The pending request; NULL: none. */
struct request *request_find(
	const struct babel *b, enum babel_class class, const struct prefix *prefix, const router_id *id);
/* The same, made if there is none; NULL: out of memory, or at the limit. */
struct request *request_get(struct destination *d, enum babel_class class, const router_id *id);
void request_add_requester(struct request *q, const struct link *link, const struct address *address);
struct babel_tlv request_tlv(const struct request *q, uint8_t hop_count);
/* For so long what is asked by a thin link is under way, where no answers come. */
uint64_t request_thin_way_us(const struct link *link);

/* --- request_pass.c ------------------------------------------------------------------------------ */

/* A copy of it may still be answered: its timer is set for when that is over. */
bool request_wait(struct request *q, uint64_t now_us);
/* Passes on what nobody answered and somebody has asked for again meanwhile. */
bool request_pass_again(struct request *q, uint64_t now_us);
/* Passes a seqno request of another node on (RFC 8966, 3.8.1.2). */
void request_pass(struct destination *d, struct link *link, uint64_t now_us, const struct address *from,
	const struct babel_tlv *tlv);

#endif
