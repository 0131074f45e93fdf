/*
 * Beacons: how nodes on a shared link find each other (design.md 3).
 *
 *   0  type 5 | version 1 | 0 0
 *   4  nonce 12
 *  16  node id 8 | epoch 4        xor keyed BLAKE2b("pad" || nonce)
 *  28  mac 16                     keyed BLAKE2b over all before
 *
 * On a thin link 25 bytes instead of 44: type 1, nonce 4, id and epoch 12, mac 8.
 *
 * Outsiders see random bytes. A beacon proves only that its maker once knew the
 * deployment key, for it can be replayed: it makes us call, nothing else. Of two
 * nodes that hear each other the one with the lower id calls; the other answers
 * with a beacon at once, and calls now and then in case it is not heard.
 *
 * Beacons are for meetings between two that have been up for long. Where neighbours
 * are known and none comes or goes, nobody is moving, and the pause between beacons
 * doubles up to STEADY_MAX_US.
 *
 * They are made with the newest key that a node has (keys.c), and heard with any. Whoever is heard with an older one
 * hears nothing of ours: it is called with its own. A node that is alone, or hears somebody whom it has no
 * key for, makes some of them with the enrolment's, which all have: however much either missed, they meet.
 *
 * Who is no member yet has no key to make one with: in their place it asks for its certificate
 * (admit.c).
 */
#include "meshd/node/state.h"

#include <string.h>

#define BEACON_VERSION 1
#define NONCE_LEN 12
#define NONCE_LEN_THIN 4
#define SEALED_LEN (NODE_ID_LEN + 4)
#define BEACON_LEN (4 + NONCE_LEN + SEALED_LEN + MAC_LEN)
#define PAD_LABEL "pad"

#define FIRST_BEACONS 4 /* quick ones after the link came up */
#define FIRST_PACES(pace_us) ((pace_us) / 2)
#define INTERVAL_PACES(pace_us) (5 * (pace_us))
#define STEADY_MAX_US (20 * SECOND) /* or on slow links three intervals */
#define ANSWER_PACES(pace_us) ((pace_us)*3 / 10) /* beacons in answer to beacons are at least so far apart */
#define RUMOUR_US (120 * SECOND) /* a beacon that a session has belied is not believed for so long */
#define STRANGE_US (60 * SECOND) /* somebody who was heard with keys that we lack is thought of for so long */
#define STRANGE_TURN 4 /* ... and one beacon in so many is for it */
#define DUPLICATE_CHECK_US (30 * SECOND)
#define CALL_INTERVAL_US (500 * MS) /* between calls that beacons cause ... */
#define CALL_BURST 16 /* ... of which so many may start at once: CALLINGS_MAX leaves room for others */

static size_t nonce_len(const struct node_link *link)
{
	return link->config.is_thin ? NONCE_LEN_THIN : NONCE_LEN;
}

static size_t mac_len(const struct node_link *link)
{
	return link->config.is_thin ? THIN_TAG_LEN : MAC_LEN;
}

static void pad_xor(
	const struct node_link *link, const struct node_key *key, const uint8_t *nonce, uint8_t body[SEALED_LEN])
{
	uint8_t message[sizeof(PAD_LABEL) - 1 + NONCE_LEN], pad[SEALED_LEN];
	size_t len = sizeof(PAD_LABEL) - 1 + nonce_len(link);

	memcpy(message, PAD_LABEL, sizeof(PAD_LABEL) - 1);
	memcpy(message + sizeof(PAD_LABEL) - 1, nonce, nonce_len(link));
	hash_bytes(pad, sizeof(pad), bytes_of(message, len), bytes_of(key->made[KEY_FOR_BEACONS], KEY_LEN));
	for (size_t i = 0; i < SEALED_LEN; i++)
		body[i] ^= pad[i];
}

static size_t beacon_len(const struct node_link *link)
{
	return (link->config.is_thin ? 1 : 4) + nonce_len(link) + SEALED_LEN + mac_len(link);
}

static void beacon_send(struct node_link *link, uint64_t now_us, enum babel_need need, const struct node_key *key)
{
	struct node *n = link->n;
	uint8_t frame[BEACON_LEN], nonce[NONCE_LEN], body[SEALED_LEN], mac[MAC_LEN];
	struct writer w = writer_of(body, sizeof(body));

	write_copy(&w, n->id, NODE_ID_LEN);
	write_u32(&w, n->epoch);
	random_fill(&n->random, nonce, nonce_len(link));
	pad_xor(link, key, nonce, body);
	w = writer_of(frame, sizeof(frame));
	write_u8(&w, FRAME_BEACON);
	if (!link->config.is_thin) {
		write_u8(&w, BEACON_VERSION);
		write_u16(&w, 0);
	}
	write_copy(&w, nonce, nonce_len(link));
	write_copy(&w, body, sizeof(body));
	mac1_compute(mac, key->made[KEY_FOR_BEACONS], writer_bytes(&w));
	write_copy(&w, mac, mac_len(link));
	link->beacon_us = now_us;
	n->counters.beacons_sent++;
	egress_frame(link, now_us, NULL, writer_bytes(&w));
	budget_frame_said(link, now_us, need, writer_len(&w));
}

