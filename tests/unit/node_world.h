/*
 * A small world of node cores in one process, in virtual time, the same from the
 * same seed.
 *
 *   station (a node and what it was told) ──port──► segment ◄──port── station
 *
 * A segment is a shared radio cell (a frame to NULL reaches all) or an internet
 * (only addressed frames, ports may be behind a NAT). Its faults are delay,
 * jitter, loss, duplication and corruption. A link's id is its segment's number.
 * After every event the successor graph of every node address is walked: a loop
 * fails the test.
 */
#ifndef TESTS_UNIT_NODE_WORLD_H
#define TESTS_UNIT_NODE_WORLD_H

#include "tests/unit/crypto_members.h"
#include "tests/unit/node_packets.h"

#include "meshd/node/state.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef STATIONS
#define STATIONS 6
#endif
#define SEGMENTS 8
#define TYPES 16
#define CONTACTS 8
#define SEQUENCES 20000
#define TAPE_MAX 4096
#define MILLISECOND UINT64_C(1000)
#define A_SECOND UINT64_C(1000000)
#define A_MINUTE (60 * A_SECOND)
#define AN_HOUR (60 * A_MINUTE)

struct world;

struct port {
	bool is_here;
	struct endpoint self;
	bool has_nat;
	struct endpoint outside; /* as others see it through the NAT */
	struct endpoint contacted[CONTACTS]; /* who may answer through the NAT */
	unsigned contacts;
};

/* The counter that comes next in a session, as seen on the wire. */
struct nonce {
	uint32_t index; /* of the key */
	uint64_t next; /* 0: free */
};
#define NONCES 1024 /* power of two */

struct station {
	struct world *w;
	unsigned index;
	struct node *node; /* NULL: switched off */
	struct enrolment enrolment;
	uint32_t t_lo; /* what it knows of the time */
	bool is_plain; /* it does not speak of versions */
	bool is_applicant; /* it asks for what makes a member of it: */
	struct secret_request own;
	struct enrolment granted;
	unsigned offers; /* answers that it was handed */
	struct node_config config;
	struct prng prng;
	struct address address;
	router_id rid;
	uint64_t due;
	uint64_t stalled_until; /* the process does not run: frames wait for it */
	struct port ports[SEGMENTS];
	bool seen[SEQUENCES]; /* test packets delivered here, by number */
	unsigned received, twice;
	unsigned icmp_count;
	uint8_t icmp_type, icmp_code;
	unsigned icmp_mtu;
	struct address icmp_from;
	uint8_t hops; /* of the packet received last */
	unsigned events[NODE_EVENTS];
	char event_text[200]; /* the last one */
	unsigned certificates_stored;
	uint8_t proof_stored[CERTIFICATE_PROOF_LEN]; /* the last */
	bool has_disk; /* certificates stored are given back at the next start */
	struct certificate disk[STATIONS];
	bool disk_is_slow; /* a list is stored only when the test says so */
	size_t list_len; /* of who is out, on the disk */
	uint8_t list[REVOCATION_MAX_LEN];
	unsigned lists_stored;
	size_t keys_len; /* the deployment's, on the disk */
	uint8_t keys[NODE_KEYS_MAX_LEN];
	unsigned keys_stored;
	bool has_stored_seqno;
	uint32_t stored_seqno;
	unsigned kernel_adds, kernel_removes;
	bool has_plain_links;
	struct nonce nonces[NONCES]; /* of this life */
	uint64_t sealed_counter; /* of the frame that leaves next */
};

struct flight {
	struct flight *next;
	uint64_t at;
	unsigned segment, from, to;
	struct endpoint source;
	size_t len;
	uint8_t data[NODE_FRAME_MAX];
};

struct segment {
	bool is_shared, is_cut;
	bool is_thin, is_paired; /* as in struct node_link_config */
	bool is_open; /* a channel without addresses: all hear everything */
	bool is_lossy; /* cost by ETX */
	bool is_parted; /* between these two nothing passes: */
	unsigned parted[2];
	uint32_t apart; /* stations, as bits, that hear each other and no others */
	uint64_t delay, jitter;
	unsigned loss, duplication, corruption; /* permille */
	unsigned swallow[TYPES]; /* so many frames of this type get lost next */
	uint64_t frames[TYPES], bytes;
	size_t longest; /* frame */
	size_t mtu;
	size_t passes; /* larger frames get lost; 0: none */
	uint64_t rate_bps; /* that its links are told */
};

