/*
 * Probes: UDP packets from host to host, numbered. A flow counts what arrives and
 * the longest time without an arrival; a reach is a ping, again and again, until
 * its first answer in time.
 */
#include "sim/world/traffic.h"

#include <stdlib.h>

#define PORT 9
#define MAGIC 0x6d657368u
#define PING_SIZE 84
#define PING_UNIT_US 100 /* a ping's number says when it left */
#define FLOW_PACKETS_MAX 10000000u

enum probe_kind { PROBE_FLOW = 1, PROBE_PING, PROBE_ANSWER };

struct probe {
	enum probe_kind kind;
	unsigned index; /* of the flow or the expectation */
	uint32_t number;
};

static struct bytes probe_write(struct writer *w, const struct host_packet *about, const struct probe *p, size_t size)
{
	host_packet_begin(w, about, size);
	write_u16(w, (uint16_t)(size - IPV6_HEADER));
	write_u16(w, 0);
	write_u32(w, MAGIC);
	write_u8(w, (uint8_t)p->kind);
	write_u32(w, p->index);
	write_u32(w, p->number);
	write_zeros(w, size - writer_len(w));
	return host_packet_end(w);
}

static bool probe_read(const struct host_packet *packet, struct probe *p)
{
	struct reader r = reader_of(packet->rest);

	read_u32(&r);
	bool is_ours = read_u32(&r) == MAGIC;
	p->kind = read_u8(&r);
	p->index = read_u32(&r);
	p->number = read_u32(&r);
	return is_ours && reader_ok(&r);
}

static struct host_packet probe_header(const struct address *from, const struct address *to, uint8_t dscp)
{
	return (struct host_packet){ .protocol = IP_UDP,
		.dscp = dscp,
		.from = *from,
		.to = *to,
		.source_port = PORT,
		.destination_port = PORT };
}

/* --- flows --------------------------------------------------------------------------- */

static void flow_due(struct timer *timer, uint64_t now_us)
{
	struct trial_flow *f = container_of(timer, struct trial_flow, timer);
	struct world *w = f->trial->world;
	struct station *from = w->stations[f->conf->from];
	const struct address *to = f->conf->to < 0 ? &f->conf->address : &w->stations[f->conf->to]->address;
	const struct host_packet about = probe_header(&from->address, to, traffic_dscp(f->conf->class));
	const struct probe p = { PROBE_FLOW, f->index, f->sent };
	uint8_t packet[WORLD_PACKET_MAX];
	struct writer out = writer_of(packet, sizeof(packet));

	if (f->sent < f->capacity) {
		f->sent++;
		f->sent_us = now_us;
		timeline_add(&f->said, now_us, 1);
		station_send(from, probe_write(&out, &about, &p, f->conf->size));
	}
	if (now_us + f->conf->every_us < WORLD_START_US + f->conf->end_us)
		station_timer_set(from, timer, now_us + f->conf->every_us);
}

static void flow_arrived(struct trial_flow *f, uint32_t number, enum packet_class class, uint64_t now_us)
{
	if (number >= f->capacity)
		return;
	if (f->seen[number / 8] & 1u << number % 8) {
		f->repeated++;
		return;
	}
	f->seen[number / 8] |= (uint8_t)(1u << number % 8);
	f->received++;
	f->fallen += class != traffic_mark(f->conf->class);
	timeline_add(&f->heard, WORLD_START_US + f->conf->start_us + number * f->conf->every_us, 1);
	if (now_us - f->last_us > f->gap_us)
		f->gap_us = now_us - f->last_us;
	f->last_us = now_us;
}

static void flow_init(struct trial *t, unsigned i)
{
	struct trial_flow *f = &t->flows[i];
	const struct plan_flow *conf = &t->plan->flows[i];
	uint64_t packets = (conf->end_us - conf->start_us) / conf->every_us + 1;

	timer_init(&f->timer, flow_due);
	f->trial = t;
	f->index = i;
	f->conf = conf;
	f->capacity = packets < FLOW_PACKETS_MAX ? (uint32_t)packets : FLOW_PACKETS_MAX;
	f->seen = world_alloc(f->capacity / 8 + 1);
	f->last_us = WORLD_START_US + conf->start_us;
	timeline_init(&f->said, t->plan);
	timeline_init(&f->heard, t->plan);
	station_timer_set(t->world->stations[conf->from], &f->timer, WORLD_START_US + conf->start_us);
}

/* --- reach ------------------------------------------------------------------------------ */

