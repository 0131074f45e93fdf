/*
 * After the run: reads what it left behind, has it judged, prints the table and
 * writes result.json and the page. Exits 0 only if every row held.
 */
#include "sim/demo/report.h"
#include "sim/demo/commands.h"
#include "sim/demo/judge.h"
#include "sim/demo/picture.h"
#include "sim/demo/tools.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const report_link_names[REPORT_LINKS] = {
	[LINK_FIBRE_CITY] = "fibre-city",
	[LINK_FIBRE_TOWN] = "fibre-town",
	[LINK_RADIO] = "radio",
	[LINK_SATELLITE] = "satellite",
	[LINK_CELLULAR] = "cellular",
	[LINK_INTERNET] = "internet",
	[LINK_NARROWBAND] = "narrowband",
	[LINK_CLEAR] = "clear",
};

uint64_t report_time_us(const struct report *r, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(r->facts, key));
}

bool report_held(const struct report *r)
{
	bool held = r->row_count > 0 && !json_object_get(r->facts, "broken");

	for (unsigned i = 0; i < r->row_count; i++)
		held = held && r->rows[i].held;
	return held;
}

/* Everything that a listener must not find: the picture, every name, the mesh's addresses, our marker, Babel. */
static int scan_make(struct scan *scan, const json_t *facts, struct bytes picture)
{
	const char *deployment = json_string_value(json_object_get(facts, "deployment"));
	struct prefix prefix;
	json_t *node;
	size_t i;
	int error = scan_init(scan, picture);

	if (!error && (!deployment || prefix_parse(&prefix, deployment) < 0))
		error = -EINVAL;
	if (!error)
		error = scan_prefix_add(scan, &prefix);
	if (!error)
		error = scan_text_add(scan, SCAN_MARKER, FLOW_MARKER);
	json_array_foreach (json_object_get(facts, "nodes"), i, node) {
		const char *name = json_string_value(json_object_get(node, "name"));

		if (!error)
			error = name ? scan_text_add(scan, SCAN_NAME, name) : -EINVAL;
	}
	return error;
}

/* A capture that cannot be read is told, and missing. */
static void captures_read(struct report *r, struct bytes picture)
{
	char error[CAPTURE_ERROR_MAX];
	struct scan scan = { 0 };
	int made = scan_make(&scan, r->facts, picture);

	if (made)
		complain("report: run.json and scene.jpg do not say what to look for: %s", strerror(-made));
	for (unsigned i = 0; i < REPORT_LINKS && !made; i++) {
		uint64_t start = report_time_us(r, "begin_us") + r->wall_offset_us;
		char path[64];

		snprintf(path, sizeof(path), "%s.pcap", report_link_names[i]);
		r->captures[i] = malloc(sizeof(*r->captures[i]));
		if (!r->captures[i] || capture_read(r->captures[i], path, start, &scan, error) < 0) {
			complain("report: %s", r->captures[i] ? error : "out of memory");
			free(r->captures[i]);
			r->captures[i] = NULL;
		}
	}
	scan_done(&scan);
}

static void flow_read(struct flow_view *v, const char *receiver, const char *path)
{
	unsigned line = 0;

	v->receiver = receiver;
	int error = flow_record_read(&v->record, path, &line);
	if (error && error != -ENOENT)
		complain("report: %s:%u: %s", path, line,
			error == -EBADMSG ? "not a record of the flow" : strerror(-error));
}

/* Bytes are not columns: UTF-8 continuation bytes take none. */
static void cell_print(const char *text, int columns)
{
	for (const char *at = text; *at; at++)
		columns -= ((unsigned char)*at & 0xc0) != 0x80;
	printf("%s%*s", text, columns > 0 ? columns : 0, "");
}

static void table_print(const struct report *r)
{
	printf("\n  ");
	cell_print("", 4);
	cell_print("against the promise of ten minutes", 58);
	cell_print("goal", 24);
	printf("measured\n");
	for (unsigned i = 0; i < r->row_count; i++) {
		const struct verdict *row = &r->rows[i];

		printf("  %s ", row->held ? "ok " : "NO ");
		cell_print(row->what, 58);
		cell_print(row->goal, 24);
		printf("%s", row->measured);
		if (row->promise_share >= 0)
			printf(", %.1f %% of it", 100 * row->promise_share);
		printf("\n");
	}
}

/* The last line: what to think of it and where to look. */
static void closing_print(const struct report *r, const char *dir)
{
	const char *broken = json_string_value(json_object_get(r->facts, "broken"));

	if (report_held(r))
		printf("\n  Every step held. ");
	else
		printf("\n  NOT every step held%s%s. ", broken ? ": " : "", broken ? broken : "");
	printf("Figures %s/result.json, page %s/index.html, captures %s/*.pcap, logs %s/*.log\n", dir, dir, dir, dir);
}

static json_t *rows_json(const struct report *r)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < r->row_count; i++)
		json_array_append_new(
			rows, json_pack("{s:s, s:s, s:s, s:b}", "what", r->rows[i].what, "goal", r->rows[i].goal,
				      "measured", r->rows[i].measured, "held", r->rows[i].held));
	return rows;
}

static void report_done(struct report *r)
{
	for (unsigned i = 0; i < REPORT_LINKS; i++)
		free(r->captures[i]);
	for (unsigned i = 0; i < 2; i++)
		flow_record_done(&r->flows[i].record);
	free(r->picture);
	json_decref(r->facts);
	json_decref(r->result);
}

static int report_write(struct report *r, const char *dir)
{
	bool held = report_held(r);

	json_object_set_new(r->result, "held", json_boolean(held));
	json_object_set(r->result, "broken", json_object_get(r->facts, "broken"));
	json_object_set_new(r->result, "steps", rows_json(r));
	if (json_dump_file(r->result, "result.json", JSON_INDENT(1) | JSON_REAL_PRECISION(9)) < 0)
		return complain("report: %s/result.json cannot be written; check the disk", dir);
	int error = page_write(r, "index.html");
	if (error)
		return complain("report: %s/index.html: %s", dir, strerror(-error));
	table_print(r);
	closing_print(r, dir);
	return held ? 0 : 1;
}

int command_report(int argc, char **argv)
{
	static struct report r;
	const char *dir = option(argc, argv, "--dir");
	json_error_t error;
	uint8_t *sent = NULL;

	if (!dir || chdir(dir) < 0)
		return complain("report: needs --dir DIR of a run");
	r.facts = json_load_file("run.json", 0, &error);
	if (!r.facts)
		return complain("report: %s/run.json: %s", dir, error.text);
	r.result = json_object();
	r.outage_us = report_time_us(&r, "outage_us");
	r.power_on_us = report_time_us(&r, "power_on_us");
	r.silence_us = report_time_us(&r, "silence_us");
	r.wall_offset_us = report_time_us(&r, "wall_minus_monotonic_us");
	flow_read(&r.flows[0], "scene", "flow-scene.csv");
	flow_read(&r.flows[1], "city", "flow-city.csv");
	long len = file_read("received.jpg", 2 * PICTURE_MAX, &r.picture);
	r.picture_len = len > 0 ? (size_t)len : 0;
	long sent_len = file_read("scene.jpg", 2 * PICTURE_MAX, &sent);
	if (sent_len < 0)
		complain("report: scene.jpg: %s", strerror((int)-sent_len));
	struct bytes picture = bytes_of(sent, sent_len > 0 ? (size_t)sent_len : 0);
	captures_read(&r, picture);
	judge_all(&r, picture);
	int status = report_write(&r, dir);
	free(sent);
	report_done(&r);
	return status;
}
