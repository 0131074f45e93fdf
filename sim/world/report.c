/* The outcome of a trial as a table. */
#include "meshd/node/outage.h"
#include "sim/world/kind.h"
#include "sim/world/transfer.h"
#include "sim/world/trial.h"
#include "sim/world/voice.h"

#include <sodium.h>

#define LINKS_PRINTED 100 /* one by one */

static const char *node_name(const struct trial *t, unsigned node)
{
	return t->plan->nodes[node].name;
}

static const char *class_suffix(enum plan_class class)
{
	static const char *const suffixes[PLAN_CLASSES] = { "", " for command", " for voice", " for pictures" };

	return suffixes[class];
}

static void outage_text(const struct trial *t, const struct plan_expect *c, char *text, size_t size)
{
	const char *mark = c->mark == OUTAGE_MARKS ? "start" : outage_mark_name((enum outage_mark)c->mark);
	size_t len = (size_t)snprintf(text, size, "outage of %s at %s", node_name(t, c->to), node_name(t, c->from));

	if (c->after_us)
		len += (size_t)snprintf(text + len, size - len, " after %g s", (double)c->after_us / 1e6);
	if (c->at_most < 0)
		snprintf(text + len, size - len, ": %s never", mark);
	else
		snprintf(text + len, size - len, ": %s from %g to %g s", mark, c->at_least, c->at_most);
}

void trial_expect_text(const struct trial *t, const struct trial_expect *e, char *text, size_t size)
{
	const struct plan_expect *c = e->conf;
	double after_s = (double)c->after_us / 1e6;
	const struct plan_file *file;

	switch (c->measure) {
	case PLAN_REACH:
		snprintf(text, size, "reach %s from %s within %g s of %g s%s", node_name(t, c->to),
			node_name(t, c->from), c->at_most, after_s, class_suffix(c->class));
		return;
	case PLAN_ARRIVES:
		file = &t->plan->files[c->from];
		snprintf(text, size, "%s (%g MB) at %s within %g s of %g s", file->name, file->size / 1e6,
			node_name(t, file->to), c->at_most, after_s);
		return;
	case PLAN_WHOLE:
		snprintf(text, size, "whole within %g s of %g s%s", c->at_most, after_s, class_suffix(c->class));
		return;
	case PLAN_GAP:
		snprintf(text, size, "gap of %s at most %g s", t->plan->flows[c->from].name, c->at_most);
		return;
	case PLAN_LOST:
		snprintf(text, size, "lost of %s at most %g %%", t->plan->flows[c->from].name, 100 * c->at_most);
		return;
	case PLAN_FALLEN:
		snprintf(text, size, "fallen of %s at most %g %%", t->plan->flows[c->from].name, 100 * c->at_most);
		return;
	case PLAN_CARRIED:
		snprintf(text, size, "%s carried of %s at most %g bytes", plan_class_name(c->class),
			t->plan->links[c->from].name, c->at_most);
		return;
	case PLAN_SHARE:
		if (c->over_us) {
			snprintf(text, size, "control share of %s at most %g %% over %g s after %g s",
				t->plan->links[c->from].name, 100 * c->at_most, (double)c->over_us / 1e6, after_s);
			return;
		}
		snprintf(text, size, "control share of %s%s at most %g %% after %g s",
			c->is_thin || c->kind ? "each " : "",
			c->is_thin ? "thin link"
			: c->kind  ? c->kind->name
				   : t->plan->links[c->from].name,
			100 * c->at_most, after_s);
		return;
	case PLAN_USABLE:
		snprintf(text, size, "%s: at most %g %% not within %g ms, after %g s", t->plan->groups[c->from].name,
			100 * c->at_most, (double)t->plan->groups[c->from].budget_us / 1e3, after_s);
		return;
	case PLAN_SESSIONS:
		snprintf(text, size, "sessions changed at %s at most %g times after %g s", node_name(t, c->from),
			c->at_most, after_s);
		return;
	case PLAN_ENTRIES:
		snprintf(text, size, "entries in the tables of %s at most %g", node_name(t, c->from), c->at_most);
		return;
	case PLAN_ROUTED:
		snprintf(text, size, "route from %s to %s for at most %g s after %g s%s%s", node_name(t, c->from),
			node_name(t, c->to), c->at_most, after_s, c->met < 0 ? "" : " beside ",
			c->met < 0 ? "" : node_name(t, (unsigned)c->met));
		return;
	case PLAN_RELAYED:
		snprintf(text, size, "not directly from %s to %s for at most %g s after %g s", node_name(t, c->from),
			node_name(t, c->to), c->at_most, after_s);
		return;
	case PLAN_FLOOR:
		snprintf(text, size, "least time of %s moved by at most %g days", node_name(t, c->from), c->at_most);
		return;
	case PLAN_REVOKED:
		snprintf(text, size, "%s is let go by all that %s reaches from %s, within %g s after %g s",
			node_name(t, c->from), plan_class_name(c->class), node_name(t, c->to), c->at_most, after_s);
		return;
	case PLAN_KNOWN:
		snprintf(text, size, "%s counts all that %s reaches as knowing of %s, within %g s after %g s",
			node_name(t, c->to), plan_class_name(c->class), node_name(t, c->from), c->at_most, after_s);
		return;
	case PLAN_OUTAGE:
		outage_text(t, c, text, size);
		return;
	case PLAN_DELIVERED:
		snprintf(text, size, "what %s writes to %s is delivered, within %g s after %g s", node_name(t, c->from),
			node_name(t, c->to), c->at_most, after_s);
		return;
	case PLAN_MOVES:
		snprintf(text, size, "routes moved at %s at most %g after %g s", node_name(t, c->from), c->at_most,
			after_s);
		return;
	}
}

