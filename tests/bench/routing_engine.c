/*
 * What the routing engine costs with the routes of a whole network: 1,100
 * destinations, each announced by three neighbours on two links. Prints figures
 * and judges nothing.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "routing/babel.h"
#include "routing/wire.h"

#define ROUTES 1100
#define NEIGHBOURS 3
#define MTU 1400
#define A_SECOND UINT64_C(1000000)

struct bench {
	struct babel *b;
	struct prng prng;
	uint64_t now_us;
	uint16_t opaque[NEIGHBOURS];
	uint64_t sent, sent_bytes, changes;
};

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct address address_of(unsigned who)
{
	return address_ipv6((uint8_t[16]){ 0xfe, 0x80, [15] = (uint8_t)(who + 1) });
}

static unsigned link_of(unsigned neighbour)
{
	return neighbour % 2;
}

/* --- the owner: counts, and remembers what must be acknowledged --------------------- */

static void bench_send(void *user, unsigned link, const struct address *to, struct bytes packet)
{
	struct bench *bench = user;
	struct address self = address_of(100 + link);
	struct babel_counters counters = { 0 };
	struct wire_parser parser;
	struct babel_tlv tlv;

	bench->sent++;
	bench->sent_bytes += packet.len;
	if (!to || wire_parse_begin(&parser, packet, &self, &counters) || !wire_parse_next(&parser, &tlv))
		return;
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		struct address there = address_of(i);

		if (tlv.type == TLV_ACK_REQUEST && address_equal(to, &there))
			bench->opaque[i] = tlv.u.ack_request.opaque;
	}
}

static void bench_changed(void *user, enum babel_route_change change, const struct babel_route *route)
{
	struct bench *bench = user;

	(void)change, (void)route;
	bench->changes++;
}

/* --- what neighbours say --------------------------------------------------------------- */

struct speech {
	struct bench *bench;
	unsigned neighbour;
	uint8_t buffer[MTU];
	struct wire_builder builder;
};

static void speech_begin(struct speech *s)
{
	struct address self = address_of(s->neighbour);

	wire_build_begin(&s->builder, s->buffer, sizeof(s->buffer), &self);
}

static void speech_end(struct speech *s)
{
	struct bench *bench = s->bench;
	struct babel_sender from = { address_of(s->neighbour), BABEL_PORT, 1, true, false };

	babel_receive(bench->b, bench->now_us, link_of(s->neighbour), &from, wire_build_end(&s->builder));
	speech_begin(s);
}

static void speech_add(struct speech *s, const struct babel_tlv *tlv)
{
	if (wire_write(&s->builder, tlv) == 0)
		return;
	speech_end(s);
	assert(wire_write(&s->builder, tlv) == 0);
}

static void neighbour_greet(struct bench *bench, unsigned neighbour, uint16_t seqno)
{
	struct babel_tlv hello = { .type = TLV_HELLO, .u.hello = { .seqno = seqno, .interval_cs = 6000 } };
	struct babel_tlv ihu = { .type = TLV_IHU, .u.ihu = { .rxcost = 96, .interval_cs = 60000 } };
	struct babel_tlv ack = { .type = TLV_ACK, .u.ack.opaque = bench->opaque[neighbour] };
	struct speech s = { .bench = bench, .neighbour = neighbour };

	speech_begin(&s);
	speech_add(&s, &hello);
	speech_add(&s, &ihu);
	speech_add(&s, &ack);
	speech_end(&s);
	bench->now_us += A_SECOND / 10;
	babel_poll(bench->b, bench->now_us);
}

/* One address in fd00::/48 per node, as a deployment has them. */
static struct prefix prefix_number(unsigned i)
{
	return prefix_of_host(address_ipv6(
		(uint8_t[16]){ 0xfd, 0, 0, 1, 0, 2, (uint8_t)(i * 37), (uint8_t)(i * 101), (uint8_t)(i >> 8),
			(uint8_t)i, 3, (uint8_t)(i * 7), 5, (uint8_t)(i * 13), (uint8_t)(i >> 8), (uint8_t)i }));
}

