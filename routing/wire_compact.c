/*
 * Lists of members by their short-ids: see the header.
 *
 *   COMPACT item    gap | header 1 | ...
 *     header   3 bits code | 2 bits class set | S | P | R
 *     R = 0    code 0 known, 1 known + 1, 2 to 5 base + 0 to 3, 6: 2 bytes follow,
 *              7: salt 2 and seqno 2 follow; then metric 2, and one byte of log code for
 *              class 1 and class 2 of the class set. S: class 1 has the metric of class 0; S
 *              without class 1 in the set: no metrics follow, they are those of the last
 *              item before it that has any, and so are the classes and how seqnos differ
 *     R = 1    no metric. code 0 retraction, 1 retraction and as many more, 2 bumped,
 *              3 bumped and as many more; the number follows in 7-bit groups; 4: a header
 *              with R = 0 and all of its item follow, then for each class above 0 one byte,
 *              by how much its seqno is newer than that of class 0
 *   BATCH item      gap | number | (salt 2) seqno 2
 *     number   0: the rest follows; n: n ids from this one on, relative, and nothing follows
 */
#include "routing/wire_compact.h"

#include <assert.h>

#define HEADER_SAME 0x04 /* S */
#define HEADER_LANS 0x02 /* P */
#define HEADER_BARE 0x01 /* R */
#define CODE_SHIFT 5
#define CLASS_SHIFT 3
#define CLASS_MASK 3u

#define CODE_BASE 2u /* to 5 */
#define CODE_GIVEN 6u
#define CODE_SALTED 7u
#define BARE_BUMPED 2u /* and with the lowest bit: the number of more follows */
#define BARE_MORE 1u
#define BARE_AHEAD 4u

/* --- numbers --------------------------------------------------------------------------- */

/* Sixteen steps an octave: four bits behind the leading one. */
uint16_t log_decode(uint8_t code)
{
	return code == LOG_INFINITY ? UINT16_MAX : (uint16_t)((uint32_t)(16 + (code & 15)) << (code >> 4) >> 4);
}

uint8_t log_encode(uint16_t value)
{
	unsigned low = 0, high = LOG_INFINITY;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (log_decode((uint8_t)middle) < value)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint8_t)low;
}

static void number_write(struct writer *w, uint32_t value)
{
	for (; value >= 0x80; value >>= 7)
		write_u8(w, (uint8_t)(value | 0x80));
	write_u8(w, (uint8_t)value);
}

