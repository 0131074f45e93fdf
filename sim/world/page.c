/*
 * The page: the verdict first, then what happened, then the figures behind it. It
 * shows what the trial judged and what the recorder saw.
 */
#include "sim/world/page.h"
#include "meshd/base/html.h"
#include "sim/world/kind.h"

#include <errno.h>
#include <string.h>

static const char style[] =
	"td.mark{white-space:nowrap;overflow-wrap:normal!important}"
	"h1,h3,.rows td,.row span{overflow-wrap:anywhere}"
	".three{display:grid;gap:.75rem;align-items:start}"
	"@media print,(min-width:52rem){.three{grid-template-columns:repeat(3,1fr)}}.three>*{min-width:0}"
	".two>*{min-width:0}"
	".row{display:grid;grid-template-columns:1fr auto;column-gap:.75rem;padding:.2rem 0;"
	"font-size:.9rem}"
	".row em{font-style:normal;color:var(--soft);font-variant-numeric:tabular-nums;"
	"white-space:nowrap}.row svg{grid-column:1/-1;height:1rem;background:var(--bg)}"
	"@media print,(min-width:52rem){.row{grid-template-columns:15rem 1fr 11rem;align-items:center}"
	".row svg{grid-column:2;grid-row:1}.row em{grid-column:3}"
	".outages .ticks{margin-left:15.75rem;margin-right:11.75rem}}"
	"path.joined,.key.joined{fill:var(--rule);background:var(--rule)}.curve{position:relative}"
	".curve svg{height:11rem;background:var(--bg)}"
	".curve span{position:absolute;left:.3rem;font-size:.75rem;padding:0 .25rem;border-radius:.2rem;"
	"background:var(--card);opacity:.85}.curve .top{top:.1rem}.curve .half{top:calc(50% + .1rem)}"
	".bars{display:grid;grid-template-columns:auto 1fr auto;gap:.2rem .6rem;align-items:center;"
	"font-size:.9rem}.bars i{display:block;height:.9rem;background:var(--used);border-radius:.15rem}"
	".bars i.open{background:var(--bad)}.bars b{text-align:right;font-variant-numeric:tabular-nums}"
	"rect.less,.key.less{fill:var(--rule);background:var(--rule)}"
	".key.line{height:.2rem;vertical-align:.2rem}.key.line.voice{background:var(--ink)}"
	".key.line.bulk{background:var(--used)}"
	".curve path.line{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}"
	"path.line.voice{stroke:var(--ink)}path.line.bulk{stroke:var(--used);stroke-dasharray:7 4}"
	".fine{border-top:1px solid var(--rule);padding-top:.4rem;font-size:.9rem}"
	".sites h3{margin-top:1rem}.link.radios,.link.radios.used{stroke-width:1.2}"
	".map .link{stroke-width:.6}.map .link.used{stroke-width:1.6}"
	".map .link.down{stroke-width:1.2;stroke-dasharray:3 2}"
	".map circle.reached,.map path.reached{fill:var(--good)}.map circle.apart{fill:var(--bad)}"
	".map circle{stroke:var(--card);stroke-width:1}"
	".map text{font-size:8px;text-anchor:middle;paint-order:stroke;stroke:var(--card);"
	"stroke-width:2.5px}.link path{fill:none}.link circle{fill:var(--soft);stroke:none}"
	".link.used circle{fill:var(--used)}.link.used{stroke-width:3.5}.drawing text{font-size:10px}"
	".story p{margin:.5rem 0}.over{font-size:.85rem;color:var(--used);white-space:nowrap}"
	".over::before{content:\"\xe2\x80\x94 \"}.over::after{content:\" \xe2\x86\x92\"}"
	"td.number,th.number{text-align:right}td.number{white-space:nowrap}"
	".legend span{white-space:nowrap;margin-right:.8rem}"
	".legend svg{display:inline-block;width:2rem;height:.6rem;vertical-align:middle;"
	"margin-right:.3rem}@media(max-width:40rem){.rows td.got::before{content:\"measured \"}"
	".kinds td:not(.mark){margin-left:0}.kinds td.number{text-align:left}"
	".kinds td.number::before{content:attr(data-label) \": \";color:var(--soft)}}";

/* --- the verdict ------------------------------------------------------------------------- */