struct world {
	uint64_t now;
	struct secret_authority authority;
	struct station stations[STATIONS];
	struct segment segments[SEGMENTS];
	struct flight *flights;
	struct prng prng;
	struct flight *tape; /* copies of frames, once recording */
	unsigned tape_count;
	bool is_recording;
	uint64_t events;
	/* What goes out by plain links, and what the kernels are told; NULL: nobody looks. */
	void (*plain_send)(struct station *s, unsigned link, const struct endpoint *to, struct bytes packet);
	void (*kernel_route)(struct station *s, const struct node_kernel_route *route);
	/* What becomes of messages, and what a station is given back when it starts; NULL: nothing is kept. */
	bool (*store_message)(struct station *s, struct bytes key, struct bytes value);
	void (*message)(struct station *s, const struct node_message *m);
	void (*started)(struct station *s);
	bool is_unchecked; /* too many stations for a look after every event */
};

/* --- outputs of a node --------------------------------------------------------------- */

static inline struct port *port_of(struct world *w, unsigned i, unsigned segment)
{
	return &w->stations[i].ports[segment];
}

static inline void flight_launch(struct world *w, const struct flight *model, uint64_t delay)
{
	struct flight *f = malloc(sizeof(*f)), **at = &w->flights;

	assert_non_null(f);
	*f = *model;
	f->at = w->now + delay;
	while (*at && (*at)->at <= f->at)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

/* What kind of frame: all data frames of thin links are one. */
static inline uint8_t frame_type_on(const struct segment *s, struct bytes frame)
{
	return s->is_thin && frame.data[0] & 0xc0 ? FRAME_TYPE_DATA : frame.data[0];
}

static inline bool segment_loses(struct world *w, struct segment *s, uint8_t type, size_t len)
{
	if (s->is_cut || (s->passes && len > s->passes))
		return true;
	if (s->swallow[type % TYPES] > 0) {
		s->swallow[type % TYPES]--;
		return true;
	}
	return prng_below(&w->prng, 1000) < s->loss;
}

static inline void segment_carry(struct world *w, struct flight *f)
{
	struct segment *s = &w->segments[f->segment];

	if (segment_loses(w, s, frame_type_on(s, bytes_of(f->data, f->len)), f->len))
		return;
	unsigned copies = prng_below(&w->prng, 1000) < s->duplication ? 2 : 1;

	for (unsigned i = 0; i < copies; i++) {
		struct flight copy = *f;

		if (prng_below(&w->prng, 1000) < s->corruption)
			copy.data[prng_below(&w->prng, f->len)] ^= (uint8_t)(1u << prng_below(&w->prng, 8));
		flight_launch(w, &copy, s->delay + (s->jitter ? prng_below(&w->prng, s->jitter) : 0));
	}
}

static inline bool port_hears(
	const struct port *p, const struct segment *s, const struct endpoint *from, const struct endpoint *to)
{
	if (!p->is_here)
		return false;
	if (!to || s->is_open)
		return true;
	if (!p->has_nat)
		return endpoint_equal(&p->self, to);
	for (unsigned i = 0; i < p->contacts; i++)
		if (endpoint_equal(&p->contacted[i], from))
			return endpoint_equal(&p->outside, to);
	return false;
}

static inline bool is_parted(const struct segment *s, unsigned a, unsigned b)
{
	if ((s->apart >> a ^ s->apart >> b) & 1)
		return true;
	return s->is_parted && ((a == s->parted[0] && b == s->parted[1]) || (a == s->parted[1] && b == s->parted[0]));
}

static inline void port_contact(struct port *p, const struct endpoint *to)
{
	for (unsigned i = 0; i < p->contacts; i++)
		if (endpoint_equal(&p->contacted[i], to))
			return;
	assert_true(p->contacts < CONTACTS);
	p->contacted[p->contacts++] = *to;
}

/* No key and counter twice: the counter of a key only rises, and it is the one that the frame shows. */
static inline void world_sealing(void *user, unsigned link, const struct secret_session *session)
{
	static const uint64_t secret[2];
	struct station *s = user;
	uint32_t index = (uint32_t)siphash24(secret, bytes_of(session->send_key, KEY_LEN));
	uint64_t counter = session->send_counter;
	unsigned at = index % NONCES, probes = 0;

	(void)link;
	while (s->nonces[at].next && s->nonces[at].index != index) {
		assert_true(++probes < NONCES);
		at = (at + 1) % NONCES;
	}
	assert_true(counter >= s->nonces[at].next);
	s->nonces[at] = (struct nonce){ index, counter + 1 };
	s->sealed_counter = counter;
}

static inline void counter_check(const struct station *s, const struct segment *segment, struct bytes frame)
{
	struct reader r = reader_of(frame);

	if (segment->is_thin) {
		read_skip(&r, segment->is_paired ? 1 : 2);
		assert_int_equal(read_le16(&r), (uint16_t)s->sealed_counter);
	} else {
		read_skip(&r, 8);
		assert_int_equal(read_le64(&r), s->sealed_counter);
	}
	assert_true(reader_ok(&r));
}

static inline void world_send(void *user, unsigned link, const struct endpoint *to, struct bytes frame)
{
	struct station *s = user;
	struct world *w = s->w;
	struct segment *segment = &w->segments[link];
	struct port *port = &s->ports[link];
	struct flight f = { .segment = link, .from = s->index, .len = frame.len };

	if (w->plain_send && s->node->links[link]->config.is_plain) {
		w->plain_send(s, link, to, frame);
		return;
	}
	assert_true(port->is_here);
	assert_true(to || segment->is_shared);
	assert_true(frame.len > 0 && frame.len <= segment->mtu);
	memcpy(f.data, frame.data, frame.len);
	if (frame_type_on(segment, frame) == FRAME_TYPE_DATA)
		counter_check(s, segment, frame);
	f.source = port->has_nat ? port->outside : port->self;
	if (port->has_nat)
		port_contact(port, to);
	segment->frames[frame_type_on(segment, frame) % TYPES]++;
	segment->longest = frame.len > segment->longest ? frame.len : segment->longest;
	segment->bytes += frame.len;
	if (w->is_recording && w->tape_count < TAPE_MAX)
		w->tape[w->tape_count++] = f;
	for (unsigned i = 0; i < STATIONS; i++) {
		f.to = i;
		if (i != s->index && !is_parted(segment, i, s->index) &&
			port_hears(port_of(w, i, link), segment, &f.source, to))
			segment_carry(w, &f);
	}
}

static inline void icmp_seen(struct station *s, const uint8_t *d, bool v4)
{
	size_t at = v4 ? 20 : 40;

	s->icmp_count++;
	s->icmp_type = d[at];
	s->icmp_code = d[at + 1];
	s->icmp_mtu = (unsigned)(d[at + 6] << 8 | d[at + 7]);
	s->icmp_from = v4 ? address_ipv4(d + 12) : address_ipv6(d + 8);
}

static inline void world_deliver(void *user, struct bytes packet)
{
	struct station *s = user;
	const uint8_t *d = packet.data;
	bool v4 = d[0] >> 4 == 4;
	size_t header_len = v4 ? 20 : 40;

	assert_true(packet.len >= header_len);
	if (d[v4 ? 9 : 6] == (v4 ? 1 : 58)) {
		icmp_seen(s, d, v4);
		return;
	}
	if (packet.len < header_len + 8)
		return;
	d += header_len;
	uint32_t number = (uint32_t)d[4] << 24 | (uint32_t)d[5] << 16 | (uint32_t)d[6] << 8 | d[7];
	assert_true(number < SEQUENCES);
	for (size_t i = 8; i < packet.len - header_len; i++)
		assert_int_equal(d[i], (uint8_t)i);
	s->twice += s->seen[number];
	s->seen[number] = true;
	s->received++;
	s->hops = packet.data[v4 ? 8 : 7];
}

static inline void world_kernel_route(void *user, const struct node_kernel_route *route)
{
	struct station *s = user;

	if (s->w->kernel_route)
		s->w->kernel_route(s, route);
	s->kernel_removes += route->way == NODE_KERNEL_NONE;
	s->kernel_adds += route->way == NODE_KERNEL_MESH;
}

static inline void world_store_seqno(void *user, uint32_t seqno)
{
	struct station *s = user;

	s->stored_seqno = seqno;
	s->has_stored_seqno = true;
}

static inline void world_store_certificate(void *user, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	struct station *s = user;
	struct certificate c;

	assert_int_equal(certificate_decode(&c, encoded), 0);
	s->certificates_stored++;
	for (unsigned i = 0; i < STATIONS; i++)
		if (memcmp(&c.key, &s->w->stations[i].enrolment.identity.public, sizeof(c.key)) == 0)
			s->disk[i] = c;
	memcpy(s->proof_stored, proof, sizeof(s->proof_stored));
}

static inline bool world_store_revocation(void *user, struct bytes encoded, uint32_t date)
{
	struct station *s = user;

	memcpy(s->list, encoded.data, encoded.len);
	s->list_len = encoded.len;
	s->lists_stored++;
	if (date > s->t_lo)
		s->t_lo = date;
	return !s->disk_is_slow;
}

static inline bool world_store_keys(void *user, struct bytes encoded)
{
	struct station *s = user;

	assert_true(encoded.len <= sizeof(s->keys));
	memcpy(s->keys, encoded.data, encoded.len);
	s->keys_len = encoded.len;
	s->keys_stored++;
	return !s->disk_is_slow;
}

static inline bool world_store_message(void *user, struct bytes key, struct bytes value)
{
	struct station *s = user;

	assert_in_range(key.len, 1, NODE_KEPT_KEY_MAX);
	assert_true(value.len <= NODE_KEPT_VALUE_MAX);
	return !s->w->store_message || s->w->store_message(s, key, value);
}

static inline void world_message(void *user, const struct node_message *m)
{
	struct station *s = user;

	if (s->w->message)
		s->w->message(s, m);
}

static inline void world_event(void *user, enum node_event event, unsigned link, const char *text)
{
	struct station *s = user;

	assert_true(link <= NODE_LINK_MAX);
	assert_true(event < NODE_EVENTS);
	assert_null(strchr(text, '\n'));
	s->events[event]++;
	snprintf(s->event_text, sizeof(s->event_text), "%s", text);
	if (getenv("WORLD_TRACE"))
		fprintf(stderr, "%10.6f %u: %s link %u: %s\n", (double)s->w->now / 1e6, s->index,
			node_event_name(event), link, text);
}

static inline bool world_granted(void *user, struct bytes grant)
{
	const struct time_floor any_time = { 0 };
	struct station *s = user;
	struct grant g;

	s->offers++;
	if (!s->is_applicant && grant_decode(&g, grant) == 0) {
		s->granted = s->enrolment;
		s->granted.certificate = g.certificate;
		return true;
	}
	return grant_decode(&g, grant) == 0 && grant_open(&s->granted, &g, &s->own, &any_time) == 0;
}

/* --- the oracle ------------------------------------------------------------------------ */

static inline struct station *station_by_neighbour(struct world *w, const struct address *a)
{
	for (unsigned i = 0; i < STATIONS; i++) {
		struct address there = node_neighbour_address(&w->stations[i].rid);

		if (w->stations[i].node && address_equal(&there, a))
			return &w->stations[i];
	}
	return NULL;
}

/* Where a packet for `p` goes from here; NULL: nowhere. What is sent in a session
 * with an earlier life of the neighbour is not heard there (protocol.md 2.2, R7). */
static inline struct station *station_successor(struct world *w, const struct station *s, const struct prefix *p)
{
	struct babel_route r;

	if (!s->node || !babel_selected(node_babel(s->node), p, BABEL_TEXT, &r))
		return NULL;
	struct station *next = station_by_neighbour(w, &r.neighbour);
	const struct peer *peer = peer_find_address(s->node->links[r.link], &r.neighbour);

	return next && peer && peer->epoch == next->node->epoch ? next : NULL;
}

/* Who would be given packets for `p` while nobody is sure of the next hop: no way leads back from there. */
static inline void backup_look(struct world *w, const struct station *s, const struct prefix *p)
{
	const struct fib_entry *e = s->node ? fib_exact(&s->node->fib, p) : NULL;
	const struct peer *peer = e && e->kind == FIB_PEER ? s->node->numbered[e->backups[BABEL_TEXT]] : NULL;
	unsigned steps = 0;

	if (!peer)
		return;
	assert_true(peer != e->peer);
	const struct station *at = station_by_neighbour(w, &peer->address);

	if (!at || peer->epoch != at->node->epoch)
		return;
	for (; at; at = station_successor(w, at, p)) {
		assert_ptr_not_equal(at, s);
		assert_true(steps++ < STATIONS);
	}
}

static inline void world_look(struct world *w)
{
	for (unsigned to = 0; to < STATIONS; to++) {
		struct prefix p = prefix_of_host(w->stations[to].address);

		for (unsigned from = 0; from < STATIONS && p.address.family; from++) {
			const struct station *at = &w->stations[from];
			unsigned steps = 0;

			while ((at = station_successor(w, at, &p)))
				assert_true(steps++ < STATIONS);
			backup_look(w, &w->stations[from], &p);
		}
	}
}

static inline void world_check(struct world *w)
{
	if (!w->is_unchecked)
		world_look(w);
}

/* --- time ------------------------------------------------------------------------------- */

static inline void station_poll(struct station *s)
{
	s->due = s->node ? node_poll(s->node, s->w->now) : UINT64_MAX;
}

/* A frame as from the wire, in a buffer of just its size. */
static inline void station_hear(struct station *s, unsigned segment, const struct endpoint *from, struct bytes frame)
{
	if (!s->node)
		return;
	uint8_t *buffer = malloc(frame.len + !frame.len);

	assert_non_null(buffer);
	if (frame.len)
		memcpy(buffer, frame.data, frame.len);
	node_frames_in(s->node, s->w->now, segment, &(struct node_frame){ *from, buffer, frame.len }, 1);
	free(buffer);
	station_poll(s);
}

static inline bool world_step(struct world *w, uint64_t until)
{
	uint64_t at = w->flights ? w->flights->at : UINT64_MAX;
	struct station *who = NULL;

	for (unsigned i = 0; i < STATIONS; i++) {
		struct station *s = &w->stations[i];
		uint64_t due = s->due > s->stalled_until ? s->due : s->stalled_until;

		if (s->node && s->due != UINT64_MAX && due < at) {
			who = s;
			at = due;
		}
	}
	if (at > until)
		return false;
	if (at > w->now)
		w->now = at;
	w->events++;
	if (who) {
		station_poll(who);
		assert_true(who->due > w->now);
	} else {
		struct flight *f = w->flights;

		w->flights = f->next;
		/* Timers that are due run before the sockets are read. */
		if (w->now <= w->stations[f->to].stalled_until)
			flight_launch(w, f, w->stations[f->to].stalled_until - w->now + 1);
		else if (!w->segments[f->segment].is_cut && port_of(w, f->to, f->segment)->is_here)
			station_hear(&w->stations[f->to], f->segment, &f->source, bytes_of(f->data, f->len));
		free(f);
	}
	world_check(w);
	return true;
}

static inline void world_run(struct world *w, uint64_t us)
{
	uint64_t until = w->now + us;

	while (world_step(w, until))
		;
	w->now = until;
}

/* --- asking ------------------------------------------------------------------------------- */

struct peer_question {
	const router_id *rid;
	unsigned segment;
	bool found;
	struct node_peer_info info;
};

static inline void peer_answer(void *arg, const struct node_peer_info *info)
{
	struct peer_question *q = arg;

	if (info->link == q->segment && router_id_equal(&info->rid, q->rid)) {
		q->found = true;
		q->info = *info;
	}
}

/* What station `i` thinks of `other` on a segment; false: not a peer there. */
static inline bool peer_info(struct world *w, unsigned i, unsigned other, unsigned segment, struct node_peer_info *info)
{
	struct peer_question q = { .rid = &w->stations[other].rid, .segment = segment };

	if (w->stations[i].node)
		node_dump_peers(w->stations[i].node, peer_answer, &q);
	*info = q.info;
	return q.found;
}

static inline bool is_peer(struct world *w, unsigned i, unsigned other, unsigned segment)
{
	struct node_peer_info info;

	return peer_info(w, i, other, segment, &info) && info.is_up;
}

static inline bool can_reach(struct world *w, unsigned from, const struct address *to)
{
	struct prefix match;

	return node_lookup(w->stations[from].node, to, &match) == NODE_VERDICT_ROUTE;
}

static inline bool reaches(struct world *w, unsigned from, unsigned to)
{
	return w->stations[from].node && can_reach(w, from, &w->stations[to].address);
}

/* Each of the first `count` has a route to each other one. */
static inline void all_reach(struct world *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < count; k++)
			assert_true(i == k || reaches(w, i, k));
}

