/*
 * Is the neighbour there to whom packets go? (protocol.md 6.1)
 *
 * Any frame that it sealed is a sign of life. Only when there was none for a probe's
 * interval, and only while packets go to it, it is asked (control.c, HARK), again at each
 * interval, until it is heard:
 *
 *            silent, in use             half of them missed          all of them
 *   sound ───────────────────► asked ──────────────────────► suspect ───────────► dead
 *     ▲                          │ heard                        │ heard             │ heard
 *     └──────────────────────────┴──────────────────────────────┴───────────────────┘
 *
 * Of a suspect command takes another way, and nobody is told (lane.c). So does text from one at the
 * end of a cable, which loses nothing by itself, where the other way is as closely watched and not much
 * thinner: at worst that is a detour without loops for some milliseconds. Bulk stays, it can wait. And who
 * was wronged so again and again keeps its text for a while, which would come in disorder each time.
 * Of who is dead the routing engine learns that the link to it costs infinitely much, until it is heard.
 *
 * A question is missed when an answer to it is late by as much as answers ever are: round
 * trip and its variation are measured by the answers. How many may be missed follows from
 * the losses that they show, so that an alarm is false once in a million seconds:
 *
 *   r (1 - p) p^n <= 1e-6     r questions a second, p of them lost, n missed in a row
 *
 * and never fewer than the configuration has. Losses come in bursts; p is that of the last
 * 32 questions, so a burst that was survived makes the next one harmless.
 *
 * Who answers a question of before its death was not dead. Its machine has much to do, or took it off the processor:
 * for some minutes it is given as long as it took then, before anything counts as missed. (What was lost in
 * an outage is not answered afterwards: that does not make anybody slower to leave.)
 *
 * Whoever woke late judges nobody: what the neighbour said meanwhile waits in the socket.
 * And nobody is dead before the sockets were read once more.
 */
#include "meshd/base/misses.h"
#include "meshd/node/state.h"

#define MISSES_LEAST 4 /* and at most: */
#define MISSES_MOST 16
#define PROBE_BYTES 120 /* a question or an answer on the line, with what is around it */
#define PROBE_PERCENT 1 /* of a link's rate */
#define RTT_UNKNOWN_US (500 * MS)
#define RTT_MOST_US (4 * SECOND)
#define LOSS_ONE MISSES_ALL
#define LOSS_FIRST (LOSS_ONE / 100)
#define LOSS_PARTS 32
#define AFTERLIFE 25 /* questions to who is dead, at four intervals each: blips are short */
#define AFTERLIFE_SLOWER 4
#define LATE_INTERVALS 16 /* at most so many, for ... */
#define LATE_US (10 * 60 * SECOND)

/* A sleep between packets that counts as use: one packet is followed until it is known to have a next hop. */
static uint64_t use_us(uint64_t interval_us)
{
	uint64_t judged_us = (MISSES_MOST + 4) * interval_us;

	return judged_us > SECOND / 2 ? judged_us : SECOND / 2;
}

uint64_t detect_interval_us(const struct node_link *link)
{
	const struct node_link_config *c = &link->config;
	unsigned speakers = c->is_half_duplex ? 2 : 1;
	uint64_t interval_us = c->probe_ms * MS;

	if (!c->probe_ms || c->is_plain || link_is_thin(link))
		return 0;
	/* A question each interval, and an answer to one of the other end. */
	uint64_t floor_us =
		c->rate_bps ? 2 * PROBE_BYTES * 8 * speakers * SECOND * 100 / PROBE_PERCENT / c->rate_bps : 0;
	return interval_us > floor_us ? interval_us : floor_us;
}

/* --- what answers show ------------------------------------------------------------------------------ */

static void loss_add(struct detector *d, bool is_lost)
{
	d->loss += is_lost ? (LOSS_ONE - d->loss) / LOSS_PARTS : 0;
	d->loss -= is_lost ? 0 : d->loss / LOSS_PARTS;
}

