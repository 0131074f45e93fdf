/*
 * Reading what a side of the flow wrote down, and judging it. A line is
 * "s,SEQ,SENT" (we sent) or "r,SEQ,SENT,GOT" (we received), microseconds of
 * CLOCK_MONOTONIC, which is one clock for all namespaces of a machine.
 */
#include "sim/demo/flow.h"
#include "sim/demo/tools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (32u << 20)

/* A number and the character behind it. */
static uint64_t number_read(struct reader *line, char end)
{
	uint64_t value = 0;
	unsigned digits = 0;

	while (reader_left(line)) {
		uint8_t c = read_u8(line);

		if (c == (uint8_t)end && digits)
			return value;
		if (c < '0' || c > '9' || digits++ == 19)
			break;
		value = value * 10 + (uint64_t)(c - '0');
	}
	line->bad = true;
	return 0;
}

static bool line_read(struct flow_record *r, struct reader *line)
{
	uint8_t kind = read_u8(line);
	struct flow_sample s = { 0 };

	if (read_u8(line) != ',' || (kind != 's' && kind != 'r'))
		return false;
	s.seq = number_read(line, ',');
	s.sent_us = number_read(line, kind == 's' ? '\n' : ',');
	if (kind == 'r')
		s.got_us = number_read(line, '\n');
	if (!reader_ok(line))
		return false;
	if (kind == 's')
		r->sent++;
	else if (r->count < FLOW_SAMPLES_MAX)
		r->samples[r->count++] = s;
	return true;
}

int flow_record_parse(struct flow_record *r, struct bytes text, unsigned *bad_line)
{
	const uint8_t *end = text.data + text.len;

	memset(r, 0, sizeof(*r));
	r->samples = malloc(FLOW_SAMPLES_MAX * sizeof(*r->samples));
	if (!r->samples)
		return -ENOMEM;
	*bad_line = 1;
	for (const uint8_t *at = text.data; at < end; (*bad_line)++) {
		const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
		struct reader line = reader_of(bytes_of(at, (size_t)((newline ? newline + 1 : end) - at)));

		if (!newline || !line_read(r, &line)) {
			flow_record_done(r);
			return -EBADMSG;
		}
		at = newline + 1;
	}
	return 0;
}

int flow_record_read(struct flow_record *r, const char *path, unsigned *bad_line)
{
	uint8_t *text;
	long len = file_read(path, FILE_MAX, &text);

	if (len < 0)
		return (int)len;
	int error = flow_record_parse(r, bytes_of(text, (size_t)len), bad_line);
	free(text);
	return error;
}

void flow_record_done(struct flow_record *r)
{
	free(r->samples);
	memset(r, 0, sizeof(*r));
}

static void silence_consider(struct flow_silence *longest, uint64_t begin_us, uint64_t end_us, bool is_over)
{
	uint64_t length = end_us > begin_us ? end_us - begin_us : 0;
	uint64_t gap = length > FLOW_INTERVAL_US ? length - FLOW_INTERVAL_US : 0;

	if (gap > longest->gap_us)
		*longest = (struct flow_silence){ begin_us, end_us, gap, is_over };
}

struct flow_silence flow_silence_find(const struct flow_record *r, uint64_t from_us, uint64_t to_us)
{
	struct flow_silence longest = { .begin_us = from_us, .end_us = from_us, .is_over = true };
	uint64_t last = from_us;

	for (size_t i = 0; i < r->count; i++) {
		uint64_t got = r->samples[i].got_us;

		/* A silence that had begun before `from_us` counts whole if it reaches into the window. */
		if (got >= from_us)
			silence_consider(&longest, last, got, true);
		last = got;
		if (got >= to_us)
			return longest;
	}
	silence_consider(&longest, last, to_us, false);
	return longest;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t flow_arrived(const struct flow_record *r, uint64_t from_us, uint64_t to_us)
{
	uint64_t *seqs = malloc((r->count + 1) * sizeof(*seqs)), different = 0;
	size_t count = 0;

	for (size_t i = 0; seqs && i < r->count; i++)
		if (r->samples[i].sent_us >= from_us && r->samples[i].sent_us < to_us)
			seqs[count++] = r->samples[i].seq;
	if (count)
		qsort(seqs, count, sizeof(*seqs), compare_u64);
	for (size_t i = 0; i < count; i++)
		different += i == 0 || seqs[i] != seqs[i - 1];
	free(seqs);
	return different;
}

uint64_t flow_delay_us(const struct flow_record *r, uint64_t from_us, uint64_t to_us)
{
	uint64_t *delays = malloc((r->count + 1) * sizeof(*delays)), median = 0;
	size_t count = 0;

	for (size_t i = 0; delays && i < r->count; i++) {
		const struct flow_sample *s = &r->samples[i];

		if (s->got_us >= from_us && s->got_us < to_us && s->got_us >= s->sent_us)
			delays[count++] = s->got_us - s->sent_us;
	}
	if (count) {
		qsort(delays, count, sizeof(*delays), compare_u64);
		median = delays[count / 2];
	}
	free(delays);
	return median;
}
