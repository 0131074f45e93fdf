/*
 * What each site could reach the post for, over time: a lane for each class, those
 * that are the same drawn once. Of a large world a lane is a region, as high as the
 * share of its sites that could.
 */
#include "meshd/base/html.h"
#include "sim/world/page.h"
#include "sim/world/region.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 24 /* of sites; of more, regions and the worst of them */
#define WORST_MAX 10
#define LANE 20 /* units high */

static const enum plan_class lanes[] = { PLAN_TEXT, PLAN_COMMAND, PLAN_VOICE, PLAN_BULK };
static const char *const lane_names[] = { "text", "orders", "voice", "pictures" };
#define LANES (sizeof(lanes) / sizeof(lanes[0]))

/* Some sites together. */
struct crowd {
	unsigned count;
	unsigned *pairs; /* of the record */
};

static unsigned crowd_served(const struct record *r, const struct crowd *c, unsigned sample, enum plan_class class)
{
	unsigned served = 0;

	for (unsigned i = 0; i < c->count; i++)
		served += record_bears(r, sample, c->pairs[i], class);
	return served;
}

/* A crowd of one also tells why it is not served. */
static enum pair_state crowd_state(const struct record *r, const struct crowd *c, unsigned sample)
{
	return c->count == 1 ? record_state(r, sample, c->pairs[0]) : PAIR_APART;
}

static bool lanes_are_equal(const struct record *r, const struct crowd *c, enum plan_class a, enum plan_class b)
{
	for (unsigned i = 0; i < r->sample_count; i++)
		if (crowd_served(r, c, i, a) != crowd_served(r, c, i, b))
			return false;
	return true;
}

/* --- lanes ------------------------------------------------------------------------------------ */

static void run_put(FILE *f, const struct record *r, unsigned first, unsigned end, const char *class, double height)
{
	uint64_t from_us = first ? record_sample_us(r, first) : 0;
	uint64_t until_us = end < r->sample_count ? record_sample_us(r, end) : r->trial->plan->duration_us;

	fprintf(f, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", class,
		page_unit_x(r, from_us), LANE - height, page_unit_x(r, until_us - from_us), height);
}

static void lane_put(FILE *f, const struct record *r, const struct crowd *c, enum plan_class class)
{
	fprintf(f, "<svg viewBox=\"0 0 1000 %d\" preserveAspectRatio=\"none\">", LANE);
	for (unsigned i = 0, end; i < r->sample_count; i = end) {
		unsigned served = crowd_served(r, c, i, class);
		enum pair_state state = crowd_state(r, c, i);

		for (end = i + 1; end < r->sample_count && crowd_served(r, c, end, class) == served &&
				  crowd_state(r, c, end) == state;)
			end++;
		if (served)
			run_put(f, r, i, end, "reached", (double)LANE * served / c->count);
		else if (state == PAIR_SEARCHING)
			run_put(f, r, i, end, "searching", LANE * 0.8);
		else
			run_put(f, r, i, end, state == PAIR_REACHED ? "less" : "apart", LANE * 0.3);
	}
	page_marks_put(f, r, LANE);
	fprintf(f, "</svg>");
}

static void lane_words_put(FILE *f, const struct record *r, const struct crowd *c, enum plan_class class)
{
	unsigned least = c->count, last = 0;
	struct record_out out;
	char length[32];

	if (c->count == 1) {
		record_out(r, c->pairs[0], class, &out);
		page_duration(out.total_us, length);
		fprintf(f, "<em>%s%s%s</em>\n", out.total_us ? "out " : "never out", out.total_us ? length : "",
			out.is_still ? ", still" : "");
		return;
	}
	for (unsigned i = 0; i < r->sample_count; i++) {
		last = crowd_served(r, c, i, class);
		least = record_counts(r, i) && last < least ? last : least;
	}
	fprintf(f, "<em>at worst %u, at the end %u of %u</em>\n", least, last, c->count);
}

/* The classes whose lanes are as that of `first`, in words; they are shown then. */
static void lane_label_put(FILE *f, const struct record *r, const struct crowd *c, unsigned first, bool *is_shown)
{
	unsigned like[LANES], count = 0;

	for (unsigned i = first; i < LANES; i++)
		if (!is_shown[i] && (i == first || lanes_are_equal(r, c, lanes[first], lanes[i]))) {
			is_shown[i] = true;
			like[count++] = i;
		}
	fprintf(f, "<span>");
	for (unsigned i = 0; i < count && count < LANES; i++)
		fprintf(f, "%s%s", i ? ", " : "", lane_names[like[i]]);
	fprintf(f, "%s</span>", count == LANES ? "for all" : "");
}

static void crowd_put(FILE *f, const struct record *r, const struct crowd *c, const char *name)
{
	bool is_shown[LANES] = { 0 };

	fprintf(f, "<div class=\"site\"><b>");
	html_put(f, name);
	fprintf(f, "</b>\n");
	for (unsigned i = 0; i < LANES; i++) {
		if (is_shown[i])
			continue;
		lane_label_put(f, r, c, i, is_shown);
		lane_put(f, r, c, lanes[i]);
		lane_words_put(f, r, c, lanes[i]);
	}
	fprintf(f, "</div>\n");
}

/* --- which --------------------------------------------------------------------------------------- */

static bool site_was_out(const struct record *r, unsigned pair)
{
	struct record_out out;

	for (unsigned i = 0; i < LANES; i++) {
		record_out(r, pair, lanes[i], &out);
		if (out.total_us)
			return true;
	}
	return false;
}