void beacon_start(struct node_link *link, uint64_t now_us)
{
	link->beacons = 0;
	link->beacon_us = 0;
	link->beacon_pause_us = 0;
	link->newest_said = 0;
	if (link->config.beacon)
		timer_set(&link->n->heap, &link->beacon, now_us);
}

static bool link_has_company(const struct node_link *link, uint64_t now_us)
{
	for (const struct list *node = link->peers.next; node != &link->peers; node = node->next)
		if (peer_is_live(list_entry(node, struct peer, on_link), now_us))
			return true;
	return false;
}

static uint64_t beacon_next_us(struct node_link *link, uint64_t now_us)
{
	uint64_t pace_us = link_pace_us(link), interval_us = INTERVAL_PACES(pace_us);
	uint64_t longest_us = pace_us > SECOND ? 3 * interval_us : STEADY_MAX_US;

	if (link->beacons < FIRST_BEACONS)
		return FIRST_PACES(pace_us);
	if (link->beacon_pause_us == 0 || !link_has_company(link, now_us))
		link->beacon_pause_us = interval_us;
	else
		link->beacon_pause_us *= 2;
	if (link->beacon_pause_us > longest_us)
		link->beacon_pause_us = longest_us;
	return link->beacon_pause_us;
}

static bool is_strange(const struct node_link *link, uint64_t now_us)
{
	return link->strange_us && now_us < link->strange_us + STRANGE_US;
}

static const struct node_key *key_of_beacon(struct node_link *link, uint64_t now_us)
{
	const struct node *n = link->n;
	unsigned turn = !link_has_company(link, now_us) ? 2 : is_strange(link, now_us) ? STRANGE_TURN : 0;

	if (!turn || ++link->newest_said < turn)
		return key_newest(n);
	link->newest_said = 0;
	return key_enrolled(n);
}

/* At once, not with the pause that it was in; and not again while it goes on. */
void beacon_strange(struct node_link *link, uint64_t now_us)
{
	if (is_strange(link, now_us))
		return;
	link->strange_us = now_us;
	link->newest_said = STRANGE_TURN;
	beacon_hurry(link, now_us);
}

void beacon_due(struct timer *timer, uint64_t now_us)
{
	struct node_link *link = container_of(timer, struct node_link, beacon);
	enum babel_need need = link->beacons < FIRST_BEACONS ? BABEL_NEED_URGENT : BABEL_NEED_ROUTINE;
	uint64_t again_us;

	/* Who has heard the first one, and knows that our session is over, has called meanwhile. */
	if (link->beacons)
		recall_next(link, now_us);

	if (!budget_admits(link, now_us, need, beacon_len(link), &again_us)) {
		timer_set(&link->n->heap, timer, again_us + random_below(&link->n->random, SECOND));
		return;
	}
	uint64_t pause_us = beacon_next_us(link, now_us);
	if (link->n->is_applicant)
		admit_plea(link, now_us, NULL);
	else
		beacon_send(link, now_us, need, key_of_beacon(link, now_us));
	link->beacons++;
	timer_set(&link->n->heap, timer, now_us + pause_us - random_below(&link->n->random, pause_us / 4));
}

void beacon_hurry(struct node_link *link, uint64_t now_us)
{
	uint64_t interval_us = INTERVAL_PACES(link_pace_us(link));

	link->beacon_pause_us = 0;
	if (timer_is_armed(&link->beacon) && link->beacon.due_us > now_us + interval_us)
		timer_set(&link->n->heap, &link->beacon, now_us + random_below(&link->n->random, interval_us));
}