/* Runs until `from` has a route to `to`; microseconds that it took, UINT64_MAX if more than `limit`. */
static inline uint64_t world_until_reached(struct world *w, unsigned from, unsigned to, uint64_t limit)
{
	uint64_t start = w->now;

	while (!reaches(w, from, to))
		if (!world_step(w, start + limit))
			return UINT64_MAX;
	return w->now - start;
}

static inline const struct node_counters *counters_of(struct world *w, unsigned i)
{
	return node_counters(w->stations[i].node);
}

static inline uint64_t drops_of(struct world *w, unsigned i)
{
	const struct node_drops *drops = &counters_of(w, i)->drops;
	uint64_t sum = 0;
	const char *name;

	for (unsigned k = 0;; k++) {
		uint64_t value = node_drop_at(drops, k, &name);

		if (!name)
			return sum;
		sum += value;
	}
}

/* --- packets ------------------------------------------------------------------------------- */

/* `len` bytes of payload (at least 8). */
static inline void packet_make_numbered(struct test_packet *p, const struct address *from, const struct address *to,
	uint8_t hops, size_t len, uint32_t number)
{
	packet_make(p, from, to, PROTOCOL_UDP, hops, len);
	uint8_t *payload = p->data + p->len - len;
	memset(payload, 0, 4);
	payload[4] = (uint8_t)(number >> 24);
	payload[5] = (uint8_t)(number >> 16);
	payload[6] = (uint8_t)(number >> 8);
	payload[7] = (uint8_t)number;
}

