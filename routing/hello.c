/*
 * Hellos to each neighbour by itself, as often as its traffic needs them.
 *
 * On a paced link (idle_interval_cs) each neighbour has its own unicast Hellos. A
 * neighbour is busy while packets go to it or come from it, which both ends see;
 * a pause of BUSY_US ends that. Whoever was just found is busy too, so that its
 * cost settles soon. Each Hello says after what time the next one comes at the
 * latest, so a slower pace must be known before it is kept: as many Hellos as make
 * a neighbour dead, all lost, is what it takes to be misunderstood.
 *
 *            packets                  BUSY_US without             said so dead_misses times
 *   idle ───────────────► busy ───────────────────────► slowing ─────────────────────────► idle
 *                          ▲                              │ packets
 *                          └──────────────────────────────┘
 *
 * Who says Hello slowly is not found dead slowly: once it is late, or is needed
 * though it still says Hello slowly, it is polled at the busy pace by
 * acknowledgment requests. Any sign of life is an answer.
 *
 *   heard ◄──────── sign of life ────────┐
 *     │ late, or needed                  │
 *     └──────────► polled ───────────────┴─ dead_misses polls without ─► dead
 *
 * Multicast Hellos are for those who are not known yet: some early, then ever
 * fewer. On such a link the owner says who is there, who is gone and who has
 * restarted: a lost count only means that the sender had forgotten us, and somebody
 * not heard for long is still told Hello.
 */
#include "meshd/base/misses.h"
#include "routing/session.h"

#define BUSY_US (10 * SECOND) /* longer than people pause, and than TCP waits before it tries again */
#define STRANGERS_MIN_US (1 * SECOND) /* multicast Hellos, from the last early one on ... */
#define STRANGERS_MAX_US (64 * SECOND) /* ... at twice the interval each time */
#define STRANGERS_TURNS 16 /* of a link that takes one packet in a time */
#define MISSES_DEFAULT 3
#define POLLS_MOST 14
#define THIN_POLLS 4 /* within the interval of a thin link's Hellos */
#define STRETCH_MAX 8 /* times the interval of a thin link */
#define BAD_STRETCH_MAX 4 /* ... because it is bad */

bool link_is_paced(const struct link *link)
{
	return link->config.idle_interval_cs != 0;
}

static bool neighbour_is_busy(const struct neighbour *n, uint64_t now_us)
{
	return now_us < n->busy_until_us;
}

/* --- saying Hello ------------------------------------------------------------------------- */

/* On lossy links an IHU goes with each Hello, else with every third; and with each
 * that warns of a slower pace, because an IHU holds as long as three Hellos. */
static bool neighbour_ihu_is_due(struct neighbour *n, bool is_warning)
{
	bool is_third = n->hellos_until_ihu == 0;

	n->hellos_until_ihu = is_third ? 2 : n->hellos_until_ihu - 1;
	return is_third || is_warning || n->link->config.rtt || metric_is_lossy(n) ||
	       n->told_rxcost != metric_rxcost(n);
}

static void neighbour_say_hello(struct neighbour *n, uint64_t now_us, bool is_warning)
{
	struct babel_tlv tlv = { .type = TLV_HELLO };
	struct packet p;

	n->said_us = now_us;
	if (n->session && thin_suffices(n->session)) {
		thin_say(n->session, now_us, true);
		return;
	}
	tlv.u.hello.unicast = true;
	tlv.u.hello.seqno = n->hello_seqno++;
	tlv.u.hello.interval_cs = n->promised_cs;
	tlv.u.hello.has_timestamp = n->link->config.rtt;
	tlv.u.hello.t1 = (uint32_t)now_us;
	bool has_room = packet_begin_within(&p, n->b, n->link, &n->address, BABEL_NEED_ROUTINE);
	packet_write(&p, &tlv);
	if (neighbour_ihu_is_due(n, is_warning))
		neighbour_write_ihu(n, &p, true, metric_rxcost(n));
	if (n->session && has_room)
		session_ride_early(n->session, &p, now_us);
	packet_send(&p);
}

/* Whole transmissions that a packet and its answer take: what is lost is said again, asked for and polled, and has
 * less room the worse the link is. */
static unsigned neighbour_badness(const struct neighbour *n)
{
	unsigned times = n->etx.mean / 256;

	return times < 1 ? 1 : times < BAD_STRETCH_MAX ? times : BAD_STRETCH_MAX;
}

/*
 * What a thin link bears of Hellos is for two who speak and hear each other. Whoever has
 * more neighbours there says Hello to each as much more seldom, and so to whom the link
 * is bad; and who hears Hellos so seldom, halfway as seldom: the channel is shared with
 * others that it may not hear.
 */
