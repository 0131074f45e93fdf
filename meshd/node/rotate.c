/*
 * Another key in the place of the deployment's, once a member is out (protocol.md 5): who was
 * stolen has the old one, and gets no other.
 *
 *   from the operator ─┐
 *   KEY of a peer ─────┴─► signed, newer, and no newer than our list ─► stored ─► in use
 *                                                                        │
 *                  KEYED to all who are there, KEY to who lacks it ◄─────┘ again until it says that it has it
 *
 *   KEY    key 107     hidden for the neighbour (crypto/deployment_key.c)
 *   KEYED  number 2    the newest that we have
 *
 * It is told to who holds the same list of who is out, by which it is not out: so whoever the list
 * of its number names is never told it. That a handshake was made with a key says that both ends
 * have it, so between two that are up to date nothing is said.
 *
 * Where many share a link each waits for a moment before it tells the others: they hear it from one.
 */
#include "meshd/node/state.h"

#include <errno.h>
#include <string.h>

#define DOUBLINGS_MAX 6 /* of the pause before it is said again */
#define KEYS_PER_PEER 4 /* that are looked at, one a second: each costs a key exchange and a signature check */
#define SPREAD_PEERS 8 /* each a quarter of a pace */

static uint16_t newest_number(const struct node *n) /* also of one that is about to be ours */
{
	return n->next_key.number ? n->next_key.number : key_newest(n)->key.number;
}

/* --- what is said ------------------------------------------------------------------------------ */

static bool is_spoken_to(const struct peer *p)
{
	return peer_is_told_of(p, CAPABILITY_KEYS) && revoke_is_settled(p);
}

bool rotate_owes(const struct peer *p)
{
	const struct node *n = p->n;
	uint16_t number = key_newest(n)->key.number;

	return number > p->key_number && number <= revoke_epoch_of(revoke_mark(n)) && is_spoken_to(p) && !n->is_out &&
	       !revoke_ends(n, p->certificate);
}

void rotate_known(struct peer *p, uint16_t number)
{
	if (number > p->key_number)
		p->key_number = number;
}

void rotate_say(struct peer *p, uint64_t now_us)
{
	enum babel_need need = p->key_says ? BABEL_NEED_ROUTINE : BABEL_NEED_URGENT;
	uint8_t room[1 + DEPLOYMENT_KEY_LEN] = { CONTROL_KEY };
	struct node *n = p->n;

	if (!rotate_owes(p) || now_us < p->key_next_us ||
		deployment_key_hide(&key_newest(n)->key, &n->enrolment.identity, p->dh, room + 1) < 0)
		return;
	if (!control_say(p, now_us, need, bytes_of(room, sizeof(room)), &p->key_next_us))
		return;
	p->key_next_us =
		now_us + (link_pace_us(p->link) << (p->key_says < DOUBLINGS_MAX ? p->key_says : DOUBLINGS_MAX));
	p->key_says++;
	timer_set_earlier(&n->heap, &p->timer, p->key_next_us);
}

static void keyed_say(struct peer *p, uint64_t now_us)
{
	uint8_t room[1 + 2];
	struct writer w = writer_of(room, sizeof(room));
	uint64_t again_us;

	write_u8(&w, CONTROL_KEYED);
	write_u16(&w, key_newest(p->n)->key.number);
	control_say(p, now_us, BABEL_NEED_URGENT, writer_bytes(&w), &again_us);
}

static uint64_t spread_us(const struct peer *p)
{
	unsigned others = 0;

	for (const struct list *at = p->link->peers.next; at != &p->link->peers; at = at->next)
		others += at != &p->on_link;
	return link_pace_us(p->link) * (others < SPREAD_PEERS ? others : SPREAD_PEERS) / 4;
}

/* --- a key comes ------------------------------------------------------------------------------- */

/* It is on the disk. */
static void key_act(struct node *n, uint64_t now_us)
{
	keys_add(n, &n->next_key);
	deployment_key_done(&n->next_key);
	for (struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p)) {
		uint64_t most_us = spread_us(p);

		p->key_says = 0;
		p->key_next_us = now_us + (most_us ? random_below(&n->random, most_us) : 0);
		if (!is_spoken_to(p))
			continue;
		if (most_us || !rotate_owes(p))
			keyed_say(p, now_us);
		if (!rotate_owes(p))
			continue;
		timer_set_earlier(&n->heap, &p->timer, p->key_next_us);
		rotate_say(p, now_us);
	}
}

