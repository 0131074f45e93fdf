/*
 * A random world of Babel speakers in one process, in virtual time.
 *
 *   node ── engine (struct babel)          segment: a cable or a shared medium
 *    │  └─ fib: what route_changed() told     │  delay, jitter, loss, late and
 *    └──── flights ───────────────────────────┘  doubled packets, who is deaf to whom
 *
 * world.c moves packets and time, faults.c draws worlds and breaks them, oracle.c
 * judges. All randomness comes from the world's seed.
 *
 * Sessions. A node that restarts has lost its feasibility distances, and what a
 * neighbour still sends it through an old route would come back. On sealed links
 * this cannot happen: whatever is sealed for the dead process is unreadable for
 * the new one, packets and transit alike, until the neighbour has met the new one
 * and dropped its routes (protocol.md 2.2, R6 and R7). Worlds with `sessions`
 * behave so. In the others, plain RFC 8966, a node that died stays away until
 * nobody can follow its old word, or, in quick worlds, not: there the gate after a
 * start must do (routing/gate.c). Half of the quick worlds have sealed segments and
 * some in the clear.
 *
 * In worlds with sessions some nodes speak of versions (docs/routing.md): links
 * between two of them are versioned, others are plain, and a shared medium may
 * have both.
 *
 * Of those some route all classes, and some segments are too thin for bulk. A packet
 * of a class that has no route where it is falls to the base once, for good.
 */
#ifndef TESTS_PROPERTY_ROUTING_WORLDS_WORLD_H
#define TESTS_PROPERTY_ROUTING_WORLDS_WORLD_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meshd/base/heap.h"
#include "meshd/base/list.h"
#include "routing/babel.h"

#define WORLD_NODES 14
#define WORLD_SEGMENTS 40
#define WORLD_PREFIXES 40
#define WORLD_PACKET 1500
#define MILLISECOND UINT64_C(1000)
#define A_SECOND UINT64_C(1000000)

/* What is broken on purpose, to see that the oracle sees it. */
enum mutant {
	MUTANT_NONE,
	MUTANT_SEQNO, /* every update in flight gets a newer seqno: everything looks feasible */
	MUTANT_NO_HOLD, /* the FIB forgets held prefixes: the covering one is used (3.5.4) */
	MUTANT_NO_REQUESTS, /* seqno requests are eaten: the starved stay starved (3.8.2.1) */
	MUTANT_KEEP, /* what a dead process announced to versioned neighbours is kept until the new one has told all
			(R6) */
	MUTANT_NO_GATE, /* what was sealed for a dead process is read by the next one (R7) */
	MUTANT_NO_START, /* in quick worlds, routes are used from the start on (routing/gate.c) */
	MUTANT_NO_PIN, /* feasibility distances are forgotten while refreshes repeat what they stood for (R8) */
	MUTANT_NO_MARK, /* packets that fall to the base are of their class again at the next node (protocol.md 3) */
};

struct world;

enum fib_state { FIB_NOTHING, FIB_ROUTE, FIB_REFUSE };

struct fib_entry {
	enum fib_state state;
	uint8_t segment;
	uint8_t next;
	router_id origin;
};

struct node {
	struct world *w;
	unsigned index;
	struct babel *b; /* NULL while it is switched off */
	struct prng prng;
	struct timer due; /* babel_poll() */
	struct timer start; /* it comes back */
	uint64_t clock_us; /* ahead of the world's */
	uint64_t stalled_until_us; /* its process sleeps */
	unsigned slowness; /* its intervals are so many times those of the segment */
	bool has_stored;
	uint16_t stored;
	router_id id;
	unsigned boot; /* number of the running process, counted over all nodes */
	unsigned known_boot[WORLD_SEGMENTS][WORLD_NODES]; /* with whom it has sessions */
	bool speaks_versions; /* and, to those who do as well, versioned ones */
	unsigned classes; /* that it routes: one or all */
	uint64_t sealed; /* packets */
	uint64_t newest[WORLD_SEGMENTS][WORLD_NODES]; /* of the packets heard, by the sender's count */
	uint64_t joined; /* segments it is connected to, as a bit mask */
	uint64_t with_carrier; /* segments of these that its engine has as links */
	uint16_t extra_cost[WORLD_SEGMENTS];
	uint64_t refuses; /* segments whose updates its owner does not accept */
	uint64_t own; /* prefixes it originates, as a bit mask */
	struct fib_entry fib[BABEL_CLASSES][WORLD_PREFIXES];
};