static uint16_t neighbour_stretched_cs(const struct neighbour *n, uint16_t interval_cs)
{
	unsigned count = 0;

	if (!n->link->config.is_thin)
		return interval_cs;
	for (const struct list *at = n->link->neighbours.next; at != &n->link->neighbours; at = at->next)
		count += list_entry(at, struct neighbour, on_link)->session != NULL;
	count = (count == 0 ? 1 : count) * neighbour_badness(n);
	uint32_t own_cs = (uint32_t)interval_cs * (count < STRETCH_MAX ? count : STRETCH_MAX);
	if (n->unicast.interval_cs > own_cs)
		own_cs = (own_cs + n->unicast.interval_cs) / 2;
	return (uint16_t)(own_cs < UINT16_MAX ? own_cs : UINT16_MAX);
}

static void neighbour_hello_turn(struct neighbour *n, uint64_t now_us)
{
	const struct babel_link_config *config = &n->link->config;
	bool is_busy = neighbour_is_busy(n, now_us), is_warning = !is_busy && n->warnings > 0;
	uint16_t busy_cs = neighbour_stretched_cs(n, config->hello_interval_cs);
	uint16_t idle_cs = neighbour_stretched_cs(n, config->idle_interval_cs);
	uint64_t interval_us = busy_cs * 10 * MS;

	n->promised_cs = is_busy ? busy_cs : idle_cs;
	if (is_busy)
		n->warnings = config->dead_misses ? config->dead_misses : MISSES_DEFAULT;
	else if (is_warning)
		n->warnings--;
	else
		interval_us = idle_cs * 10 * MS;
	neighbour_say_hello(n, now_us, is_warning);
	interval_us = engine_random_between(n->b, interval_us - interval_us / 10, interval_us);
	if (n->fast_hellos > 0) {
		n->fast_hellos--;
		interval_us = interval_us < link_fast_us(n->link) ? interval_us : link_fast_us(n->link);
	}
	timer_set(&n->b->heap, &n->hello, now_us + interval_us);
}

/* Idle neighbours have their turn together, the early ones a little sooner: a node
 * that sleeps in between wakes once for all of them. */
static void neighbour_hello_due(struct timer *timer, uint64_t now_us)
{
	struct neighbour *n = container_of(timer, struct neighbour, hello);
	struct babel *b = n->b;

	neighbour_hello_turn(n, now_us);
	if (neighbour_is_busy(n, now_us))
		return;
	for (unsigned id = 0; id < BABEL_LINK_MAX; id++) {
		struct link *link = b->links[id];

		if (!link || !link_is_paced(link))
			continue;
		uint64_t early_us = link->config.idle_interval_cs * 10 * MS / 8;
		list_for_each (node, next, &link->neighbours) {
			struct neighbour *other = list_entry(node, struct neighbour, on_link);

			if (other != n && timer_is_armed(&other->hello) && other->hello.due_us < now_us + early_us &&
				!neighbour_is_busy(other, now_us))
				neighbour_hello_turn(other, now_us);
		}
	}
}

void neighbour_hello_soon(struct neighbour *n, uint64_t now_us, unsigned count)
{
	uint64_t due_us = now_us + engine_random_between(n->b, URGENT_JITTER_MIN_US, URGENT_JITTER_MAX_US);

	if (!link_is_paced(n->link)) {
		link_hello_soon(n->link, now_us, count);
		return;
	}
	if (n->said_us && due_us < n->said_us + link_fast_us(n->link) / 2)
		due_us = n->said_us + link_fast_us(n->link) / 2;
	if (n->link->config.is_thin && count > 1)
		count = 1; /* each takes its part of the budget */
	if (n->fast_hellos < count)
		n->fast_hellos = (uint8_t)count;
	timer_set_earlier(&n->b->heap, &n->hello, due_us);
}

/* Early ones for who comes with us; then for whoever missed those. */
uint64_t link_next_stranger_us(struct link *link)
{
	if (link->fast_hellos > 0) {
		link->fast_hellos--;
		link->strangers_us = STRANGERS_MIN_US + STRANGERS_TURNS * link->config.turn_us;
		return link_fast_us(link);
	}
	uint64_t next_us = link->strangers_us;
	uint64_t max_us = STRANGERS_MAX_US + STRANGERS_TURNS * link->config.turn_us;

	link->strangers_us = next_us < max_us / 2 ? 2 * next_us : max_us;
	return engine_random_between(link->b, next_us - next_us / 10, next_us);
}

/* --- busy or not ----------------------------------------------------------------------------- */

bool neighbour_is_slow(const struct neighbour *n)
{
	/* A Hello of a thin link is worth a question before it counts as a death. */
	if (n->link->config.is_thin && link_is_paced(n->link))
		return n->unicast.interval_cs != 0;
	return link_is_paced(n->link) && n->unicast.interval_cs > n->link->config.hello_interval_cs;
}

