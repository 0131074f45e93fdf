/*
 * Versioned sessions: what is kept per neighbour that counts versions instead of
 * hearing everything again and again (docs/routing.md). Private to routing/.
 *
 *   AdjOut (adj_out.c)                              AdjIn (adj_in.c)
 *   committed for the neighbour, by version  ─DELTA──► its routes, applied in order
 *   count, digest, version                   ─REFRESH► compared; equal: the lease is new
 *   acknowledged up to                       ◄SYNCACK─ applied up to
 *
 * session.c moves it: packets, timers, retransmission.
 */
#ifndef ROUTING_SESSION_H
#define ROUTING_SESSION_H

#include "meshd/base/fetch.h"
#include "routing/engine.h"
#include "routing/wire_compact.h"

/* The last value committed for one neighbour and destination. 48 bytes: there are
 * as many as destinations times neighbours. */
struct adj_out {
	struct claim claims[BABEL_CLASSES]; /* none finite: a retraction that is not acknowledged yet */
	uint32_t ver; /* of the last commit; 0: nothing that the neighbour could know */
	uint32_t older, newer; /* in the order of versions; places as in oldest */
};

/* Packets that left and are not acknowledged, in the order in which they left: a ring. */
#define OUTSTANDING_MAX 17
struct outstanding {
	uint32_t vers[OUTSTANDING_MAX]; /* what each brings the neighbour up to */
	uint64_t sent_us[OUTSTANDING_MAX];
	unsigned first, count;
};

struct session_out {
	uint32_t epoch; /* of this table: drawn when it is made */
	uint32_t ver; /* of the last commit */
	uint32_t acked; /* every commit up to it is applied */
	uint32_t sent; /* every commit up to it was sent */
	uint32_t said; /* none above it was ever mentioned: nobody can tell if it changes */
	bool is_followed; /* the neighbour has acknowledged something of this epoch, by its name */
	bool is_first; /* the neighbour has not had the whole table yet */
	bool is_full; /* a full sync is under way, of what was committed after ... */
	uint32_t full_from;
	uint64_t full_us; /* when it began */
	uint64_t key[2]; /* of the digest */
	uint64_t digest; /* of finite entries */
	size_t count; /* of finite entries */
	struct adj_out *entries; /* by destination index */
	unsigned capacity;
	uint8_t *marks; /* of entries, if short-ids are used: compact_out.c */
	unsigned mark_capacity;
	unsigned oldest, newest; /* entry index + 1; 0: none */
	unsigned written; /* the last entry that was written, as long as it is where it was; as those */
	bool is_urgent; /* what waits must not wait */
	uint32_t urgent; /* the last that was said as urgent, and is again if it was in vain */
	bool owes_refresh;
	uint64_t granted_until_us; /* no lease that we gave runs longer */
	uint64_t rtt_us; /* smoothed, until an acknowledgment */
	uint32_t timed_ver; /* its acknowledgment is timed; 0: none */
	uint64_t timed_us;
	unsigned timed_copies; /* of it, sent since */
	uint64_t timed_copy_us; /* when the last of them was */
	unsigned tries; /* retransmissions since the last progress */
	unsigned window; /* packets that may be in flight */
	struct outstanding outstanding;
	struct timer refresh;
	struct timer retransmit;
};

struct session_in {
	bool has_epoch;
	uint32_t epoch;
	bool has_retired; /* a table before this one, of which packets may come late */
	uint32_t retired;
	uint64_t retired_until_us;
	bool has_begun; /* a full sync of this epoch, so that there is a key */
	bool is_syncing; /* between its begin and its end */
	bool is_wrong; /* the digest differs: only a full sync helps */
	uint32_t applied; /* every commit up to it */
	uint32_t heard; /* the newest version that was mentioned */
	uint64_t key[2];
	uint64_t digest; /* of the routes of the neighbour */
	uint64_t interval_us; /* between refreshes */
	bool owes_ack, owes_nack;
	bool owes_epoch_ack; /* an acknowledgment that names the epoch */
	uint8_t whole[COMPACT_LIST_MAX]; /* ids that the neighbour should name in another way */
	size_t whole_len;
	bool whole_is_unknown; /* ... because we do not know who they are */
	unsigned asks; /* in a row */
	unsigned mismatches; /* in a row */
	uint64_t delta_us; /* when the last one came */
	uint64_t nacked_us;
	uint32_t nacked; /* what was applied then */
	struct timer lease;
	struct timer ask;
};

