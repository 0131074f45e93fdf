/*
 * MAC authentication of one plain link (RFC 8967, RFC 9467).
 *
 * Each packet that leaves carries an (index, counter) pair in its body and a MAC per
 * key in its trailer. What comes in passes three gates: one of its MACs is right; its
 * index is the one that the sender has proven; its counter is new under that index.
 *
 *             MAC right                 answer brings our nonce
 *   unknown ─────────────► challenged ───────────────────────► proven ──► packets pass
 *      ▲                     │    ▲                              │
 *      │      30 s           │    │       another index          │
 *      ├─────────────────────┘    └──────────────────────────────┤
 *      └─────────────────────────────────────────────────────────┘
 *                  five minutes without an accepted packet
 *
 * A proven neighbour stays so while it is challenged again: a replayed packet must
 * not silence it. Nothing is remembered of whom no key proves.
 */
#include "routing/mac.h"

#include "routing/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_MAX 512 /* a challenge, an answer, a counter and MACs */

static const struct address to_all = { .family = FAMILY_IPV6, .bytes = { 0xff, 0x02, [13] = 1, [15] = 6 } };

/* --- new and free --------------------------------------------------------------------- */

static void index_draw(struct babel_mac *m)
{
	random_fill(&m->config.random, m->index, sizeof(m->index));
	m->counter = 0;
	m->counters.indices_drawn++;
}

struct babel_mac *babel_mac_new(
	const struct babel_mac_config *config, const struct babel_mac_output *output, void *user)
{
	struct babel_mac *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->config = *config;
	m->output = *output;
	m->user = user;
	index_draw(m);
	if (babel_mac_keys_set(m, config->keys, config->is_lenient) < 0) {
		free(m);
		return NULL;
	}
	return m;
}

void babel_mac_free(struct babel_mac *m)
{
	free(m);
}

int babel_mac_keys_set(struct babel_mac *m, unsigned keys, bool is_lenient)
{
	if (keys == 0 || keys > BABEL_MAC_KEYS_MAX)
		return -EINVAL;
	m->config.keys = keys;
	m->config.is_lenient = is_lenient;
	return 0;
}

const struct babel_mac_counters *babel_mac_counters(const struct babel_mac *m)
{
	return &m->counters;
}

/* --- the MAC of a packet (4.1) ----------------------------------------------------------- */

#define PSEUDO_HEADER_MAX (2 * (16 + 2))

struct pseudo_header {
	uint8_t room[PSEUDO_HEADER_MAX];
	struct bytes bytes;
};

static void pseudo_header_write(struct pseudo_header *h, const struct address *from, const struct address *to)
{
	struct writer w = writer_of(h->room, sizeof(h->room));

	write_copy(&w, from->bytes, family_bits(from->family) / 8);
	write_u16(&w, BABEL_PORT);
	write_copy(&w, to->bytes, family_bits(to->family) / 8);
	write_u16(&w, BABEL_PORT);
	h->bytes = writer_bytes(&w);
}

static size_t mac_compute(
	const struct babel_mac *m, unsigned key, const struct pseudo_header *h, struct bytes packet, uint8_t *mac)
{
	return m->output.compute(m->user, key, (const struct bytes[2]){ h->bytes, packet }, mac);
}

/* In a time that does not tell where they differ. */
static bool mac_is_equal(struct bytes a, const uint8_t *b, size_t b_len)
{
	uint8_t difference = 0;

	if (a.len != b_len)
		return false;
	for (size_t i = 0; i < b_len; i++)
		difference |= a.data[i] ^ b[i];
	return difference == 0;
}

/* --- sending (4.2) ------------------------------------------------------------------------ */

static uint32_t counter_next(struct babel_mac *m)
{
	if (m->counter == UINT32_MAX)
		index_draw(m);
	return ++m->counter;
}

size_t babel_mac_protect(
	struct babel_mac *m, const struct address *to, struct bytes packet, uint8_t *out, size_t capacity)
{
	struct writer w = writer_of(out, capacity);
	struct reader r = reader_of(packet);
	struct pseudo_header pseudo;