struct segment {
	bool is_cut;
	bool is_shared;
	bool is_open; /* nothing is sealed there */
	uint64_t delay_us, jitter_us, late_us; /* late: some packets take so much longer */
	unsigned loss_permille, double_permille, late_permille;
	uint32_t deaf[WORLD_NODES]; /* whom a node does not hear here, as a bit mask */
	struct babel_link_config config;
};

struct world {
	uint64_t seed;
	struct prng prng;
	uint64_t now_us;
	struct heap heap;
	bool sessions;
	bool is_quick; /* who died may be back at once, also in the clear */
	bool alive; /* each packet counts as a sign of life (protocol.md 6.1) */
	enum mutant mutant;
	bool is_quiet; /* few faults, rare updates */
	bool trace;
	uint16_t forged_seqno;
	unsigned node_count, segment_count, prefix_count, boots;
	unsigned classes; /* that any node routes */
	struct node nodes[WORLD_NODES];
	struct segment segments[WORLD_SEGMENTS];
	struct prefix prefixes[WORLD_PREFIXES];
	struct address probes[WORLD_PREFIXES]; /* an address of that prefix and of none inside it */
	uint8_t covers[WORLD_PREFIXES][WORLD_PREFIXES]; /* prefixes around probes[i], longest first */
	unsigned cover_count[WORLD_PREFIXES];
	struct timer fault;
	uint64_t fault_every_us; /* on average */
	uint64_t faults_end_us;
	uint64_t events;
	unsigned loops;
	uint64_t circle_since_us[BABEL_CLASSES][WORLD_PREFIXES]; /* of two origins, while it lasts */
	unsigned circles;
	uint64_t longest_circle_us;
	uint64_t falls; /* walks that fell to the base on their way */
	unsigned blackholes;
	uint64_t reached_us, settled_us; /* after the last fault until all was reachable, right */
	char verdict[256]; /* the first thing that was wrong */
};

/* --- world.c ------------------------------------------------------------------------ */

struct address world_address(unsigned node, unsigned segment);
void world_run(struct world *w, uint64_t until_us);
void world_trace(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t world_between(struct world *w, uint64_t low, uint64_t high);
bool world_chance(struct world *w, unsigned permille);
void world_free(struct world *w);

void node_init(struct node *n, struct world *w, unsigned index);
void node_start(struct node *n);
/* Switches it off; with `clean` it retracts first. */
void node_stop(struct node *n, bool clean);
void node_link_up(struct node *n, unsigned segment);
void node_link_down(struct node *n, unsigned segment);
void node_poll(struct node *n);
/* Its owner has a session with this process of `peer` there; 0: with none that it knows. */
void node_session(struct node *n, unsigned segment, unsigned peer, unsigned boot);
static inline uint64_t node_now(const struct node *n)
{
	return n->w->now_us + n->clock_us;
}

/* Thick enough for the class. */
static inline bool segment_admits(const struct segment *s, enum babel_class class)
{
	return class != BABEL_BULK || s->config.rate_bps == 0 || s->config.rate_bps >= 200000;
}

/* --- faults.c ------------------------------------------------------------------------- */

/* A world of `seed`, switched on, in which faults happen until faults_end_us. */
struct world *world_new(uint64_t seed, enum mutant mutant, bool is_quick, bool trace);
/* Ends all noise; what is cut, deaf or switched off stays so. */
void world_calm(struct world *w);
/* The time after the last fault within which everything that is connected must be
 * reachable, and the time within which everything must be right. */
uint64_t world_reach_us(const struct world *w);
/* Of that, the time to ask an origin for a newer seqno. */
uint64_t world_repair_us(const struct world *w);
uint64_t world_bound_us(const struct world *w);

/* --- oracle.c ---------------------------------------------------------------------------- */

/* A node's answer for prefix `p` changed: no walk from there may come back. */
void oracle_changed(struct node *n, unsigned p);
/* All walks from everywhere. */
void oracle_walk_all(struct world *w);
/* After each event: circles of two origins must end. */
void oracle_event(struct world *w);
enum order {
	ORDER_RIGHT, /* everything that is connected is reachable, nothing else seems to be */
	ORDER_GHOSTS, /* routes or holds are left of what is not there any more */
	ORDER_BROKEN, /* something that is connected is not reachable */
};
/* `why` says what is wrong. */
enum order oracle_order(const struct world *w, char *why, size_t size);

#endif