struct session {
	struct list on_babel;
	struct neighbour *n;
	uint32_t remote_epoch; /* of the process, as the owner knows it */
	bool is_compact; /* it reads short-ids, and the link is thin */
	struct session_out out;
	struct session_in in;
	struct timer flush;
};

/* Why an entry is looked at: what makes a difference. */
enum commit {
	COMMIT_CHANGED, /* reachability, origin; a metric by much, in a while */
	COMMIT_SETTLED, /* a metric by much */
	COMMIT_DRIFTED, /* a metric by little, too */
	COMMIT_FORCED, /* even what did not change: it was asked for */
};

/* --- session.c ------------------------------------------------------------------ */

/* NULL: out of memory. The neighbour becomes versioned, and is told everything. */
struct session *session_new(struct neighbour *n, uint64_t now_us, uint32_t remote_epoch, unsigned classes);
void session_free(struct session *s, uint64_t now_us);
void session_leave(struct session *s); /* retracts everything, at once */
void session_flush_soon(struct session *s, uint64_t now_us, bool urgent);
void session_syncack_received(struct session *s, uint64_t now_us, const struct babel_tlv *tlv);
/* What waits for a chance to travel rides in `p`, a packet to this neighbour. */
void session_ride(struct session *s, struct packet *p, uint64_t now_us);
/* The same in a packet that leaves anyhow: with it what would be due soon. */
void session_ride_early(struct session *s, struct packet *p, uint64_t now_us);
bool session_may_refresh(const struct session *s);
/* What is said next must not wait. */
bool session_says_urgent(const struct session *s);
/* A packet leaves with what brings the neighbour up to `ver`. */
void outstanding_add(struct outstanding *f, uint64_t now_us, uint32_t ver);
/* None of those that left is waited for. */
void outstanding_forget(struct outstanding *f);
/* A refresh of this instant leaves. */
void session_refreshed(struct session *s, uint64_t now_us);
/* What is announced to everybody may have changed. */
void session_announce(struct destination *d, uint64_t now_us, enum commit why);
/* ... and all of it for this neighbour. */
void session_announce_all(struct session *s, uint64_t now_us);
/* ... or what this neighbour has of `d`, so that it may have use for ours. */
void session_reconsider(struct session *s, struct destination *d, uint64_t now_us);
/* The neighbour asked for `d`. */
void session_reply(struct session *s, struct destination *d, uint64_t now_us);
/* Some metric is not quite what neighbours were told: they are, in a while (R9). */
void session_drifts(struct destination *d, uint64_t now_us);
void session_drift_due(struct timer *timer, uint64_t now_us);
/* A metric moved by much, and perhaps not for the last time: neighbours are told soon. */
void session_settles(struct destination *d, uint64_t now_us);
void session_settle_due(struct timer *timer, uint64_t now_us);
/* Until when any session may follow what it was told of `d` and has not taken back by
 * an acknowledgment. With `in_full` only those in the midst of a full sync. */
uint64_t session_follows_until_us(const struct destination *d, bool in_full);
/* Its routes, those that wait for a refresh included, are lost when this ends. */
uint64_t session_lease_us(const struct session *s);
/* The link to it is usable again, or no longer. */
void session_cost_changed(struct session *s, uint64_t now_us, uint16_t old);
void session_forgive(struct session *s, uint64_t now_us, uint64_t slept_us);

/* --- thin.c ------------------------------------------------------------------------ */

/* Does a thin body say all that is owed but news? */
bool thin_suffices(const struct session *s);
void thin_say(struct session *s, uint64_t now_us, bool is_hello);
void thin_received(struct session *s, uint64_t now_us, const struct wire_thin *thin, bool is_late);

/* --- news.c ------------------------------------------------------------------------ */

/* What it should know of `d` now, of which destination_claims() are `claims`. */
void news_wanted(const struct session *s, const struct destination *d, const struct claim claims[BABEL_CLASSES],
	struct claim want[BABEL_CLASSES]);
