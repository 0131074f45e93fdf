/*
 * AdjOut in short: entries as items of COMPACT lists.
 *
 * What an item says may lean on what the neighbour has acknowledged of the entry: each
 * has a mark that says how its value differs from that. An entry that was acknowledged
 * is what the neighbour has; one that was not still has the mark of its last commit,
 * and the next commit goes on from there:
 *
 *   nothing acknowledged ─► none ─┐ acknowledged   ┌─► same seqno, same or other metric
 *                                 ├───────────────►│
 *   retracted ────────────► none ─┘                └─► seqno newer by one
 *
 * An acknowledgment that is lost makes the mark wrong; the check of the list tells.
 * Whoever does not understand an item is told it with nothing to lean on, and in the
 * end by an Update.
 */
#include "routing/compact.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MARK_SEQNO 0x03 /* enum mark */
#define MARK_SAME_METRIC 0x04
#define MARK_LEVEL 0x30 /* enum level */
#define MARK_LEVEL_SHIFT 4
#define LIST_HEAD 8 /* TLV and list header */
#define ITEM_MOST 15 /* bytes of any item */

/* The seqno, against the one that was acknowledged. */
enum mark { MARK_NONE, MARK_SAME, MARK_NEXT };
/* How much an item may lean on. */
enum level { LEVEL_ALL, LEVEL_NOTHING, LEVEL_WHOLE };

/* By how much the seqno of a class is newer than that of the base. */
static int ahead_of(const struct claim *claims, unsigned class)
{
	return (int16_t)(uint16_t)(claims[class].seqno - claims[BABEL_TEXT].seqno);
}

/* All that is finite has the origin of the base, a seqno that is at most so far from its, and fits the bytes of an
 * item. */
static bool claims_are_near(const struct claim *claims, int most)
{
	bool is_near = claims[BABEL_TEXT].metric != BABEL_INFINITY;

	for (unsigned c = 1; c < BABEL_CLASSES; c++) {
		const struct claim *claim = &claims[c];

		if (claim->metric == BABEL_INFINITY)
			continue;
		is_near &= abs(ahead_of(claims, c)) <= most && router_id_equal(&claim->origin, &claims->origin) &&
			   log_decode(log_encode(claim->metric)) == claim->metric;
	}
	return is_near;
}

static bool claims_are_even(const struct claim *claims)
{
	return claims_are_near(claims, 0);
}

/* --- marks --------------------------------------------------------------------------------- */

static uint8_t mark_at(const struct session *s, unsigned index)
{
	return index < s->out.mark_capacity ? s->out.marks[index] : 0;
}

static void mark_set(struct session *s, unsigned index, uint8_t mark)
{
	struct session_out *out = &s->out;

	if (index >= out->mark_capacity) {
		unsigned capacity = out->capacity > index ? out->capacity : index + 1;
		uint8_t *marks = mark ? realloc(out->marks, capacity) : NULL;

		if (!marks)
			return; /* no mark: it leans on nothing */
		memset(marks + out->mark_capacity, 0, capacity - out->mark_capacity);
		out->marks = marks;
		out->mark_capacity = capacity;
	}
	out->marks[index] = mark;
}

static enum level level_of(uint8_t mark)
{
	return (enum level)((mark & MARK_LEVEL) >> MARK_LEVEL_SHIFT);
}

static uint8_t with_level(uint8_t mark, enum level level)
{
	return (uint8_t)((mark & ~MARK_LEVEL) | (unsigned)level << MARK_LEVEL_SHIFT);
}

/* The same metrics in the same classes, which all have the seqno of the base. */
static bool metrics_are_same(const struct claim *before, const struct claim *next)
{
	bool is_same = true;

	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		is_same &= before[c].metric == next[c].metric;
	return is_same && claims_are_even(before) && claims_are_even(next);
}

/* How `next` stands to what was acknowledged, if that is `steps` seqnos behind `before`. */
static uint8_t mark_of(const struct claim *before, const struct claim *next, unsigned steps, bool is_same_metric)
{
	unsigned ahead = (uint16_t)(next->seqno - before->seqno) + steps;

	if (next->metric == BABEL_INFINITY || !router_id_equal(&before->origin, &next->origin) || ahead > 1)
		return MARK_NONE;
	return (uint8_t)((ahead ? MARK_NEXT : MARK_SAME) |
			 (is_same_metric && metrics_are_same(before, next) ? MARK_SAME_METRIC : 0));
}

void compact_committed(
	struct session *s, unsigned index, const struct adj_out *before, const struct claim next[BABEL_CLASSES])
{
	uint8_t old = mark_at(s, index), mark = MARK_NONE;
	bool is_acked = before->ver <= s->out.acked;
	enum level level = level_of(old);