static void rtt_add(struct detector *d, uint64_t rtt_us)
{
	uint32_t rtt = (uint32_t)(rtt_us < RTT_MOST_US ? rtt_us : RTT_MOST_US);

	if (!d->has_rtt) {
		d->has_rtt = true;
		d->rtt_us = rtt;
		d->rtt_var_us = rtt / 2;
		return;
	}
	uint32_t off = rtt > d->rtt_us ? rtt - d->rtt_us : d->rtt_us - rtt;
	d->rtt_var_us += off / 4;
	d->rtt_var_us -= d->rtt_var_us / 4;
	d->rtt_us += rtt / 8;
	d->rtt_us -= d->rtt_us / 8;
}

/* After which a question was asked in vain (RFC 6298). */
static uint64_t answer_us(const struct detector *d)
{
	uint64_t wait_us = d->has_rtt ? d->rtt_us + 4ull * d->rtt_var_us : RTT_UNKNOWN_US;

	wait_us = wait_us > d->late_us ? wait_us : d->late_us;
	return wait_us > d->interval_us ? wait_us : d->interval_us;
}

/* An answer has come, to a question that was asked so long ago. */
static void late_learn(struct detector *d, uint64_t now_us, uint32_t rtt_us)
{
	uint64_t most_us = LATE_INTERVALS * d->interval_us;

	if (!d->died_us || now_us - rtt_us >= d->died_us)
		return;
	d->late_us = (uint32_t)(rtt_us < most_us ? rtt_us : most_us);
	d->late_seen_us = now_us;
	d->died_us = 0;
}

unsigned detect_misses(const struct detector *d)
{
	return misses_needed(SECOND / d->interval_us, d->loss, d->misses_least, MISSES_MOST);
}

/* --- asking ------------------------------------------------------------------------------------------- */

static void detect_ask(struct peer *p, uint64_t now_us)
{
	struct detector *d = &p->detector;
	uint8_t question[ECHO_LEN];
	struct writer w = writer_of(question, sizeof(question));

	write_u16(&w, ++d->asked_number);
	write_u32(&w, (uint32_t)now_us);
	write_zeros(&w, 2);
	if (!d->asked++)
		d->asked_us = now_us;
	p->n->counters.questions_sent++;
	control_ask_echo(p, now_us, question);
}

static void detect_later(struct peer *p, uint64_t due_us)
{
	p->detector.due_us = due_us;
	timer_set(&p->n->heap, &p->detector.timer, due_us);
}

void detect_init(struct peer *p)
{
	struct detector *d = &p->detector;

	d->interval_us = detect_interval_us(p->link);
	d->misses_least = p->link->config.dead_misses > MISSES_LEAST ? p->link->config.dead_misses : MISSES_LEAST;
	d->loss = LOSS_FIRST;
	timer_init(&d->timer, detect_due);
}

void detect_begin(struct peer *p, uint64_t now_us)
{
	struct detector *d = &p->detector;

	if (!d->interval_us)
		return;
	d->asked = 0;
	d->state = DETECT_SOUND;
	if (!d->has_rtt)
		detect_ask(p, now_us); /* once, so that the round trip is known when it matters */
	d->asked = 0;
}

void detect_end(struct peer *p)
{
	timer_cancel(&p->n->heap, &p->detector.timer);
	p->detector.state = DETECT_SOUND;
}

void detect_used_first(struct peer *p, uint64_t now_us)
{
	uint64_t due_us = p->heard_us + p->detector.interval_us;

	if (!p->is_up)
		return;
	p->detector.asked = 0;
	detect_later(p, due_us > now_us ? due_us : now_us);
}

bool detect_is_watching(const struct peer *p, uint64_t now_us)
{
	const struct detector *d = &p->detector;

	return timer_is_armed(&d->timer) && now_us < d->used_us + use_us(d->interval_us);
}

/* --- judging ------------------------------------------------------------------------------------------- */

static unsigned detect_missed(const struct detector *d, uint64_t now_us)
{
	uint64_t waited_us = now_us - d->asked_us, answer = answer_us(d);

	if (waited_us < answer)
		return 0;
	uint64_t missed = 1 + (waited_us - answer) / d->interval_us;
	return missed < d->asked ? (unsigned)missed : d->asked;
}