/* The key that it was made with; NULL: none of ours. */
static const struct node_key *beacon_open(
	const struct node_link *link, struct bytes frame, uint8_t id[NODE_ID_LEN], uint32_t *epoch)
{
	struct reader r = reader_of(frame);
	uint8_t nonce[NONCE_LEN], body[SEALED_LEN], mac[MAC_LEN], version = BEACON_VERSION;

	read_skip(&r, 1);
	if (!link->config.is_thin) {
		version = read_u8(&r);
		read_skip(&r, 2);
	}
	read_copy(&r, nonce, nonce_len(link));
	read_copy(&r, body, sizeof(body));
	size_t before_mac = frame.len - reader_left(&r);
	read_copy(&r, mac, mac_len(link));
	if (!reader_ok(&r) || version != BEACON_VERSION)
		return NULL;
	const struct node_key *key =
		key_of_mac(link->n, KEY_FOR_BEACONS, bytes_of(frame.data, before_mac), mac, mac_len(link));
	if (!key)
		return NULL;
	pad_xor(link, key, nonce, body);
	r = reader_of(bytes_of(body, sizeof(body)));
	read_copy(&r, id, NODE_ID_LEN);
	*epoch = read_u32(&r);
	return key;
}

/* Our own id under another epoch: a replay, or a second machine with our keys. A
 * handshake tells. */
static void own_id_heard(struct node_link *link, uint64_t now_us, const struct call *c, uint32_t epoch)
{
	struct node *n = link->n;

	if (epoch == n->epoch || (n->duplicate_checked_us && now_us < n->duplicate_checked_us + DUPLICATE_CHECK_US))
		return;
	n->duplicate_checked_us = now_us;
	call_start(link, now_us, c);
}

/* The beacon may be a replay from anywhere: it buys few of our key exchanges. */
bool beacon_may_call(struct node_link *link, uint64_t now_us)
{
	struct node *n = link->n;
	uint64_t pace_us = link_pace_us(link);

	/* Where a handshake takes seconds, one after the other. */
	if (pace_us > SECOND && !bucket_take(&link->calls_by_beacon, now_us, pace_us, 1))
		return false;
	if (!bucket_take(&n->calls_by_beacon, now_us, CALL_INTERVAL_US, CALL_BURST)) {
		DROP(n, link, rate_limited);
		return false;
	}
	return true;
}

static void beacon_call(struct node_link *link, uint64_t now_us, const struct call *c)
{
	if (!call_is_under_way(link, c->to) && beacon_may_call(link, now_us))
		call_start(link, now_us, c);
}

/* Of a process that is gone, said again by somebody: after such a beacon was heard
 * another process proved to be there. Each call would cost a narrow channel a second. */
static bool rumour_is_false(struct peer *p, uint64_t now_us, uint32_t epoch)
{
	struct rumour *oldest = p->rumours;

	for (struct rumour *r = p->rumours; r < p->rumours + RUMOURS_MAX; r++) {
		if (r->heard_us && r->epoch == epoch && now_us < r->heard_us + RUMOUR_US)
			return p->session_us > r->heard_us;
		if (r->heard_us < oldest->heard_us)
			oldest = r;
	}
	*oldest = (struct rumour){ epoch, now_us };
	return false;
}

void beacon_in(struct node_link *link, uint64_t now_us, const struct endpoint *from, struct bytes frame)
{
	struct node *n = link->n;
	uint8_t id[NODE_ID_LEN];
	uint64_t again_us;
	uint32_t epoch;
	struct call c = { .to = from };

	if (link->config.beacon)
		c.key = beacon_open(link, frame, id, &epoch);
	if (!c.key) {
		DROP(n, link, beacon_foreign);
		if (link->config.beacon && frame.len == beacon_len(link))
			stranger_heard(link, now_us, from);
		return;
	}
	n->counters.beacons_received++;
	if (memcmp(id, n->id, NODE_ID_LEN) == 0) {
		own_id_heard(link, now_us, &c, epoch);
		return;
	}
	struct peer *p = peer_find_id(link, id);
	hearsay_note(link, now_us, id, p);
	if (p && p->has_epoch && peer_is_live(p, now_us) && (p->epoch == epoch || rumour_is_false(p, now_us, epoch)))
		return;
	if (c.key != key_newest(n) || memcmp(n->id, id, NODE_ID_LEN) < 0 || random_below(&n->random, 4) == 0) {
		/* XX at times, in case it does not know us; where XX is dear the other end calls if so. */
		unsigned tries = link->config.is_thin ? 0 : (unsigned)random_below(&n->random, 3);

		c.remote_id = id;
		c.tries = p ? p->silent_tries : tries;
		beacon_call(link, now_us, &c);
	} else if ((!link->beacon_us || now_us >= link->beacon_us + ANSWER_PACES(link_pace_us(link))) &&
		   budget_admits(link, now_us, BABEL_NEED_ROUTINE, beacon_len(link), &again_us)) {
		beacon_send(link, now_us, BABEL_NEED_ROUTINE, key_newest(n));
	}
}
