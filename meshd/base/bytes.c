#include "meshd/base/bytes.h"

#include <string.h>

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

struct reader reader_of(struct bytes bytes)
{
	/* A NULL pointer plus zero is undefined: give empty input a real address. */
	static const uint8_t nothing[1];
	const uint8_t *data = bytes.data ? bytes.data : nothing;

	return (struct reader){ .at = data, .end = data + bytes.len };
}

size_t reader_left(const struct reader *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->at);
}

struct bytes read_bytes(struct reader *r, size_t len)
{
	if (len > reader_left(r)) {
		r->bad = true;
		return (struct bytes){ 0 };
	}
	struct bytes taken = { r->at, len };
	r->at += len;
	return taken;
}

void read_copy(struct reader *r, void *out, size_t len)
{
	struct bytes taken = read_bytes(r, len);

	if (len == 0)
		return; /* `out` may be NULL then */
	if (taken.len == len)
		memcpy(out, taken.data, len);
	else
		memset(out, 0, len);
}

void read_skip(struct reader *r, size_t len)
{
	(void)read_bytes(r, len);
}

struct reader read_sub(struct reader *r, size_t len)
{
	struct bytes taken = read_bytes(r, len);
	struct reader sub = reader_of(taken);

	sub.bad = r->bad;
	return sub;
}

static uint64_t read_big_endian(struct reader *r, size_t len)
{
	struct bytes taken = read_bytes(r, len);
	uint64_t v = 0;

	for (size_t i = 0; i < taken.len; i++)
		v = v << 8 | taken.data[i];
	return v;
}

static uint64_t read_little_endian(struct reader *r, size_t len)
{
	struct bytes taken = read_bytes(r, len);
	uint64_t v = 0;

	for (size_t i = taken.len; i-- > 0;)
		v = v << 8 | taken.data[i];
	return v;
}

uint8_t read_u8(struct reader *r)
{
	return (uint8_t)read_big_endian(r, 1);
}

uint16_t read_u16(struct reader *r)
{
	return (uint16_t)read_big_endian(r, 2);
}

uint32_t read_u32(struct reader *r)
{
	return (uint32_t)read_big_endian(r, 4);
}

uint64_t read_u64(struct reader *r)
{
	return read_big_endian(r, 8);
}

uint16_t read_le16(struct reader *r)
{
	return (uint16_t)read_little_endian(r, 2);
}

uint32_t read_le32(struct reader *r)
{
	return (uint32_t)read_little_endian(r, 4);
}

uint64_t read_le64(struct reader *r)
{
	return read_little_endian(r, 8);
}

struct writer writer_of(void *data, size_t capacity)
{
	static uint8_t nothing[1];
	uint8_t *start = data ? data : nothing;

	return (struct writer){ .start = start, .at = start, .end = start + (data ? capacity : 0) };
}

size_t writer_len(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

size_t writer_left(const struct writer *w)
{
	return w->bad ? 0 : (size_t)(w->end - w->at);
}

struct bytes writer_bytes(const struct writer *w)
{
	return w->bad ? (struct bytes){ 0 } : bytes_of(w->start, writer_len(w));
}

uint8_t *write_reserve(struct writer *w, size_t len)
{
	if (len > writer_left(w)) {
		w->bad = true;
		return NULL;
	}
	uint8_t *place = w->at;
	w->at += len;
	return place;
}

void write_copy(struct writer *w, const void *data, size_t len)
{
	uint8_t *place = write_reserve(w, len);

	if (place && len > 0)
		memcpy(place, data, len);
}

void write_bytes(struct writer *w, struct bytes bytes)
{
	write_copy(w, bytes.data, bytes.len);
}

void write_zeros(struct writer *w, size_t len)
{
	uint8_t *place = write_reserve(w, len);

	if (place && len > 0)
		memset(place, 0, len);
}

static void write_big_endian(struct writer *w, uint64_t v, size_t len)
{
	uint8_t *place = write_reserve(w, len);

	for (size_t i = len; place && i-- > 0; v >>= 8)
		place[i] = (uint8_t)v;
}

static void write_little_endian(struct writer *w, uint64_t v, size_t len)
{
	uint8_t *place = write_reserve(w, len);

	for (size_t i = 0; place && i < len; i++, v >>= 8)
		place[i] = (uint8_t)v;
}

void write_u8(struct writer *w, uint8_t v)
{
	write_big_endian(w, v, 1);
}

void write_u16(struct writer *w, uint16_t v)
{
	write_big_endian(w, v, 2);
}

void write_u32(struct writer *w, uint32_t v)
{
	write_big_endian(w, v, 4);
}

void write_u64(struct writer *w, uint64_t v)
{
	write_big_endian(w, v, 8);
}

void write_le16(struct writer *w, uint16_t v)
{
	write_little_endian(w, v, 2);
}

void write_le32(struct writer *w, uint32_t v)
{
	write_little_endian(w, v, 4);
}

void write_le64(struct writer *w, uint64_t v)
{
	write_little_endian(w, v, 8);
}