static void reach_due(struct timer *timer, uint64_t now_us)
{
	struct trial_expect *e = container_of(timer, struct trial_expect, timer);
	struct world *w = e->trial->world;
	struct station *from = w->stations[e->conf->from], *to = w->stations[e->conf->to];
	uint64_t over_us = WORLD_START_US + e->conf->after_us + (uint64_t)(e->conf->at_most * 1e6);
	const struct host_packet about = probe_header(&from->address, &to->address, traffic_dscp(e->conf->class));
	const struct probe p = { PROBE_PING, e->index, (uint32_t)(world_time_us(w) / PING_UNIT_US) };
	uint8_t packet[PING_SIZE];
	struct writer out = writer_of(packet, sizeof(packet));

	if (!e->is_over && now_us <= over_us) {
		station_send(from, probe_write(&out, &about, &p, sizeof(packet)));
		station_timer_set(from, timer, now_us + e->conf->every_us);
	}
}

static void reach_answered(struct trial_expect *e, uint64_t now_us, uint32_t left)
{
	uint32_t took = (uint32_t)(now_us / PING_UNIT_US) - left;

	if (e->is_over || (e->conf->class == PLAN_COMMAND && took > PLAN_COMMAND_US / PING_UNIT_US))
		return;
	e->is_over = true;
	e->measured = (double)(now_us - e->conf->after_us) / 1e6;
	e->is_met = e->measured <= e->conf->at_most;
}

/* --- both --------------------------------------------------------------------------------- */

static void ping_answer(struct station *s, const struct host_packet *ping, struct probe p)
{
	const struct host_packet about = probe_header(&s->address, &ping->from, ping->dscp);
	uint8_t packet[PING_SIZE];
	struct writer out = writer_of(packet, sizeof(packet));

	p.kind = PROBE_ANSWER;
	station_send_soon(s, probe_write(&out, &about, &p, sizeof(packet)));
}

void probe_deliver(struct trial *t, struct station *s, const struct host_packet *packet)
{
	struct probe p;

	if (packet->destination_port != PORT || !probe_read(packet, &p))
		return;
	if (p.kind == PROBE_PING)
		ping_answer(s, packet, p);
	if (p.kind == PROBE_ANSWER && p.index < t->plan->expect_count && t->plan->expect[p.index].from == s->index)
		reach_answered(&t->expect[p.index], station_time_us(s), p.number);
	if (p.kind != PROBE_FLOW || p.index >= t->plan->flow_count)
		return;
	if (t->plan->flows[p.index].to >= 0 && t->plan->flows[p.index].to != (int)s->index)
		t->strays[s->index]++;
	else
		flow_arrived(&t->flows[p.index], p.number, s->came_as, station_now_us(s));
}

typedef void (*watch_function)(struct timer *timer, uint64_t now_us);

/* What looks at an expectation as long as the world runs; NULL: nothing has to, or guard.c and load.c have begun it. */
static watch_function watch_of(const struct plan_expect *conf)
{
	switch (conf->measure) {
	case PLAN_REVOKED:
	case PLAN_KNOWN:
		return trial_revoked_due;
	case PLAN_DELIVERED:
		return trial_delivered_due;
	case PLAN_WHOLE:
		return trial_whole_due;
	case PLAN_REACH:
		if (conf->class == PLAN_BULK)
			return NULL;
		return conf->class == PLAN_VOICE ? trial_call_due : reach_due;
	default:
		return NULL;
	}
}

void probes_init(struct trial *t)
{
	for (unsigned i = 0; i < t->plan->flow_count; i++)
		flow_init(t, i);
	for (unsigned i = 0; i < t->plan->expect_count; i++) {
		struct trial_expect *e = &t->expect[i];
		watch_function watch = watch_of(e->conf);

		if (e->conf->measure >= PLAN_SESSIONS)
			trial_guard_init(e);
		if (e->conf->measure == PLAN_SHARE && e->conf->over_us)
			trial_mean_init(e);
		if (!watch)
			continue;
		timer_init(&e->timer, watch);
		if (e->conf->measure == PLAN_REACH)
			station_timer_set(
				t->world->stations[e->conf->from], &e->timer, WORLD_START_US + e->conf->after_us);
		else
			timer_set(&t->world->heap, &e->timer, WORLD_START_US + e->conf->after_us);
	}
}

void probes_done(struct trial *t)
{
	for (unsigned i = 0; i < t->plan->flow_count; i++)
		free(t->flows[i].seen);
}