static void neighbour_dump(struct bench *bench, unsigned neighbour, uint16_t metric)
{
	struct speech s = { .bench = bench, .neighbour = neighbour };

	speech_begin(&s);
	for (unsigned i = 0; i < ROUTES; i++) {
		struct babel_tlv tlv = { .type = TLV_UPDATE };

		tlv.u.update.prefix = prefix_number(i);
		tlv.u.update.interval_cs = 60000;
		tlv.u.update.seqno = 7;
		tlv.u.update.metric = metric;
		for (unsigned k = 0; k < 8; k++)
			tlv.u.update.origin.bytes[k] = tlv.u.update.prefix.address.bytes[8 + k];
		speech_add(&s, &tlv);
	}
	speech_end(&s);
}

/* --- figures ------------------------------------------------------------------------------ */

static void bench_settle(struct bench *bench)
{
	uint64_t until_us = bench->now_us + A_SECOND;

	while (bench->now_us < until_us) {
		uint64_t due_us = babel_poll(bench->b, bench->now_us);

		bench->now_us = due_us < until_us ? due_us : until_us;
	}
}

static void figure(const char *what, unsigned count, double seconds)
{
	printf("%-44s %7.0f ns each  %9.0f /s\n", what, seconds / count * 1e9, count / seconds);
}

static void bench_start(struct bench *bench)
{
	struct babel_output output = { .send = bench_send, .route_changed = bench_changed };
	struct babel_config config = { .id = { { 2, [7] = 99 } }, .has_stored_seqno = true };
	struct babel_link_config link = { .name = "bench", .rxcost = 96, .hello_interval_cs = 6000 };

	prng_seed(&bench->prng, 1);
	config.random = prng_random(&bench->prng);
	bench->now_us = 1000 * A_SECOND;
	bench->b = babel_new(&config, &output, bench);
	assert(bench->b);
	link.update_interval_cs = 60000;
	link.mtu = MTU;
	for (unsigned i = 0; i < 2; i++) {
		struct address self = address_of(100 + i);

		assert(babel_link_add(bench->b, bench->now_us, i, &self, &link) == 0);
	}
	for (uint16_t seqno = 0; seqno < 4; seqno++)
		for (unsigned n = 0; n < NEIGHBOURS; n++)
			neighbour_greet(bench, n, seqno);
}

static void bench_dumps(struct bench *bench)
{
	double start = seconds_now();

	for (unsigned n = 0; n < NEIGHBOURS; n++)
		neighbour_dump(bench, n, (uint16_t)(100 + 40 * n));
	figure("update of a new route", ROUTES * NEIGHBOURS, seconds_now() - start);
	start = seconds_now();
	bench_settle(bench);
	figure("announcing it on two links", 2 * ROUTES, seconds_now() - start);
	start = seconds_now();
	for (unsigned round = 0; round < 20; round++)
		neighbour_dump(bench, 0, 100);
	figure("update that repeats a route", 20 * ROUTES, seconds_now() - start);
	start = seconds_now();
	for (unsigned round = 0; round < 20; round++)
		neighbour_dump(bench, 0, (uint16_t)(80 + round % 2));
	figure("update that changes the metric", 20 * ROUTES, seconds_now() - start);
	bench_settle(bench);
}

static void bench_loss(struct bench *bench)
{
	uint64_t changes = bench->changes, bytes = bench->sent_bytes;
	struct address gone = address_of(0);
	double start = seconds_now();

	babel_neighbour_lost(bench->b, bench->now_us, link_of(0), &gone);
	figure("loss of a neighbour, per route", ROUTES, seconds_now() - start);
	printf("%-44s %7llu\n", "  routes changed at once", (unsigned long long)(bench->changes - changes));
	start = seconds_now();
	bench_settle(bench);
	figure("what follows within a second, per route", ROUTES, seconds_now() - start);
	printf("%-44s %7llu\n", "  bytes sent", (unsigned long long)(bench->sent_bytes - bytes));
}

int main(void)
{
	static struct bench bench;

	bench_start(&bench);
	bench_dumps(&bench);
	bench_loss(&bench);
	printf("%-44s %7llu\n", "packets sent in all", (unsigned long long)bench.sent);
	babel_free(bench.b);
	return 0;
}