	read_skip(&r, 2);
	size_t body_len = read_u16(&r);
	size_t protected_len = body_len + 2 + 4 + sizeof(m->index);
	/* Whatever trails the body is not the engine's. */
	struct bytes body = read_bytes(&r, body_len);
	if (!reader_ok(&r) || protected_len > UINT16_MAX)
		return 0;
	write_u8(&w, BABEL_MAGIC);
	write_u8(&w, BABEL_VERSION);
	write_u16(&w, (uint16_t)protected_len);
	write_bytes(&w, body);
	write_u8(&w, TLV_PC);
	write_u8(&w, 4 + sizeof(m->index));
	uint32_t counter = counter_next(m); /* may draw the index */
	write_u32(&w, counter);
	write_copy(&w, m->index, sizeof(m->index));
	struct bytes covered = writer_bytes(&w);
	pseudo_header_write(&pseudo, &m->config.self, to ? to : &to_all);
	for (unsigned key = 0; key < m->config.keys && writer_ok(&w); key++) {
		uint8_t mac[BABEL_MAC_MAX];
		size_t len = mac_compute(m, key, &pseudo, covered, mac);

		write_u8(&w, TLV_MAC);
		write_u8(&w, (uint8_t)len);
		write_copy(&w, mac, len);
	}
	return writer_bytes(&w).len;
}

static void message_write(struct writer *w, enum tlv_type type, struct bytes nonce)
{
	write_u8(w, (uint8_t)type);
	write_u8(w, (uint8_t)nonce.len);
	write_bytes(w, nonce);
}

/* --- neighbours ----------------------------------------------------------------------------- */

static bool neighbour_is_free(const struct mac_neighbour *n, uint64_t now_us)
{
	return n->address.family == FAMILY_NONE || now_us >= n->until_us;
}

static struct mac_neighbour *neighbour_get(struct babel_mac *m, uint64_t now_us, const struct address *address)
{
	struct mac_neighbour *place = NULL;

	for (size_t i = 0; i < BABEL_MAC_NEIGHBOURS_MAX; i++) {
		struct mac_neighbour *n = &m->neighbours[i];

		if (neighbour_is_free(n, now_us))
			place = place ? place : n;
		else if (address_equal(&n->address, address))
			return n;
	}
	if (!place) {
		m->counters.refused_neighbours++;
		return NULL;
	}
	*place = (struct mac_neighbour){
		.address = *address, .until_us = now_us + MAC_CHALLENGE_US, .challenge_gap_us = MAC_LIMIT_US
	};
	return place;
}

/* --- the first reading (4.3) ------------------------------------------------------------------- */

struct first_reading {
	bool has_counter, is_counter_read;
	uint32_t counter;
	struct bytes index;
	bool is_asked; /* to prove ourselves, by the nonce asked last */
	struct bytes asked;
	bool is_answered; /* by the right nonce */
	bool has_wrong_answer;
};

static void counter_read(struct first_reading *f, struct reader *r)
{
	if (f->is_counter_read)
		return; /* only the first one is looked at */
	f->is_counter_read = true;
	f->counter = read_u32(r);
	f->index = read_bytes(r, reader_left(r));
	f->has_counter = reader_ok(r) && f->index.len <= MAC_INDEX_MAX;
}

static void answer_read(struct first_reading *f, struct mac_neighbour *n, uint64_t now_us, struct bytes nonce)
{
	if (n->is_challenged && now_us < n->challenged_until_us && mac_is_equal(nonce, n->nonce, sizeof(n->nonce)))
		f->is_answered = true;
	else
		f->has_wrong_answer = true;
}

