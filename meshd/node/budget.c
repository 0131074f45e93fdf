/*
 * The budget rule (design.md 3, protocol.md 6.1): what nodes say to each other takes at
 * most 5 % of a link's capacity in any ten seconds, counted as it leaves, headers of
 * the link included.
 *
 *   life      Hellos and their answers: always, and counted
 *   routine   while these ten seconds have room: metrics, refreshes, beacons, calls that are repeated
 *   urgent    beyond that from a reserve of half the link for ten seconds, less what signs
 *             of life take of them, which 5 % of the link fill again: a cut is told at once,
 *             a first call goes, and a link that flaps does not tell it for ever
 *
 * Where all speak on one channel nobody takes more than half of that, and where more
 * than two do, an equal part is everybody's and the rest is for who finds the channel
 * quiet: what is heard counts as well. The reserve is the channel's: who needs it finds
 * what others have left of it in these ten seconds, and fills again what was his; more
 * than an equal part of it only frame by frame, as what others begin meanwhile is heard late.
 *
 * Where signs of life take it all, or no frame fits into ten seconds' budget, news does
 * not starve: one frame goes, and the next when 5 % of the link have paid for it.
 *
 * Time is cut into slots of a second. A slot counts until all of it is ten seconds ago.
 */
#include "meshd/node/state.h"

#define BUDGET_PERCENT 5
#define URGENT_PERCENT 50
#define FLOOR_PERCENT 5
#define LIFE_BODY_THIN 16 /* of a Hello with all that rides with it, its kind and the thin body */
#define LIFE_FRAME 130
#define WINDOW_S (BUDGET_SLOTS - 1)

/* Bytes that a share of the link carries in ten seconds, if one of `speakers` sends them. */
static uint64_t window_bytes(const struct node_link *link, unsigned percent, unsigned speakers)
{
	return link_rate_bps(link) * WINDOW_S * percent / 100 / 8 / speakers;
}

/* Who have the channel for themselves, at least. */
static unsigned least_speakers(const struct node_link *link)
{
	return link->config.is_half_duplex ? 2 : 1;
}

static unsigned speakers(const struct node_link *link)
{
	unsigned count = 1;

	if (!link->config.is_half_duplex)
		return 1;
	for (const struct list *at = link->peers.next; at != &link->peers; at = at->next)
		count += list_entry(at, struct peer, on_link)->is_up;
	return count < 2 ? 2 : count;
}

/* Empties the slots that were not written to since. */
static void slots_advance(struct budget *b, uint64_t now_us)
{
	uint64_t second = now_us / SECOND;

	for (unsigned i = 0; b->second < second && i < BUDGET_SLOTS; i++) {
		b->second++;
		b->sent[b->second % BUDGET_SLOTS] = 0;
		b->heard[b->second % BUDGET_SLOTS] = 0;
	}
	b->second = second;
}

static uint64_t sum_of(const uint32_t slots[BUDGET_SLOTS])
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BUDGET_SLOTS; i++)
		sum += slots[i];
	return sum;
}

/* What waits to leave will be counted then. */
static uint64_t waiting_bytes(const struct node_link *link)
{
	return link->egress ? link->egress->lanes[LANE_CONTROL].bytes : 0;
}

/* When the oldest slot counts no longer. */
static uint64_t next_us(const struct budget *b)
{
	for (unsigned age = WINDOW_S; age > 0; age--) {
		unsigned slot = (unsigned)((b->second - age) % BUDGET_SLOTS);

		if (b->sent[slot] || b->heard[slot])
			return (b->second - age + BUDGET_SLOTS) * SECOND;
	}
	return (b->second + BUDGET_SLOTS) * SECOND;
}

/* Time for which a share of the link, parted among so many, must work to pay for so many bytes. */
static uint64_t price_us(const struct node_link *link, uint64_t bytes, unsigned percent, unsigned parts)
{
	uint64_t rate_bps = link_rate_bps(link);

	return rate_bps ? bytes * 8 * SECOND * 100 * parts / percent / rate_bps : 0;
}

static uint64_t bytes_paid_in(const struct node_link *link, uint64_t us)
{
	return us / MS * link_rate_bps(link) / 1000 * BUDGET_PERCENT / 100 / 8 / least_speakers(link);
}

/* What Hellos of all `parts` who share the link take of ten seconds at most. They ask nobody: others leave them the
 * room. */
static uint64_t life_bytes(const struct node_link *link, unsigned parts)
{
	uint64_t frame =
		link->config.overhead + (link->config.is_thin ? LIFE_BODY_THIN + THIN_OVERHEAD_MAX : LIFE_FRAME);
	uint64_t frames = link->config.hello_ms ? WINDOW_S * 1000 / link->config.hello_ms + 1 : 0;
	uint64_t bytes = frames * frame * parts, most = window_bytes(link, URGENT_PERCENT, 1) / 2;

	return bytes < most ? bytes : most;
}

/* Beside signs of life, of ten seconds. */
static uint64_t reserve_bytes(const struct node_link *link)
{
	return window_bytes(link, URGENT_PERCENT, 1) - life_bytes(link, speakers(link));
}

/* What the reserve has for these ten seconds. What is heard may be noise, or old frames that somebody sends again: a
 * part stays ours whatever that is, and as much is left to each of the others until it is heard of them. */
