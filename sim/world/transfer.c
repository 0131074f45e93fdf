/*
 * The sending end. What is outstanding is known segment by segment (RFC 6675):
 *
 *   fresh ──► out ──────────────► held (selectively acknowledged)
 *              │ three above held   ▲
 *              ▼                    │
 *             lost ◄─► again ───────┘   three held that were sent after it
 *
 * All that it does it does in its timer: at once after news, when the
 * retransmission timer is over (RFC 6298), and now and then to see whether its
 * station lost power.
 */
#include "sim/world/transfer.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_US SECOND_US
#define FIRST_TIMEOUT_US SECOND_US
#define TIMEOUT_MIN_US SECOND_US
#define TIMEOUT_MAX_US (60 * SECOND_US)
#define CALL_TIMEOUT_MAX_US (8 * SECOND_US) /* then people press the button again */
#define DUPLICATES 3 /* held above it: it is lost */

enum segment_state { SEGMENT_FRESH, SEGMENT_OUT, SEGMENT_AGAIN, SEGMENT_LOST, SEGMENT_HELD };

static struct station *sender_station(const struct transfer *t)
{
	return t->trial->world->stations[t->conf->from];
}

static void sender_wake(struct transfer *t, uint64_t now_us)
{
	uint64_t look_us = now_us + LOOK_US;
	uint64_t due_us = t->sender.due_us < look_us ? t->sender.due_us : look_us;

	station_timer_set(sender_station(t), &t->sender.timer, due_us);
}

static void segment_send(struct transfer *t, struct tcp_segment *segment)
{
	const struct station *to = t->trial->world->stations[t->conf->to];
	struct station *from = sender_station(t);
	struct host_packet p = { .protocol = IP_TCP,
		.dscp = traffic_dscp(t->conf->class),
		.from = from->address,
		.to = to->address,
		.source_port = transfer_caller_port(&t->sender),
		.destination_port = (uint16_t)(TRANSFER_PORT + t->index) };
	uint8_t packet[WORLD_PACKET_MAX];

	t->sender.sent++;
	station_send(from, tcp_write(packet, &p, segment));
}

static void file_segment_send(struct transfer *t, uint32_t n)
{
	struct tcp_segment segment = { .flags = n + 1 == t->count ? TCP_ACK | TCP_FIN : TCP_ACK,
		.seq = transfer_seq(t, n),
		.ack = 1,
		.len = transfer_segment_len(t, n) };

	segment_send(t, &segment);
}

/* --- connections ---------------------------------------------------------------------------- */

static void call_again(struct transfer *t, uint64_t now_us)
{
	struct tcp_segment segment = { .flags = TCP_SYN };

	segment_send(t, &segment);
	t->sender.due_us = now_us + t->sender.timeout_us;
}

static void connection_begin(struct transfer *t, uint64_t now_us)
{
	struct transfer_sender *s = &t->sender;

	s->state = TRANSFER_CALLING;
	s->life_us = sender_station(t)->born_us;
	s->attempts++;
	memset(s->segments, SEGMENT_FRESH, t->count);
	s->first = s->next = s->in_flight = s->lost = s->top = 0;
	s->is_recovering = s->is_timing = false;
	congestion_init(&s->congestion);
	s->rtt_us = s->rtt_variance_us = 0;
	s->timeout_us = FIRST_TIMEOUT_US;
	s->timed_us = now_us;
	call_again(t, now_us);
}

/* --- round trips (RFC 6298) --------------------------------------------------------------------- */

static void rtt_measured(struct transfer_sender *s, uint64_t sample_us)
{
	uint64_t off_us = sample_us > s->rtt_us ? sample_us - s->rtt_us : s->rtt_us - sample_us;

	if (s->rtt_us) {
		s->rtt_variance_us = (3 * s->rtt_variance_us + off_us) / 4;
		s->rtt_us = (7 * s->rtt_us + sample_us) / 8;
	} else {
		s->rtt_us = sample_us ? sample_us : 1;
		s->rtt_variance_us = sample_us / 2;
	}
	s->timeout_us = s->rtt_us + 4 * s->rtt_variance_us;
	if (s->timeout_us < TIMEOUT_MIN_US)
		s->timeout_us = TIMEOUT_MIN_US;
	if (s->timeout_us > TIMEOUT_MAX_US)
		s->timeout_us = TIMEOUT_MAX_US;
}

static void timed_out(struct transfer *t, uint64_t now_us)
{
	struct transfer_sender *s = &t->sender;
	uint64_t most_us = s->state == TRANSFER_CALLING ? CALL_TIMEOUT_MAX_US : TIMEOUT_MAX_US;

	s->timeouts++;
	s->timeout_us = 2 * s->timeout_us < most_us ? 2 * s->timeout_us : most_us;
	s->due_us = now_us + s->timeout_us;
	if (s->state == TRANSFER_CALLING) {
		call_again(t, now_us);
		return;
	}
	congestion_timed_out(&s->congestion, s->in_flight);
	for (uint32_t i = s->first; i < s->next; i++) {
		s->lost += s->segments[i] == SEGMENT_OUT || s->segments[i] == SEGMENT_AGAIN;
		if (s->segments[i] != SEGMENT_HELD)
			s->segments[i] = SEGMENT_LOST;
	}
	s->in_flight = 0;
	s->is_timing = s->is_recovering = false;
}

