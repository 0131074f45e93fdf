/*
 * Who has the list of who is out (revoke.c), as far as it has come round: a set of members
 * that only grows, by their serials, which each node joins with those of its neighbours.
 *
 *   list acted on ─► {self} ─► AWARE to neighbours with the same list ─► union ─► AWARE on ...
 *
 * No ways are counted, so ways may change and join again: nobody is counted twice. What
 * was told may get lost, so each end says what its set comes to, and what it last heard
 * that the other's does:
 *
 *   mine == theirs, and they know it   nothing is said
 *   there is more to tell              at the link's pace, inside its routine budget
 *   mine != theirs                     all that it was not heard to have again, ever more seldom
 *   they do not know mine              once, in answer
 *
 * A list is not proof against members: whoever is one can say that another has it, and
 * gains that the team looks for it a little later. It is a figure for people; nothing is
 * decided by it.
 */
#include "meshd/node/state.h"

#include <stdlib.h>
#include <string.h>

#define THIN_PACES 4 /* between two of them on a thin link: what comes in drops goes on in one */
#define DOUBLINGS_MAX 6
#define UNASKED_MAX 16 /* bytes of a set that are told to who has said nothing of its own yet */
#define HEAD_LEN (1 + 4 + 2 + 2 + 2 + 2 + 2)
_Static_assert(HEAD_LEN + REVOCATION_BITMAP_MAX <= NODE_THIN_BODY, "the longest fits every link");

/* What a set comes to: how many, and a hash of who. */
struct sum {
	uint16_t count, hash;
};

/* Of the members that hold the list with this mark. */
struct aware {
	uint32_t mark;
	uint8_t all[REVOCATION_BITMAP_MAX];
	struct sum sum;
	struct timer timer;
	struct node *n;
};

/* What passed between a neighbour and us; of the list with this mark. */
struct aware_peer {
	uint32_t mark;
	uint8_t heard[REVOCATION_BITMAP_MAX]; /* from it: it has these */
	uint8_t told[REVOCATION_BITMAP_MAX]; /* ... or has been told */
	struct sum theirs, ours_there; /* as it said: of its own set; of ours when it heard of it last */
	bool is_asked; /* it did not know ours */
	uint64_t next_us; /* nothing is said before */
	unsigned says; /* since either set changed */
};

static bool sum_equal(struct sum a, struct sum b)
{
	return a.count == b.count && a.hash == b.hash;
}

static struct sum sum_of(const uint8_t all[REVOCATION_BITMAP_MAX])
{
	struct sum s = { 0 };
	uint8_t hash[16];

	for (size_t i = 0; i < REVOCATION_BITMAP_MAX; i++)
		s.count = (uint16_t)(s.count + __builtin_popcount(all[i]));
	hash_bytes(hash, sizeof(hash), bytes_of(all, REVOCATION_BITMAP_MAX), (struct bytes){ 0 });
	s.hash = (uint16_t)(hash[0] << 8 | hash[1]);
	return s;
}

/* --- sets --------------------------------------------------------------------------------- */

static bool set_has(const uint8_t all[REVOCATION_BITMAP_MAX], uint32_t serial)
{
	return serial && serial <= REVOCATION_SERIAL_MAX && all[(serial - 1) / 8] & 0x80 >> ((serial - 1) & 7);
}

static void set_add(uint8_t all[REVOCATION_BITMAP_MAX], uint32_t serial)
{
	if (serial && serial <= REVOCATION_SERIAL_MAX)
		all[(serial - 1) / 8] |= (uint8_t)(0x80 >> ((serial - 1) & 7));
}

/* What `all` has more than `less`: the bytes from *first up to the returned end that are not zero; 0: nothing. */
static size_t set_more(const uint8_t all[REVOCATION_BITMAP_MAX], const uint8_t less[REVOCATION_BITMAP_MAX],
	uint8_t more[REVOCATION_BITMAP_MAX], size_t *first)
{
	size_t end = 0;

	*first = 0;
	for (size_t i = 0; i < REVOCATION_BITMAP_MAX; i++) {
		more[i] = (uint8_t)(all[i] & ~less[i]);
		if (!more[i])
			continue;
		*first = end ? *first : i;
		end = i + 1;
	}
	return end;
}

