/*
 * The per-link scheduler: what the files of the data path share of it.
 *
 *   packet ──► lane ──► flow ──► (CoDel) ──► deficit round robin ─┐
 *   control ─────────────────────────────────────────────────────┤ strict priority
 *                                                                 ▼
 *                     the link takes a frame (shaper.c) ──► sealed, sent
 *
 * A packet waits only if the link takes none now, or others wait already; else it
 * is sealed where it lies. What waits is plain: counters are drawn when it leaves
 * (protocol.md 4.4), so that a lane that overtakes another does not overrun the
 * receiver's window.
 */
#ifndef MESHD_NODE_EGRESS_H
#define MESHD_NODE_EGRESS_H

#include "meshd/base/heap.h"
#include "meshd/node/node.h"
#include "meshd/node/thin.h"

struct node_link;
struct fib_entry;
struct peer;

/* --- codel.c: RFC 8289 ------------------------------------------------------------------- */

struct codel {
	uint64_t first_above_us; /* when the delay will have been too long for an interval; 0: it is not */
	uint64_t drop_next_us;
	uint32_t count, last_count; /* drops since dropping began */
	bool is_dropping;
};

struct codel_limits {
	uint64_t target_us, interval_us;
	size_t mtu; /* a queue of no more is never too long */
};

/* What suits a link of that rate (0: fast) and MTU. */
struct codel_limits codel_limits_of(uint64_t rate_bps, size_t mtu);
/* The packet at the head of a queue of `bytes`, itself included, has waited for `sojourn_us`
 * and would leave now: must it be dropped? Asked again for the one behind it. */
bool codel_drops(
	struct codel *c, uint64_t now_us, uint64_t sojourn_us, size_t bytes, const struct codel_limits *limits);

/* --- shaper.c: how much a link takes ------------------------------------------------------ */

/* What is learned of a link's rate, from what it took while more waited. */
struct learned {
	uint64_t since_us; /* of the sample under way; 0: none */
	uint64_t bytes;
	unsigned frames;
	uint64_t rate_bps; /* 0: not known */
};

struct shaper {
	uint64_t free_us; /* when the line has worked off what it was given */
	uint64_t heard_us; /* the last frame that was heard */
	uint64_t yields_us; /* for so long it still yields to others, on half duplex */
	size_t room; /* that the shell reported, less what was sent since */
	bool has_room; /* the shell reports it: node_link_ready() was called */
	struct learned learned;
};

/* Bits per second: as stated, or less if the link turned out slower; as learned if nothing is stated; 0: not known. */
uint64_t link_rate_bps(const struct node_link *link);
uint64_t link_airtime_us(const struct node_link *link, size_t bytes); /* 0 if the rate is not known */
bool link_takes(const struct node_link *link, uint64_t now_us); /* a frame, now */
uint64_t link_takes_next_us(const struct node_link *link); /* NEVER: when the shell says so */
/* A frame of so many bytes on the line, all headers included, was sent, or heard. */
void shaper_sent(struct node_link *link, uint64_t now_us, size_t bytes, bool is_backlogged);
void shaper_heard(struct node_link *link, uint64_t now_us, size_t bytes);

/* --- budget.c: what nodes may say to each other ------------------------------------------------ */

#define BUDGET_SLOTS 11 /* seconds: ten, and the one that is under way */

struct budget {
	uint64_t second; /* of the newest slot */
	uint32_t sent[BUDGET_SLOTS], heard[BUDGET_SLOTS]; /* bytes on the line, by second */
	uint64_t reserve_full_us; /* when the reserve for what is urgent will be full again */
	uint64_t floor_us; /* when a frame may leave though there is no budget */
};

/* Bytes on the line, all headers included, that may be said of that need now; at least `least`, or 0, and
 * *again_us is when to ask again. SIZE_MAX: as many as you like. */
size_t budget_left(struct node_link *link, uint64_t now_us, enum babel_need need, size_t least, uint64_t *again_us);
/* So much was said of that need just now, and left or waits: what is beyond the budget must be paid for. */
void budget_said(struct node_link *link, uint64_t now_us, enum babel_need need, size_t bytes);
/* The same of a whole frame of `len` bytes that is no packet of the engine's: a beacon, a handshake. */
bool budget_admits(struct node_link *link, uint64_t now_us, enum babel_need need, size_t len, uint64_t *again_us);
void budget_frame_said(struct node_link *link, uint64_t now_us, enum babel_need need, size_t len);
void budget_spent(struct node_link *link, uint64_t now_us, size_t bytes); /* it left */
void budget_heard(struct node_link *link, uint64_t now_us, size_t bytes); /* others said it */
/* The share of the link in the last ten seconds. */
unsigned budget_permille(const struct node_link *link, uint64_t now_us);

