/*
 * Meetings: two that send each other packets through a third, and could do without.
 *
 *        A ◄── session ──► R ◄── session ──► B     what A sends B comes to R and leaves it by one link
 *        ▲   MEET B, where     MEET A, where ▲     R tells each where it sees the other
 *        └────────── INIT ──►◄── INIT ───────┘     both call: each opens its NAT box for the other's call
 *
 * Who introduces (R) looks at a packet of each neighbour a second, so what asks for a
 * meeting is use. It tells a pair again, ever more seldom, as long as packets take the
 * way through it, and at once when one of the two has moved: its NAT box gave it another
 * port, and what the other one's box lets in is the old one.
 *
 * Who is introduced (A, B) believes nothing of it: it calls, as it would call whoever
 * sends a beacon, and the handshake says who is there. The first message of XX has 88
 * bytes, is repeated three times, and that is all that a neighbour's word is worth. Where
 * it may go the shell decides, which knows what an endpoint means. What comes of it is a
 * neighbour as any other; if nothing does, packets still go through R.
 *
 * All that is kept here is bounded, and displaces the oldest of its kind; so many are
 * met as Hellos to them leave the link to what it is for.
 */
#include "meshd/node/state.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_US (1 * SECOND) /* a packet of a neighbour's is looked at in so long */
#define INTRODUCE_US (500 * MS) /* between introductions, of which ... */
#define INTRODUCE_BURST 8 /* ... so many at once */
#define MOVED_US (2 * SECOND) /* a pair of which one has moved is told no sooner */
#define AGAIN_US (15 * SECOND) /* told again after so long, doubled each time ... */
#define AGAIN_DOUBLINGS 6 /* ... up to 16 minutes */
#define BELIEVE_US (5 * SECOND) /* between calls on the word of one neighbour ... */
#define BELIEVE_BURST 4
#define CALL_US (2 * SECOND) /* ... and of all of them */
#define CALL_BURST 8
#define CALL_AGAIN_US (10 * SECOND) /* to where nobody answered, doubled each time */
#define FORGOTTEN_US (2400 * SECOND) /* nobody has spoken of it for so long: it is of no interest */
#define HELLO_BYTES 130ull /* with its IHU and all headers, to each neighbour by itself */
#define HELLO_PERCENT 2 /* of the link for those of whom we were told */
#define XX_TRY(tries) (3 * (tries) + 2) /* call_start(): by XX, whose first message is short */

/* Of two neighbours, the lower id first. */
struct pair {
	unsigned link;
	uint8_t ids[2][NODE_ID_LEN];
	struct endpoint at[2]; /* as they were told */
	unsigned times;
	uint64_t told_us, again_us;
	uint64_t used_us; /* 0: a free place */
};

/* A member of whom a neighbour said where it is. */
struct meeting {
	unsigned link;
	uint8_t id[NODE_ID_LEN];
	struct endpoint at;
	router_id by;
	unsigned tries; /* at calling it there */
	uint64_t told_us; /* 0: a free place */
	uint64_t called_us;
};

struct meet {
	struct pair pairs[PAIRS_MAX];
	struct meeting meetings[NODE_MEETINGS_MAX];
	struct bucket introductions, calls;
};

static uint64_t doubled(uint64_t us, unsigned times)
{
	return us << (times < AGAIN_DOUBLINGS ? times : AGAIN_DOUBLINGS);
}

static struct meet *meet_open(struct node *n)
{
	if (!n->meet)
		n->meet = calloc(1, sizeof(*n->meet));
	return n->meet;
}

void meet_done(struct node *n)
{
	free(n->meet);
	n->meet = NULL;
}

void meet_forget_link(struct node_link *link)
{
	struct meet *m = link->n->meet;

	for (unsigned i = 0; m && i < PAIRS_MAX; i++)
		if (m->pairs[i].link == link->id)
			m->pairs[i].used_us = 0;
	for (unsigned i = 0; m && i < NODE_MEETINGS_MAX; i++)
		if (m->meetings[i].link == link->id)
			m->meetings[i].told_us = 0;
}

size_t meet_pairs(const struct node *n)
{
	size_t count = 0;

	for (unsigned i = 0; n->meet && i < PAIRS_MAX; i++)
		count += n->meet->pairs[i].used_us > 0;
	return count;
}

size_t meet_meetings(const struct node *n)
{
	size_t count = 0;

	for (unsigned i = 0; n->meet && i < NODE_MEETINGS_MAX; i++)
		count += n->meet->meetings[i].told_us > 0;
	return count;
}

/* --- who introduces ----------------------------------------------------------------------- */

static bool is_introduced(const struct peer *p, uint64_t now_us)
{
	return p->link->config.introduces && p->capabilities & CAPABILITY_MEET && peer_answers(p, now_us);
}

/* Finds the pair, or makes it in the place of the one that was not used for longest. */
static struct pair *pair_get(struct meet *m, const struct peer *low, const struct peer *high)
{
	struct pair *oldest = m->pairs;

