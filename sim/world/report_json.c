/* The outcome of a trial as JSON: names stay, new ones may come. What was recorded is in it if it was. */
#include "sim/world/kind.h"
#include "sim/world/page.h"
#include "sim/world/service.h"
#include "sim/world/transfer.h"
#include "sim/world/voice.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

static json_t *expectations_json(const struct trial *t)
{
	json_t *list = json_array();
	char text[200];

	for (unsigned i = 0; i < t->plan->expect_count; i++) {
		const struct trial_expect *e = &t->expect[i];

		trial_expect_text(t, e, text, sizeof(text));
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b, s:f, s:o}", "measure", plan_measure_name(e->conf->measure),
				      "text", text, "met", e->is_met, "at_most", e->conf->at_most, "measured",
				      e->measured < 0 ? json_null() : json_real(e->measured)));
	}
	return list;
}

static json_t *flows_json(const struct trial *t)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < t->plan->flow_count; i++) {
		const struct trial_flow *f = &t->flows[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:f}", "name", f->conf->name,
						    "class", plan_class_name(f->conf->class), "sent", (int)f->sent,
						    "received", (int)f->received, "fallen", (int)f->fallen, "repeated",
						    (int)f->repeated, "gap_s", (double)f->gap_us / 1e6));
	}
	return list;
}

static json_t *files_json(const struct trial *t)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < t->plan->file_count; i++) {
		const struct transfer *f = &t->transfers[i];
		uint64_t whole_us = f->receiver.whole_us, start_us = WORLD_START_US + f->conf->start_us;

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:i, s:o}", "name", f->conf->name, "class",
				plan_class_name(f->conf->class), "from", t->plan->nodes[f->conf->from].name, "to",
				t->plan->nodes[f->conf->to].name, "bytes", (json_int_t)f->conf->size, "segments_sent",
				(json_int_t)f->sender.sent, "repeated", (json_int_t)f->sender.repeated, "timeouts",
				(json_int_t)f->sender.timeouts, "restarts", (int)transfer_restarts(f), "whole_s",
				whole_us ? json_real((double)(whole_us - start_us) / 1e6) : json_null()));
	}
	return list;
}

static json_t *members_json(const struct voice *v)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < v->conf->member_count; i++) {
		const struct voice_member *m = &v->members[i];
		struct voice_outcome o = voice_outcome(v, i, 0);

		json_array_append_new(list,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "node", m->station->name, "sent",
				(json_int_t)m->sent, "spurts", (json_int_t)m->spurts, "wanted", (json_int_t)o.wanted,
				"in_time", (json_int_t)o.in_time, "late", (json_int_t)m->late, "talked_over",
				(json_int_t)m->talked_over, "gap_s", (double)o.gap_us / 1e6));
	}
	return list;
}

static json_t *groups_json(const struct trial *t)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < t->plan->group_count; i++) {
		const struct plan_group *g = &t->plan->groups[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:f, s:o}", "name", g->name, "class", plan_class_name(g->class),
				      "budget_s", (double)g->budget_us / 1e6, "members", members_json(&t->voices[i])));
	}
	return list;
}

static json_t *links_json(const struct trial *t)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < t->world->segment_count; i++) {
		const struct segment *g = t->world->segments[i];
		const struct segment_traffic traffic = segment_traffic(g);

		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I, s:I, s:I, s:f}", "name", g->name, "frames",
				      (json_int_t)traffic.frames, "bytes", (json_int_t)traffic.bytes, "control_bytes",
				      (json_int_t)(traffic.bytes - traffic.data_bytes), "lost_frames",
				      (json_int_t)traffic.lost_frames, "control_share", segment_control_share(g)));
	}
	return list;
}

static json_t *kinds_json(const struct trial *t)
{
	json_t *list = json_array();
	struct kind_traffic k;
	unsigned link = 0;

	while (kind_next(t, &link, &k))
		json_array_append_new(
			list, json_pack("{s:s, s:i, s:I, s:I, s:I, s:f}", "name", k.kind->name, "links", (int)k.links,
				      "frames", (json_int_t)k.frames, "bytes", (json_int_t)k.bytes, "control_bytes",
				      (json_int_t)k.control_bytes, "worst_control_share", k.worst_share));
	return list;
}

static json_t *services_json(const struct trial *t)
{
	json_t *list = json_array();
	unsigned count;
	struct service *rows = services_of(t, &count);

	for (unsigned i = 0; i < count; i++) {
		uint64_t longest_us, total_us;

		service_outages(&rows[i], &longest_us, &total_us);
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:I, s:I, s:i, s:i, s:f, s:f, s:f}", "site",
				t->plan->nodes[rows[i].site].name, "class", plan_class_name(rows[i].class), "wanted",
				(json_int_t)rows[i].wanted, "got", (json_int_t)rows[i].got, "files", (int)rows[i].files,
				"whole", (int)rows[i].whole, "slowest_s", (double)rows[i].slowest_us / 1e6,
				"longest_out_s", (double)longest_us / 1e6, "out_s", (double)total_us / 1e6));
	}
	free(rows);
	return list;
}

