/* The page for people: well-formed, harmless names, the figures of the JSON, and a recorder that only looks on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/page.h"
#include "sim/world/page_layout.h"
#include "sim/world/region.h"
#include "sim/world/service.h"
#include "sim/world/transfer.h"

#include <expat.h>
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* The satellite is silent from 20 s on; the radio comes at 30 s. */
#define HEAD "seed: 3\nfor: 40\nnodes: [{name: a, level: city}, {name: b}, {name: c, level: scene, power: off}]\n"
#define LINKS                                                                                                          \
	"links:\n  - {name: sat, preset: geo-satellite, fade: none, ends: [b:s0, a:s0]}\n"                             \
	"  - {name: radio, preset: mesh-radio, ends: [a:r0, b:r0], state: cut}\n"                                      \
	"  - {name: wire, preset: fibre, ends: [b:f0, c:f0]}\n"
#define EVENTS                                                                                                         \
	"events:\n  - {at: 20, do: silence sat}\n  - {at: 30, do: restore radio}\n"                                    \
	"flows:\n  - {name: words, from: b, to: a, start: 5, end: 39, every: 100ms}\n"
#define EXPECT "expect:\n  - reach: {from: b, to: a, after: 1, within: 9}\n  - lost: {flow: words, at most: 1 %}\n"
static const char yaml[] = HEAD LINKS EVENTS EXPECT;

struct run {
	struct plan *plan;
	struct trial *trial;
	struct record *record;
	char *page;
	size_t len;
};

static struct run run_these(const char *text, uint64_t seed, const char *scenario)
{
	char error[PLAN_ERROR_MAX];
	struct run r = { .plan = plan_parse("test", bytes_of(text, strlen(text)), error) };

	if (!r.plan)
		fail_msg("%s", error);
	r.trial = trial_new(r.plan, seed, NULL);
	assert_non_null(r.trial);
	if (!scenario) {
		trial_run(r.trial, NULL);
		return r;
	}
	r.record = r.trial->record = record_new(r.trial);
	trial_run(r.trial, NULL);
	FILE *out = open_memstream(&r.page, &r.len);
	assert_int_equal(page_write(r.trial, scenario, out), 0);
	fclose(out);
	return r;
}

static struct run run_all(uint64_t seed, const char *scenario)
{
	return run_these(yaml, seed, scenario);
}

static void run_end(struct run *r)
{
	trial_free(r->trial);
	record_free(r->record);
	plan_free(r->plan);
	free(r->page);
}

static void element_begins(void *user, const char *name, const char **attributes)
{
	unsigned *outside = user;

	for (; *attributes; attributes += 2)
		if (strcmp(attributes[0], "src") == 0 || strcmp(attributes[0], "href") == 0)
			++*outside;
	if (strcmp(name, "script") == 0 || strcmp(name, "link") == 0)
		++*outside;
}

static void the_page_is_well_formed_and_names_are_harmless(void **state)
{
	struct run r = run_all(3, "<b>&\"x");
	XML_Parser parser = XML_ParserCreate("UTF-8");
	unsigned outside = 0;

	(void)state;
	XML_SetUserData(parser, &outside);
	XML_SetStartElementHandler(parser, element_begins);
	if (XML_Parse(parser, r.page, (int)r.len, 1) != XML_STATUS_OK)
		fail_msg("line %lu: %s", XML_GetCurrentLineNumber(parser), XML_ErrorString(XML_GetErrorCode(parser)));
	XML_ParserFree(parser);
	assert_int_equal(outside, 0);
	assert_non_null(strstr(r.page, "<h1>&lt;b&gt;&amp;&quot;x</h1>"));
	assert_null(strstr(r.page, "url("));
	run_end(&r);
}

static void the_same_seed_is_the_same_page(void **state)
{
	struct run first = run_all(3, "x"), again = run_all(3, "x"), other = run_all(4, "x");

	(void)state;
	assert_int_equal(first.len, again.len);
	assert_memory_equal(first.page, again.page, first.len);
	assert_string_not_equal(first.page, other.page);
	run_end(&first);
	run_end(&again);
	run_end(&other);
}

static void recording_does_not_change_the_run(void **state)
{
	struct run plain = run_all(3, NULL), recorded = run_all(3, "x");
	uint8_t first[WORLD_DIGEST_LEN], second[WORLD_DIGEST_LEN];

	(void)state;
	world_digest(plain.trial->world, first);
	world_digest(recorded.trial->world, second);
	assert_memory_equal(first, second, WORLD_DIGEST_LEN);
	run_end(&plain);
	run_end(&recorded);
}