/* --- saying ------------------------------------------------------------------------------- */

static uint64_t aware_pace_us(const struct node_link *link)
{
	return link_is_thin(link) ? THIN_PACES * link_pace_us(link) : SECOND;
}

static struct aware_peer *aware_of(struct peer *p)
{
	if (!p->aware)
		p->aware = calloc(1, sizeof(*p->aware));
	if (p->aware && p->aware->mark != p->n->aware->mark)
		*p->aware = (struct aware_peer){ .mark = p->n->aware->mark };
	return p->aware;
}

static bool is_spoken_to(const struct peer *p)
{
	return peer_is_told_of(p, CAPABILITY_AWARE) && p->n->aware && revoke_is_settled(p);
}

/* Has something to be said to it, now or later? */
static bool has_to_say(const struct aware *a, const struct aware_peer *ap)
{
	uint8_t more[REVOCATION_BITMAP_MAX];
	size_t first;

	return ap->is_asked || !sum_equal(a->sum, ap->theirs) || set_more(a->all, ap->told, more, &first);
}

/* What it is to be told next. */
static struct bytes aware_more(
	const struct aware *a, const struct aware_peer *ap, uint8_t more[REVOCATION_BITMAP_MAX], size_t *first)
{
	size_t end = set_more(a->all, ap->told, more, first);

	/* It was told all, and has not got it; what it has it has told. */
	if (!end && !ap->is_asked && ap->says)
		end = set_more(a->all, ap->heard, more, first);
	/* It may well have them: after a restart both have all. */
	if (!ap->theirs.count && end - *first > UNASKED_MAX)
		end = *first;
	return bytes_of(more + *first, end - *first);
}

static void aware_say(struct peer *p, uint64_t now_us, struct aware_peer *ap)
{
	const struct aware *a = p->n->aware;
	uint8_t room[HEAD_LEN + REVOCATION_BITMAP_MAX], all[REVOCATION_BITMAP_MAX];
	struct writer w = writer_of(room, sizeof(room));
	size_t first;
	struct bytes more = aware_more(a, ap, all, &first);
	uint64_t pause_us = aware_pace_us(p->link);

	write_u8(&w, CONTROL_AWARE);
	write_u32(&w, a->mark);
	write_u16(&w, a->sum.count);
	write_u16(&w, a->sum.hash);
	write_u16(&w, ap->theirs.count);
	write_u16(&w, ap->theirs.hash);
	write_u16(&w, (uint16_t)first);
	write_bytes(&w, more);
	if (!control_say(p, now_us, BABEL_NEED_ROUTINE, writer_bytes(&w), &ap->next_us))
		return;
	for (size_t i = 0; i < more.len; i++)
		ap->told[first + i] |= more.data[i];
	ap->is_asked = false;
	ap->next_us = now_us + (pause_us << (ap->says < DOUBLINGS_MAX ? ap->says : DOUBLINGS_MAX));
	ap->says++;
}

/* When it is to be looked at again; UINT64_MAX: when it is heard. */
static uint64_t peer_look(struct peer *p, uint64_t now_us)
{
	struct aware_peer *ap = is_spoken_to(p) ? aware_of(p) : NULL;

	if (!ap || !has_to_say(p->n->aware, ap))
		return UINT64_MAX;
	if (now_us >= ap->next_us)
		aware_say(p, now_us, ap);
	return has_to_say(p->n->aware, ap) ? ap->next_us : UINT64_MAX;
}

static void aware_due(struct timer *timer, uint64_t now_us)
{
	struct aware *a = container_of(timer, struct aware, timer);
	uint64_t next_us = UINT64_MAX;

	for (struct peer *p = peer_next(a->n, NULL); p; p = peer_next(a->n, p)) {
		uint64_t peer_us = peer_look(p, now_us);

		next_us = peer_us < next_us ? peer_us : next_us;
	}
	if (next_us != UINT64_MAX)
		timer_set(&a->n->heap, timer, next_us);
}

