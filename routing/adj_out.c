/*
 * AdjOut: what one versioned neighbour was told, or is being told.
 *
 *           commit                    commit                  commit
 *   nothing ──────► finite, version v ──────► finite, v' ... ──────► retraction, v"
 *      ▲                                                                  │
 *      └──────────────────────── acknowledged up to v" ───────────────────┘
 *
 * Entries hang together in the order of their versions, so what came after a
 * version is the tail of that list: it is sent from the table, never from a log,
 * and what is overtaken by a newer commit is not sent at all (R4).
 *
 * A finite entry pins the feasibility distances of its origins: each refresh says
 * it again (R8).
 *
 * An entry has what was said in every class, and one version: what is said anew is
 * said of all of them.
 */
#include "routing/compact.h"

#include <stdlib.h>
#include <string.h>

#define VER_MAX UINT32_C(0x7fffffff) /* then a new epoch */
#define CHUNK_SPAN 0xffffu /* versions in one delta: its begin has 16 bits */
#define DELTA_ROOM 14 /* of one that does not begin a full sync */
#define CHUNK_ROOM 192 /* header, and updates of all classes of one prefix, of any kind */
_Static_assert(BABEL_HEADER + DELTA_ROOM + CHUNK_ROOM <= BUDGET_PACKET_MIN, "what a budget allows brings something");

uint64_t adj_hash(const uint64_t key[2], const struct prefix *prefix, const struct claim claims[BABEL_CLASSES])
{
	uint8_t bytes[2 + sizeof(prefix->address.bytes) + BABEL_CLASSES * (sizeof(router_id) + 5)];
	struct writer w = writer_of(bytes, sizeof(bytes));

	write_u8(&w, prefix->address.family);
	write_u8(&w, prefix->plen);
	write_copy(&w, prefix->address.bytes, sizeof(prefix->address.bytes));
	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		if (claims[c].metric == BABEL_INFINITY)
			continue;
		if (c != BABEL_TEXT)
			write_u8(&w, (uint8_t)c);
		write_copy(&w, claims[c].origin.bytes, sizeof(claims[c].origin.bytes));
		write_u16(&w, claims[c].seqno);
		write_u16(&w, claims[c].metric);
	}
	return siphash24(key, writer_bytes(&w));
}

/* --- the table ------------------------------------------------------------------------ */

static struct adj_out *entry_at(const struct session *s, unsigned place)
{
	return &s->out.entries[place - 1];
}

const struct adj_out *adj_out_find(const struct session *s, const struct destination *d)
{
	const struct adj_out *e = d->index < s->out.capacity ? &s->out.entries[d->index] : NULL;

	return e && e->ver ? e : NULL;
}

/* NULL: out of memory. */
static struct adj_out *entry_get(struct session *s, const struct destination *d)
{
	struct session_out *out = &s->out;

	if (d->index >= out->capacity) {
		unsigned capacity = d->index + 1 + d->index / 4 + 8;
		struct adj_out *entries = realloc(out->entries, capacity * sizeof(*entries));

		if (!entries)
			return NULL;
		memset(entries + out->capacity, 0, (capacity - out->capacity) * sizeof(*entries));
		out->entries = entries;
		out->capacity = capacity;
	}
	return &out->entries[d->index];
}

static void entry_unlink(struct session_out *out, const struct adj_out *e)
{
	if (out->written == (unsigned)(e - out->entries) + 1)
		out->written = 0;
	if (e->older)
		out->entries[e->older - 1].newer = e->newer;
	else
		out->oldest = e->newer;
	if (e->newer)
		out->entries[e->newer - 1].older = e->older;
	else
		out->newest = e->older;
}

/* Before the entry at that place; 0: behind all. */
static void entry_insert(struct session_out *out, struct adj_out *e, unsigned before)
{
	unsigned place = (unsigned)(e - out->entries) + 1;

	e->newer = before;
	e->older = before ? out->entries[before - 1].older : out->newest;
	if (e->older)
		out->entries[e->older - 1].newer = place;
	else
		out->oldest = place;
	if (before)
		out->entries[before - 1].older = place;
	else
		out->newest = place;
}