static void first_reading_make(
	struct first_reading *f, struct mac_neighbour *n, uint64_t now_us, bool is_multicast, struct reader body)
{
	*f = (struct first_reading){ 0 };
	while (reader_left(&body) > 0) {
		uint8_t type = read_u8(&body);

		if (type == TLV_PAD1)
			continue;
		uint8_t len = read_u8(&body);
		struct reader r = read_sub(&body, len);

		if (!reader_ok(&body))
			return;
		if (type == TLV_PC) {
			counter_read(f, &r);
		} else if (type == TLV_CHALLENGE_REQUEST && !is_multicast && len <= MAC_NONCE_MAX) {
			f->is_asked = true;
			f->asked = read_bytes(&r, len);
		} else if (type == TLV_CHALLENGE_REPLY) {
			answer_read(f, n, now_us, read_bytes(&r, len));
		}
	}
}

/* --- challenges (4.3.1) --------------------------------------------------------------------------- */

/* A gap that grows while challenges are not met lets an answer come that takes longer than the limit: each challenge
 * makes the one before it worthless. */
static bool challenge_is_due(struct babel_mac *m, struct mac_neighbour *n, uint64_t now_us)
{
	if (now_us < n->next_challenge_us) {
		m->counters.challenges_limited++;
		return false;
	}
	n->next_challenge_us = now_us + n->challenge_gap_us;
	n->challenge_gap_us = n->challenge_gap_us * 2 < MAC_LIMIT_MAX_US ? n->challenge_gap_us * 2 : MAC_LIMIT_MAX_US;
	random_fill(&m->config.random, n->nonce, sizeof(n->nonce));
	n->is_challenged = true;
	n->challenged_until_us = now_us + MAC_CHALLENGE_US;
	if (!n->has_index)
		n->until_us = n->challenged_until_us;
	m->counters.challenges_sent++;
	return true;
}

static bool reply_is_due(struct babel_mac *m, struct mac_neighbour *n, uint64_t now_us)
{
	if (now_us < n->next_reply_us) {
		m->counters.replies_limited++;
		return false;
	}
	n->next_reply_us = now_us + MAC_LIMIT_US;
	m->counters.replies_sent++;
	return true;
}

/* At once, and in one packet: nothing else of ours counts with it before the answer, nor of it with us. */
static void exchange_send(
	struct babel_mac *m, struct mac_neighbour *n, uint64_t now_us, const struct first_reading *f, bool must_prove)
{
	uint8_t plain[PACKET_MAX], protected[PACKET_MAX];
	struct writer w = writer_of(plain, sizeof(plain));

	write_u8(&w, BABEL_MAGIC);
	write_u8(&w, BABEL_VERSION);
	uint8_t *body_len = write_reserve(&w, 2);
	if (f->is_asked && reply_is_due(m, n, now_us))
		message_write(&w, TLV_CHALLENGE_REPLY, f->asked);
	if (must_prove && challenge_is_due(m, n, now_us))
		message_write(&w, TLV_CHALLENGE_REQUEST, bytes_of(n->nonce, sizeof(n->nonce)));
	struct bytes packet = writer_bytes(&w);
	if (packet.len <= BABEL_HEADER)
		return;
	body_len[0] = (uint8_t)((packet.len - BABEL_HEADER) >> 8);
	body_len[1] = (uint8_t)(packet.len - BABEL_HEADER);
	size_t len = babel_mac_protect(m, &n->address, packet, protected, sizeof(protected));
	if (len > 0)
		m->output.send(m->user, &n->address, bytes_of(protected, len));
}

static void challenge_met(struct babel_mac *m, struct mac_neighbour *n, const struct first_reading *f)
{
	bool is_same = n->has_index && bytes_equal(f->index, bytes_of(n->index, n->index_len));

	if (!is_same)
		memset(n->windows, 0, sizeof(n->windows));
	mac_window_close(&n->windows[MAC_UNICAST], f->counter);
	mac_window_close(&n->windows[MAC_MULTICAST], f->counter);
	n->has_index = true;
	n->index_len = (uint8_t)f->index.len;
	memcpy(n->index, f->index.data, f->index.len);
	n->is_challenged = false;
	n->challenge_gap_us = MAC_LIMIT_US;
	m->counters.challenges_met++;
}

/* --- receiving (4.3) --------------------------------------------------------------------------------- */