/* As they are kept: the one that is about to be ours, and those before it. */
static struct bytes keys_encode(const struct node *n, uint8_t out[NODE_KEYS_MAX_LEN])
{
	struct writer w = writer_of(out, NODE_KEYS_MAX_LEN);
	uint8_t encoded[DEPLOYMENT_KEY_LEN];

	deployment_key_encode(&n->next_key, encoded);
	write_copy(&w, encoded, sizeof(encoded));
	for (unsigned i = 0; i + 1 < n->key_count && i + 2 < KEYS_MAX; i++) {
		deployment_key_encode(&n->keys[i].key, encoded);
		write_copy(&w, encoded, sizeof(encoded));
	}
	secret_wipe(encoded, sizeof(encoded));
	return writer_bytes(&w);
}

static int key_take(struct node *n, uint64_t now_us, const struct secret_deployment_key *k)
{
	uint8_t room[NODE_KEYS_MAX_LEN];

	if (k->number == newest_number(n))
		return -EALREADY;
	if (k->number < newest_number(n))
		return -ESTALE;
	int error = deployment_key_verify(k, &n->enrolment.authority);
	if (error)
		return error;
	n->next_key = *k;
	if (!n->output.store_keys || n->output.store_keys(n->user, keys_encode(n, room)))
		key_act(n, now_us);
	secret_wipe(room, sizeof(room));
	return 0;
}

void rotate_key_in(struct peer *p, uint64_t now_us, struct reader *r)
{
	struct bytes hidden = read_bytes(r, reader_left(r));
	struct secret_deployment_key k;
	struct node_link *link = p->link;
	struct node *n = p->n;

	if (deployment_key_decode(&k, hidden) < 0) {
		DROP(n, link, control_malformed);
		return;
	}
	uint16_t number = k.number;
	if (!bucket_take(&p->keys_in, now_us, SECOND, KEYS_PER_PEER)) {
		DROP(n, link, rate_limited);
	} else if (number <= key_newest(n)->key.number) {
		rotate_known(p, number);
		keyed_say(p, now_us); /* it did not hear the last one */
	} else if (number > revoke_epoch_of(revoke_mark(n)) ||
		   deployment_key_reveal(&k, &n->enrolment.identity, p->dh, hidden) < 0 ||
		   deployment_key_verify(&k, &n->enrolment.authority) < 0) {
		DROP(n, link, key_refused);
	} else {
		rotate_known(p, number);
		key_take(n, now_us, &k);
	}
	deployment_key_done(&k);
}

void rotate_keyed_in(struct peer *p, uint64_t now_us, struct reader *r)
{
	uint16_t number = read_u16(r);

	if (!reader_ok(r)) {
		DROP(p->n, p->link, control_malformed);
		return;
	}
	rotate_known(p, number);
	rotate_say(p, now_us);
}

int node_key_add(struct node *n, uint64_t now_us, struct bytes encoded)
{
	struct secret_deployment_key k;
	int error = deployment_key_decode(&k, encoded);
	struct revocation list;

	n->now_us = now_us;
	if (!error)
		error = revocation_decode(&list, node_revocation(n)) < 0 || k.number > list.epoch
				? -ENOENT
				: key_take(n, now_us, &k);
	deployment_key_done(&k);
	return error;
}

static int key_restore(struct node *n, struct bytes encoded)
{
	struct secret_deployment_key k;
	int error = deployment_key_decode(&k, encoded);

	if (!error)
		error = deployment_key_verify(&k, &n->enrolment.authority);
	if (!error && k.number <= key_newest(n)->key.number)
		error = -EBADMSG;
	if (!error)
		keys_add(n, &k);
	deployment_key_done(&k);
	return error;
}

int node_keys_restore(struct node *n, struct bytes encoded)
{
	size_t count = encoded.len / DEPLOYMENT_KEY_LEN;
	int error = encoded.len % DEPLOYMENT_KEY_LEN ? -EBADMSG : 0;

	/* The newest is the first. */
	while (count-- > 0) {
		int its = key_restore(n, bytes_of(encoded.data + count * DEPLOYMENT_KEY_LEN, DEPLOYMENT_KEY_LEN));
		error = error ? error : its;
	}
	return error;
}

void node_keys_stored(struct node *n, uint64_t now_us)
{
	n->now_us = now_us;
	if (n->next_key.number)
		key_act(n, now_us);
}

uint16_t node_key_number(const struct node *n)
{
	return key_newest(n)->key.number;
}