/* Before all that was never mentioned, as it was not: only their order is theirs. */
static void entry_put_first(struct session_out *out, struct adj_out *e)
{
	uint32_t never = out->is_full && out->full_from > out->said ? out->full_from : out->said;
	unsigned first = (unsigned)(e - out->entries) + 1;

	while (out->entries[first - 1].older && out->entries[out->entries[first - 1].older - 1].ver > never) {
		struct adj_out *before = &out->entries[out->entries[first - 1].older - 1];
		uint32_t ver = before->ver;

		before->ver = e->ver;
		e->ver = ver;
		first = out->entries[first - 1].older;
	}
	if (&out->entries[first - 1] == e)
		return;
	entry_unlink(out, e);
	entry_insert(out, e, first);
}

/* The first entry whose version is after `ver`; 0: none. */
static unsigned place_after(const struct session *s, uint32_t ver)
{
	unsigned found = 0, written = s->out.written;

	/* Most packets go on where the last one ended: a table is not walked through for each of its parts. */
	if (written && entry_at(s, written)->ver == ver)
		return entry_at(s, written)->newer;
	for (unsigned place = s->out.newest; place && entry_at(s, place)->ver > ver; place = entry_at(s, place)->older)
		found = place;
	return found;
}

/* Counts a finite entry in, or out. */
static void entry_count(struct session *s, const struct destination *d, const struct adj_out *e, bool is_there)
{
	uint64_t hash = adj_hash(s->out.key, &d->prefix, e->claims);

	s->out.digest += is_there ? hash : 0 - hash;
	s->out.count += is_there ? 1 : (size_t)-1;
}

/* --- epochs ----------------------------------------------------------------------------- */

static void epoch_draw(struct session *s)
{
	struct session_out *out = &s->out;
	struct random *random = &s->n->b->config.random;

	out->epoch = random_u32(random);
	random_fill(random, out->key, sizeof(out->key));
	out->is_followed = false;
	out->is_full = true;
	out->full_from = out->acked = out->sent = out->said = out->ver = out->urgent = 0;
	out->timed_ver = 0;
	outstanding_forget(&out->outstanding);
}

void adj_out_init(struct session *s)
{
	epoch_draw(s);
	s->out.ver = 1; /* an empty table is said, too */
}

/* Versions begin anew under another epoch and key. */
static void epoch_renew(struct session *s)
{
	struct session_out *out = &s->out;

	epoch_draw(s);
	compact_begin(s);
	out->digest = 0;
	out->count = 0;
	for (unsigned place = out->oldest; place; place = entry_at(s, place)->newer) {
		struct adj_out *e = entry_at(s, place);

		e->ver = ++out->ver;
		if (claims_are_finite(e->claims))
			entry_count(s, destination_at(s->n->b, place - 1), e, true);
	}
	out->ver++;
}

void adj_out_full(struct session *s, uint64_t now_us)
{
	struct session_out *out = &s->out;

	if (out->ver + out->capacity + 1 > VER_MAX) {
		epoch_renew(s);
	} else {
		compact_begin(s);
		out->is_full = true;
		out->full_from = out->ver;
		for (unsigned place = out->oldest; place; place = entry_at(s, place)->newer)
			entry_at(s, place)->ver = ++out->ver;
		out->ver++;
		out->sent = out->full_from;
	}
	out->full_us = now_us;
	outstanding_forget(&out->outstanding);
	out->owes_refresh = true;
}

/* --- commits ------------------------------------------------------------------------------ */

/* What holds with each refresh from now on, and what held until now. */
static void claims_pin(struct destination *d, const struct claim claims[BABEL_CLASSES])
{
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		if (claims[c].metric != BABEL_INFINITY)
			source_pin(d, &claims[c].origin);
}

static void claims_unpin(
	struct destination *d, uint64_t now_us, const struct claim claims[BABEL_CLASSES], uint64_t hold_us)
{
	for (unsigned c = 0; c < BABEL_CLASSES; c++)
		if (claims[c].metric != BABEL_INFINITY)
			source_unpin(d, now_us, &claims[c].origin, hold_us);
}

