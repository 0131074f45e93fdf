/*
 * Judging. Each figure is computed here from what was written down during the
 * run (facts, records of the flow, captures); nothing is taken from what a step
 * said of itself but the times at which it began.
 */
#include "sim/demo/judge.h"
#include "sim/demo/picture.h"
#include "sim/demo/tools.h"

#include <math.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PING_GOAL_S 15.0
#define IMAGE_GOAL_S 60.0
#define GAP_GOAL_S 6.0
#define TEXT_GOAL_S 60.0
#define RUN_GOAL_S 180.0
#define LOOK_US (2 * SECOND_US) /* the flow is looked for on a link in so long */
#define CARRIES_FPS 80.0 /* of 100: the link carries the flow */
#define IDLE_FPS 5.0 /* it does not */

static struct verdict *row_add(struct report *r, bool held, double share, const char *what, const char *goal)
{
	struct verdict *row = &r->rows[r->row_count < REPORT_ROWS_MAX ? r->row_count++ : REPORT_ROWS_MAX - 1];

	memset(row, 0, sizeof(*row));
	snprintf(row->what, sizeof(row->what), "%s", what);
	snprintf(row->goal, sizeof(row->goal), "%s", goal);
	snprintf(row->measured, sizeof(row->measured), "not reached");
	row->promise_share = share;
	row->held = held;
	return row;
}

static void __attribute__((format(printf, 2, 3))) row_measured(struct verdict *row, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(row->measured, sizeof(row->measured), format, args);
	va_end(args);
}

static double seconds(uint64_t from_us, uint64_t to_us)
{
	return ((double)to_us - (double)from_us) / 1e6;
}

static double rounded(double value)
{
	return round(value * 1000) / 1000;
}

/* A time within one of the facts' answers; 0 if it is not there. */
static uint64_t answer_us(const struct report *r, const char *answer, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(json_object_get(r->facts, answer), key));
}

static void judge_ping(struct report *r)
{
	uint64_t answered = answer_us(r, "first_ping", "answered_us");
	double restored = seconds(r->power_on_us, answered);
	bool held = answered && r->power_on_us && restored <= PING_GOAL_S;
	struct verdict *row = row_add(r, held, answered ? restored / PROMISE_S : -1,
		"First ping scene \xe2\x86\x92 city, after power-on", "\xe2\x89\xa4 15 s");

	if (!answered)
		return;
	row_measured(row, "%.2f s", restored);
	json_object_set_new(r->result, "restored_s", json_real(rounded(restored)));
	json_object_set_new(
		r->result, "ping_rtt_ms", json_real(rounded((double)answer_us(r, "first_ping", "rtt_us") / 1e3)));
}

static void hash_hex(char hex[2 * crypto_hash_sha256_BYTES + 1], struct bytes bytes)
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, bytes.data, bytes.len);
	sodium_bin2hex(hex, 2 * crypto_hash_sha256_BYTES + 1, hash, sizeof(hash));
}

static void judge_image(struct report *r, struct bytes sent)
{
	char hex_sent[2 * crypto_hash_sha256_BYTES + 1], hex_received[2 * crypto_hash_sha256_BYTES + 1];
	uint64_t done = answer_us(r, "image_received", "done_us"), start = answer_us(r, "image_sent", "start_us");
	double since_power_on = seconds(r->power_on_us, done);
	bool is_here = done && start && r->picture, is_large = sent.len >= PICTURE_MIN;
	bool is_equal = is_here && bytes_equal(bytes_of(r->picture, r->picture_len), sent);
	struct verdict *time = row_add(r, is_here && is_large && since_power_on <= IMAGE_GOAL_S,
		is_here ? since_power_on / PROMISE_S : -1, "Picture of 1 MB and more at the city, after power-on",
		"\xe2\x89\xa4 60 s");
	struct verdict *hash = row_add(r, is_equal, -1, "SHA-256 at the city against the scene's", "equal");

	json_object_set_new(r->result, "image_sha256_ok", json_boolean(is_equal));
	json_object_set_new(r->result, "image_bytes", json_integer((json_int_t)sent.len));
	if (!is_here)
		return;
	hash_hex(hex_sent, sent);
	hash_hex(hex_received, bytes_of(r->picture, r->picture_len));
	row_measured(time, "%.1f s (%.2f MB in %.1f s)", since_power_on, (double)sent.len / 1e6, seconds(start, done));
	row_measured(hash, "%s (%.12s\xe2\x80\xa6)", is_equal ? "equal" : "differs", hex_received);
	json_object_set_new(r->result, "image_s", json_real(rounded(since_power_on)));
	json_object_set_new(r->result, "image_transfer_s", json_real(rounded(seconds(start, done))));
	json_object_set_new(r->result, "image_sha256_sent", json_string(hex_sent));
	json_object_set_new(r->result, "image_sha256_received", json_string(hex_received));
}

