/*
 * Bounds-checked reading and writing of bytes.
 *
 * A reader is a cursor over borrowed bytes, a writer a cursor over a borrowed
 * buffer. Both turn "bad" on the first overrun and stay so: a parser reads
 * straight down and asks reader_ok() once. A bad reader yields zeros, a bad
 * writer drops what it is given; neither touches memory outside its bounds.
 * All integers are big-endian unless the name says le.
 */
#ifndef MESHD_BASE_BYTES_H
#define MESHD_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed run of bytes. `data` may be NULL only when `len` is 0. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){ .data = data, .len = len };
}

bool bytes_equal(struct bytes a, struct bytes b); /* not constant time */

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

struct reader reader_of(struct bytes bytes);
static inline bool reader_ok(const struct reader *r)
{
	return !r->bad;
}
size_t reader_left(const struct reader *r); /* 0 once bad */
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
uint16_t read_le16(struct reader *r);
uint32_t read_le32(struct reader *r);
uint64_t read_le64(struct reader *r);
/* Borrows the next `len` bytes; empty (and bad) when there are fewer. */
struct bytes read_bytes(struct reader *r, size_t len);
/* Copies `len` bytes out; zero-fills `out` on overrun. */
void read_copy(struct reader *r, void *out, size_t len);
void read_skip(struct reader *r, size_t len);
/* A reader over the next `len` bytes, and moves past them. Bad if overrun. */
struct reader read_sub(struct reader *r, size_t len);

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool bad;
};

struct writer writer_of(void *data, size_t capacity);
static inline bool writer_ok(const struct writer *w)
{
	return !w->bad;
}
size_t writer_len(const struct writer *w); /* bytes written so far */
size_t writer_left(const struct writer *w); /* 0 once bad */
struct bytes writer_bytes(const struct writer *w); /* borrowed view; empty once bad */
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_u64(struct writer *w, uint64_t v);
void write_le16(struct writer *w, uint16_t v);
void write_le32(struct writer *w, uint32_t v);
void write_le64(struct writer *w, uint64_t v);
void write_copy(struct writer *w, const void *data, size_t len);
void write_bytes(struct writer *w, struct bytes bytes);
void write_zeros(struct writer *w, size_t len);
/* Reserves `len` bytes to be filled in later; NULL (and bad) on overrun. */
uint8_t *write_reserve(struct writer *w, size_t len);

#endif