static void the_figures_are_those_of_the_json(void **state)
{
	struct run r = run_all(3, "x");
	char *text = NULL, want[300];
	size_t len = 0, i;
	FILE *out = open_memstream(&text, &len);
	json_t *value;

	(void)state;
	assert_int_equal(trial_write_json(r.trial, "x", out), 0);
	fclose(out);
	json_t *root = json_loads(text, 0, NULL);
	json_array_foreach (json_object_get(root, "expect"), i, value) {
		bool is_share = strcmp(json_string_value(json_object_get(value, "measure")), "lost") == 0;
		bool is_met = json_is_true(json_object_get(value, "met"));
		double measured = json_number_value(json_object_get(value, "measured"));

		snprintf(want, sizeof(want), "%s</td><td>%s</td><td class=\"got\">%.*f %s<", is_met ? "ok" : "NO",
			json_string_value(json_object_get(value, "text")), is_share ? 2 : 3,
			is_share ? 100 * measured : measured, is_share ? "%" : "s");
		assert_non_null(strstr(r.page, want));
	}
	assert_int_equal(i, 2);
	/* Each link is the only one of its kind. */
	json_array_foreach (json_object_get(root, "links"), i, value) {
		snprintf(want, sizeof(want), "title=\"%lld bytes\"",
			json_integer_value(json_object_get(value, "control_bytes")));
		assert_non_null(strstr(r.page, want));
	}
	assert_int_equal(i, 3);
	assert_false(json_is_true(json_object_get(root, "passed")));
	assert_non_null(strstr(r.page, "Not everything expected was met."));
	json_decref(root);
	free(text);
	run_end(&r);
}

static void the_outage_has_its_cause_its_end_and_its_ways(void **state)
{
	struct run r = run_all(3, "x");
	const struct record_pair *p = &r.record->pairs[0]; /* b and a: asked for, so the first */

	(void)state;
	assert_int_equal(r.record->pair_count, 3);
	assert_true(p->is_watched && !p->is_out && p->worst.is_over);
	assert_int_equal(r.record->harm_us, 20 * SECOND_US);
	assert_in_range(p->worst.begin_us, 20 * SECOND_US, 20 * SECOND_US + r.record->step_us);
	assert_in_range(p->worst.end_us, 30 * SECOND_US, 39 * SECOND_US);
	assert_int_equal(p->worst.before.hops, 1);
	assert_int_equal(p->worst.before.hop[0].segment, 0);
	assert_int_equal(p->worst.after.hops, 1);
	assert_int_equal(p->worst.after.hop[0].segment, 1);
	assert_non_null(strstr(r.page, "sat fell silent at 20.0\xc2\xa0s."));
	assert_non_null(strstr(r.page, "radio was restored at 30.0\xc2\xa0s; contact "));
	run_end(&r);
}

static void a_pair_is_apart_without_power_or_link_and_searching_with(void **state)
{
	struct run r = run_all(3, "x");
	unsigned last = r.record->sample_count - 1, searching = 0;

	(void)state;
	assert_int_equal(r.record->sample_count, 400);
	for (unsigned i = 0; i <= last; i++) {
		double at_s = (double)record_sample_us(r.record, i) / 1e6;
		enum pair_state state_ab = record_state(r.record, i, 0);

		assert_int_equal(record_state(r.record, i, 1), PAIR_APART); /* c has no power */
		if (at_s >= 20 && at_s < 30)
			assert_int_equal(state_ab, PAIR_APART);
		else
			assert_int_not_equal(state_ab, PAIR_APART);
		searching += at_s >= 30 && state_ab == PAIR_SEARCHING;
	}
	assert_true(searching > 0);
	assert_int_equal(record_state(r.record, last, 0), PAIR_REACHED);
	assert_int_equal(r.record->searches_open, 0);
	/* From cold, and after the radio came. */
	unsigned searches = 0;
	for (unsigned i = 0; i < RECORD_BINS; i++)
		searches += r.record->searches[i];
	assert_int_equal(searches, 2);
	run_end(&r);
}

/* --- sites and classes ------------------------------------------------------------------- */