/* It says Hello more slowly than we need it now. */
static bool neighbour_is_too_slow(const struct neighbour *n, uint64_t now_us)
{
	return !n->link->config.is_thin && neighbour_is_busy(n, now_us) && neighbour_is_slow(n);
}

static void neighbour_become_busy(struct neighbour *n, uint64_t now_us)
{
	bool was_busy = neighbour_is_busy(n, now_us);

	n->busy_until_us = now_us + BUSY_US;
	if (was_busy || n->link->config.idle_interval_cs == n->link->config.hello_interval_cs)
		return;
	neighbour_hello_soon(n, now_us, 0);
	if (neighbour_is_too_slow(n, now_us))
		neighbour_poll_soon(n, now_us);
}

void neighbour_meet(struct neighbour *n, uint64_t now_us)
{
	if (link_is_paced(n->link))
		neighbour_become_busy(n, now_us);
	neighbour_hello_soon(n, now_us, FAST_HELLOS);
}

void neighbour_become_idle(struct neighbour *n, uint64_t now_us)
{
	n->busy_until_us = now_us;
	n->warnings = 0;
	n->fast_hellos = 0;
}

void babel_neighbour_busy(struct babel *b, uint64_t now_us, unsigned id, const struct address *address)
{
	struct neighbour *n = neighbour_at(b, id, address);

	if (n && link_is_paced(n->link))
		neighbour_become_busy(n, now_us);
}

/* --- polling ------------------------------------------------------------------------------------ */

static bool neighbour_can_be_polled(const struct neighbour *n)
{
	return link_is_paced(n->link) && n->link->config.dead_misses > 0 && n->is_up;
}

/*
 * How many polls go without an answer before it is dead, if a poll or its answer is lost as
 * often as ETX says. A route that is lost for nothing is dear: a thousand destinations behind
 * it, each with its request, and all of it back a second later.
 */
static unsigned polls_needed(const struct neighbour *n, unsigned least)
{
	uint32_t lost = MISSES_ALL - (uint32_t)(UINT64_C(256) * MISSES_ALL / n->etx.mean);
	unsigned count = misses_needed(SECOND / link_hello_interval_us(n->link), lost, least, POLLS_MOST);

	return count > least ? count : least;
}

/* On a thin link a fade outlasts some Hellos' answers: more polls in the same time. */
static unsigned polls_max(const struct neighbour *n)
{
	unsigned misses = n->link->config.dead_misses;

	return n->link->config.is_thin ? misses * THIN_POLLS / 2 : polls_needed(n, misses);
}

static uint64_t poll_interval_us(const struct neighbour *n)
{
	uint64_t interval_us = link_hello_interval_us(n->link);

	return n->link->config.is_thin ? interval_us / THIN_POLLS : interval_us;
}

void neighbour_poll_soon(struct neighbour *n, uint64_t now_us)
{
	if (neighbour_can_be_polled(n) && !timer_is_armed(&n->poll))
		timer_set(&n->b->heap, &n->poll, now_us);
}

static void neighbour_poll_due(struct timer *timer, uint64_t now_us)
{
	struct neighbour *n = container_of(timer, struct neighbour, poll);
	struct babel_tlv ask = { .type = TLV_ACK_REQUEST };
	struct packet p;

	if (!neighbour_can_be_polled(n))
		return;
	if (n->polls >= polls_max(n)) {
		n->misses = n->link->config.dead_misses;
		neighbour_cost_update(n, now_us);
		return;
	}
	n->polls++;
	ask.u.ack_request.opaque = ++n->b->opaque;
	ask.u.ack_request.interval_cs = (uint16_t)(poll_interval_us(n) / (10 * MS));
	packet_begin(&p, n->b, n->link, &n->address);
	packet_write(&p, &ask);
	packet_send(&p);
	timer_set(&n->b->heap, timer, now_us + poll_interval_us(n));
}

void neighbour_poll_answered(struct neighbour *n, uint64_t now_us)
{
	n->polls = 0;
	if (neighbour_can_be_polled(n) && neighbour_is_too_slow(n, now_us))
		timer_set(&n->b->heap, &n->poll, now_us + poll_interval_us(n) * 3 / 2);
	else
		timer_cancel(&n->b->heap, &n->poll);
}

void neighbour_poll_forgive(struct neighbour *n, uint64_t now_us)
{
	if (timer_is_armed(&n->poll))
		timer_set(&n->b->heap, &n->poll, now_us + poll_interval_us(n));
}

/* --- init and done ------------------------------------------------------------------------------- */

void neighbour_hello_init(struct neighbour *n)
{
	n->hello_seqno = (uint16_t)random_u32(&n->b->config.random);
	timer_init(&n->hello, neighbour_hello_due);
	timer_init(&n->poll, neighbour_poll_due);
}

void neighbour_hello_done(struct neighbour *n)
{
	timer_cancel(&n->b->heap, &n->hello);
	timer_cancel(&n->b->heap, &n->poll);
}
