/*
 * The page: one file without anything from outside, readable on a phone, by day
 * and by night. It shows what the report judged and adds no figure of its own.
 */
#include "sim/demo/page.h"
#include "sim/demo/picture.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
	".arrived{fill:var(--used)}.satellite{fill:var(--sat)}.cellular{fill:var(--cell)}.axis{stroke:var(--rule)}"
	".cut{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:4 3}.gap{fill:var(--bad);opacity:.15}"
	"svg .gap-label{text-anchor:middle;fill:var(--bad);font-weight:700}svg "
	".tick{text-anchor:middle;fill:var(--soft);"
	"font-size:10px}svg .label{fill:var(--soft);font-size:11px}"
	"ol{list-style:none;margin:0;padding:0}li{display:grid;grid-template-columns:4.6rem 1fr;gap:.1rem .6rem;"
	"padding:.25rem 0}li time{color:var(--soft);text-align:right;font-variant-numeric:tabular-nums}"
	"li.phase{display:block;font-weight:700;margin-top:.8rem;border-top:1px solid var(--rule);padding-top:.6rem}"
	"li.seen{color:var(--soft);font-size:.9rem}li.kept{color:var(--good);font-weight:600}"
	"li.broken{color:var(--bad);font-weight:700}li.act{color:var(--warn)}li span{overflow-wrap:anywhere}"
	"pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8rem;margin:.5rem "
	"0}.two>*{min-width:0}.scroll{overflow-x:auto}";

static void head_put(FILE *f, const struct report *r)
{
	bool held = report_held(r);
	const char *broken = json_string_value(json_object_get(r->facts, "broken"));

	fprintf(f,
		"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		"<title>meshd: three outages</title><style>%s%s</style></head><body><main>\n",
		html_style, style);
	fprintf(f, "<h1><span lang=\"zh\">\xe4\xb8\x89\xe6\x96\xad\xe4\xb9\x8b\xe4\xb8\x8b\xef\xbc\x8c"
		   "\xe5\x8d\x81\xe5\x88\x86\xe9\x92\x9f\xe6\x81\xa2\xe5\xa4\x8d\xe9\x80\x9a\xe4\xbf\xa1</span>"
		   "<span>Power, network and road are gone: communication within ten minutes</span></h1>\n");
	fprintf(f, "<p class=\"verdict %s\">%s</p>\n", held ? "good" : "bad",
		held ? "Every step held." : "Not every step held.");
	if (broken) {
		fprintf(f, "<p class=\"bad\">");
		html_put(f, broken);
		fprintf(f, "</p>\n");
	}
	fprintf(f,
		"<p class=\"soft\">Real daemons in network namespaces of one machine, real frames on emulated links; "
		"every figure is computed from this run.</p>\n");
}

static void tile_put(FILE *f, const struct report *r, const char *key, int digits, const char *unit, const char *text)
{
	json_t *value = json_object_get(r->result, key);

	fprintf(f, "<div class=\"tile\"><b>");
	if (json_is_number(value))
		fprintf(f, "%.*f%s", digits, json_number_value(value), unit);
	else
		fprintf(f, "\xe2\x80\x93");
	fprintf(f, "</b>%s</div>\n", text);
}

static void tiles_put(FILE *f, const struct report *r)
{
	fprintf(f, "<div class=\"tiles\">\n");
	tile_put(f, r, "restored_s", 1, " s", "from power-on to the first ping scene \xe2\x86\x92 city");
	tile_put(f, r, "image_s", 1, " s", "from power-on to the picture at the city");
	tile_put(f, r, "failover_gap_s", 1, " s", "gap when the satellite fell silent");
	tile_put(f, r, "text_s", 1, " s", "to a text by narrowband, satellite and 4G dead");
	tile_put(f, r, "plaintext_hits", 0, "", "readable places in all captures");
	fprintf(f, "</div>\n");
}

