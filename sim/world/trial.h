/*
 * A trial: a plan, the world built from it, what is measured in it, and what came
 * of each expectation.
 *
 *   trial.c    builds, runs, ends
 *   steer.c    orders and faults in their time
 *   supply.c   mains and batteries
 *   roam.c     where nodes are, and which radios hear each other there; place.c, distances
 *   jam.c      radios that hear nothing for a time
 *   traffic.c  what hosts say to each other: probe.c flows and pings, transfer.c files,
 *              voice.c groups that talk
 *   watch.c    the outage clocks of nodes that watch others
 *   guard.c    sessions, tables, routes under attack
 *   attacker.c somebody at a link who is no node
 *   attack_node.c a node that is turned against the others
 *   whole.c    does every node that can be reached get its packets?
 *   report.c   the outcome as a table; report_json.c as JSON
 *   service.c  what each site got of what was sent to it, by class; kind.c, way.c, what a way bears
 *   record.c   who reached whom, over time (timeline.c), and by region (region.c)
 *   page*.c    the outcome as a page for people
 *   bench.c    how fast, how large, with a tree of many nodes
 */
#ifndef SIM_WORLD_TRIAL_H
#define SIM_WORLD_TRIAL_H

#include "sim/world/plan.h"
#include "sim/world/timeline.h"
#include "sim/world/world.h"

#include <stdio.h>

struct trial;

struct trial_event {
	struct timer timer;
	struct trial *trial;
	const struct plan_event *conf;
	bool is_jamming;
	struct timer jam_over;
};

/* What a node lives on. */
struct trial_supply {
	struct timer empty;
	struct trial *trial;
	unsigned node;
	bool has_mains;
	bool is_starved; /* off for want of power: comes back with the mains */
	uint64_t left_us; /* of the battery, when it was looked at */
	uint64_t looked_us;
};

/* Where a node is, and where it goes. */
struct trial_place {
	struct position at;
	struct way_point way; /* the one it is on, or was last */
	unsigned next; /* of the plan's way-points */
};

struct trial_flow {
	struct timer timer;
	struct trial *trial;
	unsigned index;
	const struct plan_flow *conf;
	uint32_t capacity;
	/* The sending station's. */
	uint32_t sent;
	uint64_t sent_us; /* the last one */
	struct timeline said;
	/* The receiving station's. */
	uint32_t received, repeated;
	uint32_t fallen; /* of those received: that were no longer of their class */
	uint8_t *seen; /* a bit for each packet */
	uint64_t last_us; /* an arrival, or the start */
	uint64_t gap_us; /* the longest time without one */
	struct timeline heard; /* in the step in which each left */
};

#define TRIAL_CALL_RING 128 /* frames whose answers are remembered */
_Static_assert(PLAN_CALL_FRAMES + PLAN_CALL_WAIT < TRIAL_CALL_RING, "what is judged is remembered");

struct trial_call {
	uint32_t sent;
	unsigned good; /* of the frames judged last */
	bool is_answered[TRIAL_CALL_RING];
};

struct trial_expect {
	struct timer timer; /* reach, whole, and what guard.c looks at */
	struct trial_call call; /* reach for voice */
	struct trial *trial;
	unsigned index;
	const struct plan_expect *conf;
	bool is_over;
	bool is_met;
	double measured; /* as at_most; negative: never */
	uint64_t moves; /* sessions: neighbours that came and went */
	uint64_t completed_before; /* handshakes */
	uint64_t bytes_before; /* share: control, when the time began that its mean is of */
	unsigned looked_at; /* whole.c: where to look first */
	char detail[128];
};

struct trial_attack {
	struct timer timer;
	struct trial *trial;
	const struct plan_attack *conf;
	struct prng prng;
	uint64_t frames; /* held back, or put in */
	unsigned done; /* announce: prefixes */
	struct loot *loot; /* replay: what was heard; flood: what is sent */
};

struct trial {
	const struct plan *plan;
	struct world *world;
	struct trial_event *events;
	struct trial_flow *flows;
	struct transfer *transfers;
	struct voice *voices;
	struct trial_expect *expect;
	struct timer faults;
	struct trial_supply *supplies;
	struct trial_place *places;
	struct trial_watch *watches; /* one for each node that watches some; watch.c */
	struct timer roam;
	uint64_t *strays; /* by station: packets that its host got and that were for another's */
	struct trial_attack *attacks;
	FILE *log; /* what nodes say, NULL: nowhere */
	uint64_t met_us; /* all that is waited for was there; 0: not yet */
	struct record *record; /* borrowed; NULL: nothing is recorded */
};

