/*
 * Troubles that take time to see, for whoever looks at a node every few seconds:
 *
 *   use     how much of a link is used, and what for               a minute
 *   rate    how often something is counted, such as foreign frames  a minute
 *   trend   whether a neighbour is worse heard than an hour ago     an hour
 *   spare   whether a site that had several ways has one left       as long as it runs
 *
 * Pure: tables and their rules. Who looks says what it saw, and when; the alarms
 * (alarm.h) say it to people.
 */
#ifndef MESHD_NODE_TROUBLE_H
#define MESHD_NODE_TROUBLE_H

#include "meshd/base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- trouble_use.c: what is counted, over the last minute ------------------------------- */

#define USE_KINDS 5
#define USE_LOOKS 16
#define USE_SPAN_US 60000000ull
#define USE_SPAN_LEAST_US 30000000ull /* of less nothing is said */

/* Counts that only grow, as they were when they were looked at; zero: nothing was seen yet. */
struct use {
	unsigned next; /* look */
	struct use_look {
		uint64_t at_us;
		uint64_t counts[USE_KINDS];
	} looks[USE_LOOKS];
};
/* Looked at, four seconds or more after the last time. A count that is lower than before begins anew. */
void use_note(struct use *u, uint64_t now_us, const uint64_t counts[USE_KINDS]);
/* How much each has grown, and in what time, a minute at most; 0: not known. */
uint64_t use_over(const struct use *u, uint64_t grown[USE_KINDS]);

/* --- trouble_trend.c: worse than an hour ago ------------------------------------------------ */

#define TRENDS_MAX 64 /* neighbours */
#define TREND_SLOT_US 300000000ull
#define TREND_SLOTS 14 /* that which is being filled, the last one, and those of the hour before it */
#define TREND_FALL 20 /* percent that arrive less than an hour ago ... */
#define TREND_GOOD 85 /* ... but that is still good */

enum trend_way { TREND_IN, TREND_OUT }; /* as we hear it, as it hears us */
#define TREND_WAYS 2

struct trend {
	unsigned link;
	struct address neighbour;
	uint64_t seen_us; /* last; 0: a free place */
	uint64_t slot; /* number of the slot that is being filled */
	unsigned looks; /* in it */
	uint32_t sums[TREND_WAYS]; /* of percents */
	uint8_t means[TREND_SLOTS][TREND_WAYS]; /* by number; TREND_UNKNOWN */
};
#define TREND_UNKNOWN 255
struct trends {
	struct trend all[TRENDS_MAX];
};
/* Percent of what is sent that arrives, each way. Who was not seen for an hour is forgotten if there is no room. */
void trend_note(
	struct trends *t, uint64_t now_us, unsigned link, const struct address *neighbour, const uint8_t percent[2]);
/* What it was an hour ago and what it is now, means of five minutes. False: no worse either way, or not known. */
struct trend_fall {
	uint8_t then[TREND_WAYS], now[TREND_WAYS];
};
bool trend_falls(const struct trends *t, uint64_t now_us, unsigned link, const struct address *neighbour,
	struct trend_fall *fall);

/* --- trouble_spare.c: one way left ------------------------------------------------------------- */

#define SPARES_MAX 64 /* sites */
#define SPARE_HELD_US 600000000ull /* so long it must have had another way, for that to be missed ... */
#define SPARE_GONE_US 43200000000ull /* ... and so long without it is how things are now */

struct spare {
	uint32_t serial; /* of the site's certificate; 0: a free place */
	uint64_t seen_us;
	bool has_several, had_several; /* now; for long enough that one is little */
	uint64_t since_us; /* `has_several` is as it is */
};
struct spares {
	struct spare all[SPARES_MAX];
};
/* The site can be reached, by several ways or by one. True: one is left of several. */
bool spare_note(struct spares *s, uint64_t now_us, uint32_t serial, bool has_several);

#endif