/* Does it have to hear of it? `told` may be NULL. */
bool news_is_due(const struct session *s, const struct destination *d, enum babel_class class, const struct claim *told,
	const struct claim *want, enum commit why);
/* Of finite metrics: is what it was told off by so much that it hears of it in a second; in a minute? */
bool news_has_moved(
	const struct session *s, const struct destination *d, enum babel_class class, uint16_t told, uint16_t want);
bool news_has_drifted(
	const struct session *s, const struct destination *d, enum babel_class class, uint16_t told, uint16_t want);
/* What became of what it was told (NULL: nothing), for which packets follow it. */
enum news { NEWS_LITTLE, NEWS_LOSS, NEWS_ORIGIN };
enum news news_kind(const struct claim *told, const struct claim *now);

/* --- adj_out.c --------------------------------------------------------------------- */

/* Of an entry: the prefix, and what is finite of it, by class. */
uint64_t adj_hash(const uint64_t key[2], const struct prefix *prefix, const struct claim claims[BABEL_CLASSES]);
void adj_out_init(struct session *s);
void adj_out_done(struct session *s, uint64_t now_us);
/* Compares what `d` is with what the neighbour was told last, and commits what
 * differs enough. True if something was committed. */
bool adj_out_commit(struct session *s, struct destination *d, uint64_t now_us, enum commit why);
/* The same with what destination_claims() says of it, which is the same for every neighbour. */
bool adj_out_commit_claims(struct session *s, struct destination *d, const struct claim claims[BABEL_CLASSES],
	uint64_t now_us, enum commit why);
/* That will be asked for many neighbours: what was said to this one is fetched meanwhile. */
static inline void adj_out_fetch(const struct session *s, const struct destination *d)
{
	if (d->index < s->out.capacity)
		fetch(&s->out.entries[d->index], 1);
}
/* Everything counts as not said: it is committed again, between begin and end. */
void adj_out_full(struct session *s, uint64_t now_us);
/* Retractions up to `applied` are forgotten: the neighbour has dropped the routes. */
void adj_out_acked(struct session *s, uint64_t now_us, uint32_t applied);
/* Writes as much of what was not sent as fits into one packet; sends it if it is full. */
void adj_out_write(struct session *s, struct packet *p, uint64_t now_us);
/* What is finite, or not acknowledged; NULL: nothing. */
const struct adj_out *adj_out_find(const struct session *s, const struct destination *d);

/* --- adj_in.c ------------------------------------------------------------------------ */

void adj_in_init(struct session *s, uint64_t now_us);
void adj_in_done(struct session *s);
/* What becomes of the updates behind a delta. */
enum delta_use { DELTA_NONE, DELTA_SKIPPED, DELTA_RETRACTIONS, DELTA_APPLIED };
enum delta_use adj_in_delta(struct session *s, uint64_t now_us, const struct babel_tlv *delta, bool is_late);
void adj_in_update(struct session *s, uint64_t now_us, enum delta_use use, const struct announcement *a);
/* Who leaves says so of everything at once, in no delta. */
void adj_in_leave(struct session *s, uint64_t now_us);
/* All updates of it were handed to adj_in_update(). */
void adj_in_delta_end(struct session *s, uint64_t now_us, enum delta_use use, const struct babel_tlv *delta);
void adj_in_refresh(struct session *s, uint64_t now_us, const struct babel_tlv *refresh, bool is_late);
/* The same in the low bits of a thin body. */
void adj_in_thin_refresh(struct session *s, uint64_t now_us, const struct wire_thin *thin, bool is_late);
/* Everything that the neighbour announced is void (R6). */
void adj_in_wipe(struct session *s, uint64_t now_us);
/* Something is missing: says so soon, once for a burst. */
void adj_in_nack(struct session *s, uint64_t now_us);
/* Asks, soon and until it is answered. */
void adj_in_ask(struct session *s, uint64_t now_us);
/* What is owed to the neighbour, as it stands; then nothing is. */
struct babel_tlv adj_in_syncack(struct session *s);
/* `r` is now part of the neighbour's table, or is no longer. */
void adj_in_count(const struct route *r, bool is_there);

#endif
