/*
 * How incident logs come from one member to another, without sockets: what is asked and
 * answered, what of it is believed, and whom to ask when.
 *
 *   request   "mlog" | 1 | 0 (3) | from (8)
 *   answer    "mlog" | 1 | 0 (3) | run ... | 0 (8) | newest number (8)
 *   run       number (8) | length (4) | before (32) | signature (64) | body
 *
 * An answer is runs from number `from` on, as their node signed them (crypto/log_chain.c),
 * as many as there is room for. Only what is whole counts, so an answer may be cut
 * anywhere. A run needs nobody's word: its signature says whose it is.
 */
#ifndef MESHD_CHRONICLE_EXCHANGE_H
#define MESHD_CHRONICLE_EXCHANGE_H

#include "crypto/crypto.h"
#include "meshd/base/random.h"

#define EXCHANGE_PORT 6697 /* TCP, at a member's own address */
#define EXCHANGE_REQUEST_LEN 16
#define EXCHANGE_HEAD_LEN 8
#define EXCHANGE_RUN_HEAD (8 + 4 + LOG_HASH_LEN + SIGNATURE_LEN)
#define EXCHANGE_END_LEN 16
#define EXCHANGE_BODY_MAX (136u << 10) /* a daemon's largest is 128 KiB and a little */
#define EXCHANGE_ANSWER_MAX (256u << 10) /* all of an answer */

/* --- exchange.c: bytes -------------------------------------------------------------------------- */

void exchange_request_write(uint8_t out[EXCHANGE_REQUEST_LEN], uint64_t from);
/* -EBADMSG: it is none, or of another version. */
int exchange_request_read(struct bytes request, uint64_t *from);
/* What every answer begins with. */
void exchange_head_write(struct writer *w);
/* -EBADMSG: it is none. */
int exchange_head_read(struct reader *r);
/* False: there is no room for it and the end, or it is too long for any answer; nothing was written. */
bool exchange_run_write(struct writer *w, const struct log_link *link, struct bytes body);
/* There is always room for it behind exchange_run_write(). */
void exchange_end_write(struct writer *w, uint64_t newest);

enum exchange_part {
	EXCHANGE_RUN, /* link, but for the deployment, and body, which is borrowed */
	EXCHANGE_END, /* newest */
	EXCHANGE_CUT, /* there is no more, or no more that is whole */
	EXCHANGE_BAD, /* nobody writes that */
};
enum exchange_part exchange_read(struct reader *r, struct log_link *link, struct bytes *body, uint64_t *newest);

/* --- belief.c: what is kept ----------------------------------------------------------------------- */

/* Of one member's log, as far as it is here. */
struct exchange_chain {
	uint64_t last; /* number; 0: nothing is here */
	uint8_t after[LOG_HASH_LEN]; /* of that run */
};
enum exchange_belief {
	EXCHANGE_BELIEVED, /* *chain has moved on */
	EXCHANGE_KNOWN, /* it, or a later one, is here: a replay */
	EXCHANGE_FORGED, /* `key` has not signed it */
	EXCHANGE_FORKED, /* signed, and not what was signed behind the last one that is here: another past */
	EXCHANGE_NONSENSE, /* signed, and not what a daemon writes */
};
struct exchange_facts {
	unsigned entries;
	int64_t until_ms; /* date of the newest, by its node's clock */
};
/* A gap is believed: a node forgets its oldest. *facts: of what is believed. */
enum exchange_belief exchange_believe(struct exchange_chain *chain, const struct log_link *link, struct bytes body,
	const uint8_t key[SIGN_PUBLIC_LEN], struct exchange_facts *facts);
/* For people: "was not signed by it". */
const char *exchange_belief_text(enum exchange_belief belief);

/* --- gather.c: whom to ask, and when ---------------------------------------------------------------- */

#define GATHER_PEERS_MAX 2048
#define GATHER_EVERY_US (600ull * 1000000) /* a member that answers, give or take a quarter */
#define GATHER_SHARE_US (12ull * 1000000) /* ... and no more than one question in that, of however many */
#define GATHER_MEET_US (30ull * 1000000) /* one that has come is asked within that */
#define GATHER_SETTLE_US (5ull * 1000000) /* ... but not before it can have written down that it came */
#define GATHER_LEAST_US (60ull * 1000000) /* ... and none again before that, unless it had more to tell */
#define GATHER_MORE_US (5ull * 1000000) /* the rest of a long log */
#define GATHER_WORST_US (7200ull * 1000000) /* between two tries with one that never answers */
#define GATHER_PAUSE_US (2ull * 1000000) /* between any two questions */
#define GATHER_GONE_US (30ull * 1000000) /* it was not seen for so long: it comes again */

enum gather_end {
	GATHER_ALL, /* answered: there is no more */
	GATHER_MORE, /* answered: there is more */
	GATHER_NOTHING, /* no answer, a broken one, or one that is not believed */
};
struct gather_peer {
	uint8_t key[SIGN_PUBLIC_LEN];
	uint64_t seen_us, asked_us, due_us; /* asked_us 0: never */
	unsigned failures; /* in a row */
};
struct gather {
	const struct random *random; /* borrowed */
	size_t peer_count;
	struct gather_peer peers[GATHER_PEERS_MAX];
	uint64_t free_us; /* the next question, at the earliest */
	bool is_asking;
	size_t asked; /* whom, while it is */
};
void gather_init(struct gather *g, const struct random *random);
/* The member can be reached for bulk, now; called every few seconds for each that can. Where there are too many, who
 * was not seen for longest is forgotten, and if all are there, the new one is not asked. */
void gather_see(struct gather *g, uint64_t now_us, const uint8_t key[SIGN_PUBLIC_LEN]);
/* Whom to ask now; NULL: nobody, or somebody is being asked. gather_end() must follow. */
const uint8_t *gather_next(struct gather *g, uint64_t now_us);
void gather_end(struct gather *g, uint64_t now_us, enum gather_end end);

#endif