	if (!s->is_compact)
		return;
	if (before->ver && before->claims[BABEL_TEXT].metric != BABEL_INFINITY) {
		if (is_acked)
			mark = mark_of(before->claims, next, 0, true);
		else if ((old & MARK_SEQNO) != MARK_NONE)
			mark = mark_of(before->claims, next, (old & MARK_SEQNO) == MARK_NEXT, old & MARK_SAME_METRIC);
	}
	if (level == LEVEL_NOTHING && is_acked)
		level = LEVEL_ALL;
	mark_set(s, index, with_level(mark, level));
}

void compact_forgotten(struct session *s, unsigned index)
{
	if (s->is_compact)
		mark_set(s, index, 0);
}

void compact_begin(struct session *s)
{
	if (s->out.mark_capacity)
		memset(s->out.marks, 0, s->out.mark_capacity);
}

/* --- items ------------------------------------------------------------------------------------ */

static const struct adj_out *entry_of(const struct session *s, const struct prefix *prefix)
{
	const struct destination *d = destination_find(s->n->b, prefix);

	return d ? adj_out_find(s, d) : NULL;
}

static unsigned index_of(const struct session *s, const struct adj_out *e)
{
	return (unsigned)(e - s->out.entries);
}

/* Nothing of the entry can be finite at the neighbour, once it has what comes. */
static bool entry_is_lost(const struct adj_out *e)
{
	return !e || !claims_are_finite(e->claims);
}

static bool entries_are_alike(const struct adj_out *e, uint8_t mark, const struct adj_out *f, uint8_t other)
{
	if (entry_is_lost(e) || entry_is_lost(f))
		return entry_is_lost(e) && entry_is_lost(f) && level_of(other) != LEVEL_WHOLE;
	bool is_alike = mark == other;

	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		const struct claim *x = &e->claims[c], *y = &f->claims[c];

		is_alike &= x->metric == y->metric;
		if (x->metric != BABEL_INFINITY)
			is_alike &= x->seqno == y->seqno && router_id_equal(&x->origin, &y->origin);
	}
	return is_alike;
}

/* One item for all prefixes of the member? */
static bool member_is_alike(
	const struct session *s, const struct babel_member *m, const struct adj_out *e, uint8_t mark)
{
	struct prefix prefix;

	for (unsigned i = 0; member_prefix_at(m, true, i, &prefix); i++) {
		const struct adj_out *f = entry_of(s, &prefix);

		if (!entries_are_alike(e, mark, f, f ? mark_at(s, index_of(s, f)) : 0))
			return false;
	}
	return m->lan_count > 0;
}

static bool member_has(const struct babel_member *m, const struct prefix *prefix)
{
	struct prefix p;

	for (unsigned i = 0; member_prefix_at(m, true, i, &p); i++)
		if (prefix_equal(&p, prefix))
			return true;
	return false;
}

static void item_finish(struct compact_item *item, const struct babel_member *m, const struct adj_out *e, uint8_t mark)
{
	const struct claim *base = &e->claims[BABEL_TEXT];
	bool leans = level_of(mark) == LEVEL_ALL;
	enum mark seqno = leans ? (enum mark)(mark & MARK_SEQNO) : MARK_NONE;

	if (entry_is_lost(e)) {
		item->kind = COMPACT_RETRACTION;
		return;
	}
	if (seqno == MARK_NEXT && mark & MARK_SAME_METRIC) {
		item->kind = COMPACT_BUMPED;
		return;
	}
	item->kind = COMPACT_FINITE;
	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		if (e->claims[c].metric == BABEL_INFINITY)
			continue;
		item->metric[c] = e->claims[c].metric;
		item->ahead[c] = (int8_t)(c == BABEL_TEXT ? 0 : ahead_of(e->claims, c));
		item->classes |= (uint8_t)(c == BABEL_TEXT ? 0 : 1u << c);
	}
	item->seqno = base->seqno;
	memcpy(item->salt, base->origin.bytes, COMPACT_SALT);
	if (seqno != MARK_NONE)
		item->how = seqno == MARK_NEXT ? COMPACT_NEXT : COMPACT_KNOWN;
	else
		item->how = router_id_equal(&base->origin, &m->origin) ? COMPACT_GIVEN : COMPACT_SALTED;
}

/* False: only an Update says it. */
static bool item_of(
	const struct session *s, const struct destination *d, const struct adj_out *e, struct compact_item *item)
{
	uint8_t mark = mark_at(s, d->index);
	struct babel_member m;

	*item = (struct compact_item){ 0 };
	if (level_of(mark) == LEVEL_WHOLE || !member_of_origin(s->n->b, &e->claims[BABEL_TEXT].origin, &m) ||
		!member_has(&m, &d->prefix))
		return false;
	if (!entry_is_lost(e) && !claims_are_near(e->claims, INT8_MAX))
		return false;
	item->id = m.short_id;
	item->with_lans = member_is_alike(s, &m, e, mark);
	if (!item->with_lans && !prefix_equal(&d->prefix, &m.host))
		return false;
	item_finish(item, &m, e, mark);
	return true;
}