static void table_put(FILE *f, const struct report *r)
{
	fprintf(f,
		"<h2>Against the promise of ten minutes</h2><div class=\"card\"><table class=\"rows\"><thead><tr><th>"
		"</th><th>Step</th><th>Goal</th><th>Measured</th></tr></thead><tbody>\n");
	for (unsigned i = 0; i < r->row_count; i++) {
		const struct verdict *row = &r->rows[i];

		fprintf(f, "<tr><td class=\"mark %s\">%s</td><td>", row->held ? "good" : "bad",
			row->held ? "ok" : "NO");
		html_put(f, row->what);
		fprintf(f, "</td><td class=\"goal\">");
		html_put(f, row->goal);
		fprintf(f, "</td><td>");
		html_put(f, row->measured);
		if (row->promise_share >= 0)
			fprintf(f, " <span class=\"soft\">%.1f %% of ten minutes</span>", 100 * row->promise_share);
		fprintf(f, "</td></tr>\n");
	}
	fprintf(f, "</tbody></table></div>\n");
}

static void phases_put(FILE *f)
{
	static const struct phase phases[] = {
		{ "1 \xc2\xb7 An ordinary day", "City, district and town are joined by fibre.", true, false, LINE_USED,
			LINE_ABSENT, LINE_ABSENT, LINE_ABSENT, LINE_ABSENT },
		{ "2 \xc2\xb7 T0", "The fibre is cut, the town has no power.", false, false, LINE_DOWN, LINE_ABSENT,
			LINE_ABSENT, LINE_ABSENT, LINE_ABSENT },
		{ "3 \xc2\xb7 The team is switched on",
			"Two radio hops, then the satellite (270 ms each way, 2 Mbit/s, behind NAT). 4G stays in "
			"reserve: "
			"it is paid by the byte.",
			false, true, LINE_DOWN, LINE_USED, LINE_USED, LINE_UP, LINE_UP },
		{ "4 \xc2\xb7 The satellite falls silent",
			"Its carrier stays up, nothing comes through. The backpack's 4G takes over.", false, true,
			LINE_DOWN, LINE_USED, LINE_SILENT, LINE_USED, LINE_UP },
		{ "5 \xc2\xb7 4G falls silent as well",
			"A narrowband radio on a serial port of 9,600 baud is left. It carries text.", false, true,
			LINE_DOWN, LINE_USED, LINE_SILENT, LINE_SILENT, LINE_USED },
	};

	fprintf(f, "<h2>What happened to the network</h2><div class=\"phases\">\n");
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		fprintf(f, "<div class=\"card\"><h3>%s</h3><p class=\"soft\">%s</p>\n", phases[i].title,
			phases[i].text);
		drawing_put(f, &phases[i]);
		fprintf(f, "</div>\n");
	}
	fprintf(f, "</div>\n");
}

static void picture_put(FILE *f, const struct report *r)
{
	uint8_t *small = NULL;
	size_t len = 0;

	if (!r->picture || jpeg_shrink(&small, &len, bytes_of(r->picture, r->picture_len), 2, 70) < 0)
		return;
	size_t room = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(room);
	if (text) {
		sodium_bin2base64(text, room, small, len, sodium_base64_VARIANT_ORIGINAL);
		fprintf(f,
			"<div class=\"card\"><h3>The picture, as the city has it</h3><p class=\"soft\">%.2f MB; shown "
			"at half "
			"its width. Drawn by the demonstration, there is no camera.</p><img alt=\"A valley with "
			"damaged "
			"houses, smoke and rubble; caption SCENE 1\" src=\"data:image/jpeg;base64,",
			(double)r->picture_len / 1e6);
		fputs(text, f);
		fprintf(f, "\"></div>\n");
	}
	free(text);
	free(small);
}

static void flow_put(FILE *f, const struct report *r)
{
	fprintf(f, "<h2>The picture and the gap</h2><div class=\"two\">\n");
	picture_put(f, r);
	fprintf(f, "<div class=\"card\"><h3>100 packets a second, both ways</h3><p class=\"soft\">In tenths of a "
		   "second. The gap "
		   "is the longest silence at the receiver less the sending interval.</p>\n");
	plot_put(f, r);
	for (unsigned i = 0; i < 2; i++) {
		const struct flow_view *v = &r->flows[i];

		if (v->sent)
			fprintf(f,
				"<p class=\"soft\">To the %s: %llu of %llu packets arrived; one way %.0f ms before, "
				"%.0f ms "
				"after.</p>\n",
				v->receiver, (unsigned long long)v->arrived, (unsigned long long)v->sent,
				(double)v->delay_before_us / 1e3, (double)v->delay_after_us / 1e3);
	}
	fprintf(f, "</div></div>\n");
}