/* From the host of station `i`. */
static inline void station_packet_in(struct world *w, unsigned i, const struct test_packet *p)
{
	struct station *s = &w->stations[i];
	uint8_t *buffer = malloc(NODE_HEADROOM + p->len + NODE_TAILROOM);

	assert_non_null(buffer);
	struct node_packet packet = { buffer + NODE_HEADROOM, p->len };
	memcpy(packet.data, p->data, p->len);
	node_packets_in(s->node, w->now, &packet, 1);
	free(buffer);
	station_poll(s);
}

static inline void station_send_packet(struct world *w, unsigned i, const struct address *from,
	const struct address *to, uint8_t hops, size_t len, uint32_t number)
{
	struct test_packet p;

	packet_make_numbered(&p, from, to, hops, len, number);
	station_packet_in(w, i, &p);
}

static inline void station_say(struct world *w, unsigned i, unsigned to, uint32_t number)
{
	station_send_packet(w, i, &w->stations[i].address, &w->stations[to].address, 64, 64, number);
}

/* One packet each `every`, numbered from `first`. */
static inline void world_say(
	struct world *w, unsigned from, unsigned to, uint32_t first, unsigned count, uint64_t every)
{
	for (unsigned k = 0; k < count; k++) {
		station_say(w, from, to, first + k);
		world_run(w, every);
	}
}