/* By its hardware address, noted during the run; NULL: it is not in the capture. */
static const struct capture_station *station_of(const struct report *r, enum report_link link, const char *interface)
{
	const char *text = json_string_value(json_object_get(json_object_get(r->facts, "stations"), interface));
	unsigned b[6];
	uint8_t mac[6];

	if (!text || !r->captures[link] ||
		sscanf(text, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
		return NULL;
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return capture_station_find(r->captures[link], mac);
}

static uint64_t wall(const struct report *r, uint64_t us)
{
	return us + r->wall_offset_us;
}

/* The way of the picture, by the bytes that each sender of the way put on its link. */
static void judge_way(struct report *r, size_t sent_len)
{
	static const struct {
		enum report_link link;
		const char *interface;
	} hops[] = { { LINK_RADIO, "backpack-scene radio0" }, { LINK_RADIO, "backpack-relay radio0" },
		{ LINK_SATELLITE, "vehicle-1 sat0" } };
	uint64_t from = wall(r, answer_us(r, "image_sent", "start_us")),
		 to = wall(r, answer_us(r, "image_received", "done_us")), bytes[3];
	bool held = answer_us(r, "image_received", "done_us") != 0;

	for (unsigned i = 0; i < 3; i++) {
		const struct capture_station *s = station_of(r, hops[i].link, hops[i].interface);

		bytes[i] = s ? capture_bytes_between(
				       r->captures[hops[i].link], s, from - CAPTURE_BIN_US, to + CAPTURE_BIN_US)
			     : 0;
		held = held && bytes[i] >= sent_len;
	}
	struct verdict *row = row_add(
		r, held, -1, "Its way, by captured bytes: radio, radio, satellite", "each \xe2\x89\xa5 the picture");
	if (answer_us(r, "image_received", "done_us"))
		row_measured(row, "%.2f, %.2f, %.2f MB", (double)bytes[0] / 1e6, (double)bytes[1] / 1e6,
			(double)bytes[2] / 1e6);
}

static uint64_t others_between(const struct capture *c, const struct capture_station *s, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < c->station_count; i++)
		if (&c->stations[i] != s)
			sum += capture_frames_between(c, &c->stations[i], from, to);
	return sum;
}

static struct carried carried_by(const struct report *r, enum report_link link, const char *interface)
{
	const struct capture *c = r->captures[link];
	const struct capture_station *s = station_of(r, link, interface);
	uint64_t end = wall(r, report_time_us(r, "flow_end_us")), cut = wall(r, r->silence_us);
	double look_s = (double)LOOK_US / 1e6;

	if (!c || !s)
		return (struct carried){ 0 };
	return (struct carried){
		.up_before = (double)capture_frames_between(c, s, cut - LOOK_US, cut) / look_s,
		.down_before = (double)others_between(c, s, cut - LOOK_US, cut) / look_s,
		.up_after = (double)capture_frames_between(c, s, end - LOOK_US, end) / look_s,
		.down_after = (double)others_between(c, s, end - LOOK_US, end) / look_s,
	};
}

static bool carries(double up, double down)
{
	return up >= CARRIES_FPS && down >= CARRIES_FPS;
}

static bool is_idle(double up, double down)
{
	return up <= IDLE_FPS && down <= IDLE_FPS;
}

/* The satellite may still be offered what the vehicle sends in vain; it is what 4G carries that counts after. */
static void judge_carrier(struct report *r)
{
	r->satellite = carried_by(r, LINK_SATELLITE, "vehicle-1 sat0");
	r->cellular = carried_by(r, LINK_CELLULAR, "backpack-relay cell0");
	struct carried *s = &r->satellite, *c = &r->cellular;
	bool is_known = report_time_us(r, "flow_end_us") != 0;
	struct verdict *before =
		row_add(r, is_known && carries(s->up_before, s->down_before) && is_idle(c->up_before, c->down_before),
			-1, "Flow before the cut: on the satellite, not on 4G", "100 packets/s each way");
	struct verdict *after =
		row_add(r, is_known && carries(c->up_after, c->down_after) && is_idle(s->up_after, s->down_after), -1,
			"Flow after it: on 4G, not on the satellite", "100 packets/s each way");

	if (!is_known)
		return;
	row_measured(before, "satellite %.0f up, %.0f down; 4G %.0f, %.0f", s->up_before, s->down_before, c->up_before,
		c->down_before);
	row_measured(after, "4G %.0f up, %.0f down; satellite %.0f, %.0f", c->up_after, c->down_after, s->up_after,
		s->down_after);
	json_object_set_new(
		r->result, "flow_on_satellite_before_fps", json_pack("[f,f]", s->up_before, s->down_before));
	json_object_set_new(r->result, "flow_on_cellular_after_fps", json_pack("[f,f]", c->up_after, c->down_after));
}

static void flow_judge(struct report *r, struct flow_view *v, const struct flow_record *sender)
{
	uint64_t start = report_time_us(r, "flow_us"), end = report_time_us(r, "flow_end_us");

	v->silence = flow_silence_find(&v->record, r->silence_us, end);
	v->sent = sender->sent;
	v->arrived = flow_arrived(&v->record, start, end);
	v->delay_before_us = flow_delay_us(&v->record, start, r->silence_us);
	v->delay_after_us = flow_delay_us(&v->record, v->silence.end_us, end);
}

static void judge_gap(struct report *r)
{
	struct flow_view *scene = &r->flows[0], *city = &r->flows[1];
	bool is_known = report_time_us(r, "flow_end_us") != 0 && scene->record.count && city->record.count;
	double gap[2] = { 0, 0 };

	if (is_known) {
		flow_judge(r, scene, &city->record);
		flow_judge(r, city, &scene->record);
		gap[0] = (double)scene->silence.gap_us / 1e6;
		gap[1] = (double)city->silence.gap_us / 1e6;
	}
	double worst = gap[0] > gap[1] ? gap[0] : gap[1];
	bool is_over = is_known && scene->silence.is_over && city->silence.is_over;
	struct verdict *row = row_add(r, is_over && worst <= GAP_GOAL_S, is_over ? worst / PROMISE_S : -1,
		"Gap when the satellite falls silent, worse direction", "\xe2\x89\xa4 6 s");

	if (!is_known)
		return;
	row_measured(row, "%.2f s (to city %.2f, to scene %.2f)%s", worst, gap[1], gap[0], is_over ? "" : ", not over");
	json_object_set_new(r->result, "failover_gap_s", is_over ? json_real(rounded(worst)) : json_null());
	json_object_set_new(r->result, "failover_gap_to_city_s", json_real(rounded(gap[1])));
	json_object_set_new(r->result, "failover_gap_to_scene_s", json_real(rounded(gap[0])));
	for (unsigned i = 0; i < 2; i++) {
		struct flow_view *v = &r->flows[i];

		json_object_set_new(r->result, i ? "flow_to_city" : "flow_to_scene",
			json_pack("{s:I, s:I, s:f, s:f}", "sent", (json_int_t)v->sent, "arrived",
				(json_int_t)v->arrived, "delay_before_ms", rounded((double)v->delay_before_us / 1e3),
				"delay_after_ms", rounded((double)v->delay_after_us / 1e3)));
	}
}

/* Nothing else is left to carry it: fibre cut, satellite and 4G silent. */
static void judge_text(struct report *r)
{
	uint64_t dead = report_time_us(r, "dead_us"), done = answer_us(r, "text_received", "done_us");
	const json_t *bytes = json_object_get(json_object_get(r->facts, "text_received"), "bytes");
	const struct capture *c = r->captures[LINK_NARROWBAND];
	double took_s = seconds(dead, done);
	bool is_here = dead && done > dead && dead > r->silence_us;
	struct verdict *row =
		row_add(r, is_here && took_s <= TEXT_GOAL_S && c && c->frames > 0, is_here ? took_s / PROMISE_S : -1,
			"Text by narrowband, after satellite and 4G both died", "\xe2\x89\xa4 60 s");

	if (!is_here)
		return;
	row_measured(row, "%.1f s (%lld bytes, 9,600 baud)", took_s, (long long)json_integer_value(bytes));
	json_object_set_new(r->result, "text_s", json_real(rounded(took_s)));
}

static json_t *hits_json(const struct scan_hits *hits)
{
	json_t *json = json_object();

	for (unsigned kind = 0; kind < SCAN_KINDS; kind++)
		json_object_set_new(json, scan_kind_name(kind), json_integer((json_int_t)hits->of[kind]));
	return json;
}

static void judge_sealing(struct report *r)
{
	struct scan_hits sealed = { 0 };
	bool is_whole = true, all_kinds = r->captures[LINK_CLEAR] != NULL;

	for (unsigned link = 0; link < REPORT_LINKS; link++) {
		struct capture *c = r->captures[link];

		is_whole = is_whole && c && c->frames && !c->frames_cut;
		if (c && link != LINK_CLEAR)
			scan_hits_add(&sealed, &c->hits);
	}
	uint64_t hits = scan_hits_total(&sealed);
	const struct scan_hits *clear = all_kinds ? &r->captures[LINK_CLEAR]->hits : &(struct scan_hits){ 0 };
	for (unsigned kind = 0; kind < SCAN_KINDS; kind++)
		all_kinds = all_kinds && clear->of[kind] > 0;
	struct verdict *row =
		row_add(r, is_whole && hits == 0, -1, "Readable in the captures of all links", "0 places");
	struct verdict *proof = row_add(r, all_kinds, -1, "The same scanner on the unsealed link", "finds every kind");
	row_measured(row, "%llu places in %llu frames, %.1f MB%s", (unsigned long long)hits,
		(unsigned long long)sealed.frames, (double)sealed.bytes / 1e6,
		is_whole ? "" : "; captures are missing");
	row_measured(proof, "%llu places, %llu of them picture", (unsigned long long)scan_hits_total(clear),
		(unsigned long long)clear->of[SCAN_IMAGE]);
	json_object_set_new(r->result, "plaintext_hits", json_integer((json_int_t)hits));
	json_object_set_new(r->result, "plaintext_hits_by_kind", hits_json(&sealed));
	json_object_set_new(r->result, "plaintext_frames", json_integer((json_int_t)sealed.frames));
	json_object_set_new(r->result, "plaintext_bytes", json_integer((json_int_t)sealed.bytes));
	json_object_set_new(r->result, "clear_hits", json_integer((json_int_t)scan_hits_total(clear)));
	json_object_set_new(r->result, "clear_hits_by_kind", hits_json(clear));
}

static void judge_run(struct report *r)
{
	double run_s = seconds(report_time_us(r, "begin_us"), now_us());
	struct verdict *row = row_add(r, run_s <= RUN_GOAL_S, -1, "The whole demonstration", "\xe2\x89\xa4 180 s");

	row_measured(row, "%.0f s", run_s);
	json_object_set_new(r->result, "run_s", json_real(rounded(run_s)));
}

void judge_all(struct report *r, struct bytes sent)
{
	judge_ping(r);
	judge_image(r, sent);
	judge_way(r, sent.len);
	judge_carrier(r);
	judge_gap(r);
	judge_text(r);
	judge_sealing(r);
	judge_run(r);
}