void trial_measured_text(const struct trial_expect *e, char text[32])
{
	if (e->measured < 0)
		snprintf(text, 32, "never");
	else if (e->conf->measure == PLAN_LOST || e->conf->measure == PLAN_FALLEN || e->conf->measure == PLAN_SHARE ||
		 e->conf->measure == PLAN_USABLE)
		snprintf(text, 32, "%.2f %%", 100 * e->measured);
	else if (e->conf->measure == PLAN_FLOOR)
		snprintf(text, 32, "%.1f days", e->measured);
	else if (e->conf->measure == PLAN_MOVES || e->conf->measure == PLAN_SESSIONS ||
		 e->conf->measure == PLAN_ENTRIES || e->conf->measure == PLAN_CARRIED)
		snprintf(text, 32, "%.0f", e->measured);
	else
		snprintf(text, 32, "%.3f s", e->measured);
}

void trial_digest_text(const struct world *w, char text[2 * WORLD_DIGEST_LEN + 1])
{
	uint8_t digest[WORLD_DIGEST_LEN];

	world_digest(w, digest);
	sodium_bin2hex(text, 2 * WORLD_DIGEST_LEN + 1, digest, sizeof(digest));
}

static void flows_print(const struct trial *t, FILE *out)
{
	if (t->plan->flow_count)
		fprintf(out, "%-20s %-8s %9s %9s %9s %9s %11s\n", "flow", "class", "sent", "received", "fallen", "lost",
			"longest gap");
	for (unsigned i = 0; i < t->plan->flow_count; i++) {
		const struct trial_flow *f = &t->flows[i];

		fprintf(out, "%-20s %-8s %9u %9u %9u %9u %9.3f s\n", f->conf->name, plan_class_name(f->conf->class),
			f->sent, f->received, f->fallen, f->sent - f->received, (double)f->gap_us / 1e6);
	}
}