static uint64_t reserve_left(const struct node_link *link, uint64_t now_us, uint64_t sent)
{
	const struct budget *b = &link->budget;
	unsigned parts = speakers(link);
	uint64_t all = reserve_bytes(link), own = all / 2 / parts;
	uint64_t spent = sent, others = sum_of(b->heard), least = own * (parts - 1);

	if (b->reserve_full_us > now_us && bytes_paid_in(link, b->reserve_full_us - now_us) > spent)
		spent = bytes_paid_in(link, b->reserve_full_us - now_us);
	others = others > least ? others : least;
	uint64_t ours = spent < own ? own - spent : 0, quiet = spent + others < all ? all - spent - others : 0;
	return ours > quiet ? ours : quiet;
}

/* Something of ours leaves, or waits to: until it has, others are not heard. */
static bool is_speaking(const struct node_link *link, uint64_t now_us)
{
	return waiting_bytes(link) > 0 || link->shaper.free_us > now_us;
}

/*
 * What may be said now of the `left` that the reserve has. Others may have begun at the same moment and
 * found as much: what is more than an equal part goes frame by frame, each after what was
 * heard meanwhile.
 */
static uint64_t reserve_now(const struct node_link *link, uint64_t now_us, uint64_t sent, uint64_t left)
{
	if (!link->config.is_half_duplex || !is_speaking(link, now_us))
		return left;
	uint64_t equal = reserve_bytes(link) / speakers(link);
	equal = sent < equal ? equal - sent : 0;
	return left < equal ? left : equal;
}

static uint64_t routine_left(const struct node_link *link, uint64_t sent)
{
	uint64_t most = window_bytes(link, BUDGET_PERCENT, least_speakers(link));
	uint64_t equal = window_bytes(link, BUDGET_PERCENT, speakers(link));
	uint64_t both = sent + sum_of(link->budget.heard), all = window_bytes(link, BUDGET_PERCENT, 1);
	uint64_t quiet = both < all ? all - both : 0, own = sent < equal ? equal - sent : 0;
	uint64_t left = own > quiet ? own : quiet;

	return sent >= most ? 0 : left < most - sent ? left : most - sent;
}

size_t budget_left(struct node_link *link, uint64_t now_us, enum babel_need need, size_t least, uint64_t *again_us)
{
	struct budget *b = &link->budget;

	if (need == BABEL_NEED_LIFE || link->config.is_unbudgeted || !link_rate_bps(link))
		return SIZE_MAX;
	slots_advance(b, now_us);
	uint64_t sent = sum_of(b->sent) + waiting_bytes(link), left = routine_left(link, sent);
	uint64_t reserve = need == BABEL_NEED_URGENT ? reserve_left(link, now_us, sent) : 0;
	uint64_t at_once = reserve_now(link, now_us, sent, reserve);
	left = left > at_once ? left : at_once;
	if (left >= least)
		return left;
	if (now_us >= b->floor_us)
		return least;
	*again_us = sent && next_us(b) < b->floor_us ? next_us(b) : b->floor_us;
	if (reserve >= least && link->shaper.free_us < *again_us)
		*again_us = link->shaper.free_us;
	if (*again_us < now_us + SECOND / 10)
		*again_us = now_us + SECOND / 10;
	return 0;
}

static void reserve_take(struct node_link *link, uint64_t now_us, uint64_t bytes)
{
	struct budget *b = &link->budget;
	unsigned parts = least_speakers(link);
	uint64_t empty_us = now_us + price_us(link, window_bytes(link, URGENT_PERCENT, 1), BUDGET_PERCENT, parts);

	b->reserve_full_us = (b->reserve_full_us > now_us ? b->reserve_full_us : now_us) +
			     price_us(link, bytes, BUDGET_PERCENT, parts);
	if (b->reserve_full_us > empty_us)
		b->reserve_full_us = empty_us;
}

void budget_said(struct node_link *link, uint64_t now_us, enum babel_need need, size_t bytes)
{
	struct budget *b = &link->budget;

	if (need == BABEL_NEED_LIFE || !link_rate_bps(link))
		return;
	slots_advance(b, now_us);
	uint64_t sent = sum_of(b->sent) + waiting_bytes(link), before = sent > bytes ? sent - bytes : 0;
	uint64_t free = routine_left(link, before);
	if (bytes <= free)
		return;
	if (need == BABEL_NEED_URGENT && reserve_left(link, now_us, before) >= bytes) {
		reserve_take(link, now_us, bytes - free);
		/* Who has just borrowed does not starve. */
		if (b->floor_us <= now_us)
			b->floor_us = now_us + WINDOW_S * SECOND;
	} else {
		b->floor_us = now_us + price_us(link, bytes, FLOOR_PERCENT, speakers(link));
	}
}

bool budget_admits(struct node_link *link, uint64_t now_us, enum babel_need need, size_t len, uint64_t *again_us)
{
	return budget_left(link, now_us, need, len + link->config.overhead, again_us) > 0;
}

void budget_frame_said(struct node_link *link, uint64_t now_us, enum babel_need need, size_t len)
{
	budget_said(link, now_us, need, len + link->config.overhead);
}

void budget_spent(struct node_link *link, uint64_t now_us, size_t bytes)
{
	slots_advance(&link->budget, now_us);
	link->budget.sent[link->budget.second % BUDGET_SLOTS] += (uint32_t)bytes;
}

void budget_heard(struct node_link *link, uint64_t now_us, size_t bytes)
{
	if (!link->config.is_half_duplex)
		return;
	slots_advance(&link->budget, now_us);
	link->budget.heard[link->budget.second % BUDGET_SLOTS] += (uint32_t)bytes;
}

unsigned budget_permille(const struct node_link *link, uint64_t now_us)
{
	struct budget b = link->budget;
	uint64_t all = link_rate_bps(link) * WINDOW_S / 8;

	slots_advance(&b, now_us);
	return all ? (unsigned)(sum_of(b.sent) * 1000 / all) : 0;
}