static void head_put(FILE *f, const struct trial *t, const char *scenario)
{
	char failure[PLAN_ERROR_MAX], length[32];
	bool has_failed = trial_failure(t, failure);

	page_duration(t->plan->duration_us, length);
	fprintf(f, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" "
		   "content=\"width=device-width,initial-scale=1\"/><title>");
	html_put(f, scenario);
	fprintf(f, "</title><style>%s%s%s</style></head><body><main>\n<h1>", html_style, html_time_style, style);
	html_put(f, scenario);
	fprintf(f, "</h1>\n<p class=\"verdict %s\">%s</p>\n", has_failed ? "bad" : "good",
		has_failed ? "Not everything expected was met." : "Everything expected was met.");
	if (has_failed) {
		fprintf(f, "<p class=\"bad\">");
		html_put(f, failure);
		fprintf(f, "</p>\n");
	}
	fprintf(f,
		"<p class=\"soft\">%u nodes and %u links in virtual time, %s. %s. Sites are all nodes but the "
		"highest post, with or without power.</p>\n",
		t->plan->node_count, t->plan->link_count, length,
		t->record->has_harm ? "T0 is the first failure" : "Nothing is ordered to fail");
}

/* Neither all nor nothing unless it is. */
static void share_text(unsigned part, unsigned whole, char text[16])
{
	unsigned tenths = whole ? (unsigned)(1000ull * part / whole) : 1000;

	if ((part && tenths < 10) || (part < whole && tenths >= 990))
		snprintf(text, 16, "%u.%u %%", tenths / 10, tenths % 10);
	else
		snprintf(text, 16, "%u %%", (tenths + 5) / 10);
}

static void tile_put(FILE *f, const struct record *r, unsigned sample, const char *text)
{
	char reach[16], voice[16], pictures[16];

	share_text(r->served[PLAN_TEXT][sample], r->site_count, reach);
	share_text(r->served[PLAN_VOICE][sample], r->site_count, voice);
	share_text(r->served[PLAN_BULK][sample], r->site_count, pictures);
	fprintf(f, "<div class=\"tile\"><b>%s</b>%s<div class=\"soft\">voice %s, pictures %s</div></div>\n", reach,
		text, voice, pictures);
}

static void tiles_put(FILE *f, const struct record *r)
{
	uint64_t promise_us = r->harm_us + PAGE_PROMISE_US;

	fprintf(f, "<div class=\"tiles\">\n");
	if (r->before.at_us && r->has_harm)
		tile_put(f, r, r->before.sample, "of sites in contact before T0");
	if (r->has_harm && r->worst.reached != UINT32_MAX)
		tile_put(f, r, r->worst.sample, "at the worst moment");
	if (r->has_harm && promise_us <= r->now.at_us)
		tile_put(f, r, (unsigned)(promise_us / r->step_us - 1), "ten minutes after T0");
	else if (r->has_harm)
		fprintf(f,
			"<div class=\"tile\"><b>\xe2\x80\x93</b>ten minutes after T0<div class=\"soft\">the run ends "
			"before</div></div>\n");
	tile_put(f, r, r->now.sample, "at the end");
	fprintf(f, "</div>\n");
}

static void expect_put(FILE *f, bool is_met, const char *text, const char *measured, const char *detail)
{
	fprintf(f, "<tr><td class=\"mark %s\">%s</td><td>", is_met ? "good" : "bad", is_met ? "ok" : "NO");
	html_put(f, text);
	fprintf(f, "</td><td class=\"got\">");
	html_put(f, measured);
	if (!is_met && detail[0]) {
		fprintf(f, " <span class=\"soft\">");
		html_put(f, detail);
		fprintf(f, "</span>");
	}
	fprintf(f, "</td></tr>\n");
}

static void expectations_put(FILE *f, const struct trial *t)
{
	char text[200], measured[32];

	fprintf(f, "<h2>What was expected</h2><div class=\"card\"><table class=\"rows\"><thead><tr><th></th><th>"
		   "Expected</th><th>Measured</th></tr></thead><tbody>\n");
	snprintf(measured, sizeof(measured), "%llu", (unsigned long long)t->world->loops);
	expect_put(f, t->world->loops == 0, "no forwarding loop", measured, t->world->loop);
	for (unsigned i = 0; i < t->plan->expect_count; i++) {
		trial_expect_text(t, &t->expect[i], text, sizeof(text));
		trial_measured_text(&t->expect[i], measured);
		expect_put(f, t->expect[i].is_met, text, measured, t->expect[i].detail);
	}
	fprintf(f, "</tbody></table></div>\n");
}

/* --- pictures -------------------------------------------------------------------------------- */

static void picture_put(FILE *f, const struct record *r, const struct record_view *v, const char *title)
{
	fprintf(f, "<div class=\"card\"><h3>%s</h3><p class=\"soft\">At %.1f s: %u of %u pairs in contact.</p>\n",
		title, (double)v->at_us / 1e6, v->reached, r->pair_count);
	if (r->trial->plan->node_count > PAGE_NODES_MAX)
		page_regions_put(f, r, v);
	else
		page_drawing_put(f, r, v);
	fprintf(f, "</div>\n");
}