	for (struct pair *p = m->pairs; p < m->pairs + PAIRS_MAX; p++) {
		if (p->used_us && p->link == low->link->id && memcmp(p->ids[0], low->id, NODE_ID_LEN) == 0 &&
			memcmp(p->ids[1], high->id, NODE_ID_LEN) == 0)
			return p;
		if (p->used_us < oldest->used_us)
			oldest = p;
	}
	*oldest = (struct pair){ .link = low->link->id };
	memcpy(oldest->ids[0], low->id, NODE_ID_LEN);
	memcpy(oldest->ids[1], high->id, NODE_ID_LEN);
	return oldest;
}

static void pair_tell(struct pair *pair, uint64_t now_us, struct peer *low, struct peer *high)
{
	struct node *n = low->n;
	bool is_new = pair->told_us == 0;
	bool has_moved =
		!endpoint_equal(&pair->at[0], &low->endpoint) || !endpoint_equal(&pair->at[1], &high->endpoint);

	if (!is_new && now_us < (has_moved ? pair->told_us + MOVED_US : pair->again_us))
		return;
	if (!bucket_take(&n->meet->introductions, now_us, INTRODUCE_US, INTRODUCE_BURST))
		return;
	if (has_moved)
		pair->times = 0;
	pair->at[0] = low->endpoint;
	pair->at[1] = high->endpoint;
	pair->told_us = now_us;
	pair->again_us = now_us + doubled(AGAIN_US, pair->times++);
	n->counters.introductions_made++;
	control_meet(low, now_us, high->id, &high->endpoint);
	control_meet(high, now_us, low->id, &low->endpoint);
}

void meet_relayed(struct peer *from, struct peer *to, uint64_t now_us)
{
	if (from->relayed_us && now_us < from->relayed_us + LOOK_US)
		return;
	from->relayed_us = now_us;
	if (from == to || !is_introduced(from, now_us) || !is_introduced(to, now_us) || !meet_open(from->n))
		return;
	bool is_low = memcmp(from->id, to->id, NODE_ID_LEN) < 0;
	struct peer *low = is_low ? from : to, *high = is_low ? to : from;
	struct pair *pair = pair_get(from->n->meet, low, high);
	pair->used_us = now_us;
	pair_tell(pair, now_us, low, high);
}

void meet_moved(struct peer *p, uint64_t now_us)
{
	struct meet *m = p->n->meet;

	for (unsigned i = 0; m && i < PAIRS_MAX; i++) {
		struct pair *pair = &m->pairs[i];
		bool is_low = memcmp(pair->ids[0], p->id, NODE_ID_LEN) == 0;

		if (!pair->used_us || pair->link != p->link->id ||
			(!is_low && memcmp(pair->ids[1], p->id, NODE_ID_LEN) != 0))
			continue;
		struct peer *other = peer_find_id(p->link, pair->ids[is_low]);
		if (other && is_introduced(p, now_us) && is_introduced(other, now_us))
			pair_tell(pair, now_us, is_low ? p : other, is_low ? other : p);
	}
}

/* --- who is introduced ------------------------------------------------------------------------ */

static struct meeting *meeting_find(const struct node_link *link, const uint8_t id[NODE_ID_LEN])
{
	struct meet *m = link->n->meet;

	for (unsigned i = 0; m && i < NODE_MEETINGS_MAX; i++)
		if (m->meetings[i].told_us && m->meetings[i].link == link->id &&
			memcmp(m->meetings[i].id, id, NODE_ID_LEN) == 0)
			return &m->meetings[i];
	return NULL;
}

static const struct peer *meeting_peer(const struct node *n, const struct meeting *m)
{
	struct node_link *link = m->told_us ? n->links[m->link] : NULL;
	const struct peer *p = link ? peer_find_id(link, m->id) : NULL;

	return p && p->is_up && !p->is_silent ? p : NULL;
}

static unsigned met_count(const struct node_link *link)
{
	const struct meet *m = link->n->meet;
	unsigned count = 0;

	for (unsigned i = 0; m && i < NODE_MEETINGS_MAX; i++)
		count += m->meetings[i].link == link->id && meeting_peer(link->n, &m->meetings[i]);
	return count;
}

/* As many as the link has room for, one at least. */
static unsigned met_max(const struct node_link *link)
{
	uint64_t hellos_bps = HELLO_BYTES * 8 * 1000ull / link->config.hello_ms;
	uint64_t most = link_rate_bps(link) * HELLO_PERCENT / 100 / hellos_bps;

	return !link_rate_bps(link) || most > NODE_MEETINGS_MAX ? NODE_MEETINGS_MAX : most ? (unsigned)most : 1;
}

/* In the place of the one that nobody spoke of for longest, and that was not met; NULL: all were. */
static struct meeting *meeting_new(struct node_link *link, const uint8_t id[NODE_ID_LEN])
{
	struct meet *m = link->n->meet;
	struct meeting *oldest = NULL;