static void files_print(const struct trial *t, FILE *out)
{
	if (t->plan->file_count)
		fprintf(out, "%-20s %-8s %9s %9s %9s %11s\n", "file", "class", "kB", "repeated", "restarts",
			"whole in");
	for (unsigned i = 0; i < t->plan->file_count; i++) {
		const struct transfer *f = &t->transfers[i];
		const uint64_t start_us = WORLD_START_US + f->conf->start_us;

		fprintf(out, "%-20s %-8s %9.1f %9llu %9u ", f->conf->name, plan_class_name(f->conf->class),
			f->conf->size / 1e3, (unsigned long long)f->sender.repeated, transfer_restarts(f));
		if (f->receiver.whole_us)
			fprintf(out, "%9.3f s\n", (double)(f->receiver.whole_us - start_us) / 1e6);
		else
			fprintf(out, "%11s\n", "never");
	}
}

static void groups_print(const struct trial *t, FILE *out)
{
	if (t->plan->group_count)
		fprintf(out, "%-20s %-20s %9s %9s %9s %11s %11s\n", "group", "member", "frames", "in time", "late",
			"talked over", "longest gap");
	for (unsigned i = 0; i < t->plan->group_count; i++)
		for (unsigned k = 0; k < t->plan->groups[i].member_count; k++) {
			const struct voice_member *m = &t->voices[i].members[k];
			struct voice_outcome o = voice_outcome(&t->voices[i], k, 0);

			fprintf(out, "%-20s %-20s %9u %9u %9u %11u %9.3f s\n", t->plan->groups[i].name,
				m->station->name, o.wanted, o.in_time, m->late, m->talked_over, (double)o.gap_us / 1e6);
		}
}

static void link_print(FILE *out, const char *name, const struct kind_traffic *k)
{
	fprintf(out, "%-20s %9llu %11llu %11llu %7.2f %%\n", name, (unsigned long long)k->frames,
		(unsigned long long)k->bytes, (unsigned long long)k->control_bytes, 100 * k->worst_share);
}

/* Of a large world by kind; JSON has each. */
static void links_print(const struct trial *t, FILE *out)
{
	struct kind_traffic k;
	unsigned link = 0;
	char name[64];

	fprintf(out, "%-20s %9s %11s %11s %9s\n", "link", "frames", "bytes", "control B", "worst 10s");
	while (t->plan->link_count > LINKS_PRINTED && kind_next(t, &link, &k)) {
		snprintf(name, sizeof(name), "%u %s", k.links, k.kind->name);
		link_print(out, name, &k);
	}
	for (unsigned i = 0; i < t->plan->link_count && t->plan->link_count <= LINKS_PRINTED; i++) {
		const struct segment *g = t->world->segments[i];
		const struct segment_traffic traffic = segment_traffic(g);

		k = (struct kind_traffic){ .frames = traffic.frames,
			.bytes = traffic.bytes,
			.control_bytes = traffic.bytes - traffic.data_bytes,
			.worst_share = segment_control_share(g) };
		link_print(out, g->name, &k);
	}
}

void trial_print(const struct trial *t, FILE *out)
{
	const struct world *w = t->world;
	char text[200], measured[32], digest[2 * WORLD_DIGEST_LEN + 1];

	flows_print(t, out);
	files_print(t, out);
	groups_print(t, out);
	links_print(t, out);
	trial_attacks_print(t, out);
	fprintf(out, "%-80s %10s\n", "expected", "measured");
	fprintf(out, "%-80s %10llu %s\n", "no loop", (unsigned long long)w->loops, w->loops ? "FAILED" : "ok");
	if (world_breach(w))
		fprintf(out, "no breach: %-58s FAILED\n", world_breach(w));
	if (w->shared_loops)
		fprintf(out, "%-80s %10llu\n", "  loops between origins of one prefix, gone within 10 s",
			(unsigned long long)w->shared_loops);
	for (unsigned i = 0; i < t->plan->expect_count; i++) {
		trial_expect_text(t, &t->expect[i], text, sizeof(text));
		trial_measured_text(&t->expect[i], measured);
		fprintf(out, "%-80s %10s %s\n", text, measured, t->expect[i].is_met ? "ok" : "FAILED");
	}
	trial_digest_text(w, digest);
	fprintf(out, "seed %llu, %g s, %llu events, hash %s\n", (unsigned long long)w->seed,
		(double)world_time_us(w) / 1e6, (unsigned long long)w->events, digest);
}
