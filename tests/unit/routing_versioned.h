/* Probes that speak of versions by hand (docs/routing.md), each on a cable of its own. */
#ifndef TESTS_UNIT_ROUTING_VERSIONED_H
#define TESTS_UNIT_ROUTING_VERSIONED_H

#include "tests/unit/routing_harness.h"

#include "routing/session.h"

#define P "fd00:1::/48"
#define Q "fd00:2::/48"
#define EPOCH 0x11223344u

static const uint64_t key[2] = { 5, 6 }; /* of the probes' digests */

/* --- what a versioned probe says ------------------------------------------------------ */

static inline uint64_t hash_of(const char *prefix, unsigned origin, uint16_t seqno, uint16_t metric)
{
	struct prefix p = world_prefix(prefix);
	const struct claim claims[BABEL_CLASSES] = {
		{ world_id(origin), seqno, metric },
		{ .metric = BABEL_INFINITY },
		{ .metric = BABEL_INFINITY },
	};

	return adj_hash(key, &p, claims);
}

static inline struct babel_tlv say_delta(uint32_t from, uint32_t ver)
{
	struct babel_tlv tlv = { .type = TLV_DELTA };

	tlv.u.delta.epoch = EPOCH;
	tlv.u.delta.from = from;
	tlv.u.delta.ver = ver;
	return tlv;
}

static inline struct babel_tlv say_full(uint32_t ver)
{
	struct babel_tlv tlv = say_delta(0, ver);

	tlv.u.delta.begin = tlv.u.delta.end = true;
	tlv.u.delta.interval_cs = 400;
	tlv.u.delta.key[0] = key[0];
	tlv.u.delta.key[1] = key[1];
	return tlv;
}

static inline struct babel_tlv say_refresh(uint32_t ver, uint16_t count, uint64_t digest)
{
	struct babel_tlv tlv = { .type = TLV_REFRESH };

	tlv.u.refresh.epoch = EPOCH;
	tlv.u.refresh.ver = ver;
	tlv.u.refresh.count = count;
	tlv.u.refresh.interval_cs = 400;
	tlv.u.refresh.digest = digest;
	return tlv;
}

static inline struct session *session_with(struct world *w, unsigned probe)
{
	struct address a = world_address(probe, probe - 1);

	return neighbour_find(w->nodes[0].b->links[probe - 1], &a)->session;
}

static inline struct babel_tlv say_syncack(struct world *w, unsigned probe, uint32_t applied, bool nack)
{
	struct babel_tlv tlv = { .type = TLV_SYNCACK };

	tlv.u.syncack.epoch = session_with(w, probe)->out.epoch;
	tlv.u.syncack.applied = applied;
	tlv.u.syncack.nack = nack;
	return tlv;
}

/* Says it in one packet to the speaker; probe i is on segment i - 1. */
static inline void say(struct world *w, unsigned i, const struct babel_tlv *tlvs, size_t count)
{
	struct speech s = probe_speech(w, i, i - 1);

	speech_begin(&s);
	for (size_t k = 0; k < count; k++)
		speech_add(&s, tlvs[k]);
	speech_end(&s, 0);
}
#define SAY(w, i, ...)                                                                                                 \
	say(w, i, (const struct babel_tlv[]){ __VA_ARGS__ },                                                           \
		sizeof((const struct babel_tlv[]){ __VA_ARGS__ }) / sizeof(struct babel_tlv))

static inline void session_open_with(struct world *w, unsigned i, uint32_t remote_epoch)
{
	struct address a = world_address(i, i - 1);

	babel_neighbour_session(w->nodes[0].b, w->now, i - 1, &a, remote_epoch, w->classes);
	SAY(w, i, say_hello(7, 6000), say_ihu(96, 60000));
	SAY(w, i, say_hello(8, 6000));
}

/* Acknowledges all that the speaker has committed. */
static inline void ack_all(struct world *w, unsigned i)
{
	world_run(w, 200 * MILLISECOND);
	SAY(w, i, say_syncack(w, i, session_with(w, i)->out.ver, false));
}

/* Speaker 0, and versioned probes 1 and 2 on cables of their own; all route so many classes. */
static inline struct world *world_with_classes(unsigned count, struct babel_link_config link)
{
	struct world *w = world_new(1);

	w->classes = (1u << count) - 1;
	w->nodes[0].config.classes = count;
	node_start(w, 0);
	for (unsigned i = 1; i <= 2; i++) {
		probe_start(w, i);
		node_join_with(w, 0, i - 1, link);
		node_join(w, i, i - 1);
		session_open_with(w, i, 1);
		ack_all(w, i);
	}
	return w;
}

static inline struct world *world_with_sessions(void)
{
	return world_with_classes(1, world_link());
}

/* Probe 1 announces P with this metric in version `ver`, and is in step. */
static inline void announce(struct world *w, uint32_t ver, uint16_t seqno, uint16_t metric)
{
	SAY(w, 1, ver == 1 ? say_full(1) : say_delta(ver - 1, ver), say_update(P, world_id(5), seqno, metric),
		say_refresh(ver, 1, hash_of(P, 5, seqno, metric)));
}

static inline uint64_t lease_of(struct world *w)
{
	return session_lease_us(session_with(w, 1));
}

static inline const struct babel_counters *counters(struct world *w)
{
	return babel_counters(w->nodes[0].b);
}

#endif
