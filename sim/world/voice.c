/* Talkers, listeners, and what they heard. A call is a group of two in which one echoes the other. */
#include "sim/world/voice.h"

#include <stdlib.h>

#define PORT 5004
#define RTP_HEADER 12 /* in which the fields below would travel */
#define STAMP_US 100
#define SILENCE_FRAMES 3 /* nobody speaks when so many are missing */
#define NO_POWER_US SECOND_US

enum voice_kind { VOICE_GROUP = 1, VOICE_CALL, VOICE_ECHO };

struct voice_frame {
	enum voice_kind kind;
	bool is_in_time; /* an echo: of what it echoes */
	unsigned index; /* of the group or the expectation */
	unsigned member; /* who talks */
	uint32_t number;
	uint32_t stamp; /* when it left */
};
#define FRAME_FIELDS 16

/* --- frames -------------------------------------------------------------------------- */

static uint32_t stamp_of(uint64_t now_us)
{
	return (uint32_t)(now_us / STAMP_US);
}

static struct bytes frame_write(
	struct writer *w, const struct host_packet *about, const struct voice_frame *f, uint64_t payload_bits)
{
	size_t body = RTP_HEADER + (size_t)((payload_bits + 7) / 8);
	size_t size = IPV6_HEADER + UDP_HEADER + (body > FRAME_FIELDS ? body : FRAME_FIELDS);

	host_packet_begin(w, about, size);
	write_u16(w, (uint16_t)(size - IPV6_HEADER));
	write_u16(w, 0);
	write_u8(w, (uint8_t)f->kind);
	write_u8(w, f->is_in_time);
	write_u16(w, (uint16_t)f->index);
	write_u32(w, f->member);
	write_u32(w, f->number);
	write_u32(w, f->stamp);
	write_zeros(w, size - writer_len(w));
	return host_packet_end(w);
}

static bool frame_read(const struct host_packet *packet, struct voice_frame *f)
{
	struct reader r = reader_of(packet->rest);

	read_u32(&r);
	f->kind = read_u8(&r);
	f->is_in_time = read_u8(&r);
	f->index = read_u16(&r);
	f->member = read_u32(&r);
	f->number = read_u32(&r);
	f->stamp = read_u32(&r);
	return reader_ok(&r);
}

static struct host_packet frame_header(const struct address *from, const struct address *to, enum plan_class class)
{
	return (struct host_packet){ .protocol = IP_UDP,
		.dscp = traffic_dscp(class),
		.from = *from,
		.to = *to,
		.source_port = PORT,
		.destination_port = PORT };
}

/* From mouth to ear: a frame is complete only when it has been spoken. */
static bool is_in_time(const struct voice_frame *f, uint64_t now_us, uint64_t frame_us, uint64_t budget_us)
{
	return (uint64_t)(stamp_of(now_us) - f->stamp) * STAMP_US + frame_us <= budget_us;
}

/* --- talking ---------------------------------------------------------------------------- */

/* Around a mean, from half of it to one and a half. */
static uint64_t draw_around(struct prng *p, uint64_t mean_us)
{
	return mean_us / 2 + prng_below(p, mean_us);
}

static void frame_say(struct voice_member *m, uint64_t now_us)
{
	const struct plan_group *g = m->voice->conf;
	const struct voice_frame f = { .kind = VOICE_GROUP,
		.index = m->voice->index,
		.member = m->index,
		.number = m->sent,
		.stamp = stamp_of(now_us) };
	uint8_t packet[WORLD_PACKET_MAX];

	if (m->sent == m->capacity) {
		m->capacity = m->capacity ? 2 * m->capacity : 256;
		m->sent_us = realloc(m->sent_us, m->capacity * sizeof(*m->sent_us));
		if (!m->sent_us)
			abort();
	}
	m->sent_us[m->sent++] = now_us;
	timeline_add(&m->said, now_us, 1);
	for (unsigned i = 0; i < g->member_count; i++) {
		const struct address *to = &m->voice->members[i].station->address;
		const struct host_packet about = frame_header(&m->station->address, to, g->class);
		struct writer out = writer_of(packet, sizeof(packet));

		if (i != m->index)
			station_send(m->station, frame_write(&out, &about, &f, g->rate_bps * g->frame_us / SECOND_US));
	}
}

/* When it wants to speak next: in the mean, each member gets its turn between pauses. */
static uint64_t wish_draw(struct voice_member *m)
{
	const struct plan_group *g = m->voice->conf;

	return draw_around(&m->prng, g->pause_us + (g->member_count - 1) * (g->talk_us + g->pause_us));
}

static uint64_t talk(struct voice_member *m, uint64_t now_us)
{
	const struct plan_group *g = m->voice->conf;
	uint64_t next_us = now_us + g->frame_us;

	frame_say(m, now_us);
	if (next_us < m->until_us && next_us < WORLD_START_US + g->end_us)
		return next_us;
	m->is_talking = false;
	return now_us + wish_draw(m);
}