static void way_put(FILE *f, const struct report *r, const char *key, const char *title)
{
	const char *text = json_string_value(json_object_get(r->facts, key));

	if (!text)
		return;
	fprintf(f, "<div class=\"card\"><h3>%s</h3><pre>", title);
	html_put(f, text);
	fprintf(f, "</pre></div>\n");
}

static void ways_put(FILE *f, const struct report *r)
{
	if (!json_object_get(r->facts, "way_before") && !json_object_get(r->facts, "way_after"))
		return;
	fprintf(f, "<h2>Why this way: the backpack's own words</h2><div class=\"two\">\n");
	way_put(f, r, "way_before", "While the satellite works");
	way_put(f, r, "way_after", "After it fell silent");
	way_put(f, r, "way_narrowband", "After 4G died as well");
	fprintf(f, "</div>\n");
}

static void timeline_put(FILE *f, const struct report *r)
{
	json_t *event;
	size_t i;

	fprintf(f, "<h2>Timeline</h2><p class=\"soft\">Seconds since the outage (T0).</p><div class=\"card\"><ol>\n");
	json_array_foreach (json_object_get(r->facts, "events"), i, event) {
		const char *mark = json_string_value(json_object_get(event, "mark"));
		const char *who = json_string_value(json_object_get(event, "who"));
		const char *text = json_string_value(json_object_get(event, "text"));
		double at_s =
			((double)json_integer_value(json_object_get(event, "at_us")) - (double)r->outage_us) / 1e6;

		if (!mark || !who || !text)
			continue;
		if (strcmp(mark, "phase") == 0)
			fprintf(f, "<li class=\"phase\">");
		else if (r->outage_us)
			fprintf(f, "<li class=\"%s\"><time>%+.2f</time><span>", mark, at_s);
		else
			fprintf(f, "<li class=\"%s\"><time></time><span>", mark);
		if (strcmp(mark, "phase") != 0) {
			fprintf(f, "<b>");
			html_put(f, who);
			fprintf(f, "</b> ");
		}
		html_put(f, text);
		fprintf(f, "%s</li>\n", strcmp(mark, "phase") == 0 ? "" : "</span>");
	}
	fprintf(f, "</ol></div>\n");
}

static void captures_put(FILE *f, const struct report *r)
{
	fprintf(f, "<h2>Captures</h2><p class=\"soft\">What was looked for: the picture in runs of 16 bytes at any "
		   "offset, names of "
		   "nodes, the mesh's addresses, Babel packets, the marker of the flow. The link <i>clear</i> carries "
		   "them "
		   "unsealed on purpose.</p><div class=\"card scroll\"><table><thead><tr><th>Link</th><th>Frames</th>"
		   "<th>MB</th>");
	for (unsigned kind = 0; kind < SCAN_KINDS; kind++)
		fprintf(f, "<th>%s</th>", scan_kind_name(kind));
	fprintf(f, "</tr></thead><tbody>\n");
	for (unsigned link = 0; link < REPORT_LINKS; link++) {
		const struct capture *c = r->captures[link];

		if (!c)
			continue;
		fprintf(f, "<tr><td>%s.pcap</td><td>%llu</td><td>%.2f</td>", report_link_names[link],
			(unsigned long long)c->hits.frames, (double)c->hits.bytes / 1e6);
		for (unsigned kind = 0; kind < SCAN_KINDS; kind++)
			fprintf(f, "<td>%llu</td>", (unsigned long long)c->hits.of[kind]);
		fprintf(f, "</tr>\n");
	}
	fprintf(f, "</tbody></table></div></main></body></html>\n");
}

int page_write(const struct report *r, const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	head_put(f, r);
	tiles_put(f, r);
	table_put(f, r);
	phases_put(f);
	flow_put(f, r);
	ways_put(f, r);
	timeline_put(f, r);
	captures_put(f, r);
	bool failed = ferror(f) != 0;
	return fclose(f) != 0 || failed ? -EIO : 0;
}