static void detect_enter(struct peer *p, uint64_t now_us, enum detect_state state)
{
	struct detector *d = &p->detector;
	char text[NODE_NAME_TEXT];

	if (d->state == state)
		return;
	d->state = state;
	if (state == DETECT_SUSPECT) {
		d->is_left = p->link->config.wired && now_us >= d->spared_us;
		p->n->counters.suspects++;
		return;
	}
	p->n->counters.deaths++;
	d->died_us = now_us;
	damper_fell(&p->damper, now_us);
	event_say(p->n, NODE_NEIGHBOUR_DOWN, p->link, "%s: does not answer for %u ms", name_of_rid(p->n, &p->rid, text),
		(unsigned)((now_us - d->asked_us) / MS));
	babel_neighbour_mute(p->n->babel, now_us, p->link->id, &p->address);
}

static void detect_judge(struct peer *p, uint64_t now_us)
{
	struct detector *d = &p->detector;
	if (now_us >= d->late_seen_us + LATE_US)
		d->late_us = 0;
	unsigned missed = detect_missed(d, now_us), most = detect_misses(d);
	if (missed >= most && d->is_doomed) {
		detect_enter(p, now_us, DETECT_DEAD);
		d->asked = 0;
		detect_later(p, now_us + AFTERLIFE_SLOWER * d->interval_us);
		return;
	}
	if (missed >= (most + 1) / 2)
		detect_enter(p, now_us, DETECT_SUSPECT);
	d->is_doomed = missed >= most;
	detect_ask(p, now_us);
	detect_later(p, now_us + (d->is_doomed ? d->interval_us / 8 : d->interval_us));
}

void detect_due(struct timer *timer, uint64_t now_us)
{
	struct peer *p = container_of(timer, struct peer, detector.timer);
	struct detector *d = &p->detector;
	bool is_late = now_us - d->due_us > 2 * d->interval_us;
	bool is_used = now_us < d->used_us + use_us(d->interval_us);

	if (!p->is_up || p->is_silent)
		return;
	if (d->state == DETECT_DEAD) {
		if (d->asked >= AFTERLIFE)
			return;
		detect_ask(p, now_us);
		detect_later(p, now_us + AFTERLIFE_SLOWER * d->interval_us);
		return;
	}
	if (is_late || (d->asked && p->heard_us >= d->asked_us))
		d->asked = 0;
	if (!d->asked && (!is_used || now_us < p->heard_us + d->interval_us)) {
		if (is_used)
			detect_later(p, p->heard_us + d->interval_us);
		return;
	}
	if (d->asked) {
		detect_judge(p, now_us);
		return;
	}
	d->is_doomed = false;
	detect_ask(p, now_us);
	detect_later(p, now_us + d->interval_us);
}

/* --- heard ----------------------------------------------------------------------------------------------- */

void detect_heard(struct peer *p, uint64_t now_us)
{
	struct detector *d = &p->detector;
	enum detect_state before = d->state;
	char text[NODE_NAME_TEXT];

	d->state = DETECT_SOUND;
	d->asked = 0;
	d->is_left = false;
	if (before == DETECT_SUSPECT) {
		p->n->counters.suspects_wronged++;
		damper_fell(&d->wronged, now_us);
		d->spared_us = now_us + damper_hold_us(&d->wronged, now_us);
	}
	if (before != DETECT_DEAD)
		return;
	event_say(p->n, NODE_NEIGHBOUR_UP, p->link, "%s: answers again", name_of_rid(p->n, &p->rid, text));
	p->alive_told_us = now_us;
	peer_damp(p, now_us, damper_hold_us(&p->damper, now_us));
	babel_neighbour_alive(p->n->babel, now_us, p->link->id, &p->address);
}

void detect_answered(struct peer *p, uint64_t now_us, const uint8_t echo[ECHO_LEN])
{
	struct detector *d = &p->detector;
	struct reader r = reader_of(bytes_of(echo, ECHO_LEN));
	uint16_t number = read_u16(&r), before = d->answered_number;
	uint32_t rtt_us = (uint32_t)now_us - read_u32(&r);

	/* Of those that were asked, and not answered before. */
	if (!d->interval_us || (uint16_t)(d->asked_number - number) >= (uint16_t)(d->asked_number - before))
		return;
	d->answered_number = number;
	late_learn(d, now_us, rtt_us);
	rtt_add(d, rtt_us);
	for (unsigned lost = (uint16_t)(number - before - 1), i = 0; i < lost && i < LOSS_PARTS; i++)
		loss_add(d, true);
	loss_add(d, false);
}