static uint64_t press(struct voice_member *m, uint64_t now_us)
{
	const struct plan_group *g = m->voice->conf;

	if (m->heard_us && now_us - m->heard_us < SILENCE_FRAMES * g->frame_us) {
		m->waits++;
		return now_us + draw_around(&m->prng, g->pause_us + g->frame_us);
	}
	m->spurts++;
	m->is_talking = true;
	m->until_us = now_us + draw_around(&m->prng, g->talk_us);
	return talk(m, now_us);
}

static void member_due(struct timer *timer, uint64_t now_us)
{
	struct voice_member *m = container_of(timer, struct voice_member, timer);
	uint64_t next_us;

	if (!m->station->node) {
		m->is_talking = false;
		next_us = now_us + NO_POWER_US;
	} else {
		next_us = m->is_talking ? talk(m, now_us) : press(m, now_us);
	}
	if (next_us < WORLD_START_US + m->voice->conf->end_us)
		station_timer_set(m->station, timer, next_us);
}

/* --- listening ---------------------------------------------------------------------------- */

static void ear_keep(struct voice_ear *e, uint32_t number)
{
	if (number >= e->capacity) {
		uint32_t capacity = (number + 1024) / 1024 * 1024;

		e->in_time = realloc(e->in_time, capacity / 8);
		if (!e->in_time)
			abort();
		for (uint32_t i = e->capacity / 8; i < capacity / 8; i++)
			e->in_time[i] = 0;
		e->capacity = capacity;
	}
	e->in_time[number / 8] |= (uint8_t)(1u << number % 8);
}

static bool ear_has(const struct voice_ear *e, uint32_t number)
{
	return number < e->capacity && e->in_time[number / 8] & 1u << number % 8;
}

static void frame_heard(struct trial *t, struct station *s, const struct voice_frame *f)
{
	struct voice *v = f->index < t->plan->group_count ? &t->voices[f->index] : NULL;
	uint64_t now_us = station_now_us(s);
	unsigned i = 0;

	if (!v || f->member >= v->conf->member_count || f->number >= PLAN_FRAMES_MAX)
		return;
	while (i < v->conf->member_count && v->members[i].station != s)
		i++;
	if (i == v->conf->member_count || i == f->member) {
		t->strays[s->index]++;
		return;
	}
	struct voice_member *m = &v->members[i];
	struct voice_ear *ear = &m->ears[f->member];

	m->heard_us = now_us;
	m->talked_over += m->is_talking;
	if (ear_has(ear, f->number))
		return;
	if (!is_in_time(f, now_us, v->conf->frame_us, v->conf->budget_us)) {
		m->late++;
		return;
	}
	ear_keep(ear, f->number);
	timeline_add(&m->heard, now_us - (uint64_t)(stamp_of(now_us) - f->stamp) * STAMP_US, 1);
}

struct voice_outcome voice_outcome(const struct voice *v, unsigned listener, uint64_t after_us)
{
	struct voice_outcome o = { 0 };

	for (unsigned i = 0; i < v->conf->member_count; i++) {
		const struct voice_member *talker = &v->members[i];
		uint64_t gap_us = 0;

		for (uint32_t n = 0; i != listener && n < talker->sent; n++) {
			/* What left at the very end may still be in time. */
			if (talker->sent_us[n] < WORLD_START_US + after_us ||
				talker->sent_us[n] + v->conf->budget_us > v->trial->world->now_us)
				continue;
			bool is_heard = ear_has(&v->members[listener].ears[i], n);

			o.wanted++;
			o.in_time += is_heard;
			gap_us = is_heard ? 0 : gap_us + v->conf->frame_us;
			o.gap_us = gap_us > o.gap_us ? gap_us : o.gap_us;
		}
	}
	return o;
}

/* --- calls ------------------------------------------------------------------------------------ */

static struct bytes call_frame_write(struct writer *w, const struct host_packet *about, const struct voice_frame *f)
{
	return frame_write(w, about, f, PLAN_CALL_BPS * PLAN_CALL_FRAME_US / SECOND_US);
}

/* All that could still be answered in time has been: it counts. */
static void call_judge(struct trial_expect *e, uint32_t number, uint64_t now_us)
{
	struct trial_call *c = &e->call;
	uint32_t judged = number + 1 - PLAN_CALL_WAIT;

	if (number + 1 < PLAN_CALL_WAIT)
		return;
	c->good += c->is_answered[judged % TRIAL_CALL_RING];
	if (judged >= PLAN_CALL_FRAMES)
		c->good -= c->is_answered[(judged - PLAN_CALL_FRAMES) % TRIAL_CALL_RING];
	if (judged + 1 < PLAN_CALL_FRAMES || c->good < PLAN_CALL_GOOD)
		return;
	e->is_over = true;
	e->measured = (double)(now_us - WORLD_START_US - e->conf->after_us) / 1e6;
	e->is_met = e->measured <= e->conf->at_most;
}