static void site_put(FILE *f, const struct record *r, unsigned node)
{
	unsigned pair = (unsigned)r->site_pairs[node];
	const struct crowd c = { 1, &pair };

	crowd_put(f, r, &c, r->trial->plan->nodes[node].name);
}

static void sites_put(FILE *f, const struct record *r)
{
	const struct plan *p = r->trial->plan;
	unsigned fine = 0;

	for (unsigned i = 0; i < p->node_count; i++)
		if (r->site_pairs[i] >= 0 && site_was_out(r, (unsigned)r->site_pairs[i]))
			site_put(f, r, i);
	for (unsigned i = 0; i < p->node_count; i++) {
		if (r->site_pairs[i] < 0 || site_was_out(r, (unsigned)r->site_pairs[i]))
			continue;
		fprintf(f, "%s", fine++ ? ", " : "<p class=\"fine\">Never out: ");
		html_put(f, p->nodes[i].name);
	}
	fprintf(f, "%s", fine ? ".</p>\n" : "");
}

/* False: none of its sites was ever out for text, and nothing is shown. */
static bool region_put(FILE *f, const struct record *r, const struct regions *g, unsigned region)
{
	const struct plan *p = r->trial->plan;
	struct crowd c = { .pairs = world_alloc((p->node_count + 1) * sizeof(*c.pairs)) };
	char name[PLAN_NAME_MAX + 32];
	struct record_out out;
	bool was_out = false;

	for (unsigned i = 0; i < p->node_count; i++) {
		if (g->of[i] != region || r->site_pairs[i] < 0)
			continue;
		c.pairs[c.count++] = (unsigned)r->site_pairs[i];
		record_out(r, (unsigned)r->site_pairs[i], PLAN_TEXT, &out);
		was_out |= out.total_us > 0;
	}
	snprintf(
		name, sizeof(name), "%s, %u site%s", p->nodes[g->heads[region]].name, c.count, c.count == 1 ? "" : "s");
	if (c.count && was_out)
		crowd_put(f, r, &c, name);
	free(c.pairs);
	return was_out || !c.count;
}

/* The longest out for text; of equals the first. */
static unsigned worst_find(const struct record *r, const bool *is_told)
{
	unsigned worst = UINT32_MAX;
	uint64_t longest_us = 0;
	struct record_out out;

	for (unsigned i = 0; i < r->trial->plan->node_count; i++) {
		if (r->site_pairs[i] < 0 || is_told[i])
			continue;
		record_out(r, (unsigned)r->site_pairs[i], PLAN_TEXT, &out);
		if (out.total_us > longest_us) {
			longest_us = out.total_us;
			worst = i;
		}
	}
	return worst;
}

static void regions_put(FILE *f, const struct record *r)
{
	bool *is_told = world_alloc(r->trial->plan->node_count + 1), is_shown[REGIONS_MAX];
	struct regions g;
	unsigned fine = 0;

	regions_make(&g, r->trial->plan);
	for (unsigned i = 0; i < g.count; i++)
		is_shown[i] = region_put(f, r, &g, i);
	for (unsigned i = 0; i < g.count; i++) {
		if (is_shown[i])
			continue;
		fprintf(f, "%s", fine++ ? ", " : "<p class=\"fine\">Regions of which no site was out for text: ");
		html_put(f, r->trial->plan->nodes[g.heads[i]].name);
	}
	fprintf(f, "%s", fine ? ".</p>\n" : "");
	fprintf(f, "<h3>The sites that were out for longest</h3>\n");
	for (unsigned i = 0, worst; i < WORST_MAX && (worst = worst_find(r, is_told)) != UINT32_MAX; i++) {
		is_told[worst] = true;
		site_put(f, r, worst);
	}
	regions_done(&g);
	free(is_told);
}

void page_sites_put(FILE *f, const struct record *r)
{
	const struct plan *p = r->trial->plan;
	unsigned out = 0;

	if (!r->site_count)
		return;
	for (unsigned i = 0; i < p->node_count; i++)
		out += r->site_pairs[i] >= 0 && site_was_out(r, (unsigned)r->site_pairs[i]);
	fprintf(f, "<h2>Each site to ");
	html_put(f, p->nodes[r->post].name);
	fprintf(f,
		", by class</h2><div class=\"card sites\"><p class=\"soft\">What the ways there and back bear that "
		"packets of each class take, by the figures of their links: <b>text</b> and <b>orders</b> go over any "
		"way; <b>voice</b> needs %d kbit/s, at most %d %% of "
		"loss and %d ms from mouth to ear; <b>pictures</b> need %d kbit/s on every link. %s</p><p "
		"class=\"soft\"><i class=\"key reached\"></i> yes <i class=\"key searching\"></i> links join them, no "
		"way yet <i class=\"key less\"></i> a way, but not for this <i class=\"key apart\"></i> no link or no "
		"power</p>\n",
		PLAN_CALL_WIRE_BPS / 1000, PLAN_CALL_FRAMES - PLAN_CALL_GOOD, (int)(PLAN_VOICE_BUDGET_US / 1000),
		PLAN_THIN_BPS / 1000, r->has_harm ? "Times out count from T0 on." : "");
	page_mark_words_put(f, r);
	if (out <= ROWS_MAX)
		sites_put(f, r);
	else
		regions_put(f, r);
	page_ticks_put(f, r);
	fprintf(f, "</div>\n");
}