/* How many of those that were said did not arrive, a second later. */
static inline unsigned world_lost(struct world *w, unsigned to, uint32_t first, unsigned count)
{
	unsigned lost = 0;

	world_run(w, A_SECOND);
	for (unsigned k = 0; k < count; k++)
		lost += !w->stations[to].seen[first + k];
	return lost;
}

/* A steady flow. Returns how many got lost. */
static inline unsigned world_flow(
	struct world *w, unsigned from, unsigned to, uint32_t first, unsigned count, uint64_t every)
{
	world_say(w, from, to, first, count, every);
	return world_lost(w, to, first, count);
}

/* --- building ------------------------------------------------------------------------------- */

static inline struct endpoint endpoint_mac(unsigned segment, unsigned i)
{
	return (struct endpoint){ 6, { 2, 0, 0, 0, (uint8_t)segment, (uint8_t)(i + 1) } };
}

static inline struct endpoint endpoint_ip(uint8_t net, uint8_t host, uint16_t port)
{
	return (struct endpoint){ 6, { 192, 0, net, host, (uint8_t)(port >> 8), (uint8_t)port } };
}

static inline void segment_make(struct world *w, unsigned segment, bool is_shared)
{
	w->segments[segment] = (struct segment){ .is_shared = is_shared, .delay = MILLISECOND, .mtu = 1500 };
}

