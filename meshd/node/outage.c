/* The outage clock (outage.h): what was seen, in; what was lost, and when it came back, out. */
#include "meshd/node/outage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT 0
#define ALL_CLASSES ((1u << OUTAGE_CLASSES) - 1)
#define FORMAT 1
#define PAUSE_MAX_S (30u * 24 * 3600) /* between two runs; longer is a wrong clock */

const char *outage_mark_name(enum outage_mark mark)
{
	static const char *const names[OUTAGE_MARKS] = { "contact", "text", "voice", "picture", "restored" };

	return names[mark];
}

uint64_t outage_age_ms(const struct outage_site *s, uint64_t now_us)
{
	return s->before_ms + (now_us > s->begun_us ? now_us - s->begun_us : 0) / 1000;
}

static void outage_open(struct outages *o, struct outage_site *s, uint64_t now_us, uint64_t begun_us, uint64_t unix_s)
{
	uint64_t ago_s = (now_us - begun_us) / 1000000;

	s->is_out = true;
	s->now = (struct outage){ .began_unix_s = unix_s > ago_s ? unix_s - ago_s : 0 };
	snprintf(s->now.site, sizeof(s->now.site), "%s", s->name);
	for (unsigned i = 0; i < OUTAGE_MARKS; i++)
		s->now.after_ms[i] = OUTAGE_NOT_YET;
	s->begun_us = begun_us;
	s->before_ms = 0;
	s->whole_us = 0;
	o->has_changed = true;
}

static void mark_set(struct outages *o, struct outage_site *s, uint64_t now_us, enum outage_mark mark)
{
	uint64_t age_ms = outage_age_ms(s, now_us);

	if (!s->is_out || s->now.after_ms[mark] != OUTAGE_NOT_YET)
		return;
	s->now.after_ms[mark] = age_ms < OUTAGE_NOT_YET ? (uint32_t)age_ms : OUTAGE_NOT_YET - 1;
	o->has_changed = true;
}

int outages_add(struct outages *o, uint64_t now_us, uint64_t unix_s, const char *name)
{
	if (o->site_count == OUTAGE_SITES_MAX)
		return -ENOSPC;
	struct outage_site *s = &o->sites[o->site_count++];
	*s = (struct outage_site){ .gone_us = now_us };
	snprintf(s->name, sizeof(s->name), "%s", name);
	outage_open(o, s, now_us, now_us, unix_s);
	s->now.is_start = true;
	s->now.lost = ALL_CLASSES;
	return 0;
}

void outages_remove(struct outages *o, unsigned site)
{
	memmove(&o->sites[site], &o->sites[site + 1], (o->site_count - site - 1) * sizeof(o->sites[0]));
	o->site_count--;
	o->has_changed = true;
}

/* --- what was seen -------------------------------------------------------------------------------- */

static void class_lost(
	struct outages *o, struct outage_site *s, uint64_t now_us, uint64_t since_us, uint64_t unix_s, unsigned class)
{
	s->classes[class].works = false;
	if (!s->is_out)
		outage_open(o, s, now_us, since_us, unix_s);
	o->has_changed |= !(s->now.lost & 1u << class);
	s->now.lost |= (uint8_t)(1u << class);
	s->whole_us = 0;
}

void outage_route(struct outages *o, uint64_t now_us, uint64_t unix_s, unsigned site, bool has_route)
{
	struct outage_site *s = &o->sites[site];

	if (has_route && !s->has_route)
		mark_set(o, s, now_us, OUTAGE_CONTACT);
	if (!has_route && (s->has_route || !s->gone_us))
		s->gone_us = now_us;
	s->has_route = has_route;
	if (has_route || now_us - s->gone_us < OUTAGE_ROUTE_GONE_US)
		return;
	/* Where there is no way for text, there is none for anything. */
	for (unsigned i = 0; i < OUTAGE_CLASSES; i++)
		if (s->classes[i].works)
			class_lost(o, s, now_us, s->gone_us, unix_s, i);
}

void outage_probed(struct outages *o, uint64_t now_us, uint64_t unix_s, unsigned site, unsigned class, bool works)
{
	struct outage_site *s = &o->sites[site];
	struct outage_class *c = &s->classes[class];

	if (works) {
		*c = (struct outage_class){ .works = true, .has_worked = true, .worked_us = now_us };
		/* An answer is a contact, whatever the routes were when they were looked at. */
		mark_set(o, s, now_us, OUTAGE_CONTACT);
		mark_set(o, s, now_us, (enum outage_mark)(OUTAGE_TEXT + class));
		return;
	}
	if (!c->misses++)
		c->missed_us = now_us;
	if (c->works && c->misses >= OUTAGE_MISSES)
		class_lost(o, s, now_us, c->missed_us, unix_s, class);
}

/* --- the end ------------------------------------------------------------------------------------------ */

/* All that was lost; of what was never had, no more than text, once it has been waited for. */
static bool is_whole(const struct outage_site *s, uint64_t now_us)
{
	bool is_patient = s->now.is_start && outage_age_ms(s, now_us) * 1000 < OUTAGE_START_PATIENCE_US;

	for (unsigned i = 0; i < OUTAGE_CLASSES; i++) {
		const struct outage_class *c = &s->classes[i];
		bool is_wanted =
			s->now.lost & 1u << i && (i == TEXT || c->has_worked || !s->now.is_start || is_patient);

		if (is_wanted && !c->works)
			return false;
	}
	return true;
}

