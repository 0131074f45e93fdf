/*
 * Node cores in a row, joined by wires without delay: node k and k + 1 share
 * link k. Frames wait in one ring, where they stay readable after delivery.
 * Needs no test library, for measurements and fuzzers.
 */
#ifndef TESTS_BENCH_NODE_CHAIN_H
#define TESTS_BENCH_NODE_CHAIN_H

#include "meshd/node/node.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 4
#define CHAIN_FRAMES 256

struct chain_frame {
	unsigned link, to;
	struct endpoint from;
	size_t len;
	uint8_t data[NODE_FRAME_MAX + NODE_TAILROOM];
};

struct chain;

struct chain_node {
	struct chain *chain;
	unsigned index;
	struct node *node;
	struct prng prng;
	uint64_t delivered, delivered_bytes;
};

struct chain {
	uint64_t now_us;
	unsigned count;
	struct chain_node nodes[CHAIN_MAX];
	struct chain_frame frames[CHAIN_FRAMES];
	uint64_t written, read; /* frames, ever */
	uint64_t overruns;
};

static inline struct endpoint chain_endpoint(unsigned i)
{
	return (struct endpoint){ 6, { 2, 0, 0, 0, 0, (uint8_t)(i + 1) } };
}

static inline void chain_send(void *user, unsigned link, const struct endpoint *to, struct bytes bytes)
{
	struct chain_node *s = user;
	struct chain *c = s->chain;
	struct chain_frame *f = &c->frames[c->written % CHAIN_FRAMES];

	(void)to; /* a wire has one other end */
	assert(bytes.len <= NODE_FRAME_MAX);
	if (c->written - c->read == CHAIN_FRAMES) {
		c->overruns++;
		return;
	}
	f->link = link;
	f->to = s->index == link ? link + 1 : link;
	f->from = chain_endpoint(s->index);
	f->len = bytes.len;
	memcpy(f->data, bytes.data, bytes.len);
	c->written++;
}

static inline void chain_deliver(void *user, struct bytes packet)
{
	struct chain_node *s = user;

	s->delivered++;
	s->delivered_bytes += packet.len;
}

static inline void chain_kernel_route(void *user, const struct node_kernel_route *route)
{
	(void)user, (void)route;
}

static inline void chain_store_seqno(void *user, uint32_t seqno)
{
	(void)user, (void)seqno;
}

static inline void chain_store_certificate(void *user, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	(void)user, (void)encoded, (void)proof;
}

static inline void chain_event(void *user, enum node_event event, unsigned link, const char *text)
{
	(void)user, (void)event, (void)link, (void)text;
}

/* Delivers what is in the ring, and what that brings. The frame is opened in a
 * copy, so that the ring keeps what was on the wire. */
static inline void chain_drain(struct chain *c)
{
	while (c->read < c->written) {
		static uint8_t copy[NODE_FRAME_MAX + NODE_TAILROOM];
		const struct chain_frame *f = &c->frames[c->read++ % CHAIN_FRAMES];

		memcpy(copy, f->data, f->len);
		node_frames_in(
			c->nodes[f->to].node, c->now_us, f->link, &(struct node_frame){ f->from, copy, f->len }, 1);
	}
}

static inline void chain_run(struct chain *c, uint64_t us)
{
	uint64_t until = c->now_us + us;

	for (;;) {
		uint64_t next = UINT64_MAX;

		for (unsigned i = 0; i < c->count; i++) {
			uint64_t due = node_poll(c->nodes[i].node, c->now_us);

			next = due < next ? due : next;
		}
		if (c->read < c->written) {
			chain_drain(c);
			continue;
		}
		if (next > until)
			break;
		c->now_us = next > c->now_us ? next : c->now_us + 1;
	}
	c->now_us = until;
}

/* Draws keys and certificates for a chain. */
static inline void chain_enrol(struct enrolment *enrolments, unsigned count, uint64_t seed)
{
	struct secret_authority authority;
	struct prng prng;
	struct random random = prng_random(&prng);

	prng_seed(&prng, seed);
	authority_generate(&authority, &random);
	for (unsigned i = 0; i < count; i++) {
		struct enrolment *e = &enrolments[i];
		struct certificate *cert = &e->certificate;

		*e = (struct enrolment){ .authority = authority.public };
		memcpy(e->psk, authority.psk, KEY_LEN);
		identity_generate(&e->identity, &random);
		*cert = (struct certificate){ .not_after = UINT32_MAX, .key = e->identity.public, .name_len = 1 };
		cert->name[0] = (char)('a' + i);
		int error = certificate_issue(cert, &authority);
		assert(error == 0);
		(void)error;
	}
	authority_done(&authority);
}

/* Small frames are those of thin links: between two stations, or of a radio, as the number is even or odd. */
static inline struct chain *chain_new(const struct enrolment *enrolments, unsigned count, unsigned mtu, uint64_t seed)
{
	static const struct node_output output = { .send = chain_send,
		.deliver = chain_deliver,
		.kernel_route = chain_kernel_route,
		.store_seqno = chain_store_seqno,
		.store_certificate = chain_store_certificate,
		.event = chain_event };
	struct node_link_config link = { .name = "wire",
		.mtu = mtu,
		.is_thin = mtu < NODE_FRAME_MIN,
		.is_paired = mtu < NODE_FRAME_MIN && mtu % 2 == 0,
		.beacon = true,
		.wired = true,
		.rxcost = 96,
		.hello_ms = 1000,
		.update_s = 4,
		.dead_misses = 4 };
	struct chain *c = calloc(1, sizeof(*c));

	assert(c && count <= CHAIN_MAX);
	c->count = count;
	c->now_us = 1000000000;
	for (unsigned i = 0; i < count; i++) {
		struct chain_node *s = &c->nodes[i];
		struct node_config config = { .enrolment = &enrolments[i], .random = prng_random(&s->prng) };

		s->chain = c;
		s->index = i;
		prng_seed(&s->prng, seed + i);
		s->node = node_new(&config, &output, s, c->now_us);
		assert(s->node);
		for (unsigned k = i ? i - 1 : 0; k <= i && k + 1 < count; k++) {
			int error = node_link_add(s->node, c->now_us, k, &link);

			assert(error == 0);
			(void)error;
			node_link_set_up(s->node, c->now_us, k, true);
		}
	}
	return c;
}

static inline void chain_free(struct chain *c)
{
	for (unsigned i = 0; i < c->count; i++)
		node_free(c->nodes[i].node);
	free(c);
}

/* An IPv6 packet of `len` bytes in all; `out` has NODE_HEADROOM bytes before it. */
static inline void chain_packet(struct chain *c, unsigned from, unsigned to, uint8_t *out, size_t len)
{
	struct address source = node_address(c->nodes[from].node), destination = node_address(c->nodes[to].node);

	memset(out, 0, len);
	out[0] = 0x60;
	out[4] = (uint8_t)((len - 40) >> 8);
	out[5] = (uint8_t)(len - 40);
	out[6] = 59; /* no next header */
	out[7] = 64;
	memcpy(out + 8, source.bytes, 16);
	memcpy(out + 24, destination.bytes, 16);
}

#endif