	for (unsigned i = 0; i < NODE_MEETINGS_MAX; i++)
		if (!meeting_peer(link->n, &m->meetings[i]) && (!oldest || m->meetings[i].told_us < oldest->told_us))
			oldest = &m->meetings[i];
	if (!oldest)
		return NULL;
	*oldest = (struct meeting){ .link = link->id };
	memcpy(oldest->id, id, NODE_ID_LEN);
	return oldest;
}

/* Is somebody else there, with whom there is a session? */
static bool endpoint_is_taken(const struct node_link *link, const struct endpoint *at, const struct peer *but)
{
	list_for_each (node, next, &link->peers) {
		const struct peer *p = list_entry(node, struct peer, on_link);

		if (p != but && p->is_up && endpoint_equal(&p->endpoint, at))
			return true;
	}
	return false;
}

static bool is_acceptable(const struct peer *by, const uint8_t id[NODE_ID_LEN], const struct endpoint *at)
{
	struct node *n = by->n;

	return by->link->config.is_introduced && memcmp(id, n->id, NODE_ID_LEN) != 0 &&
	       memcmp(id, by->id, NODE_ID_LEN) != 0 && !endpoint_is_taken(by->link, at, peer_find_id(by->link, id)) &&
	       n->output.may_call && n->output.may_call(n->user, by->link->id, &by->endpoint, at);
}

static bool is_due(const struct meeting *m, uint64_t now_us, bool is_elsewhere)
{
	return is_elsewhere || now_us >= m->called_us + doubled(CALL_AGAIN_US, m->tries) / 2;
}

static void meet(struct peer *by, uint64_t now_us, const uint8_t id[NODE_ID_LEN], const struct endpoint *at)
{
	struct node *n = by->n;
	struct node_link *link = by->link;
	struct meeting *m = meeting_find(link, id);
	const struct peer *p = peer_find_id(link, id);
	bool is_there = p && peer_answers(p, now_us);
	bool is_elsewhere = !m || !endpoint_equal(&m->at, at);

	/* It is heard where it is said to be, or where it was when we were told of this place. */
	if (is_there && (endpoint_equal(&p->endpoint, at) || !is_elsewhere))
		return;
	/* A neighbour that nobody introduced is where it is. */
	if (is_there && !m)
		return;
	if (m && !is_due(m, now_us, is_elsewhere))
		return;
	if (!is_there && met_count(link) >= met_max(link)) {
		DROP(n, link, tables_full);
		return;
	}
	if (!bucket_take(&by->introductions, now_us, BELIEVE_US, BELIEVE_BURST) || !meet_open(n) ||
		!bucket_take(&n->meet->calls, now_us, CALL_US, CALL_BURST)) {
		DROP(n, link, rate_limited);
		return;
	}
	m = m ? m : meeting_new(link, id);
	if (!m) {
		DROP(n, link, tables_full);
		return;
	}
	m->tries = is_elsewhere ? 1 : m->tries + 1;
	m->at = *at;
	m->by = by->rid;
	m->told_us = m->called_us = now_us;
	const struct call c = { .to = at, .remote_id = id, .tries = XX_TRY(m->tries - 1) };

	call_start(link, now_us, &c);
}

void meet_in(struct peer *by, uint64_t now_us, struct reader *r)
{
	uint8_t id[NODE_ID_LEN];
	struct endpoint at = { 0 };

	read_copy(r, id, sizeof(id));
	at.len = read_u8(r);
	if (!reader_ok(r) || at.len == 0 || at.len > ENDPOINT_MAX) {
		DROP(by->n, by->link, control_malformed);
		return;
	}
	read_copy(r, at.bytes, at.len);
	if (!reader_ok(r))
		DROP(by->n, by->link, control_malformed);
	else if (!is_acceptable(by, id, &at))
		DROP(by->n, by->link, introduction_refused);
	else
		meet(by, now_us, id, &at);
}

const router_id *meet_introducer(const struct peer *p)
{
	const struct meeting *m = meeting_find(p->link, p->id);

	return m ? &m->by : NULL;
}

void node_dump_meetings(const struct node *n, void (*each)(void *arg, const struct node_meeting_info *info), void *arg)
{
	for (unsigned i = 0; n->meet && i < NODE_MEETINGS_MAX; i++) {
		const struct meeting *m = &n->meet->meetings[i];
		bool is_direct = meeting_peer(n, m);

		if (!m->told_us || (!is_direct && n->now_us > m->told_us + FORGOTTEN_US))
			continue;
		const struct node_meeting_info info = {
			.link = m->link,
			.certificate = trust_by_id(n, m->id),
			.introducer = m->by,
			.endpoint = m->at,
			.tries = m->tries,
			.called_us = m->called_us,
			.is_direct = is_direct,
		};
		each(arg, &info);
	}
}