/* Enrols station `i` by `authority`; up to two prefixes (NULL: none). */
static inline void station_enrol_by(
	struct world *w, unsigned i, struct secret_authority *authority, const char *first, const char *second)
{
	struct station *s = &w->stations[i];
	struct enrolment *e = &s->enrolment;
	char name[24];

	snprintf(name, sizeof(name), "station-%u", i);
	identity_make(&e->identity, w->stations[i].prng.state[0] + i);
	e->certificate = certificate_draft(&e->identity.public, name);
	if (first)
		prefix_add(&e->certificate, first);
	if (second)
		prefix_add(&e->certificate, second);
	assert_int_equal(certificate_issue(&e->certificate, authority), 0);
	e->authority = authority->public;
	memcpy(e->psk, authority->psk, KEY_LEN);
	s->address = identity_address(&e->identity.public, authority->public.deployment);
	identity_router_id(s->rid.bytes, &e->identity.public);
}

static inline void station_enrol(struct world *w, unsigned i, const char *first, const char *second)
{
	station_enrol_by(w, i, &w->authority, first, second);
}

/* Gives station `i` a certificate, as from before. */
static inline void station_knows(struct world *w, unsigned i, const struct certificate *c)
{
	uint8_t encoded[CERTIFICATE_MAX_LEN];
	int len = certificate_encode(c, encoded, sizeof(encoded));

	assert_true(len > 0);
	assert_int_equal(node_certificate_add(w->stations[i].node, bytes_of(encoded, (size_t)len)), 0);
}

