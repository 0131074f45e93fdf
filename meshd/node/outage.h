/*
 * The outage clock: of each site that is watched, when it was lost, and how long it
 * took until the first sign, the first text, voice, a picture, and all that was lost.
 *
 *            a class that worked is lost                 all that is wanted works for HOLD
 *   whole ────────────────────────────────► out ──marks──► ─────────────────────────────► whole
 *                                            ▲  lost again meanwhile: the same outage │
 *                                            └────────────────────────────────────────┘
 *
 * A class works when a probe of it came back from the site, and is lost when MISSES did
 * not in a row; text is lost, too, when there is no route for ROUTE_GONE. An outage begins
 * when the first of what is missing was found missing, not when that was certain. Whoever
 * starts has everything still before it: that is an outage as well, so that the minutes
 * from power-on to the first picture are recorded; what never works is not waited for
 * longer than START_PATIENCE.
 *
 * Pure: who looks says what it saw, and when. Durations are of the monotonic clock; what
 * the date was is noted beside it as the shell has it, for it may be wrong.
 */
#ifndef MESHD_NODE_OUTAGE_H
#define MESHD_NODE_OUTAGE_H

#include "meshd/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define OUTAGE_SITES_MAX 6
#define OUTAGE_LOG_MAX 48 /* of those that are over, of all sites */
#define OUTAGE_NAME_MAX 33
#define OUTAGE_CLASSES 3 /* text, command, bulk: enum packet_class */
#define OUTAGE_MISSES 2
#define OUTAGE_ROUTE_GONE_US 3000000ull
#define OUTAGE_HOLD_US 30000000ull
#define OUTAGE_START_PATIENCE_US 600000000ull
#define OUTAGE_NOT_YET UINT32_MAX
#define OUTAGE_STATE_MAX 8192 /* bytes of outages_write() */

enum outage_mark {
	OUTAGE_CONTACT, /* a route to the site again */
	OUTAGE_TEXT, /* a text would have arrived */
	OUTAGE_VOICE, /* command: voice would have */
	OUTAGE_PICTURE, /* bulk */
	OUTAGE_RESTORED, /* from then on all that was lost worked for HOLD */
};
#define OUTAGE_MARKS 5
const char *outage_mark_name(enum outage_mark mark); /* "contact", "text", ... */

struct outage {
	char site[OUTAGE_NAME_MAX];
	bool is_start; /* it began with this node, not with the site */
	uint8_t lost; /* bits of classes */
	uint64_t began_unix_s; /* as this machine's clock had it */
	uint32_t after_ms[OUTAGE_MARKS]; /* since the beginning; OUTAGE_NOT_YET */
};

struct outage_class {
	bool works, has_worked; /* ... ever */
	unsigned misses; /* in a row */
	uint64_t missed_us; /* the first of them */
	uint64_t worked_us; /* last; 0: never */
};

struct outage_site {
	char name[OUTAGE_NAME_MAX];
	bool has_route;
	uint64_t gone_us; /* the route, since; only without one */
	struct outage_class classes[OUTAGE_CLASSES];
	bool is_out;
	struct outage now; /* if it is */
	uint64_t begun_us; /* its clock runs since then ... */
	uint64_t before_ms; /* ... and ran for so long before this process */
	uint64_t whole_us; /* all that is wanted works since; 0: not */
};

struct outages {
	unsigned site_count;
	struct outage_site sites[OUTAGE_SITES_MAX];
	unsigned log_count; /* in all; the last OUTAGE_LOG_MAX are in log[i % OUTAGE_LOG_MAX] */
	struct outage log[OUTAGE_LOG_MAX];
	bool has_changed; /* since who keeps it has looked, and set this back */
};

/* A site to watch from now on: nothing of it is known, so it is out. `unix_s` is the date. -ENOSPC. */
int outages_add(struct outages *o, uint64_t now_us, uint64_t unix_s, const char *name);
/* It is watched no longer; what is in the log stays. */
void outages_remove(struct outages *o, unsigned site);
/* Is there a route of text to the site? Said often: each second, at best. */
void outage_route(struct outages *o, uint64_t now_us, uint64_t unix_s, unsigned site, bool has_route);
/* A probe of the class came back from the site, or it did not. */
void outage_probed(struct outages *o, uint64_t now_us, uint64_t unix_s, unsigned site, unsigned class, bool works);
/* Lets time pass: ends what has held for long enough. */
void outages_poll(struct outages *o, uint64_t now_us);
/* How long the outage has lasted. */
uint64_t outage_age_ms(const struct outage_site *s, uint64_t now_us);

/* What is to survive a restart, at most OUTAGE_STATE_MAX bytes; and back, over the sites that were added: those that
 * were out go on, however long the pause was by the date. -EBADMSG: it is damaged, and nothing was taken. */
size_t outages_write(const struct outages *o, uint64_t now_us, uint64_t unix_s, uint8_t *out, size_t capacity);
int outages_read(struct outages *o, uint64_t now_us, uint64_t unix_s, struct bytes in);

#endif