static void outage_close(struct outages *o, struct outage_site *s)
{
	mark_set(o, s, s->whole_us, OUTAGE_RESTORED);
	o->log[o->log_count++ % OUTAGE_LOG_MAX] = s->now;
	s->is_out = false;
	o->has_changed = true;
}

void outages_poll(struct outages *o, uint64_t now_us)
{
	for (unsigned i = 0; i < o->site_count; i++) {
		struct outage_site *s = &o->sites[i];

		if (!s->is_out)
			continue;
		if (!is_whole(s, now_us))
			s->whole_us = 0;
		else if (!s->whole_us)
			s->whole_us = now_us;
		else if (now_us - s->whole_us >= OUTAGE_HOLD_US)
			outage_close(o, s);
	}
}

/* --- over a restart ------------------------------------------------------------------------------------- */

static void outage_write(struct writer *w, const struct outage *outage)
{
	size_t len = strlen(outage->site);

	write_u8(w, (uint8_t)len);
	write_copy(w, (const uint8_t *)outage->site, len);
	write_u8(w, outage->is_start);
	write_u8(w, outage->lost);
	write_u64(w, outage->began_unix_s);
	for (unsigned i = 0; i < OUTAGE_MARKS; i++)
		write_u32(w, outage->after_ms[i]);
}

static bool outage_read(struct reader *r, struct outage *outage)
{
	*outage = (struct outage){ 0 };
	struct bytes name = read_bytes(r, read_u8(r));

	if (!reader_ok(r) || !name.len || name.len >= sizeof(outage->site) || memchr(name.data, 0, name.len))
		return false;
	memcpy(outage->site, name.data, name.len);
	outage->is_start = read_u8(r);
	outage->lost = read_u8(r) & ALL_CLASSES;
	outage->began_unix_s = read_u64(r);
	for (unsigned i = 0; i < OUTAGE_MARKS; i++)
		outage->after_ms[i] = read_u32(r);
	return reader_ok(r);
}

static unsigned out_count(const struct outages *o)
{
	unsigned count = 0;

	for (unsigned i = 0; i < o->site_count; i++)
		count += o->sites[i].is_out;
	return count;
}

/* Format, date, those that are out with their age, and the log, oldest first. */
size_t outages_write(const struct outages *o, uint64_t now_us, uint64_t unix_s, uint8_t *out, size_t capacity)
{
	struct writer w = writer_of(out, capacity);
	unsigned kept = o->log_count < OUTAGE_LOG_MAX ? o->log_count : OUTAGE_LOG_MAX;

	write_u8(&w, FORMAT);
	write_u64(&w, unix_s);
	write_u8(&w, (uint8_t)out_count(o));
	for (unsigned i = 0; i < o->site_count; i++) {
		const struct outage_site *s = &o->sites[i];
		uint64_t age_ms = outage_age_ms(s, now_us);

		if (!s->is_out)
			continue;
		outage_write(&w, &s->now);
		write_u32(&w, age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX);
	}
	write_u8(&w, (uint8_t)kept);
	for (unsigned i = o->log_count - kept; i < o->log_count; i++)
		outage_write(&w, &o->log[i % OUTAGE_LOG_MAX]);
	return writer_ok(&w) ? writer_len(&w) : 0;
}

/* The outage of a site that is watched again goes on, and does not begin with this process. */
static void outage_resume(struct outages *o, uint64_t now_us, const struct outage *outage, uint64_t age_ms)
{
	for (unsigned i = 0; i < o->site_count; i++) {
		struct outage_site *s = &o->sites[i];

		if (strcmp(s->name, outage->site) != 0)
			continue;
		s->now = *outage;
		s->before_ms = age_ms;
		s->begun_us = now_us;
		for (unsigned class = 0; class < OUTAGE_CLASSES; class ++)
			s->classes[class].has_worked = !outage->is_start;
	}
}

int outages_read(struct outages *o, uint64_t now_us, uint64_t unix_s, struct bytes in)
{
	struct reader r = reader_of(in);
	struct outage out[OUTAGE_SITES_MAX], log[OUTAGE_LOG_MAX];
	uint32_t ages_ms[OUTAGE_SITES_MAX];
	unsigned format = read_u8(&r);
	uint64_t then_s = read_u64(&r);
	unsigned outs = read_u8(&r), logged = 0;

	if (format != FORMAT || outs > OUTAGE_SITES_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < outs; i++) {
		if (!outage_read(&r, &out[i]))
			return -EBADMSG;
		ages_ms[i] = read_u32(&r);
	}
	logged = read_u8(&r);
	for (unsigned i = 0; i < logged; i++)
		if (logged > OUTAGE_LOG_MAX || !outage_read(&r, &log[i]))
			return -EBADMSG;
	if (!reader_ok(&r) || reader_left(&r))
		return -EBADMSG;
	/* A pause that the date does not explain is not counted. */
	uint64_t pause_s = unix_s > then_s && unix_s - then_s < PAUSE_MAX_S ? unix_s - then_s : 0;
	for (unsigned i = 0; i < outs; i++)
		outage_resume(o, now_us, &out[i], ages_ms[i] + 1000 * pause_s);
	memcpy(o->log, log, logged * sizeof(log[0]));
	o->log_count = logged;
	return 0;
}