/* Origins and seqnos of what is retracted stay as they were: they mean nothing. A
 * version that was never mentioned is written over: at the end of the list it would
 * wait anew, and on a thin link what changes often would never be said. */
static void commit_write(struct session *s, struct destination *d, struct adj_out *e, const struct claim *want)
{
	struct session_out *out = &s->out;
	bool is_unsaid = e->ver > out->said;

	compact_committed(s, d->index, e, want);
	if (e->ver) {
		if (claims_are_finite(e->claims))
			entry_count(s, d, e, false);
		if (!is_unsaid)
			entry_unlink(out, e);
	} else {
		d->told_sessions++;
	}
	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		if (want[c].metric != BABEL_INFINITY)
			e->claims[c] = want[c];
		else
			e->claims[c].metric = BABEL_INFINITY;
	}
	if (!is_unsaid)
		e->ver = ++out->ver;
	if (claims_are_finite(e->claims))
		entry_count(s, d, e, true);
	if (is_unsaid)
		return;
	entry_insert(out, e, 0);
	if (out->ver == VER_MAX)
		epoch_renew(s);
}

static void commit(
	struct session *s, struct destination *d, struct adj_out *e, const struct claim *want, uint64_t now_us)
{
	struct claim before[BABEL_CLASSES];

	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		before[c] = e->claims[c];
		if (!e->ver)
			before[c].metric = BABEL_INFINITY;
	}
	claims_pin(d, want);
	commit_write(s, d, e, want);
	claims_unpin(d, now_us, before, link_update_hold_us(s->n->link));
}

/* Nothing is due, but perhaps it will be. */
static void commit_later(const struct session *s, struct destination *d, const struct claim *told,
	const struct claim *want, uint64_t now_us, enum commit why)
{
	for (unsigned c = 0; c < d->b->config.classes; c++) {
		if (want[c].metric == BABEL_INFINITY)
			continue;
		if (why == COMMIT_CHANGED && news_has_moved(s, d, c, told[c].metric, want[c].metric))
			session_settles(d, now_us);
		else if (news_has_drifted(s, d, c, told[c].metric, want[c].metric))
			session_drifts(d, now_us);
	}
}

/* Before finite values are said (3.7.3): what cannot be accounted for is not. */
static void commit_account(struct session *s, struct destination *d, struct claim *want, uint64_t now_us)
{
	uint64_t hold_us = link_update_hold_us(s->n->link);

	for (unsigned c = 0; c < d->b->config.classes; c++)
		if (want[c].metric != BABEL_INFINITY && !source_update(d, now_us, c, &want[c], hold_us))
			want[c].metric = BABEL_INFINITY;
}

/* What is lost has no seqno and no origin. */
static bool claim_is_same(const struct claim *told, const struct claim *want)
{
	if (want->metric == BABEL_INFINITY)
		return told->metric == BABEL_INFINITY;
	return told->metric == want->metric && told->seqno == want->seqno &&
	       router_id_equal(&told->origin, &want->origin);
}

/* What is asked for again over a thin link is on its way already: it is said until it is acknowledged, and each further
 * commit would have it said once more. */
static bool answer_is_under_way(const struct session *s, const struct adj_out *told, const struct claim *want)
{
	bool is_same = told && told->ver > s->out.acked && s->n->link->config.is_thin;

	for (unsigned c = 0; c < s->n->b->config.classes && is_same; c++)
		is_same = claim_is_same(&told->claims[c], &want[c]);
	return is_same;
}

bool adj_out_commit(struct session *s, struct destination *d, uint64_t now_us, enum commit why)
{
	struct claim claims[BABEL_CLASSES];

	destination_claims(d, claims);
	return adj_out_commit_claims(s, d, claims, now_us, why);
}