void trial_call_due(struct timer *timer, uint64_t now_us)
{
	struct trial_expect *e = container_of(timer, struct trial_expect, timer);
	struct world *w = e->trial->world;
	struct station *from = w->stations[e->conf->from], *to = w->stations[e->conf->to];
	uint64_t over_us = WORLD_START_US + e->conf->after_us + (uint64_t)(e->conf->at_most * 1e6);
	const struct host_packet about = frame_header(&from->address, &to->address, PLAN_VOICE);
	const struct voice_frame f = {
		.kind = VOICE_CALL, .index = e->index, .number = e->call.sent, .stamp = stamp_of(now_us)
	};
	uint8_t packet[WORLD_PACKET_MAX];
	struct writer out = writer_of(packet, sizeof(packet));

	e->call.is_answered[f.number % TRIAL_CALL_RING] = false;
	call_judge(e, f.number, now_us);
	if (!e->is_over && now_us <= over_us) {
		e->call.sent++;
		station_send(from, call_frame_write(&out, &about, &f));
		station_timer_set(from, timer, now_us + PLAN_CALL_FRAME_US);
	}
}

static void call_echo(struct station *s, const struct host_packet *call, const struct voice_frame *heard)
{
	const struct host_packet about = frame_header(&s->address, &call->from, PLAN_VOICE);
	struct voice_frame f = *heard;
	uint8_t packet[WORLD_PACKET_MAX];
	struct writer out = writer_of(packet, sizeof(packet));

	f.kind = VOICE_ECHO;
	f.is_in_time = is_in_time(heard, station_now_us(s), PLAN_CALL_FRAME_US, PLAN_VOICE_BUDGET_US);
	f.stamp = stamp_of(station_now_us(s));
	station_send_soon(s, call_frame_write(&out, &about, &f));
}

static void call_answered(struct trial *t, struct station *s, const struct voice_frame *f)
{
	struct trial_expect *e = f->index < t->plan->expect_count ? &t->expect[f->index] : NULL;

	if (!e || e->conf->from != s->index || f->number >= e->call.sent || e->call.sent - f->number >= TRIAL_CALL_RING)
		return;
	if (f->is_in_time && is_in_time(f, station_now_us(s), PLAN_CALL_FRAME_US, PLAN_VOICE_BUDGET_US))
		e->call.is_answered[f->number % TRIAL_CALL_RING] = true;
}

/* --- both --------------------------------------------------------------------------------------- */

void voice_deliver(struct trial *t, struct station *s, const struct host_packet *packet)
{
	struct voice_frame f;

	if (packet->destination_port != PORT || !frame_read(packet, &f))
		return;
	if (f.kind == VOICE_GROUP)
		frame_heard(t, s, &f);
	else if (f.kind == VOICE_CALL)
		call_echo(s, packet, &f);
	else if (f.kind == VOICE_ECHO)
		call_answered(t, s, &f);
}

static void voice_init(struct trial *t, unsigned i)
{
	struct voice *v = &t->voices[i];
	const struct plan_group *g = &t->plan->groups[i];

	v->trial = t;
	v->index = i;
	v->conf = g;
	v->members = world_alloc(g->member_count * sizeof(*v->members));
	for (unsigned k = 0; k < g->member_count; k++) {
		struct voice_member *m = &v->members[k];

		m->voice = v;
		m->index = k;
		m->station = t->world->stations[g->members[k]];
		m->ears = world_alloc(g->member_count * sizeof(*m->ears));
		prng_seed(&m->prng, t->world->seed + ((uint64_t)i << 32) + ((uint64_t)(k + 1) << 16));
		timeline_init(&m->said, t->plan);
		timeline_init(&m->heard, t->plan);
		timer_init(&m->timer, member_due);
		station_timer_set(m->station, &m->timer,
			WORLD_START_US + g->start_us + prng_below(&m->prng, g->talk_us + g->pause_us));
	}
}

void voices_init(struct trial *t)
{
	for (unsigned i = 0; i < t->plan->group_count; i++)
		voice_init(t, i);
}

void voices_done(struct trial *t)
{
	for (unsigned i = 0; i < t->plan->group_count; i++) {
		struct voice *v = &t->voices[i];

		for (unsigned k = 0; v->members && k < v->conf->member_count; k++) {
			for (unsigned n = 0; n < v->conf->member_count; n++)
				free(v->members[k].ears[n].in_time);
			free(v->members[k].ears);
			free(v->members[k].sent_us);
		}
		free(v->members);
	}
}