/* --- acknowledgements ----------------------------------------------------------------------------- */

/* A segment is accounted for, whatever was thought of it. */
static void segment_settle(struct transfer_sender *s, uint32_t n)
{
	s->delivered += s->segments[n] != SEGMENT_HELD;
	s->in_flight -= s->segments[n] == SEGMENT_OUT || s->segments[n] == SEGMENT_AGAIN;
	s->lost -= s->segments[n] == SEGMENT_LOST;
	s->segments[n] = SEGMENT_HELD;
}

/* Behind the last segment that has so many held above it that, sent before them, it is lost. */
static uint32_t edge_find(const struct transfer_sender *s)
{
	unsigned held = 0;

	for (uint32_t n = s->top; n > s->first; n--) {
		held += s->segments[n - 1] == SEGMENT_HELD;
		if (held == DUPLICATES)
			return n - 1;
	}
	return s->first;
}

static void holes_find(struct transfer_sender *s)
{
	uint32_t flight = s->in_flight, edge = edge_find(s);
	unsigned fresh_losses = 0;

	for (uint32_t n = s->first; n < edge; n++) {
		bool is_lost =
			s->segments[n] == SEGMENT_OUT || (s->segments[n] == SEGMENT_AGAIN && s->marks[n] <= edge);

		if (!is_lost)
			continue;
		s->segments[n] = SEGMENT_LOST;
		s->in_flight--;
		s->lost++;
		fresh_losses++;
	}
	if (!fresh_losses || s->is_recovering)
		return;
	s->recoveries++;
	s->is_recovering = true;
	s->recover = s->next;
	s->flight = flight ? flight : 1;
	s->delivered = s->out = 0;
	congestion_lost(&s->congestion);
}

/* As much goes out as came through, in the proportion to which the window fell: no burst that loses again. */
static void recovery_pace(struct transfer_sender *s, uint32_t delivered)
{
	uint64_t window = s->congestion.threshold / CONGESTION_UNIT, most;

	if (s->in_flight > window) {
		most = (s->delivered * window + s->flight - 1) / s->flight;
		s->quota = most > s->out ? (uint32_t)most - s->out : 0;
		return;
	}
	most = s->delivered > s->out + delivered ? s->delivered - s->out : delivered;
	s->quota = (uint32_t)(most + 1 < window - s->in_flight ? most + 1 : window - s->in_flight);
}

static void acknowledged(struct transfer *t, const struct tcp_segment *segment, uint64_t now_us)
{
	struct transfer_sender *s = &t->sender;
	uint32_t first = transfer_segment(t, segment->ack), before = s->first, delivered = s->delivered;
	bool was_full = (uint64_t)(s->in_flight + 1) * CONGESTION_UNIT >= s->congestion.window;

	if (first > s->next)
		return;
	for (; s->first < first; s->first++)
		segment_settle(s, s->first);
	for (unsigned i = 0; i < segment->sack_count; i++) {
		uint32_t from = transfer_segment(t, segment->sack[i].from);
		uint32_t until = transfer_segment(t, segment->sack[i].until);

		for (uint32_t n = from < s->first ? s->first : from; n < until && n < s->next; n++)
			segment_settle(s, n);
		if (until <= s->next && until > s->top)
			s->top = until;
	}
	if (s->is_timing && first > s->timed) {
		rtt_measured(s, now_us - s->timed_us);
		s->is_timing = false;
	}
	delivered = s->delivered - delivered;
	if (s->is_recovering && s->first >= s->recover)
		s->is_recovering = false;
	holes_find(s);
	if (s->is_recovering)
		recovery_pace(s, delivered);
	if (first > before && !s->is_recovering && was_full)
		congestion_acked(&s->congestion, now_us, first - before, s->rtt_us);
	if (first > before)
		s->due_us = s->first < s->next ? now_us + s->timeout_us : NEVER;
	if (s->first == t->count) {
		s->state = TRANSFER_DONE;
		s->due_us = NEVER;
	}
}

static void segment_arrived(struct transfer *t, const struct host_packet *p, const struct tcp_segment *segment)
{
	struct transfer_sender *s = &t->sender;
	uint64_t now_us = station_now_us(sender_station(t));

	if (s->state == TRANSFER_IDLE || s->state == TRANSFER_DONE || s->life_us != sender_station(t)->born_us ||
		p->destination_port != transfer_caller_port(s))
		return;
	if (segment->flags & TCP_RST) {
		s->state = TRANSFER_IDLE;
		s->due_us = now_us;
	} else if (s->state == TRANSFER_CALLING && segment->flags & TCP_SYN) {
		s->state = TRANSFER_SENDING;
		if (s->timeout_us == FIRST_TIMEOUT_US)
			rtt_measured(s, now_us - s->timed_us);
		s->timeout_us = s->timeout_us < FIRST_TIMEOUT_US ? FIRST_TIMEOUT_US : s->timeout_us;
		s->due_us = now_us;
	} else if (s->state == TRANSFER_SENDING && segment->flags & TCP_ACK) {
		acknowledged(t, segment, now_us);
	}
	station_timer_set(sender_station(t), &s->timer, now_us);
}

