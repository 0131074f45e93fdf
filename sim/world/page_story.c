/* The worst outage in words: what cut it, when it ended, and over which ways. */
#include "meshd/base/html.h"
#include "sim/world/page.h"

static void change_put(FILE *f, const struct record *r, const struct record_change *c)
{
	const struct plan *p = r->trial->plan;
	const char *what = c->state == LINK_CUT ? "was cut" : c->state == LINK_SILENT ? "fell silent" : "was restored";

	html_put(f, c->is_station ? p->nodes[c->object].name : p->links[c->object].name);
	fprintf(f, " %s at %.1f\xc2\xa0s",
		!c->is_station ? what
		: c->is_good   ? "got power"
			       : "lost power",
		(double)c->at_us / 1e6);
}

static bool change_is_on(const struct record_change *c, const struct record_pair *p, const struct record_way *w)
{
	if (c->is_station && (c->object == p->a || c->object == p->b))
		return true;
	for (unsigned i = 0; i < w->hops && i < RECORD_HOPS_MAX; i++)
		if (c->object == (c->is_station ? w->hop[i].station : w->hop[i].segment))
			return true;
	return false;
}

/* The latest within the spell that mended something on the way; NULL: nothing did. */
static const struct record_change *mending_find(
	const struct record *r, const struct record_pair *p, const struct record_spell *s)
{
	const struct record_change *found = NULL;

	for (unsigned i = 0; i < r->change_count && r->changes[i].at_us <= s->end_us; i++)
		if (r->changes[i].at_us >= s->begin_us && r->changes[i].is_good &&
			change_is_on(&r->changes[i], p, &s->after))
			found = &r->changes[i];
	return found;
}

static void way_put(FILE *f, const struct record *r, const struct record_pair *p, const struct record_way *w)
{
	const struct plan *plan = r->trial->plan;

	html_put(f, plan->nodes[p->a].name);
	for (unsigned i = 0; i < w->hops && i < RECORD_HOPS_MAX; i++) {
		fprintf(f, " <span class=\"over\">");
		html_put(f, plan->links[w->hop[i].segment].name);
		fprintf(f, "</span> ");
		html_put(f, plan->nodes[w->hop[i].station].name);
	}
	if (w->hops > RECORD_HOPS_MAX)
		fprintf(f, " and %u hops more", w->hops - RECORD_HOPS_MAX);
}

/* All that failed since the way was last seen to work. */
static unsigned causes_put(FILE *f, const struct record *r, const struct record_pair *p, const struct record_spell *s)
{
	uint64_t from_us = s->begin_us > r->step_us ? s->begin_us - r->step_us : 0;
	unsigned count = 0;

	for (unsigned i = 0; i < r->change_count && r->changes[i].at_us <= s->begin_us; i++) {
		const struct record_change *c = &r->changes[i];

		if (c->at_us < from_us || c->is_good || !change_is_on(c, p, &s->before))
			continue;
		fprintf(f, "%s", count++ ? ", " : "");
		change_put(f, r, c);
	}
	return count;
}

/* Radios that moved apart or are jammed change nothing else. */
static bool parting_put(FILE *f, const struct record *r, const struct record_pair *p, const struct record_spell *s)
{
	const struct plan *plan = r->trial->plan;

	if (s->parted < 0)
		return false;
	html_put(f, plan->nodes[s->parted ? s->before.hop[s->parted - 1].station : p->a].name);
	fprintf(f, " and ");
	html_put(f, plan->nodes[s->before.hop[s->parted].station].name);
	fprintf(f, " no longer heard each other over ");
	html_put(f, plan->links[s->before.hop[s->parted].segment].name);
	fprintf(f, ": they were too far apart, or jammed");
	return true;
}

static void cause_put(FILE *f, const struct record *r, const struct record_pair *p, const struct record_spell *s)
{
	fprintf(f, "<p><b>What cut it.</b> ");
	if (!s->before.hops) {
		fprintf(f, "They had not been in contact before.</p>\n");
		return;
	}
	if (!causes_put(f, r, p, s) && !parting_put(f, r, p, s))
		fprintf(f, "Nothing on the way lost its link or its power: a route or a session was given up");
	fprintf(f, ".</p>\n<p><b>The way until then.</b> ");
	way_put(f, r, p, &s->before);
	fprintf(f, "</p>\n");
}

static void end_put(FILE *f, const struct record *r, const struct record_pair *p, const struct record_spell *s)
{
	const struct record_change *mended = mending_find(r, p, s);

	fprintf(f, "<p><b>How it ended.</b> ");
	if (!s->is_over) {
		fprintf(f, "It did not: %s</p>\n",
			s->last == PAIR_SEARCHING ? "links join them, but no way had been found when the run ended."
			: !r->now.power[p->a] || !r->now.power[p->b] ? "one of the two has no power."
								     : "no chain of working links joins them.");
		return;
	}
	if (mended) {
		char wait[32];

		page_duration(s->end_us - mended->at_us, wait);
		change_put(f, r, mended);
		fprintf(f, "; contact %s later.</p>\n", wait);
	} else {
		fprintf(f, "Nothing on the new way had to be mended: it was there, and was found.</p>\n");
	}
	fprintf(f, "<p><b>The way since.</b> ");
	way_put(f, r, p, &s->after);
	fprintf(f, "</p>\n");
}

static void card_put(FILE *f, const struct record *r, const struct record_pair *p, const char *title)
{
	const struct plan_node *nodes = r->trial->plan->nodes;
	const struct record_spell *s = &p->worst;
	char length[32];

	page_duration(s->end_us - s->begin_us, length);
	fprintf(f, "<div class=\"card story\"><h3>%s: ", title);
	html_put(f, nodes[p->a].name);
	fprintf(f, " \xe2\x80\x93 ");
	html_put(f, nodes[p->b].name);
	fprintf(f, "</h3><p class=\"soft\">No contact for %s, from %.1f s to %s%.1f s.</p>\n", length,
		(double)s->begin_us / 1e6, s->is_over ? "" : "the end at ", (double)s->end_us / 1e6);
	cause_put(f, r, p, s);
	end_put(f, r, p, s);
	fprintf(f, "</div>\n");
}

void page_story_put(FILE *f, const struct record *r)
{
	const struct record_pair *worst = record_worst(r, false), *ended = record_worst(r, true);

	if (!worst)
		return;
	fprintf(f, "<h2>The worst pair</h2><div class=\"two\">\n");
	card_put(f, r, worst, "Longest out");
	if (ended && ended != worst)
		card_put(f, r, ended, "Longest that came back");
	fprintf(f, "</div>\n");
}