/* The set has grown: all are told, those soon who were told long ago. */
static void aware_grown(struct node *n, uint64_t now_us)
{
	n->aware->sum = sum_of(n->aware->all);
	for (struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p)) {
		uint64_t pace_us = aware_pace_us(p->link);

		if (!p->aware)
			continue;
		p->aware->says = 0;
		if (p->aware->next_us > now_us + pace_us)
			p->aware->next_us = now_us + pace_us;
	}
	timer_set_earlier(&n->heap, &n->aware->timer, now_us + SECOND / 2);
}

/* --- the course of things ------------------------------------------------------------------- */

void aware_begin(struct node *n, uint64_t now_us)
{
	struct aware *a = n->aware;

	if (!a) {
		a = calloc(1, sizeof(*a));
		if (!a)
			return; /* it is a figure for people */
		a->n = n;
		timer_init(&a->timer, aware_due);
		n->aware = a;
	}
	a->mark = revoke_mark(n);
	memset(a->all, 0, sizeof(a->all));
	set_add(a->all, n->enrolment.certificate.serial);
	aware_grown(n, now_us);
}

void aware_settled(struct peer *p, uint64_t now_us)
{
	struct aware_peer *ap = is_spoken_to(p) ? aware_of(p) : NULL;

	if (ap && has_to_say(p->n->aware, ap))
		timer_set_earlier(&p->n->heap, &p->n->aware->timer, now_us > ap->next_us ? now_us : ap->next_us);
}

/* Whatever was told it, it may have forgotten. One end begins, and the other one answers. */
void aware_met(struct peer *p, uint64_t now_us)
{
	aware_forget_peer(p);
	struct aware_peer *ap = is_spoken_to(p) ? aware_of(p) : NULL;

	if (ap)
		ap->next_us = now_us + (p->initiated ? 1 : 3) * link_pace_us(p->link);
	aware_settled(p, now_us);
}

static void aware_heard(struct peer *p, uint64_t now_us, struct aware_peer *ap, size_t first, struct bytes more)
{
	struct aware *a = p->n->aware;
	bool has_grown = false;

	for (size_t i = 0; i < more.len; i++) {
		ap->heard[first + i] |= more.data[i];
		ap->told[first + i] |= more.data[i];
		has_grown |= more.data[i] & ~a->all[first + i];
		a->all[first + i] |= more.data[i];
	}
	if (has_grown)
		aware_grown(p->n, now_us);
	ap->is_asked = !sum_equal(ap->ours_there, a->sum);
	aware_settled(p, now_us);
}

void aware_in(struct peer *p, uint64_t now_us, struct reader *r)
{
	uint32_t mark = read_u32(r);
	struct sum theirs = { .count = read_u16(r) };
	theirs.hash = read_u16(r);
	struct sum ours = { .count = read_u16(r) };
	ours.hash = read_u16(r);
	size_t first = read_u16(r);
	struct bytes more = read_bytes(r, reader_left(r));

	if (!reader_ok(r) || first + more.len > REVOCATION_BITMAP_MAX) {
		DROP(p->n, p->link, control_malformed);
		return;
	}
	/* Of another list: it is about to be told ours, or we its. */
	struct aware_peer *ap = is_spoken_to(p) && mark == p->n->aware->mark ? aware_of(p) : NULL;
	if (!ap)
		return;
	if (!sum_equal(theirs, ap->theirs))
		ap->says = 0;
	ap->theirs = theirs;
	ap->ours_there = ours;
	aware_heard(p, now_us, ap, first, more);
}

void aware_forget_peer(struct peer *p)
{
	free(p->aware);
	p->aware = NULL;
}

void aware_done(struct node *n)
{
	if (n->aware)
		timer_cancel(&n->heap, &n->aware->timer);
	free(n->aware);
	n->aware = NULL;
}

bool node_is_aware(const struct node *n, const struct certificate *c)
{
	return n->aware && set_has(n->aware->all, c->serial);
}
