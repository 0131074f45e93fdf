/*
 * How much a link takes: a bucket that fills at its rate, or the shell's word.
 *
 * The bucket is one number, when the line will have worked off what it was given.
 * It takes the next frame a little before that (AHEAD_US), because the shell wakes
 * us a little late; so at most that and one frame waits below us, where nothing can
 * overtake it any more.
 *
 * A link without a stated rate tells how fast it is by what it takes while more
 * waits; one that was stated too fast, too. What was taken while nothing waited
 * says nothing.
 */
#include "meshd/node/state.h"

#define AHEAD_US (2 * MS)
#define THIN_BPS 200000
#define TURNROUND_US (200 * MS)
#define YIELD_MAX_US (2 * SECOND)
#define SAMPLE_US SECOND /* a sample takes so long ... */
#define SAMPLE_FRAMES 4 /* ... and so many frames, or */
#define SAMPLE_MAX_US (300 * SECOND) /* ... so long with fewer */

bool link_is_thin(const struct node_link *link)
{
	return link->config.rate_bps && link->config.rate_bps < THIN_BPS;
}

uint64_t link_rate_bps(const struct node_link *link)
{
	uint64_t stated = link->config.rate_bps, learned = link->shaper.learned.rate_bps;

	return learned && (!stated || learned < stated) ? learned : stated;
}

uint64_t link_airtime_us(const struct node_link *link, size_t bytes)
{
	uint64_t rate_bps = link_rate_bps(link);

	return rate_bps ? (uint64_t)bytes * 8 * SECOND / rate_bps : 0;
}

bool link_takes(const struct node_link *link, uint64_t now_us)
{
	const struct shaper *s = &link->shaper;

	if (s->has_room && s->room == 0)
		return false;
	return s->free_us <= now_us + AHEAD_US;
}

uint64_t link_takes_next_us(const struct node_link *link)
{
	const struct shaper *s = &link->shaper;

	if (s->has_room && s->room == 0)
		return NEVER;
	return s->free_us > AHEAD_US ? s->free_us - AHEAD_US : 0;
}

static void learn(struct learned *l, uint64_t now_us, size_t bytes, bool is_backlogged)
{
	if (!is_backlogged) {
		l->since_us = 0;
		return;
	}
	if (!l->since_us) {
		*l = (struct learned){ .since_us = now_us, .rate_bps = l->rate_bps };
		return; /* this one began the time, the next ones fill it */
	}
	l->bytes += bytes;
	l->frames++;
	uint64_t elapsed_us = now_us - l->since_us;
	if (elapsed_us < SAMPLE_US || (l->frames < SAMPLE_FRAMES && elapsed_us < SAMPLE_MAX_US))
		return;
	uint64_t sample_bps = l->bytes * 8 * SECOND / elapsed_us;
	l->rate_bps = l->rate_bps ? (3 * l->rate_bps + sample_bps) / 4 : sample_bps;
	if (!l->rate_bps)
		l->rate_bps = 1;
	*l = (struct learned){ .since_us = now_us, .rate_bps = l->rate_bps };
}

/* Who learned a modem's rate from short messages would hardly dare to use it. */
static size_t sample_bytes(const struct node_link *link, size_t bytes)
{
	return link->config.is_by_message && bytes < link->config.mtu ? link->config.mtu : bytes;
}

/* Radios that are slow are slow to turn round, too: once before what is heard, once after it, however many frames
 * follow each other in between. */
static uint64_t turnround_us(const struct node_link *link)
{
	return link->config.is_half_duplex && link_is_thin(link) ? TURNROUND_US : 0;
}

void shaper_sent(struct node_link *link, uint64_t now_us, size_t bytes, bool is_backlogged)
{
	struct shaper *s = &link->shaper;

	if (s->has_room) {
		s->room -= bytes < s->room ? bytes : s->room;
		learn(&s->learned, now_us, sample_bytes(link, bytes), is_backlogged);
	}
	if (!link->config.is_shaped)
		return;
	uint64_t airtime_us = link_airtime_us(link, bytes);
	s->free_us = (s->free_us > now_us ? s->free_us : now_us) + airtime_us;
	s->yields_us += turnround_us(link) + airtime_us;
	if (s->yields_us > YIELD_MAX_US)
		s->yields_us = YIELD_MAX_US;
}

/*
 * Nobody speaks while another does: what we gave the line meanwhile leaves so much later.
 * But we yield no longer than we have spoken, or who never listens had the line for itself.
 */
void shaper_heard(struct node_link *link, uint64_t now_us, size_t bytes)
{
	struct shaper *s = &link->shaper;

	if (!link->config.is_shaped || !link->config.is_half_duplex)
		return;
	uint64_t airtime_us = link_airtime_us(link, bytes);
	bool goes_on = s->heard_us && now_us < s->heard_us + airtime_us + TURNROUND_US / 2;
	s->heard_us = now_us;
	if (!goes_on)
		airtime_us += turnround_us(link);
	if (airtime_us > s->yields_us)
		airtime_us = s->yields_us;
	if (s->free_us + airtime_us <= now_us)
		return;
	s->free_us += airtime_us;
	s->yields_us -= airtime_us;
}

void node_link_ready(struct node *n, uint64_t now_us, unsigned id, size_t bytes)
{
	struct node_link *link = id < NODE_LINK_MAX ? n->links[id] : NULL;

	if (!link)
		return;
	link->shaper.has_room = true;
	link->shaper.room = bytes;
	if (bytes && link->egress)
		timer_set_earlier(&n->heap, &link->dequeue, now_us);
}