bool adj_out_commit_claims(struct session *s, struct destination *d, const struct claim claims[BABEL_CLASSES],
	uint64_t now_us, enum commit why)
{
	const struct adj_out *told = adj_out_find(s, d);
	struct claim want[BABEL_CLASSES];
	/* Lost, of another origin, asked for: at once. What appears or drifts may gather. */
	bool is_due = false, is_urgent = why == COMMIT_FORCED, may_turn = false;

	news_wanted(s, d, claims, want);
	if (why == COMMIT_FORCED && answer_is_under_way(s, told, want))
		return false;
	for (unsigned c = 0; c < d->b->config.classes; c++) {
		const struct claim *before = told ? &told->claims[c] : NULL;
		enum news kind = news_kind(before, &claims[c]);

		is_due |= news_is_due(s, d, c, before, &want[c], why);
		is_urgent |= kind != NEWS_LITTLE;
		may_turn |= kind == NEWS_ORIGIN && want[c].metric == BABEL_INFINITY;
	}
	if (!is_due) {
		if (told)
			commit_later(s, d, told->claims, want, now_us, why);
		return false;
	}
	if (d->is_own)
		seqno_keep(d->b);
	commit_account(s, d, want, now_us);
	struct adj_out *e = claims_are_finite(want) || told ? entry_get(s, d) : NULL;
	if (!e)
		return false;
	commit(s, d, e, want, now_us);
	if (may_turn && e->ver > s->out.said)
		entry_put_first(&s->out, e);
	s->out.is_urgent |= is_urgent;
	return true;
}

/* --- acknowledgments ------------------------------------------------------------------------- */

static void retraction_forget(struct session *s, uint64_t now_us, struct destination *d, struct adj_out *e)
{
	entry_unlink(&s->out, e);
	compact_forgotten(s, d->index);
	*e = (struct adj_out){ 0 };
	d->told_sessions--;
	destination_told(d, now_us);
}

void adj_out_acked(struct session *s, uint64_t now_us, uint32_t applied)
{
	uint32_t before = s->out.acked;

	s->out.acked = applied;
	for (unsigned place = s->out.newest, older; place && entry_at(s, place)->ver > before; place = older) {
		struct adj_out *e = entry_at(s, place);

		older = e->older;
		if (e->ver <= applied && !claims_are_finite(e->claims))
			retraction_forget(s, now_us, destination_at(s->n->b, place - 1), e);
	}
}

void adj_out_done(struct session *s, uint64_t now_us)
{
	struct babel *b = s->n->b;
	uint64_t until_us = s->out.granted_until_us;

	for (unsigned i = 0; i < s->out.capacity; i++) {
		struct adj_out *e = &s->out.entries[i];
		struct destination *d = e->ver ? destination_at(b, i) : NULL;

		if (!d)
			continue;
		claims_unpin(d, now_us, e->claims, link_update_hold_us(s->n->link));
		d->told_sessions--;
		destination_forgotten(d, now_us, until_us);
	}
	free(s->out.entries);
	free(s->out.marks);
}

/* --- deltas ---------------------------------------------------------------------------------------- */

static struct babel_tlv entry_tlv(
	const struct session *s, const struct destination *d, enum babel_class class, const struct claim *claim)
{
	struct babel_tlv tlv = { .type = TLV_UPDATE };

	update_next_hop(s->n->link, &d->prefix, &tlv);
	tlv.u.update.prefix = d->prefix;
	tlv.u.update.class = (uint8_t) class;
	tlv.u.update.interval_cs = UINT16_MAX; /* not repeated (4.6.9) */
	tlv.u.update.seqno = claim->seqno;
	tlv.u.update.metric = claim->metric;
	tlv.u.update.origin = claim->origin;
	return tlv;
}

/* All of an entry, or nothing: the base, and whatever other class is finite behind it.
 * Those that are not named are not there. */
static bool entry_write(struct session *s, struct packet *p, const struct destination *d, const struct adj_out *e)
{
	const struct wire_builder before = p->builder;

	for (unsigned c = 0; c < BABEL_CLASSES; c++) {
		if (c != BABEL_TEXT && e->claims[c].metric == BABEL_INFINITY)
			continue;
		struct babel_tlv tlv = entry_tlv(s, d, c, &e->claims[c]);

		if (wire_write(&p->builder, &tlv)) {
			p->builder = before;
			return false;
		}
		s->n->b->counters.updates_sent++;
	}
	return true;
}

static struct babel_tlv delta_head(struct session *s)
{
	struct session_out *out = &s->out;
	struct babel_tlv head = { .type = TLV_DELTA };

