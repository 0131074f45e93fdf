/*
 * The receiving end: acknowledges each second segment, what is out of order at once
 * with the runs that it holds (RFC 2018), and the rest after a short wait. A file
 * that is whole stays so whatever happens to the connection.
 */
#include "sim/world/transfer.h"

#include <string.h>

#define ACK_WAIT_US 40000
#define ACK_EACH 2 /* segments */

static struct station *receiver_station(const struct transfer *t)
{
	return t->trial->world->stations[t->conf->to];
}

static void answer_later(struct transfer *t, uint64_t due_us)
{
	if (due_us < t->receiver.timer.due_us)
		station_timer_set(receiver_station(t), &t->receiver.timer, due_us);
}

/* --- what is there ------------------------------------------------------------------------- */

static void run_around(const struct transfer_receiver *r, uint32_t n, uint32_t *from, uint32_t *until)
{
	*from = n;
	while (*from > r->next && r->got[*from - 1])
		--*from;
	*until = n + 1;
	while (*until < r->top && r->got[*until])
		++*until;
}

/* Of each run, the segment that came last speaks. */
static void recent_add(struct transfer_receiver *r, uint32_t n)
{
	uint32_t kept[SACK_BLOCKS] = { n }, from, until;
	unsigned count = 1;

	run_around(r, n, &from, &until);
	for (unsigned i = 0; i < r->recent_count && count < SACK_BLOCKS; i++)
		if (r->recent[i] < from || r->recent[i] >= until)
			kept[count++] = r->recent[i];
	memcpy(r->recent, kept, sizeof(kept));
	r->recent_count = count;
}

static void segment_keep(struct transfer *t, uint32_t n)
{
	struct transfer_receiver *r = &t->receiver;
	uint64_t now_us = station_now_us(receiver_station(t));
	bool is_in_order = n == r->next, has_holes = r->top > r->next;

	if (n < r->next || r->got[n]) {
		answer_later(t, now_us);
		return;
	}
	r->got[n] = true;
	r->top = n + 1 > r->top ? n + 1 : r->top;
	timeline_add(&r->came, now_us, transfer_segment_len(t, n));
	while (r->next < t->count && r->got[r->next])
		r->next++;
	if (!is_in_order)
		recent_add(r, n);
	if (r->next > r->most)
		r->most = r->next;
	if (r->next == t->count && !r->whole_us)
		r->whole_us = now_us;
	r->unanswered++;
	bool is_urgent = !is_in_order || has_holes || r->next == t->count || r->unanswered >= ACK_EACH;
	answer_later(t, is_urgent ? now_us : now_us + ACK_WAIT_US);
}

/* --- answers --------------------------------------------------------------------------------- */

static void sack_fill(const struct transfer *t, struct tcp_segment *answer)
{
	const struct transfer_receiver *r = &t->receiver;

	for (unsigned i = 0; i < r->recent_count; i++) {
		uint32_t from, until;

		if (r->recent[i] < r->next)
			continue;
		run_around(r, r->recent[i], &from, &until);
		answer->sack[answer->sack_count].from = transfer_seq(t, from);
		answer->sack[answer->sack_count++].until = transfer_seq(t, until);
	}
}

static struct host_packet answer_header(const struct transfer *t, uint16_t port)
{
	return (struct host_packet){ .protocol = IP_TCP,
		.dscp = traffic_dscp(t->conf->class),
		.from = receiver_station(t)->address,
		.to = t->trial->world->stations[t->conf->from]->address,
		.source_port = (uint16_t)(TRANSFER_PORT + t->index),
		.destination_port = port };
}

static void answer_due(struct timer *timer, uint64_t now_us)
{
	struct transfer *t = container_of(timer, struct transfer, receiver.timer);
	struct transfer_receiver *r = &t->receiver;
	struct station *s = receiver_station(t);
	struct host_packet p = answer_header(t, r->port);
	struct tcp_segment answer = { .flags = TCP_ACK, .seq = 1, .ack = transfer_seq(t, r->next) };
	uint8_t packet[WORLD_PACKET_MAX];

	(void)now_us;
	if (s->node && r->is_open && r->life_us == s->born_us) {
		if (r->is_greeting)
			answer = (struct tcp_segment){ .flags = TCP_SYN | TCP_ACK, .ack = 1 };
		else
			sack_fill(t, &answer);
		r->is_greeting = false;
		r->unanswered = 0;
		station_send(s, tcp_write(packet, &p, &answer));
	}
}

static void refuse(struct transfer *t, uint16_t port)
{
	struct host_packet p = answer_header(t, port);
	struct tcp_segment answer = { .flags = TCP_RST };
	uint8_t packet[WORLD_PACKET_MAX];

	station_send_soon(receiver_station(t), tcp_write(packet, &p, &answer));
}

/* --- arrivals ----------------------------------------------------------------------------------- */

static void connection_accept(struct transfer *t, uint16_t port)
{
	struct transfer_receiver *r = &t->receiver;
	uint64_t life_us = receiver_station(t)->born_us;

	if (!r->is_open || r->port != port || r->life_us != life_us) {
		r->is_open = true;
		r->port = port;
		r->life_us = life_us;
		memset(r->got, 0, t->count);
		r->next = r->top = 0;
		r->recent_count = r->unanswered = 0;
	}
	r->is_greeting = true;
	answer_later(t, station_now_us(receiver_station(t)));
}

void transfer_segment_arrived(struct transfer *t, const struct host_packet *p, const struct tcp_segment *s)
{
	const struct transfer_receiver *r = &t->receiver;
	uint32_t n = transfer_segment(t, s->seq);

	if (s->flags & TCP_SYN)
		connection_accept(t, p->source_port);
	else if (!r->is_open || r->port != p->source_port || r->life_us != receiver_station(t)->born_us)
		refuse(t, p->source_port);
	else if (s->len && n < t->count)
		segment_keep(t, n);
}

void transfer_receiver_init(struct transfer *t)
{
	t->receiver.got = world_alloc(t->count);
	timeline_init(&t->receiver.came, t->trial->plan);
	timer_init(&t->receiver.timer, answer_due);
}