static inline void station_knows_of(struct world *w, unsigned i, unsigned other)
{
	station_knows(w, i, &w->stations[other].enrolment.certificate);
}

/* The authority's next list, as it travels. */
static inline struct bytes list_make(
	struct world *w, struct revocation *r, uint32_t date, uint8_t out[REVOCATION_MAX_LEN])
{
	assert_int_equal(revocation_issue(r, &w->authority, date), 0);
	int len = revocation_encode(r, out, REVOCATION_MAX_LEN);
	assert_true(len > 0);
	return bytes_of(out, (size_t)len);
}

/* ... with station `i` on it, too. */
static inline struct bytes list_against(
	struct world *w, struct revocation *r, unsigned i, uint8_t out[REVOCATION_MAX_LEN])
{
	assert_int_equal(revocation_add(r, w->stations[i].enrolment.certificate.serial), 0);
	return list_make(w, r, 29000100, out);
}

/* The operator hands it in at station `i`. */
static inline int list_tell(struct world *w, unsigned i, struct bytes list)
{
	int error = node_revocation_add(w->stations[i].node, w->now, list);

	station_poll(&w->stations[i]);
	return error;
}

/* The first list: station `out` is on it. */
static inline void station_revoke(struct world *w, unsigned at, unsigned out)
{
	struct revocation r = { 0 };
	uint8_t room[REVOCATION_MAX_LEN];

	assert_int_equal(list_tell(w, at, list_against(w, &r, out, room)), 0);
}

/* Station `from` says this to its neighbour `to` on a segment, as whoever has its keys could. */
static inline void station_say_inner(struct world *w, unsigned from, unsigned to, unsigned segment, struct bytes inner)
{
	struct address neighbour = node_neighbour_address(&w->stations[to].rid);

	assert_int_equal(node_inner_send(w->stations[from].node, w->now, segment, &neighbour, inner), 0);
	station_poll(&w->stations[from]);
}

/* Everywhere but at what it is itself. */
static inline bool world_may_call(void *user, unsigned link, const struct endpoint *by, const struct endpoint *to)
{
	const struct station *s = user;
	const struct port *p = &s->ports[link];

	(void)by;
	return !endpoint_equal(to, &p->self) && !endpoint_equal(to, &p->outside);
}

static inline struct node *station_start(struct world *w, unsigned i)
{
	static const struct node_output output = {
		.send = world_send,
		.deliver = world_deliver,
		.kernel_route = world_kernel_route,
		.store_seqno = world_store_seqno,
		.store_certificate = world_store_certificate,
		.event = world_event,
		.sealing = world_sealing,
		.may_call = world_may_call,
		.store_revocation = world_store_revocation,
		.store_keys = world_store_keys,
		.store_message = world_store_message,
		.message = world_message,
		.granted = world_granted,
	};
	struct station *s = &w->stations[i];

	assert_null(s->node);
	s->config = (struct node_config){ .enrolment = &s->enrolment,
		.time_floor = { s->t_lo },
		.is_plain = s->is_plain,
		.is_applicant = s->is_applicant,
		.has_plain_links = s->has_plain_links,
		.has_stored_seqno = s->has_stored_seqno,
		.stored_seqno = s->stored_seqno,
		.random = prng_random(&s->prng) };
	s->node = node_new(&s->config, &output, s, w->now);
	assert_non_null(s->node);
	if (s->list_len)
		assert_int_equal(node_revocation_restore(s->node, bytes_of(s->list, s->list_len)), 0);
	assert_int_equal(node_keys_restore(s->node, bytes_of(s->keys, s->keys_len)), 0);
	for (unsigned k = 0; k < STATIONS; k++)
		if (s->has_disk && s->disk[k].version)
			station_knows(w, i, &s->disk[k]);
	if (w->started)
		w->started(s);
	station_poll(s);
	return s->node;
}

/* Power off: nothing is said. */
static inline void station_kill(struct world *w, unsigned i)
{
	struct station *s = &w->stations[i];

	node_free(s->node);
	s->node = NULL;
	memset(s->nonces, 0, sizeof(s->nonces));
	for (unsigned k = 0; k < SEGMENTS; k++)
		s->ports[k].is_here = false;
}