/* --- runs ---------------------------------------------------------------------------------------- */

/* Would an item of this kind, said of this member as well, be wrong? */
static bool member_is_harmed(const struct session *s, const struct babel_member *m, const struct compact_item *item)
{
	struct prefix prefix;

	for (unsigned i = 0; member_prefix_at(m, true, i, &prefix); i++) {
		const struct adj_out *e = entry_of(s, &prefix);
		bool is_said = item->kind == COMPACT_RETRACTION && (i == 0 || item->with_lans);

		if (is_said ? !entry_is_lost(e) : e != NULL)
			return true;
	}
	return false;
}

static bool item_goes_on(const struct session *s, const struct compact_item *run, const struct compact_item *next)
{
	unsigned last = run->id + run->more;
	struct babel_member m;

	if (run->kind == COMPACT_FINITE || run->kind != next->kind || run->with_lans != next->with_lans ||
		next->id - last > MEMBER_GAP)
		return false;
	for (unsigned id = last + 1; member_next(s->n->b, &id, next->id - 1u, &m);)
		if (member_is_harmed(s, &m, run))
			return false;
	return true;
}

static void crowd_merge(struct crowd *c)
{
	unsigned count = 0;

	for (unsigned i = 0; i < c->count; i++) {
		const struct compact_item *item = &c->items[i];

		if (count > 0 && item_goes_on(c->s, &c->items[count - 1], item)) {
			struct compact_item *run = &c->items[count - 1];

			run->more = (uint16_t)(item->id + item->more - run->id);
		} else {
			c->items[count++] = *item;
		}
	}
	c->count = count;
}

/* --- lists ------------------------------------------------------------------------------------------ */

/* What lets most seqnos do without bytes of their own. */
static uint16_t base_seqno_of(const struct compact_item *items, unsigned count)
{
	uint16_t best = 0;
	unsigned most = 0;

	for (unsigned i = 0; i < count && i < COMPACT_LIST_MAX / 4; i++) {
		unsigned hits = 0;

		if (items[i].kind != COMPACT_FINITE || items[i].how != COMPACT_GIVEN)
			continue;
		for (unsigned k = 0; k < count && k < COMPACT_LIST_MAX / 4; k++)
			hits += items[k].how == COMPACT_GIVEN && (uint16_t)(items[k].seqno - items[i].seqno) < 4;
		if (hits > most) {
			most = hits;
			best = items[i].seqno;
		}
	}
	return best;
}

/* As many of the items as fit into one list; returns how many. */
static unsigned list_fill(struct list_writer *l, uint16_t base_seqno, const struct compact_item *items, unsigned count)
{
	unsigned done = 0;

	while (done < count && compact_write(l, base_seqno, &items[done]))
		done++;
	return done;
}

static size_t crowd_measure(const struct crowd *c)
{
	uint8_t room[COMPACT_LIST_MAX];
	size_t size = 0;

	for (unsigned at = 0; at < c->count;) {
		const struct compact_item *items = &c->items[at];
		struct list_writer l = list_writer_of(room, sizeof(room), items->id);

		at += list_fill(&l, base_seqno_of(items, c->count - at), items, c->count - at);
		size += LIST_HEAD + writer_len(&l.w);
	}
	return size;
}