/* Once per key, however many MACs the packet carries: it is their number that an attacker chooses. */
static bool mac_is_right(
	struct babel_mac *m, const struct babel_sender *from, struct bytes covered, struct reader trailer)
{
	struct pseudo_header pseudo;
	uint8_t own[BABEL_MAC_KEYS_MAX][BABEL_MAC_MAX];
	size_t lens[BABEL_MAC_KEYS_MAX];
	bool has_mac = false, is_right = false;

	while (reader_left(&trailer) > 0 && !is_right) {
		uint8_t type = read_u8(&trailer);

		if (type == TLV_PAD1)
			continue;
		struct bytes mac = read_bytes(&trailer, read_u8(&trailer));

		if (!reader_ok(&trailer) || type != TLV_MAC)
			continue;
		if (!has_mac)
			pseudo_header_write(&pseudo, &from->address, from->multicast ? &to_all : &m->config.self);
		for (unsigned key = 0; key < m->config.keys && !has_mac; key++)
			lens[key] = mac_compute(m, key, &pseudo, covered, own[key]);
		has_mac = true;
		for (unsigned key = 0; key < m->config.keys; key++)
			is_right |= mac_is_equal(mac, own[key], lens[key]);
	}
	if (!has_mac)
		m->counters.no_mac++;
	else if (!is_right)
		m->counters.wrong_mac++;
	return is_right;
}

static bool counter_is_new(struct babel_mac *m, struct mac_neighbour *n, bool is_multicast, uint32_t counter)
{
	if (mac_window_take(&n->windows[is_multicast ? MAC_MULTICAST : MAC_UNICAST], counter))
		return true;
	m->counters.replayed++;
	return false;
}

/* A packet whose MAC is right. */
static bool proven_receive(
	struct babel_mac *m, struct mac_neighbour *n, uint64_t now_us, bool is_multicast, struct reader body)
{
	struct first_reading f;

	first_reading_make(&f, n, now_us, is_multicast, body);
	if (!f.has_counter) {
		m->counters.no_counter++;
		return false;
	}
	bool is_known = n->has_index && bytes_equal(f.index, bytes_of(n->index, n->index_len));
	bool passes = f.is_answered;

	m->counters.challenges_failed += f.has_wrong_answer && !f.is_answered;
	if (f.is_answered) {
		challenge_met(m, n, &f);
	} else if (is_known) {
		passes = counter_is_new(m, n, is_multicast, f.counter);
		f.is_asked = f.is_asked && passes; /* who replays a challenge gets no answer */
	} else {
		m->counters.index_unknown++;
	}
	exchange_send(m, n, now_us, &f, !passes && !is_known);
	if (passes)
		n->until_us = now_us + MAC_EXPIRY_US;
	return passes;
}

static bool strict_receive(struct babel_mac *m, uint64_t now_us, const struct babel_sender *from, struct bytes packet)
{
	struct reader r = reader_of(packet);
	uint8_t magic = read_u8(&r), version = read_u8(&r);
	struct reader body = read_sub(&r, read_u16(&r));

	if (from->port != BABEL_PORT || from->hop_limit != 1 || !address_is_link_local(&from->address) ||
		address_equal(&from->address, &m->config.self)) {
		m->counters.bad_sender++;
		return false;
	}
	if (!reader_ok(&r) || magic != BABEL_MAGIC || version != BABEL_VERSION) {
		m->counters.malformed++;
		return false;
	}
	if (!mac_is_right(m, from, bytes_of(packet.data, (size_t)(body.end - packet.data)), r))
		return false;
	struct mac_neighbour *n = neighbour_get(m, now_us, &from->address);
	return n && proven_receive(m, n, now_us, from->multicast, body);
}

bool babel_mac_receive(struct babel_mac *m, uint64_t now_us, const struct babel_sender *from, struct bytes packet)
{
	bool passes = strict_receive(m, now_us, from, packet);

	m->counters.accepted += passes;
	m->counters.accepted_unproven += !passes && m->config.is_lenient;
	return passes || m->config.is_lenient;
}