	if (out->is_full && out->sent <= out->full_from) {
		out->sent = out->full_from;
		head.u.delta.begin = true;
		head.u.delta.interval_cs = s->n->link->config.update_interval_cs;
		head.u.delta.key[0] = out->key[0];
		head.u.delta.key[1] = out->key[1];
	}
	head.u.delta.urgent = session_says_urgent(s) || (s->is_compact && out->is_first);
	head.u.delta.epoch = out->epoch;
	head.u.delta.from = head.u.delta.ver = out->sent;
	return head;
}

/* Those that follow: one after the next, and where the next one leads. */
static void entries_fetch(const struct session *s, unsigned place)
{
	unsigned next = entry_at(s, place)->newer, second = next ? entry_at(s, next)->newer : 0;

	if (!second)
		return;
	fetch(entry_at(s, second), 1);
	fetch(destination_at(s->n->b, second - 1), 1);
}

/* Both return the place of the first entry up to `limit` that did not fit; 0: all did. */
static unsigned entries_write(struct session *s, struct packet *p, unsigned place, uint32_t limit)
{
	struct session_out *out = &s->out;

	for (; place && entry_at(s, place)->ver <= limit; place = entry_at(s, place)->newer) {
		entries_fetch(s, place);
		if (!entry_write(s, p, destination_at(s->n->b, place - 1), entry_at(s, place)))
			return place;
		out->sent = entry_at(s, place)->ver;
		out->written = place;
	}
	return 0;
}

/* Updates as they come, the lists behind them. */
static unsigned entries_write_compact(struct session *s, struct packet *p, unsigned place, uint32_t limit)
{
	struct crowd crowd;
	enum crowd_verdict verdict = CROWD_TAKEN;

	crowd_init(&crowd, s);
	for (; place && entry_at(s, place)->ver <= limit; place = entry_at(s, place)->newer) {
		const struct destination *d = destination_at(s->n->b, place - 1);
		const struct adj_out *e = entry_at(s, place);
		size_t room = writer_left(&p->builder.packet);

		verdict = crowd_take(&crowd, d, e, room);
		/* In the smallest packet behind the longest head there is room for one, if for it alone. */
		bool may_fit = crowd.count == 0 || room >= crowd.size + CHUNK_ROOM;
		bool is_written = verdict == CROWD_NOT_COMPACT && may_fit && entry_write(s, p, d, e);

		if (!is_written && verdict != CROWD_TAKEN) {
			crowd_write(&crowd, p);
			return place;
		}
		s->out.sent = e->ver;
		s->out.written = place;
	}
	crowd_write(&crowd, p);
	return 0;
}

void adj_out_write(struct session *s, struct packet *p, uint64_t now_us)
{
	struct session_out *out = &s->out;
	struct babel_tlv head = delta_head(s);
	uint32_t limit = out->ver - out->sent > CHUNK_SPAN ? out->sent + CHUNK_SPAN : out->ver;
	unsigned place = place_after(s, out->sent);

	if (writer_left(&p->builder.packet) < DELTA_ROOM + CHUNK_ROOM)
		packet_send(p);
	size_t at = writer_len(&p->builder.packet);
	packet_write(p, &head);
	bool is_cut = s->is_compact ? entries_write_compact(s, p, place, limit) : entries_write(s, p, place, limit);
	if (!is_cut)
		out->sent = limit;
	out->said = out->sent > out->said ? out->sent : out->said;
	head.u.delta.ver = out->sent;
	head.u.delta.end = out->is_full && out->sent == out->ver;
	wire_amend(&p->builder, at, &head);
	/* What brings nothing is not acknowledged. */
	if (out->sent > head.u.delta.from)
		outstanding_add(&out->outstanding, now_us, out->sent);
	if (out->is_full)
		out->granted_until_us = now_us + link_update_hold_us(s->n->link);
	if (out->timed_ver == 0) {
		out->timed_ver = out->sent;
		out->timed_us = now_us;
		out->timed_copies = 0;
	} else if (head.u.delta.from < out->timed_ver) {
		out->timed_copies++;
		out->timed_copy_us = now_us;
	}
	if (is_cut)
		packet_send(p);
}