static void pictures_put(FILE *f, const struct record *r)
{
	static const char *const keys[][2] = { { "used", "carries traffic of a pair" }, { "up", "up, in reserve" },
		{ "down", "cut" }, { "silent", "silent: looks up, carries nothing" },
		{ "absent", "an end has no power" } };

	if (r->trial->plan->node_count > PAGE_NODES_MAX)
		fprintf(f, "<h2>The network, by regions</h2><p class=\"soft\">A disc is the nodes nearest to a post, "
			   "as large "
			   "as they are many, <i class=\"key reached\"></i> filled as far as they reach the highest "
			   "post. A "
			   "line is all links between two.</p>");
	else
		fprintf(f, "<h2>The network</h2>");
	fprintf(f, "<p class=\"soft legend\">");
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		fprintf(f,
			"<span><svg viewBox=\"0 0 32 8\"><g class=\"link %s\"><path d=\"M0 "
			"4H32\"/></g></svg>%s</span> ",
			keys[i][0], keys[i][1]);
	fprintf(f, "</p><div class=\"three\">\n");
	if (r->has_harm && r->before.at_us)
		picture_put(f, r, &r->before, "Before");
	if (r->has_harm && r->worst.reached != UINT32_MAX)
		picture_put(f, r, &r->worst, "At the worst moment");
	picture_put(f, r, &r->now, "At the end");
	fprintf(f, "</div>\n");
}

/* --- bytes by kind of link ------------------------------------------------------------------- */

static void bytes_put(FILE *f, const char *label, uint64_t bytes)
{
	fprintf(f, "<td class=\"number\" data-label=\"%s\" title=\"%llu bytes\">", label, (unsigned long long)bytes);
	if (bytes < 100000)
		fprintf(f, "%.1f kB", (double)bytes / 1e3);
	else
		fprintf(f, "%.2f MB", (double)bytes / 1e6);
	fprintf(f, "</td>");
}

static void kind_put(FILE *f, const struct trial *t, const struct kind_traffic *k)
{
	fprintf(f, "<tr><td><b>%s</b></td><td class=\"number\" data-label=\"links\">%u</td>", k->kind->name, k->links);
	bytes_put(f, "all bytes", k->bytes);
	bytes_put(f, "control bytes", k->control_bytes);
	fprintf(f,
		"<td class=\"number\" data-label=\"control per link\">%.0f bit/s</td><td class=\"number\" "
		"data-label=\"control, worst ten seconds\">%.1f %%</td></tr>\n",
		(double)k->control_bytes * 8 / k->links / ((double)t->plan->duration_us / 1e6), 100 * k->worst_share);
}

static void kinds_put(FILE *f, const struct trial *t)
{
	struct kind_traffic kind;
	unsigned link = 0;

	fprintf(f, "<h2>What keeping the network costs</h2><div class=\"card\"><table class=\"rows "
		   "kinds\"><thead><tr><th>Kind of "
		   "link</th><th class=\"number\">Links</th><th class=\"number\">All bytes</th><th class=\"number\">"
		   "Control bytes</th><th class=\"number\">Control per link</th><th class=\"number\">Worst ten "
		   "seconds</th></tr></thead><tbody>\n");
	while (kind_next(t, &link, &kind))
		kind_put(f, t, &kind);
	fprintf(f, "</tbody></table></div><p class=\"soft\">Control: all but the hosts' own packets, both directions. "
		   "The worst ten seconds are what was offered, as a share of what the slower direction can carry: "
		   "beyond 100 %% it waited or was dropped.</p>\n");
}

int page_write(const struct trial *t, const char *scenario, FILE *out)
{
	char digest[2 * WORLD_DIGEST_LEN + 1];
	const struct record *r = t->record;

	head_put(out, t, scenario);
	tiles_put(out, r);
	expectations_put(out, t);
	fprintf(out, "<h2>Recovery</h2>\n");
	page_recovery_put(out, r);
	page_sites_put(out, r);
	page_services_put(out, r);
	pictures_put(out, r);
	page_story_put(out, r);
	page_outages_put(out, r);
	fprintf(out, "<h2>How fast the network found its ways</h2><div class=\"two\">\n");
	page_searches_put(out, r);
	page_curve_put(out, r);
	fprintf(out, "</div>\n");
	kinds_put(out, t);
	trial_digest_text(t->world, digest);
	fprintf(out,
		"<p class=\"soft\">Seed %llu, %llu events, looked at every %g s; hash <span "
		"class=\"hash\">%.16s</span>. The "
		"same seed gives the same page.</p></main></body></html>\n",
		(unsigned long long)t->world->seed, (unsigned long long)t->world->events, (double)r->step_us / 1e6,
		digest);
	return ferror(out) ? -EIO : 0;
}
