/*
 * Pieces: an inner frame that a thin link does not take at once is cut, sent as
 * several frames, and joined at the other end. Pure: no node, no clock.
 *
 *   0  id 1                   of the inner frame; counts up
 *   1  offset 7 | last 1      in units of 16 bytes
 *   2  bytes                  of all but the last piece a multiple of 16
 *
 * The bytes are those of the inner frame, kind first. Each piece is sealed by itself,
 * so that a relay under way to a join never holds what nobody sealed. A lost piece
 * loses the whole: who needs more repeats the whole.
 */
#include "meshd/node/thin.h"

#include <assert.h>
#include <string.h>

#define LAST 1

/* --- cutting -------------------------------------------------------------------------- */

static size_t step_of(size_t room)
{
	return (room - PIECE_HEADER) / PIECE_UNIT * PIECE_UNIT;
}

bool piece_takes(size_t len, size_t room)
{
	if (room < PIECE_HEADER + PIECE_UNIT || len > JOIN_MAX)
		return false;
	size_t last = room - PIECE_HEADER, step = step_of(room);
	size_t at = len <= last ? 0 : (len - last + step - 1) / step * step; /* of the last piece */
	return at / PIECE_UNIT < PIECES_MAX;
}

size_t piece_next(struct outgoing *o, uint8_t *out, size_t room)
{
	size_t left = o->len - o->at;
	bool is_last = left <= room - PIECE_HEADER;
	size_t len = is_last ? left : step_of(room);
	struct writer w = writer_of(out, room);

	if (left == 0)
		return 0;
	assert(room >= PIECE_HEADER + PIECE_UNIT && o->at % PIECE_UNIT == 0 && o->at / PIECE_UNIT < PIECES_MAX);
	write_u8(&w, o->id);
	write_u8(&w, (uint8_t)(o->at / PIECE_UNIT << 1 | (is_last ? LAST : 0)));
	write_copy(&w, o->inner + o->at, len);
	o->at += len;
	return writer_len(&w);
}

/* --- joining ---------------------------------------------------------------------------- */

/* Marks the units from `at` on as here; false: one of them was. */
static bool units_take(struct join *j, size_t at, size_t len)
{
	for (size_t unit = at / PIECE_UNIT; unit * PIECE_UNIT < at + len; unit++) {
		if (j->has[unit])
			return false;
		j->has[unit] = true;
		j->units++;
	}
	return true;
}

enum join_result join_add(struct join *j, struct bytes piece)
{
	struct reader r = reader_of(piece);

	read_skip(&r, 1);
	uint8_t place = read_u8(&r);
	bool is_last = place & LAST;
	size_t at = (size_t)(place >> 1) * PIECE_UNIT, len = reader_left(&r), end = at + len;
	struct bytes bytes = read_bytes(&r, len);

	if (!reader_ok(&r) || len == 0 || end > JOIN_MAX || (!is_last && len % PIECE_UNIT))
		return JOIN_WRONG;
	if (is_last && (j->len || j->end > end))
		return JOIN_WRONG;
	if (!is_last && j->len && end > j->len)
		return JOIN_WRONG;
	if (!units_take(j, at, len))
		return JOIN_WRONG;
	memcpy(j->room + FRAME_HEADER + at, bytes.data, len);
	if (is_last)
		j->len = end;
	if (end > j->end)
		j->end = end;
	return j->len && j->units == (j->len + PIECE_UNIT - 1) / PIECE_UNIT ? JOIN_DONE : JOIN_MORE;
}