static uint32_t number_read(struct reader *r)
{
	uint32_t value = 0;

	for (unsigned shift = 0; shift < 21; shift += 7) {
		uint8_t byte = read_u8(r);

		value |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	r->bad = true; /* no id is so far away */
	return 0;
}

/* --- gaps --------------------------------------------------------------------------------- */

struct list_writer list_writer_of(void *buffer, size_t capacity, uint16_t first)
{
	return (struct list_writer){ .w = writer_of(buffer, capacity), .next = first };
}

struct list_reader list_reader_of(struct bytes list, uint16_t first)
{
	return (struct list_reader){ .r = reader_of(list), .next = first };
}

static void gap_write(struct list_writer *l, uint16_t id)
{
	assert(id >= l->next); /* in ascending order */
	number_write(&l->w, id - l->next + 1);
}

/* Keeps what was written only if all of it fitted. */
static bool item_end(struct list_writer *l, const struct list_writer *before, uint32_t last)
{
	bool is_good = writer_ok(&l->w);

	if (!is_good)
		*l = *before;
	else
		l->next = last + 1;
	return is_good;
}

/* False at the end of the list. */
static bool gap_read(struct list_reader *l, uint16_t *id)
{
	if (l->is_ended || reader_left(&l->r) == 0)
		return false;
	uint32_t gap = number_read(&l->r);

	l->is_ended = gap == 0;
	if (gap == 0)
		return false;
	l->next += gap - 1;
	if (l->next > UINT16_MAX)
		l->r.bad = true;
	*id = (uint16_t)l->next++;
	return reader_ok(&l->r);
}

/* So many more ids than one: they must be there. */
static uint16_t more_read(struct list_reader *l, uint32_t more)
{
	if (l->next + more > UINT16_MAX + 1u) {
		l->r.bad = true;
		return 0;
	}
	l->next += more;
	return (uint16_t)more;
}

bool id_write(struct list_writer *l, uint16_t id)
{
	struct list_writer before = *l;

	gap_write(l, id);
	return item_end(l, &before, id);
}

bool id_read(struct list_reader *l, uint16_t *id)
{
	return gap_read(l, id);
}

/* --- COMPACT -------------------------------------------------------------------------------- */

static unsigned seqno_code(const struct compact_item *item, uint16_t base_seqno)
{
	uint16_t ahead = (uint16_t)(item->seqno - base_seqno);

	switch (item->how) {
	case COMPACT_KNOWN:
		return 0;
	case COMPACT_NEXT:
		return 1;
	case COMPACT_SALTED:
		return CODE_SALTED;
	default:
		return ahead < CODE_GIVEN - CODE_BASE ? CODE_BASE + ahead : CODE_GIVEN;
	}
}

static struct compact_metrics metrics_of(const struct compact_item *item)
{
	struct compact_metrics m = { .is_there = true, .classes = item->classes };

	for (unsigned c = 0; c < COMPACT_CLASSES; c++) {
		if (c != 0 && !(item->classes & 1u << c))
			continue;
		m.metric[c] = item->metric[c];
		m.ahead[c] = c == 0 ? 0 : item->ahead[c];
	}
	return m;
}

static bool aheads_equal(const struct compact_metrics *a, const struct compact_metrics *b)
{
	bool is_equal = true;

	for (unsigned c = 1; c < COMPACT_CLASSES; c++)
		is_equal &= a->ahead[c] == b->ahead[c];
	return is_equal;
}

static bool metrics_equal(const struct compact_metrics *a, const struct compact_metrics *b)
{
	bool is_equal = a->is_there && b->is_there && a->classes == b->classes;

	for (unsigned c = 0; c < COMPACT_CLASSES && is_equal; c++)
		is_equal = a->metric[c] == b->metric[c];
	return is_equal;
}

static void metrics_write(struct writer *w, const struct compact_item *item, bool is_same)
{
	write_u16(w, item->metric[0]);
	for (unsigned c = is_same ? 2 : 1; c < COMPACT_CLASSES; c++)
		if (item->classes & 1u << c)
			write_u8(w, log_encode(item->metric[c]));
}

static void finite_write(struct list_writer *l, uint16_t base_seqno, const struct compact_item *item)
{
	static const struct compact_metrics even = { 0 };
	const struct compact_metrics metrics = metrics_of(item);
	bool is_repeated = metrics_equal(&l->before, &metrics);
	bool is_same = item->classes & 2 && item->metric[1] == item->metric[0];
	bool has_aheads = !aheads_equal(is_repeated ? &l->before : &even, &metrics);
	unsigned code = seqno_code(item, base_seqno), classes = is_repeated ? 0 : item->classes >> 1 & CLASS_MASK;
	struct writer *w = &l->w;

	if (has_aheads)
		write_u8(w, BARE_AHEAD << CODE_SHIFT | HEADER_BARE);
	write_u8(w, (uint8_t)(code << CODE_SHIFT | classes << CLASS_SHIFT | (is_repeated || is_same ? HEADER_SAME : 0) |
			      (item->with_lans ? HEADER_LANS : 0)));
	if (code == CODE_SALTED)
		write_copy(w, item->salt, COMPACT_SALT);
	if (code >= CODE_GIVEN)
		write_u16(w, item->seqno);
	if (!is_repeated)
		metrics_write(w, item, is_same);
	for (unsigned c = 1; c < COMPACT_CLASSES && has_aheads; c++)
		if (item->classes & 1u << c)
			write_u8(w, (uint8_t)item->ahead[c]);
	l->before = metrics;
}

static void bare_write(struct writer *w, const struct compact_item *item)
{
	unsigned code = (item->kind == COMPACT_BUMPED ? BARE_BUMPED : 0) | (item->more ? BARE_MORE : 0);

	write_u8(w, (uint8_t)(code << CODE_SHIFT | (item->with_lans ? HEADER_LANS : 0) | HEADER_BARE));
	if (item->more)
		number_write(w, item->more);
}

bool compact_write(struct list_writer *l, uint16_t base_seqno, const struct compact_item *item)
{
	struct list_writer before = *l;

	gap_write(l, item->id);
	if (item->kind == COMPACT_FINITE)
		finite_write(l, base_seqno, item);
	else
		bare_write(&l->w, item);
	return item_end(l, &before, (uint32_t)item->id + item->more);
}

static void metrics_read(struct reader *r, bool has_same, struct compact_item *item)
{
	item->metric[0] = read_u16(r);
	for (unsigned c = 1; c < COMPACT_CLASSES; c++) {
		if (!(item->classes & 1u << c))
			continue;
		item->metric[c] = c == 1 && has_same ? item->metric[0] : log_decode(read_u8(r));
	}
	if (item->metric[0] == UINT16_MAX)
		r->bad = true; /* what is infinite is said by a retraction */
}

static void metrics_repeat(struct list_reader *l, struct compact_item *item)
{
	if (!l->before.is_there)
		l->r.bad = true;
	item->classes = l->before.classes;
	for (unsigned c = 0; c < COMPACT_CLASSES; c++) {
		item->metric[c] = l->before.metric[c];
		item->ahead[c] = l->before.ahead[c];
	}
}

static void finite_read(
	struct list_reader *l, uint16_t base_seqno, uint8_t header, bool has_aheads, struct compact_item *item)
{
	unsigned code = header >> CODE_SHIFT;
	bool has_same = header & HEADER_SAME;
	struct reader *r = &l->r;

	item->kind = COMPACT_FINITE;
	item->how = code < CODE_BASE ? (enum compact_seqno)code : code == CODE_SALTED ? COMPACT_SALTED : COMPACT_GIVEN;
	if (code == CODE_SALTED)
		read_copy(r, item->salt, COMPACT_SALT);
	if (code >= CODE_GIVEN)
		item->seqno = read_u16(r);
	else if (code >= CODE_BASE)
		item->seqno = (uint16_t)(base_seqno + code - CODE_BASE);
	item->classes = (uint8_t)((header >> CLASS_SHIFT & CLASS_MASK) << 1);
	if (has_same && !(item->classes & 2))
		metrics_repeat(l, item);
	else
		metrics_read(r, has_same, item);
	for (unsigned c = 1; c < COMPACT_CLASSES && has_aheads; c++)
		item->ahead[c] = item->classes & 1u << c ? (int8_t)read_u8(r) : 0;
	l->before = metrics_of(item);
}

static void bare_read(struct list_reader *l, uint8_t header, struct compact_item *item)
{
	unsigned code = header >> CODE_SHIFT;

	item->kind = code & BARE_BUMPED ? COMPACT_BUMPED : COMPACT_RETRACTION;
	if (code > (BARE_BUMPED | BARE_MORE))
		l->r.bad = true;
	if (code & BARE_MORE)
		item->more = more_read(l, number_read(&l->r));
}

bool compact_read(struct list_reader *l, uint16_t base_seqno, struct compact_item *item)
{
	*item = (struct compact_item){ 0 };
	if (!gap_read(l, &item->id))
		return false;
	uint8_t header = read_u8(&l->r);
	bool has_aheads = header == (BARE_AHEAD << CODE_SHIFT | HEADER_BARE);

	if (has_aheads)
		header = read_u8(&l->r);
	if (has_aheads && header & HEADER_BARE)
		l->r.bad = true;
	item->with_lans = header & HEADER_LANS;
	if (header & HEADER_BARE)
		bare_read(l, header, item);
	else
		finite_read(l, base_seqno, header, has_aheads, item);
	return reader_ok(&l->r);
}

/* --- BATCH-REQ --------------------------------------------------------------------------------- */

bool batch_write(struct list_writer *l, bool is_salted, const struct batch_item *item)
{
	struct list_writer before = *l;

	gap_write(l, item->id);
	number_write(&l->w, item->is_relative ? item->more + 1u : 0);
	if (!item->is_relative) {
		if (is_salted)
			write_copy(&l->w, item->salt, COMPACT_SALT);
		write_u16(&l->w, item->seqno);
	}
	return item_end(l, &before, (uint32_t)item->id + (item->is_relative ? item->more : 0));
}

bool batch_read(struct list_reader *l, bool is_salted, struct batch_item *item)
{
	*item = (struct batch_item){ 0 };
	if (!gap_read(l, &item->id))
		return false;
	uint32_t number = number_read(&l->r);

	item->is_relative = number > 0;
	if (item->is_relative) {
		item->more = more_read(l, number - 1);
	} else {
		if (is_salted)
			read_copy(&l->r, item->salt, COMPACT_SALT);
		item->seqno = read_u16(&l->r);
	}
	return reader_ok(&l->r);
}
