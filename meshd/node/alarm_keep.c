/*
 * Silences over a restart: whoever did not want to hear of an alarm for eight hours does
 * not want to because the node was started again. What is kept is how long each still
 * lasts; the pause is by the date, and one that the date does not explain counts nothing.
 */
#include "meshd/node/alarm.h"

#include <errno.h>
#include <string.h>

#define FORMAT 1
#define SECOND_US UINT64_C(1000000)
#define PAUSE_MAX_S (24 * 3600) /* as long as a silence lasts: beyond it all are over, or the clock is wrong */

/* Format, date, and each with its name, for numbers of kinds change. */
size_t alarm_silences_write(const struct alarms *a, uint64_t now_us, uint64_t unix_s, uint8_t *out, size_t capacity)
{
	struct writer w = writer_of(out, capacity);
	uint8_t count = 0;

	for (unsigned i = 0; i < ALARM_SILENCE_MAX; i++)
		count += a->silences[i].until_us > now_us;
	write_u8(&w, FORMAT);
	write_u64(&w, unix_s);
	write_u8(&w, count);
	for (unsigned i = 0; i < ALARM_SILENCE_MAX; i++) {
		const struct alarm_silence *s = &a->silences[i];
		const char *name = alarm_kind_name(s->kind);

		if (s->until_us <= now_us)
			continue;
		write_u8(&w, (uint8_t)strlen(name));
		write_copy(&w, (const uint8_t *)name, strlen(name));
		write_u8(&w, (uint8_t)strlen(s->subject));
		write_copy(&w, (const uint8_t *)s->subject, strlen(s->subject));
		write_u32(&w, (uint32_t)((s->until_us - now_us) / SECOND_US));
	}
	return writer_ok(&w) ? writer_len(&w) : 0;
}

static bool text_read(struct reader *r, char *out, size_t capacity)
{
	struct bytes text = read_bytes(r, read_u8(r));

	if (!reader_ok(r) || text.len >= capacity || (text.len && memchr(text.data, 0, text.len)))
		return false;
	if (text.len)
		memcpy(out, text.data, text.len);
	out[text.len] = 0;
	return true;
}

int alarm_silences_read(struct alarms *a, uint64_t now_us, uint64_t unix_s, struct bytes in)
{
	struct reader r = reader_of(in);
	struct alarms taken = { 0 };
	unsigned format = read_u8(&r);
	uint64_t then_s = read_u64(&r);
	unsigned count = read_u8(&r);
	uint64_t pause_s = unix_s > then_s && unix_s - then_s <= PAUSE_MAX_S ? unix_s - then_s : 0;

	if (format != FORMAT || count > ALARM_SILENCE_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < count; i++) {
		char name[24], subject[ALARM_SUBJECT_MAX];
		enum alarm_kind kind;

		if (!text_read(&r, name, sizeof(name)) || !text_read(&r, subject, sizeof(subject)))
			return -EBADMSG;
		uint64_t left_s = read_u32(&r);
		/* A kind that this version does not know is not heard of anyway. */
		if (left_s > pause_s && alarm_kind_parse(&kind, name))
			alarm_silence(&taken, now_us, kind, subject, now_us + (left_s - pause_s) * SECOND_US);
	}
	if (!reader_ok(&r) || reader_left(&r))
		return -EBADMSG;
	memcpy(a->silences, taken.silences, sizeof(a->silences));
	return 0;
}