/* --- lane.c: where a packet belongs ---------------------------------------------------------- */

enum lane { LANE_CONTROL = NODE_LANE_CONTROL, LANE_COMMAND, LANE_TEXT, LANE_BULK };

uint8_t packet_dscp(struct bytes packet); /* `packet` was parsed */
/* By DSCP: EF, CS5 and above are command; LE, CS1 and AF1x are bulk. `packet` was parsed. */
enum packet_class class_of_dscp(struct bytes packet);
enum lane lane_of_class(enum packet_class class);
/* The neighbour to which a packet goes by that entry; NULL: to none. Its class falls, once, where it has no way. */
struct peer *peer_of_class(const struct fib_entry *to, enum packet_class *class);
/* Packets of one conversation have one number; fragments are told apart by their addresses only. */
uint32_t flow_of_packet(struct bytes packet, const uint64_t secret[2]);
/* Marks congestion experienced (RFC 3168); false: the packet's ends do not speak of it. */
bool packet_mark_congestion(uint8_t *packet, size_t len);

/* --- egress.c: what waits ------------------------------------------------------------------------ */

#define FLOWS 64 /* of one lane that are told apart; a power of two */
#define WAITING_PACKETS_MAX 8192 /* of a node, over all links */

/* Something that waits: the inner frame of a peer, or a frame that needs no sealing; `out` is in `room`. */
struct waiting {
	struct waiting *next;
	struct peer *peer; /* NULL: no sealing, and then: */
	bool is_to_all;
	struct endpoint to;
	uint64_t since_us;
	unsigned size; /* pool.c */
	struct outgoing out;
	size_t cost; /* what limits and turns count */
	uint8_t room[]; /* headroom, `len` bytes, tailroom */
};

struct flow {
	struct waiting *first, **last;
	struct flow *next; /* whose turn comes after */
	bool is_active;
	int64_t deficit;
	size_t bytes;
	struct codel codel;
};

struct lane_queue {
	struct flow *flows; /* FLOWS of them while something waits, else NULL */
	struct flow *active, **last_active; /* in the order of their turns */
	struct flow *begun; /* whose first packet is sent in part: it is the next one, so that few are joined at once */
	size_t packets, bytes;
};

/* Of one link; made when something must wait for the first time. */
struct egress {
	struct lane_queue lanes[NODE_LANES];
	struct node_lane_info counts[NODE_LANES];
};

/* --- pool.c ------------------------------------------------------------------------------------- */

#define POOL_SIZES 2

struct pool {
	struct waiting *free[POOL_SIZES];
	unsigned kept[POOL_SIZES];
	size_t used; /* at most WAITING_PACKETS_MAX */
};
/* Room for so many bytes, headroom and tailroom included; NULL: none. */
struct waiting *pool_take(struct pool *pool, size_t room);
void pool_give(struct pool *pool, struct waiting *w);
void pool_done(struct pool *pool);

/* --- egress.c, again: what others call ------------------------------------------------------------- */

/* The packet of that class behind `inner` (kind byte first, which is written here, room around it as
 * peer_send_in_place() needs) goes to the peer, now or in its turn. It is not needed any more afterwards. */
void egress_packet(struct peer *p, uint64_t now_us, enum packet_class class, uint8_t *inner, size_t len);
/* The same for questions about a class and their answers (reach.c): they wait where the class does. */
void egress_reach(struct peer *p, uint64_t now_us, enum packet_class class, uint8_t *inner, size_t len);
/* The same for messages and what is said of them: in the lane of text. */
void egress_message(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len);
/* The same for everything else that nodes say to each other. */
void egress_control(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len);
/* The same, before all that waits. */
void egress_first(struct peer *p, uint64_t now_us, uint8_t *inner, size_t len);
/* A whole frame, copied if it waits; `to` NULL: to all. */
void egress_frame(struct node_link *link, uint64_t now_us, const struct endpoint *to, struct bytes frame);
void egress_due(struct timer *timer, uint64_t now_us); /* struct node_link, dequeue */
/* The peer, or all of the link, is gone: so is what waits for it. */
void egress_forget_peer(struct peer *p);
void egress_done(struct node_link *link);
/* Sends what waits of control, whatever the link takes: the node leaves. */
void egress_flush_control(struct node_link *link, uint64_t now_us);
struct node_lane_info egress_info(const struct node_link *link, enum lane lane);

#endif