/* NULL: out of memory. The plan is borrowed. */
struct trial *trial_new(const struct plan *plan, uint64_t seed, FILE *log);
void trial_free(struct trial *t);
/* Runs to the end and judges; `progress` (may be NULL) is told the share that is done. */
void trial_run(struct trial *t, void (*progress)(double share, double virtual_s));
bool trial_is_passed(const struct trial *t);
/* The first expectation that failed, in words; false: none. */
bool trial_failure(const struct trial *t, char text[PLAN_ERROR_MAX]);
/* An expectation as a sentence, without what was measured. */
void trial_expect_text(const struct trial *t, const struct trial_expect *e, char *text, size_t size);
/* It is so now, or not: what counts is since when it has been so for good. */
void trial_expect_look(struct trial_expect *e, uint64_t now_us, bool is_so);

void trial_steer_init(struct trial *t); /* steer.c */
int trial_supply_init(struct trial *t); /* supply.c; 0 or -ENOMEM */
void trial_power_on(struct trial *t, unsigned node); /* with a full battery */
void trial_power_off(struct trial *t, unsigned node);
void trial_leave(struct trial *t, unsigned node);
void trial_set_mains(struct trial *t, unsigned node, bool has_mains);
int trial_roam_init(struct trial *t); /* roam.c; 0 or -ENOMEM */
void trial_move(struct trial *t, unsigned node, const struct plan_move *move);
void trial_jam(struct trial_event *e); /* jam.c */
void trial_revoke(struct trial *t, const struct plan_event *e); /* revoke.c */
/* They are neighbours. */
bool station_meets(const struct station *s, const struct station *other);
void trial_revoked_due(struct timer *timer, uint64_t now_us);
void trial_watch_init(struct trial *t); /* watch.c */
void trial_outage_judge(struct trial_expect *e);
void trial_write(struct trial *t, const struct plan_event *e); /* letters.c */
void trial_delivered_due(struct timer *timer, uint64_t now_us);
void trial_jam_update(struct trial *t); /* nodes have moved */
void trial_traffic_init(struct trial *t); /* traffic.c */
void trial_traffic_done(struct trial *t);
void trial_traffic_deliver(struct trial *t, struct station *s, struct bytes packet);
/* Packets that another host got than they were for. */
uint64_t trial_strays(const struct trial *t);
void trial_mean_init(struct trial_expect *e); /* load.c */
void trial_carried_judge(struct trial_expect *e);
void trial_guard_init(struct trial_expect *e); /* guard.c: sessions, entries, routed, relayed, floor */
void trial_guard_judge(struct trial_expect *e);
/* A node of which a digest was made wrong, and nobody has found out; false: there is none. */
bool trial_damage_unnoticed(const struct trial *t, const char **name);
/* An attack of which nothing came; false: there is none. */
bool trial_attack_missing(const struct trial *t, const char **name);
void trial_attack_init(struct trial *t); /* attacker.c */
void trial_attacks_print(const struct trial *t, FILE *out);
void trial_attack_done(struct trial *t);
void trial_attack_by_node(struct trial_attack *a); /* attack_node.c: one packet to each neighbour */
void trial_whole_due(struct timer *timer, uint64_t now_us); /* whole.c */
/* A number for each station: equal if links that admit the class join them. The caller frees it. */
unsigned *whole_groups(const struct world *w, enum packet_class class);
/* Who gets a packet for `p` from `s`, over which segment, and as what; NULL: nobody, or none can bring it there. */
const struct station *whole_next_hop(
	const struct station *s, const struct prefix *p, enum packet_class *class, const struct segment **over);
/* A pair that such links join, of which one does not reach the other in the class; false: there is none. The station
 * *begin is asked after first; after a pair was found it is the one that was not reached. */
bool whole_pair_missing(struct world *w, enum packet_class class, unsigned *begin, const struct station **from,
	const struct station **to);

/* bench.c: a command tree from cold, then some time in which a region loses its lines. */
struct bench {
	unsigned nodes, threads;
	uint64_t seed;
	uint64_t limit_us; /* virtual time that it may take to be whole */
	uint64_t steady_us; /* and then */
	/* results */
	unsigned links, lanes;
	bool is_whole, is_whole_again;
	uint64_t loops, events;
	uint64_t entries; /* of all nodes: destinations of which they keep a distance, when whole */
	double peace_events; /* of a node in a second, long before the cut */
	double whole_s; /* virtual */
	double build_wall_s, cold_wall_s, steady_wall_s; /* as people wait */
	double cold_cpu_s, steady_cpu_s; /* processor time */
	double bytes_per_node; /* of the whole process, at its largest */
	uint8_t digest[WORLD_DIGEST_LEN];
};
/* All virtual time by all that people waited, the building of the world included. */
double bench_speedup(const struct bench *b);
/* 0; -EINVAL with one line in `error`. */
int bench_tree(struct bench *b, char error[PLAN_ERROR_MAX]);

/* What was measured of it, with its unit. */
void trial_measured_text(const struct trial_expect *e, char text[32]);
void trial_digest_text(const struct world *w, char text[2 * WORLD_DIGEST_LEN + 1]);
void trial_print(const struct trial *t, FILE *out); /* report.c */
/* 0, or -EIO. The same bytes for the same run. report_json.c */
int trial_write_json(const struct trial *t, const char *scenario, FILE *out);

#endif
