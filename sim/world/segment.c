/*
 * Segments: what lies between ports. A frame is offered to the link model, which
 * says when each end hears it, and waits until then; a cut in between loses it.
 *
 *   end 0 ── NAT box ──┐                a terminal calls; its box has one port
 *   (has_nat)          ├── path ──►     for it, takes frames only from where
 *   others ────────────┘                it sent to, and forgets it when idle
 *
 * On a LAN every end is known by a hardware address and a frame may go to all. On
 * other segments frames are addressed, as in UDP over the internet.
 */
#include "sim/world/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_US (10 * SECOND_US)

struct flight {
	struct list list; /* first: world_free() */
	struct timer timer;
	struct segment *segment;
	uint64_t epoch;
	unsigned from, to;
	bool is_addressed;
	struct endpoint source, destination;
	struct sealed sealed;
	size_t len;
	uint8_t data[];
};

/* --- endpoints ------------------------------------------------------------------------- */

static struct endpoint endpoint_ip(uint8_t net, unsigned host, uint16_t port)
{
	return (struct endpoint){ 6, { net, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host,
					     (uint8_t)(port >> 8), (uint8_t)port } };
}

struct endpoint port_public_endpoint(const struct port *p)
{
	return p->self;
}

static struct endpoint end_visible(const struct segment_end *e)
{
	return e->has_nat ? e->outside : e->port->self;
}

static void nat_renew(struct segment_end *e)
{
	struct world *w = e->port->station->w;

	if (++w->nat_ports < 20000)
		w->nat_ports = 20000;
	e->outside = endpoint_ip(100, e->port->station->index, w->nat_ports);
	e->contacted = 0;
}

static bool nat_is_idle(const struct segment_end *e, uint64_t now_us)
{
	return now_us - e->used_us > WORLD_NAT_IDLE_US;
}

static void nat_out(struct segment_end *e, uint64_t now_us, unsigned to)
{
	if (e->contacted && nat_is_idle(e, now_us))
		nat_renew(e);
	e->used_us = now_us;
	e->contacted |= 1u << to;
}

static bool nat_in(struct segment_end *e, uint64_t now_us, unsigned from, const struct endpoint *to)
{
	if (!(e->contacted & 1u << from) || nat_is_idle(e, now_us) || !endpoint_equal(&e->outside, to))
		return false;
	e->used_us = now_us;
	return true;
}

/* --- building ---------------------------------------------------------------------------- */

struct segment *segment_new(struct world *w, const char *name, bool is_wired, bool is_lan)
{
	struct segment *g = world_alloc(sizeof(*g));

	if (w->segment_count == w->segment_capacity) {
		w->segment_capacity = w->segment_capacity ? 2 * w->segment_capacity : 16;
		w->segments = realloc(w->segments, w->segment_capacity * sizeof(struct segment *));
		if (!w->segments)
			abort();
	}
	g->w = w;
	g->index = w->segment_count;
	g->is_wired = is_wired;
	g->is_lan = is_lan;
	snprintf(g->name, sizeof(g->name), "%s", name);
	w->segments[w->segment_count++] = g;
	return g;
}

void segment_free(struct segment *g)
{
	link_model_done(&g->model);
	free(g);
}

struct segment *segment_find(const struct world *w, const char *name)
{
	for (unsigned i = 0; i < w->segment_count; i++)
		if (strcmp(w->segments[i]->name, name) == 0)
			return w->segments[i];
	return NULL;
}

int segment_join(struct segment *g, struct port *p, bool has_nat)
{
	if (g->end_count == LINK_ENDS_MAX)
		return -ENOSPC;
	struct segment_end *e = &g->ends[g->end_count];

	*e = (struct segment_end){ .port = p, .has_nat = has_nat };
	p->attachments = realloc(p->attachments, (p->attachment_count + 1) * sizeof(*p->attachments));
	if (!p->attachments)
		abort();
	p->attachments[p->attachment_count++] = (struct attachment){ g, g->end_count };
	if (has_nat)
		nat_renew(e);
	return (int)g->end_count++;
}

static void segment_keep_params(struct segment *g, const struct link_params params[2])
{
	uint64_t up = params[0].rate_bps, down = params[1].rate_bps;

	memcpy(g->params, params, sizeof(g->params));
	g->rate_bps = up && (!down || up < down) ? up : down;
}