static inline struct node_link_config link_config_of(const struct segment *s)
{
	return (struct node_link_config){
		.name = "test",
		.mtu = (unsigned)s->mtu,
		.rate_bps = s->rate_bps,
		.is_thin = s->is_thin,
		.is_paired = s->is_paired,
		.beacon = s->is_shared,
		.wired = !s->is_lossy,
		.rxcost = s->is_lossy ? 256 : 96,
		.hello_ms = 500,
		.update_s = 4,
		.dead_misses = 4,
		.keepalive_s = s->is_shared ? 0 : 25,
	};
}

static inline void station_join_with(
	struct world *w, unsigned i, unsigned segment, const struct node_link_config *config)
{
	struct station *s = &w->stations[i];
	struct port *p = &s->ports[segment];

	p->is_here = true;
	if (p->self.len == 0 && !w->segments[segment].is_open)
		p->self = w->segments[segment].is_shared ? endpoint_mac(segment, i)
							 : endpoint_ip((uint8_t)segment, (uint8_t)(i + 1), 7000);
	assert_int_equal(node_link_add(s->node, w->now, segment, config), 0);
	node_link_set_up(s->node, w->now, segment, true);
	station_poll(s);
}

static inline void station_join(struct world *w, unsigned i, unsigned segment)
{
	struct node_link_config config = link_config_of(&w->segments[segment]);

	station_join_with(w, i, segment, &config);
}

/* The first `count`: 0 ──0── 1 ──1── 2 ... */
static inline void stations_join_in_a_row(struct world *w, unsigned count)
{
	for (unsigned segment = 0; segment + 1 < count; segment++) {
		station_join(w, segment, segment);
		station_join(w, segment + 1, segment);
	}
}

static inline void station_leave(struct world *w, unsigned i, unsigned segment)
{
	struct station *s = &w->stations[i];

	node_link_remove(s->node, w->now, segment);
	s->ports[segment].is_here = false;
	station_poll(s);
}

/* Station `i` is told where `other` is: as others see it. */
static inline void station_target(struct world *w, unsigned i, unsigned other, unsigned segment)
{
	const struct port *p = port_of(w, other, segment);
	struct endpoint there = p->has_nat    ? p->outside
				: p->self.len ? p->self
					      : endpoint_ip((uint8_t)segment, (uint8_t)(other + 1), 7000);

	assert_int_equal(node_target_set(w->stations[i].node, w->now, segment, other, &there), 0);
	station_poll(&w->stations[i]);
}

static inline void station_behind_nat(struct world *w, unsigned i, unsigned segment, uint16_t outside_port)
{
	struct port *p = port_of(w, i, segment);

	p->has_nat = true;
	p->outside = endpoint_ip(200, (uint8_t)(i + 1), outside_port);
	p->contacts = 0;
}

/* The rules of a link in one direction; NULL: none. */
static inline void station_rules(struct world *w, unsigned i, unsigned link, enum node_direction direction,
	const char *first, const char *second)
{
	struct rule rules[2];
	unsigned count = (first != NULL) + (second != NULL);

	if (first)
		assert_null(rule_parse(&rules[0], first));
	if (second)
		assert_null(rule_parse(&rules[1], second));
	assert_int_equal(node_policy_set(w->stations[i].node, w->now, link, direction, rules, count), 0);
	station_poll(&w->stations[i]);
}

static inline struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->tape = calloc(TAPE_MAX, sizeof(*w->tape));
	assert_non_null(w->tape);
	prng_seed(&w->prng, seed);
	authority_make(&w->authority, seed);
	w->now = 1000 * A_SECOND;
	for (unsigned i = 0; i < STATIONS; i++) {
		struct station *s = &w->stations[i];

		s->w = w;
		s->index = i;
		s->due = UINT64_MAX;
		prng_seed(&s->prng, seed * 100 + i);
	}
	for (unsigned i = 0; i < SEGMENTS; i++)
		segment_make(w, i, true);
	return w;
}

static inline void world_free(struct world *w)
{
	for (struct flight *f = w->flights, *next; f; f = next) {
		next = f->next;
		free(f);
	}
	for (unsigned i = 0; i < STATIONS; i++) {
		if (w->stations[i].node)
			node_free(w->stations[i].node);
		enrolment_done(&w->stations[i].enrolment);
	}
	authority_done(&w->authority);
	free(w->tape);
	free(w);
}

/* Stations 0..count-1, enrolled and running, not joined to anything. */
static inline struct world *world_of(uint64_t seed, unsigned count)
{
	struct world *w = world_new(seed);

	for (unsigned i = 0; i < count; i++) {
		station_enrol(w, i, NULL, NULL);
		station_start(w, i);
	}
	return w;
}

#endif