/* The thin link bears text alone; the second satellite hop is too slow for speech. */
static const char classes_yaml[] =
	"for: 60\nnodes: [{name: thin}, {name: city, level: city}, {name: far}, {name: near}]\nlinks:\n"
	"  - {name: slow, preset: narrowband, fade: none, delay: 50ms, turnaround: 20ms, ends: [thin:n0, city:n0]}\n"
	"  - {name: sat, preset: geo-satellite, fade: none, ends: [near:s0, city:s0]}\n"
	"  - {name: sat2, preset: geo-satellite, fade: none, ends: [far:s0, near:s1]}\n"
	"files: [{name: image, from: near, to: city, start: 20, size: 100k}]\n"
	"groups: [{name: net, members: [near, city], start: 20, end: 50}]\n"
	"flows: [{name: f, from: city, to: thin, start: 40, end: 55}]\n";

static void a_site_reaches_the_post_for_what_its_way_bears(void **state)
{
	static const bool want[][3] = { { true, false, false }, { false, false, false }, { true, false, true },
		{ true, true, true } };
	struct run r = run_these(classes_yaml, 1, "x");
	unsigned last = r.record->sample_count - 1;

	(void)state;
	assert_int_equal(r.record->post, 1);
	assert_int_equal(r.record->site_count, 3);
	for (unsigned i = 0; i < 4; i++) {
		if (i == 1)
			continue;
		unsigned pair = (unsigned)r.record->site_pairs[i];

		assert_int_equal(record_bears(r.record, last, pair, PLAN_TEXT), want[i][0]);
		assert_int_equal(record_bears(r.record, last, pair, PLAN_COMMAND), want[i][0]);
		assert_int_equal(record_bears(r.record, last, pair, PLAN_VOICE), want[i][1]);
		assert_int_equal(record_bears(r.record, last, pair, PLAN_BULK), want[i][2]);
	}
	assert_int_equal(r.record->served[PLAN_TEXT][last], 3);
	assert_int_equal(r.record->served[PLAN_VOICE][last], 1);
	assert_int_equal(r.record->served[PLAN_BULK][last], 2);
	run_end(&r);
}

/* Text goes by the thin link, which costs less there; orders and bulk by the satellite as long as it is up. */
static void each_class_is_looked_at_on_its_own_way(void **state)
{
	struct run r =
		run_these("for: 40\nacquainted: yes\nnodes: [{name: city, level: city}, {name: scene}]\nlinks:\n"
			  "  - {name: thin, preset: narrowband, cost: 100, fade: none, ends: [scene:n, city:n]}\n"
			  "  - {name: sat, preset: geo-satellite, cost: 30000, fade: none, ends: [scene:s, city:s]}\n"
			  "events: [{at: 30, do: cut sat}]\n",
			1, "x");
	unsigned pair = (unsigned)r.record->site_pairs[1];
	struct record_out out;

	(void)state;
	for (unsigned i = 0; i < r.record->sample_count; i++) {
		uint64_t at_us = record_sample_us(r.record, i);

		if (at_us < 20 * SECOND_US || (at_us > 29 * SECOND_US && at_us < 37 * SECOND_US))
			continue;
		assert_true(record_bears(r.record, i, pair, PLAN_TEXT));
		assert_true(record_bears(r.record, i, pair, PLAN_COMMAND));
		assert_int_equal(record_bears(r.record, i, pair, PLAN_VOICE), at_us < 30 * SECOND_US);
		assert_int_equal(record_bears(r.record, i, pair, PLAN_BULK), at_us < 30 * SECOND_US);
	}
	record_out(r.record, pair, PLAN_TEXT, &out);
	assert_int_equal(out.total_us, 0);
	run_end(&r);
}

static const struct service *service_find(
	const struct service *rows, unsigned count, unsigned site, enum plan_class class)
{
	for (unsigned i = 0; i < count; i++)
		if (rows[i].site == site && rows[i].class == class)
			return &rows[i];
	return NULL;
}

static void what_was_sent_is_told_by_site_and_class(void **state)
{
	struct run r = run_these(classes_yaml, 1, "x");
	unsigned count;
	struct service *rows = services_of(r.trial, &count);
	const struct service *bulk = service_find(rows, count, 1, PLAN_BULK);
	const struct service *voice = service_find(rows, count, 1, PLAN_VOICE);
	const struct service *text = service_find(rows, count, 0, PLAN_TEXT);

	(void)state;
	assert_int_equal(count, 4);
	assert_int_equal(bulk->files, 1);
	assert_int_equal(bulk->whole, 1);
	assert_int_equal(bulk->slowest_us, r.trial->transfers[0].receiver.whole_us - WORLD_START_US - 20 * SECOND_US);
	assert_true(voice->wanted > 50 && voice->got == voice->wanted);
	assert_int_equal(text->wanted, r.trial->flows[0].sent);
	assert_int_equal(text->got, r.trial->flows[0].received);
	for (unsigned i = 0; i < TIMELINE_STEPS; i++) /* of 0.3 s */
		if (i < 133)
			assert_int_equal(text->asked.counts[i], 0);
	assert_true(text->asked.counts[150] > 0);
	free(rows);
	run_end(&r);
}