/* Where an item with this id stands, or would; a run counts for all of its ids. */
static unsigned crowd_place(const struct crowd *c, uint16_t id)
{
	unsigned low = 0, high = c->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if ((unsigned)c->items[middle].id + c->items[middle].more < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Something is said of its member already: of another of its prefixes, or with a row in which it stands. */
static bool crowd_has(const struct crowd *c, uint16_t id)
{
	unsigned at = crowd_place(c, id);

	return at < c->count && c->items[at].id <= id;
}

/* Nothing is said of its member yet. Returns where it stands. */
static unsigned crowd_insert(struct crowd *c, const struct compact_item *item)
{
	unsigned at = crowd_place(c, item->id);

	memmove(&c->items[at + 1], &c->items[at], (c->count - at) * sizeof(*item));
	c->items[at] = *item;
	c->count++;
	c->size += ITEM_MOST + LIST_HEAD;
	return at;
}

static void crowd_remove(struct crowd *c, unsigned at)
{
	c->count--;
	memmove(&c->items[at], &c->items[at + 1], (c->count - at) * sizeof(c->items[0]));
}

void crowd_init(struct crowd *c, struct session *s)
{
	c->s = s;
	c->count = 0;
	c->size = 0;
}

enum crowd_verdict crowd_take(struct crowd *c, const struct destination *d, const struct adj_out *e, size_t room)
{
	struct compact_item item;

	if (!item_of(c->s, d, e, &item))
		return CROWD_NOT_COMPACT;
	if (crowd_has(c, item.id))
		return CROWD_TAKEN;
	if (c->count == CROWD_MAX)
		crowd_merge(c);
	if (crowd_has(c, item.id))
		return CROWD_TAKEN;
	if (c->count == CROWD_MAX)
		return CROWD_FULL;
	unsigned at = crowd_insert(c, &item);
	if (c->size > room)
		c->size = crowd_measure(c);
	if (c->size <= room)
		return CROWD_TAKEN;
	crowd_remove(c, at);
	crowd_merge(c);
	c->size = crowd_measure(c);
	if (crowd_has(c, item.id))
		return CROWD_TAKEN;
	at = crowd_insert(c, &item);
	c->size = crowd_measure(c);
	if (c->size <= room)
		return CROWD_TAKEN;
	crowd_remove(c, at);
	c->size = crowd_measure(c);
	return CROWD_FULL;
}

/* What the receiver makes of a run depends on what it has: a lost one is safe whatever it stands for. */
static uint16_t item_check(const struct session *s, const struct compact_item *item)
{
	static const struct claim lost[BABEL_CLASSES] = {
		{ .metric = BABEL_INFINITY },
		{ .metric = BABEL_INFINITY },
		{ .metric = BABEL_INFINITY },
	};
	uint16_t check = 0;
	struct babel_member m;
	struct prefix prefix;

	if (item->kind == COMPACT_RETRACTION && item->more > 0)
		return 0;
	unsigned last = (unsigned)item->id + item->more;

	for (unsigned id = item->id; member_next(s->n->b, &id, last, &m);) {
		for (unsigned i = 0; member_prefix_at(&m, item->with_lans, i, &prefix); i++) {
			const struct adj_out *e = entry_of(s, &prefix);

			if (item->kind == COMPACT_RETRACTION)
				check += compact_check(s->out.key, &prefix, lost);
			else if (e)
				check += compact_check(s->out.key, &prefix, e->claims);
		}
	}
	return check;
}

void crowd_write(struct crowd *all, struct packet *p)
{
	uint8_t room[COMPACT_LIST_MAX];
	struct crowd merged = *all;

	crowd_merge(&merged);
	/* Shorter, unless other items come to share a base. */
	const struct crowd *c = crowd_measure(&merged) <= all->size ? &merged : all;
	for (unsigned at = 0, done; at < c->count; at += done) {
		const struct compact_item *items = &c->items[at];
		struct babel_tlv tlv = { .type = TLV_COMPACT };
		struct list_writer l = list_writer_of(room, sizeof(room), items->id);

		tlv.u.compact.base_id = items->id;
		tlv.u.compact.base_seqno = base_seqno_of(items, c->count - at);
		done = list_fill(&l, tlv.u.compact.base_seqno, items, c->count - at);
		for (unsigned i = 0; i < done; i++)
			tlv.u.compact.check += item_check(c->s, &items[i]);
		tlv.u.compact.items = writer_bytes(&l.w);
		int error = wire_write(&p->builder, &tlv);
		assert(!error); /* they were measured */
		c->s->n->b->counters.compacts_sent++;
	}
}

/* --- what was not understood ----------------------------------------------------------------------- */

void compact_refused(struct session *s, struct bytes whole, bool is_unknown)
{
	struct list_reader l = list_reader_of(whole, 0);
	struct babel_member m;
	struct prefix prefix;
	uint16_t id;

	while (id_read(&l, &id)) {
		if (!member_of_id(s->n->b, id, &m))
			continue;
		for (unsigned i = 0; member_prefix_at(&m, true, i, &prefix); i++) {
			const struct adj_out *e = entry_of(s, &prefix);

			if (!e)
				continue;
			uint8_t mark = mark_at(s, index_of(s, e));
			bool is_bare = is_unknown || level_of(mark) != LEVEL_ALL;
			mark_set(s, index_of(s, e), with_level(mark, is_bare ? LEVEL_WHOLE : LEVEL_NOTHING));
		}
	}
}

const struct claim *compact_told(const struct session *s, const struct prefix *prefix, unsigned class)
{
	const struct adj_out *e = entry_of(s, prefix);

	return e && e->claims[class].metric != BABEL_INFINITY ? &e->claims[class] : NULL;
}

bool compact_is_newer_under_way(const struct session *s, const struct prefix *prefix)
{
	const struct adj_out *e = entry_of(s, prefix);

	return e && e->ver > s->out.acked && (mark_at(s, index_of(s, e)) & MARK_SEQNO) != MARK_SAME;
}