/* --- what was recorded ------------------------------------------------------------------------- */

static json_t *out_json(const struct record *r, unsigned pair, enum plan_class class)
{
	struct record_out out;

	record_out(r, pair, class, &out);
	return json_pack("{s:f, s:f, s:b}", "out_s", (double)out.total_us / 1e6, "longest_out_s",
		(double)out.longest_us / 1e6, "still", out.is_still);
}

static json_t *sites_json(const struct record *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->trial->plan->node_count; i++) {
		if (r->site_pairs[i] < 0)
			continue;
		unsigned pair = (unsigned)r->site_pairs[i];

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", r->trial->plan->nodes[i].name, "text",
				      out_json(r, pair, PLAN_TEXT), "command", out_json(r, pair, PLAN_COMMAND), "voice",
				      out_json(r, pair, PLAN_VOICE), "bulk", out_json(r, pair, PLAN_BULK)));
	}
	return list;
}

static void moment_add(json_t *moments, const struct record *r, const char *name, unsigned sample)
{
	json_object_set_new(moments, name,
		json_pack("{s:f, s:i, s:i, s:i, s:i, s:i}", "at_s", (double)record_sample_us(r, sample) / 1e6, "pairs",
			(int)r->reached[sample], "text", (int)r->served[PLAN_TEXT][sample], "command",
			(int)r->served[PLAN_COMMAND][sample], "voice", (int)r->served[PLAN_VOICE][sample], "bulk",
			(int)r->served[PLAN_BULK][sample]));
}

static json_t *moments_json(const struct record *r)
{
	json_t *moments = json_object();
	uint64_t promise_us = r->harm_us + PAGE_PROMISE_US;

	if (r->has_harm && r->before.at_us)
		moment_add(moments, r, "before", r->before.sample);
	if (r->has_harm && r->worst.reached != UINT32_MAX)
		moment_add(moments, r, "worst", r->worst.sample);
	if (r->has_harm && promise_us <= r->now.at_us)
		moment_add(moments, r, "ten_minutes", (unsigned)(promise_us / r->step_us - 1));
	moment_add(moments, r, "end", r->now.sample);
	return moments;
}

static json_t *searches_json(const struct record *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < RECORD_BINS; i++)
		json_array_append_new(list,
			json_pack("{s:o, s:i}", "to_s", record_bin_s(i) > 0 ? json_real(record_bin_s(i)) : json_null(),
				"count", (int)r->searches[i]));
	return list;
}

static json_t *way_json(const struct record *r, const struct record_way *w)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < w->hops && i < RECORD_HOPS_MAX; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "link", r->trial->plan->links[w->hop[i].segment].name, "node",
				      r->trial->plan->nodes[w->hop[i].station].name));
	return list;
}

static json_t *worst_json(const struct record *r)
{
	const struct record_pair *p = record_worst(r, false);

	if (!p)
		return json_null();
	return json_pack("{s:s, s:s, s:f, s:f, s:b, s:o, s:o}", "from", r->trial->plan->nodes[p->a].name, "to",
		r->trial->plan->nodes[p->b].name, "begin_s", (double)p->worst.begin_us / 1e6, "end_s",
		(double)p->worst.end_us / 1e6, "over", p->worst.is_over, "before", way_json(r, &p->worst.before),
		"after", way_json(r, &p->worst.after));
}

static json_t *recovery_json(const struct record *r)
{
	return json_pack("{s:s, s:o, s:f, s:i, s:i, s:o, s:o, s:i, s:o, s:o}", "post",
		r->trial->plan->nodes[r->post].name, "t0_s",
		r->has_harm ? json_real((double)r->harm_us / 1e6) : json_null(), "step_s", (double)r->step_us / 1e6,
		"sites", (int)r->site_count, "pairs", (int)r->pair_count, "moments", moments_json(r), "searches",
		searches_json(r), "searches_open", (int)r->searches_open, "worst_pair", worst_json(r), "by_site",
		sites_json(r));
}

int trial_write_json(const struct trial *t, const char *scenario, FILE *out)
{
	const struct world *w = t->world;
	char digest[2 * WORLD_DIGEST_LEN + 1];

	trial_digest_text(w, digest);
	json_t *root = json_pack("{s:s, s:I, s:f, s:b, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"scenario", scenario, "seed", (json_int_t)w->seed, "virtual_s", (double)world_time_us(w) / 1e6,
		"passed", trial_is_passed(t), "hash", digest, "events", (json_int_t)w->events, "loops",
		(json_int_t)w->loops, "shared_loops", (json_int_t)w->shared_loops, "expect", expectations_json(t),
		"flows", flows_json(t), "files", files_json(t), "groups", groups_json(t), "links", links_json(t),
		"kinds", kinds_json(t), "services", services_json(t));
	if (root && t->record)
		json_object_set_new(root, "recovery", recovery_json(t->record));
	int error = !root || json_dumpf(root, out, JSON_INDENT(1)) || fputc('\n', out) == EOF ? -EIO : 0;

	json_decref(root);
	return error;
}