static void the_json_has_what_was_recorded(void **state)
{
	struct run r = run_these(yaml, 3, "x");
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(trial_write_json(r.trial, "x", out), 0);
	fclose(out);
	json_t *root = json_loads(text, 0, NULL), *recovery = json_object_get(root, "recovery");
	json_t *site = json_array_get(json_object_get(recovery, "by_site"), 0);
	struct record_out want;

	record_out(r.record, (unsigned)r.record->site_pairs[1], PLAN_TEXT, &want);
	assert_true(want.total_us >= 10 * SECOND_US && !want.is_still);
	assert_string_equal(json_string_value(json_object_get(recovery, "post")), "a");
	assert_true(json_number_value(json_object_get(recovery, "t0_s")) == 20);
	assert_string_equal(json_string_value(json_object_get(site, "name")), "b");
	assert_true(json_number_value(json_object_get(json_object_get(site, "text"), "out_s")) ==
		    (double)want.total_us / 1e6);
	assert_true(json_number_value(json_object_get(json_object_get(site, "command"), "out_s")) >= 10);
	assert_string_equal(json_string_value(json_object_get(json_object_get(recovery, "worst_pair"), "from")), "b");
	assert_int_equal(json_array_size(json_object_get(root, "services")), 1);
	assert_int_equal(json_array_size(json_object_get(root, "kinds")), 3);
	json_decref(root);
	free(text);
	run_end(&r);
}

/* --- where nodes stand -------------------------------------------------------------------- */

static bool labels_overlap(const struct plan *p, const struct layout *l, unsigned a, unsigned b)
{
	double wide = (layout_label_width(&p->nodes[a]) + layout_label_width(&p->nodes[b])) / 2;

	return fabs(l->spots[a].x - l->spots[b].x) < wide - 1 && fabs(l->spots[a].y - l->spots[b].y) < LAYOUT_LABEL - 1;
}

static void on_a_map_no_name_lies_on_another(void **state)
{
	struct run r = run_these("for: 3\nnodes:\n  - {name: city, level: city}\n"
				 "  - {name: west, position: [0, 0]}\n  - {name: east, position: [9km, 0]}\n"
				 "  - {name: north, position: [4km, 5km]}\n  - {name: one, position: [4km, 1km]}\n"
				 "  - {name: two, position: [4km, 1km]}\n  - {name: three, position: [4010m, 1km]}\n"
				 "links: [{name: l, preset: mesh-radio, range: 5km, ends: [west:r, north:r, one:r]}]\n",
		1, "x");
	const struct plan *p = r.plan;
	struct layout l;

	(void)state;
	layout_make(&l, r.record, &r.record->now);
	assert_true(l.is_ground);
	for (unsigned a = 0; a < p->node_count; a++) {
		assert_true(l.spots[a].x - layout_label_width(&p->nodes[a]) / 2 >= 0);
		assert_true(l.spots[a].x + layout_label_width(&p->nodes[a]) / 2 <= LAYOUT_WIDTH);
		assert_true(l.spots[a].y > 0 && l.spots[a].y < l.height);
		for (unsigned b = 0; b < a; b++)
			assert_false(labels_overlap(p, &l, a, b));
	}
	assert_true(l.spots[1].x < l.spots[3].x && l.spots[3].x < l.spots[2].x); /* west, north, east */
	assert_true(l.spots[3].y < l.spots[1].y);
	assert_true(l.spots[0].y < l.spots[3].y); /* the city has no place: above */
	layout_done(&l);
	run_end(&r);
}

/* --- large worlds ---------------------------------------------------------------------------- */

/* A city, two districts, and a chain of towns at each. */
static char *regions_yaml(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "for: 4\nnodes:\n  - {name: city, level: city}\n  - {name: east, level: district}\n"
		   "  - {name: west, level: district}\n");
	for (unsigned i = 0; i < 97; i++)
		fprintf(f, "  - {name: t%u}\n", i);
	fprintf(f, "links:\n  - {name: le, preset: fibre, ends: [east:f0, city:e0]}\n"
		   "  - {name: lw, preset: fibre, ends: [west:f0, city:w0]}\n");
	for (unsigned i = 0; i < 97; i++) {
		if (i < 2)
			fprintf(f, "  - {name: l%u, preset: mesh-radio, ends: [%s:r0, t%u:up]}\n", i,
				i ? "west" : "east", i);
		else
			fprintf(f, "  - {name: l%u, preset: mesh-radio, ends: [t%u:r0, t%u:up]}\n", i, i - 2, i);
	}
	fprintf(f, "events: [{at: 3, do: cut lw}]\n");
	fclose(f);
	return text;
}