int segment_open(struct segment *g, bool is_shared, const struct link_params params[2], enum link_state state)
{
	segment_keep_params(g, params);
	int error = link_model_init(&g->model, g->end_count, is_shared, params, prng_next(&g->w->prng));

	g->model.state = state;
	return error;
}

/* --- carrier ------------------------------------------------------------------------------- */

static bool end_has_carrier(const struct segment *g, unsigned end)
{
	const struct segment_end *e = &g->ends[end];

	/* Behind the internet nobody sees whether the line of another has a carrier. */
	if (g->model.state == LINK_CUT && (g->is_lan || e->has_nat))
		return false;
	for (unsigned i = 0; g->is_wired && g->end_count == 2 && i < 2; i++)
		if (!g->ends[i].port->station->node)
			return false;
	return true;
}

bool port_has_carrier(const struct port *p)
{
	for (unsigned i = 0; i < p->attachment_count; i++)
		if (end_has_carrier(p->attachments[i].segment, p->attachments[i].end))
			return true;
	return false;
}

void segment_carriers(struct world *w)
{
	for (unsigned i = 0; i < w->station_count; i++) {
		struct station *s = w->stations[i];

		for (unsigned k = 0; s->node && k < s->port_count; k++)
			if (port_has_carrier(s->ports[k]) != s->ports[k]->is_up)
				timer_set_earlier(&w->heap, &s->ports[k]->carrier,
					w->now_us + prng_below(&w->prng, WORLD_CARRIER_US));
	}
}

void segment_set_state(struct segment *g, enum link_state state)
{
	if (state != LINK_UP && g->model.state == LINK_UP)
		g->epoch++;
	g->model.state = state;
	segment_carriers(g->w);
}

void segment_set_params(struct segment *g, const struct link_params params[2])
{
	segment_keep_params(g, params);
	link_model_set(&g->model, params);
}

void segment_forget_flows(struct segment *g, struct station *s)
{
	for (unsigned i = 0; i < g->end_count; i++)
		if (g->ends[i].port->station == s && g->ends[i].has_nat)
			nat_renew(&g->ends[i]);
}

/* --- traffic ----------------------------------------------------------------------------------- */

static void segment_count(struct segment *g, uint32_t bytes, bool is_data)
{
	uint64_t window = world_time_us(g->w) / WINDOW_US;

	g->traffic.frames++;
	g->traffic.bytes += bytes;
	if (is_data)
		g->traffic.data_bytes += bytes;
	if (is_data || world_time_us(g->w) < g->judged_from_us)
		return;
	if (window != g->window)
		g->window_bytes = 0;
	g->window = window;
	g->window_bytes += bytes;
	if (g->window_bytes > g->worst_bytes)
		g->worst_bytes = g->window_bytes;
}

double segment_control_share(const struct segment *g)
{
	return g->rate_bps ? (double)g->worst_bytes * 8 / ((double)g->rate_bps * WINDOW_US / SECOND_US) : 0;
}

static void flight_land(struct timer *timer, uint64_t now_us)
{
	struct flight *f = container_of(timer, struct flight, timer);
	struct segment *g = f->segment;
	struct world *w = g->w;
	struct segment_end *to = &g->ends[f->to];
	struct station *s = to->port->station;
	unsigned link = 0;

	/* Timers that are due run before the sockets are read. */
	if (s->node && now_us <= s->stalled_until_us) {
		timer_set(&w->heap, timer, s->stalled_until_us + 1);
		return;
	}
	while (s->ports[link] != to->port)
		link++;
	bool is_heard = f->epoch == g->epoch && s->node && to->port->is_up;
	if (is_heard && to->has_nat && f->is_addressed)
		is_heard = nat_in(to, now_us, f->from, &f->destination);
	world_note(w, is_heard ? 'F' : 'D', s->index, g->index, bytes_of(f->data, f->len));
	g->traffic.flying_frames--;
	if (is_heard) {
		g->traffic.heard_frames++;
		ledger_handed(s, &f->sealed, bytes_of(f->data, f->len));
		node_frame_in(s->node, now_us, link, &f->source, f->data, f->len);
		ledger_handled(s);
		station_settle(s);
	} else {
		g->traffic.lost_frames++;
	}
	list_remove(&f->list);
	free(f);
	world_event_done(w);
}