/* --- sending ------------------------------------------------------------------------------------------ */

/* The first that is lost, else the first that is fresh; `count`: nothing may go now. */
static uint32_t segment_choose(const struct transfer *t)
{
	const struct transfer_sender *s = &t->sender;

	if (s->is_recovering ? !s->quota
			     : (uint64_t)(s->in_flight + 1) * CONGESTION_UNIT > s->congestion.window && s->in_flight)
		return t->count;
	for (uint32_t n = s->first; n < s->next && s->lost; n++)
		if (s->segments[n] == SEGMENT_LOST)
			return n;
	return s->next < s->first + CONGESTION_MOST ? s->next : t->count;
}

static void window_fill(struct transfer *t, uint64_t now_us)
{
	struct transfer_sender *s = &t->sender;

	for (uint32_t n; (n = segment_choose(t)) < t->count;) {
		bool is_again = s->segments[n] == SEGMENT_LOST;

		s->segments[n] = is_again ? SEGMENT_AGAIN : SEGMENT_OUT;
		s->in_flight++;
		s->out++;
		s->quota -= s->is_recovering;
		s->lost -= is_again;
		s->repeated += is_again;
		s->marks[n] = s->next;
		if (is_again && s->is_timing && n <= s->timed)
			s->is_timing = false; /* Karn: whose acknowledgement comes nobody knows */
		if (!is_again) {
			s->next++;
			s->timed = s->is_timing ? s->timed : n;
			s->timed_us = s->is_timing ? s->timed_us : now_us;
			s->is_timing = true;
		}
		file_segment_send(t, n);
		if (s->due_us == NEVER || s->due_us <= now_us)
			s->due_us = now_us + s->timeout_us;
	}
}

static void sender_due(struct timer *timer, uint64_t now_us)
{
	struct transfer *t = container_of(timer, struct transfer, sender.timer);
	struct transfer_sender *s = &t->sender;
	const struct station *from = sender_station(t);

	if (s->state != TRANSFER_DONE) {
		timeline_add(&s->asked, now_us, 1);
		if (!from->node)
			s->state = TRANSFER_IDLE;
		else if (s->state == TRANSFER_IDLE || s->life_us != from->born_us)
			connection_begin(t, now_us);
		else if (s->due_us <= now_us && (s->state == TRANSFER_CALLING || s->in_flight))
			timed_out(t, now_us);
		if (s->state == TRANSFER_IDLE)
			s->due_us = NEVER;
		if (s->state == TRANSFER_SENDING)
			window_fill(t, now_us);
		sender_wake(t, now_us);
	}
}

/* --- both ends --------------------------------------------------------------------------------------------- */

static void transfer_init(struct trial *t, unsigned i)
{
	struct transfer *transfer = &t->transfers[i];

	transfer->trial = t;
	transfer->index = i;
	transfer->conf = &t->plan->files[i];
	transfer->count = (transfer->conf->size + SEGMENT_SIZE - 1) / SEGMENT_SIZE;
	transfer->sender.segments = world_alloc(transfer->count);
	transfer->sender.marks = world_alloc(transfer->count * sizeof(uint32_t));
	transfer->sender.due_us = NEVER;
	timeline_init(&transfer->sender.asked, t->plan);
	timer_init(&transfer->sender.timer, sender_due);
	station_timer_set(sender_station(transfer), &transfer->sender.timer, WORLD_START_US + transfer->conf->start_us);
	transfer_receiver_init(transfer);
}

void transfers_init(struct trial *t)
{
	for (unsigned i = 0; i < t->plan->file_count; i++)
		transfer_init(t, i);
}

void transfers_done(struct trial *t)
{
	for (unsigned i = 0; i < t->plan->file_count; i++) {
		free(t->transfers[i].sender.segments);
		free(t->transfers[i].sender.marks);
		free(t->transfers[i].receiver.got);
	}
}

void transfer_deliver(struct trial *t, struct station *s, const struct host_packet *p)
{
	bool is_for_receiver =
		p->destination_port >= TRANSFER_PORT && p->destination_port < TRANSFER_PORT + t->plan->file_count;
	unsigned i = (is_for_receiver ? p->destination_port : p->source_port) - TRANSFER_PORT;
	struct tcp_segment segment;

	if (i >= t->plan->file_count || !tcp_read(&segment, p))
		return;
	if (s->index != (is_for_receiver ? t->transfers[i].conf->to : t->transfers[i].conf->from))
		t->strays[s->index]++;
	else if (is_for_receiver)
		transfer_segment_arrived(&t->transfers[i], p, &segment);
	else
		segment_arrived(&t->transfers[i], p, &segment);
}