static void nodes_belong_to_the_nearest_post(void **state)
{
	char error[PLAN_ERROR_MAX], *text = regions_yaml();
	struct plan *plan = plan_parse("test", bytes_of(text, strlen(text)), error);
	struct regions g;

	(void)state;
	assert_non_null(plan);
	regions_make(&g, plan);
	assert_int_equal(g.count, 3);
	assert_int_equal(g.sizes[0], 1);
	assert_int_equal(g.sizes[1], 50);
	assert_int_equal(g.sizes[2], 49);
	for (unsigned i = 3; i < 100; i++)
		assert_int_equal(g.of[i], i % 2 ? 1 : 2);
	regions_done(&g);
	plan_free(plan);
	free(text);
}

static void a_large_world_is_drawn_by_regions(void **state)
{
	char *text = regions_yaml();
	struct run r = run_these(text, 1, "x");
	XML_Parser parser = XML_ParserCreate("UTF-8");

	(void)state;
	assert_int_equal(XML_Parse(parser, r.page, (int)r.len, 1), XML_STATUS_OK);
	XML_ParserFree(parser);
	assert_non_null(strstr(r.page, "class=\"drawing map\""));
	assert_null(strstr(r.page, "class=\"spot"));
	assert_non_null(strstr(r.page, "<title>west: 0 of 49 sites reach the post"));
	assert_true(r.len < 200000);
	run_end(&r);
	free(text);
}

static void a_large_world_is_recorded_within_the_limit(void **state)
{
	char text[4096] = "for: 1\nnodes:\n", error[PLAN_ERROR_MAX];
	size_t len = strlen(text);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "  - {name: n%u}\n", i);
	len += (size_t)snprintf(text + len, sizeof(text) - len,
		"links: [{name: l, preset: fibre, ends: [n0:e0, n1:e0]}]\n"
		"expect: [{reach: {from: n99, to: n7, within: 1}}]\n");
	struct plan *plan = plan_parse("test", bytes_of(text, len), error);
	if (!plan)
		fail_msg("%s", error);
	struct trial *t = trial_new(plan, 1, NULL);
	struct record *r = record_new(t);
	assert_true(r->is_chosen);
	assert_in_range(r->pair_count, RECORD_PAIRS_MAX - 1, RECORD_PAIRS_MAX);
	assert_true(r->pairs[0].is_watched && r->pairs[0].a == 99 && r->pairs[0].b == 7);
	/* Each node but the post is a site, and no pair is there twice. */
	static bool is_there[100][100];
	for (unsigned i = 0; i < r->pair_count; i++) {
		unsigned a = r->pairs[i].a, b = r->pairs[i].b;

		assert_false(is_there[a][b] || is_there[b][a]);
		is_there[a][b] = true;
	}
	assert_int_equal(r->site_pairs[r->post], -1);
	for (unsigned i = 0; i < 100; i++)
		assert_true(i == r->post || is_there[i][r->post] || is_there[r->post][i]);
	record_free(r);
	trial_free(t);
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_is_well_formed_and_names_are_harmless),
		cmocka_unit_test(the_same_seed_is_the_same_page),
		cmocka_unit_test(recording_does_not_change_the_run),
		cmocka_unit_test(the_figures_are_those_of_the_json),
		cmocka_unit_test(the_outage_has_its_cause_its_end_and_its_ways),
		cmocka_unit_test(a_pair_is_apart_without_power_or_link_and_searching_with),
		cmocka_unit_test(a_site_reaches_the_post_for_what_its_way_bears),
		cmocka_unit_test(each_class_is_looked_at_on_its_own_way),
		cmocka_unit_test(what_was_sent_is_told_by_site_and_class),
		cmocka_unit_test(the_json_has_what_was_recorded),
		cmocka_unit_test(on_a_map_no_name_lies_on_another),
		cmocka_unit_test(nodes_belong_to_the_nearest_post),
		cmocka_unit_test(a_large_world_is_drawn_by_regions),
		cmocka_unit_test(a_large_world_is_recorded_within_the_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