static void flight_launch(struct segment *g, unsigned from, unsigned to, const struct endpoint *source,
	const struct endpoint *destination, const struct sealed *sealed, struct bytes frame, uint64_t due_us)
{
	struct flight *f = world_alloc(sizeof(*f) + frame.len + NODE_TAILROOM);

	timer_init(&f->timer, flight_land);
	f->segment = g;
	f->epoch = g->epoch;
	f->from = from;
	f->to = to;
	f->is_addressed = destination;
	if (destination)
		f->destination = *destination;
	f->source = *source;
	f->sealed = *sealed;
	g->traffic.flying_frames++;
	f->len = frame.len;
	memcpy(f->data, frame.data, frame.len);
	list_init(&f->list);
	list_push_back(&g->w->in_flight, &f->list);
	timer_set(&g->w->heap, &f->timer, due_us > g->w->now_us ? due_us : g->w->now_us);
}

/* With what somebody adds to it. */
static uint64_t held_until_us(const struct segment *g, unsigned from, unsigned to, const struct endpoint *source,
	const struct endpoint *destination, const struct sealed *sealed, struct bytes frame, uint64_t due_us)
{
	const struct world *w = g->w;

	if (!w->interfere)
		return due_us;
	return due_us + w->interfere(w->interfere_user, g, from, to, source, destination, sealed, frame, due_us);
}

void segment_inject(struct segment *g, unsigned from, unsigned to, const struct endpoint *source,
	const struct endpoint *destination, const struct sealed *sealed, struct bytes frame)
{
	if (g->w->offered)
		g->w->offered(g->w->offered_user, g, g->end_count, (int)to, destination, source, frame);
	g->traffic.copies++;
	flight_launch(g, from, to, source, destination, sealed, frame, g->w->now_us);
}

/* Who is meant; -1: all. */
static int segment_find_end(const struct segment *g, unsigned from, const struct endpoint *to)
{
	for (unsigned i = 0; i < g->end_count; i++) {
		struct endpoint there = end_visible(&g->ends[i]);

		if (i != from && endpoint_equal(&there, to))
			return (int)i;
	}
	return -1;
}

static void segment_offer(struct segment *g, unsigned from, int target, const struct endpoint *to,
	const struct sealed *sealed, struct bytes frame, bool is_data)
{
	uint32_t bytes = (uint32_t)(frame.len + g->ends[from].port->frame_overhead);
	struct endpoint source = end_visible(&g->ends[from]);
	struct link_fate fates[LINK_ENDS_MAX];

	segment_count(g, bytes, is_data);
	if (target >= 0 && g->ends[from].has_nat)
		nat_out(&g->ends[from], g->w->now_us, (unsigned)target);
	if (g->w->offered)
		g->w->offered(g->w->offered_user, g, from, target, to, &source, frame);
	link_model_offer(&g->model, world_time_us(g->w), from, target, bytes, fates);
	for (unsigned i = 0; i < g->end_count; i++) {
		if (i == from || (target >= 0 && i != (unsigned)target))
			continue;
		g->traffic.copies++;
		if (fates[i].verdict == LINK_DELIVER)
			flight_launch(g, from, i, &source, to, sealed, frame,
				held_until_us(
					g, from, i, &source, to, sealed, frame, fates[i].due_us + WORLD_START_US));
		else if (fates[i].verdict != LINK_DROP_DEAF)
			g->traffic.lost_frames++;
		else
			g->traffic.deaf_frames++;
	}
}

void port_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	uint64_t forwarded = node_counters(p->station->node)->packets_forwarded;
	bool is_data = forwarded != p->station->forwarded;

	p->station->forwarded = forwarded;
	nonce_check(p->station, frame);
	struct sealed sealed = ledger_sent(p->station, frame);
	unsigned carried = 0;
	for (unsigned i = 0; i < p->attachment_count; i++) {
		const struct attachment *a = &p->attachments[i];

		if (!end_has_carrier(a->segment, a->end))
			continue;
		int target = to ? segment_find_end(a->segment, a->end, to) : -1;
		if (to ? target < 0 : !a->segment->is_lan)
			continue;
		carried++;
		segment_offer(a->segment, a->end, target, to, &sealed, frame, is_data);
	}
	ledger_carried(p->station, &sealed, carried);
}
