/*
 * A link's figures are those of its parameters as they are now, made worse by the
 * distance of the two ends and by a jammer. Queues are not in them: they say what a
 * way can bear, not what is left of it.
 */
#include "sim/world/way.h"

#define NO_LIMIT_BPS 1e12

struct way_figures way_begin(void)
{
	return (struct way_figures){ NO_LIMIT_BPS, 0, 1 };
}

static unsigned end_of(const struct segment *g, const struct station *s)
{
	unsigned end = 0;

	while (end + 1 < g->end_count && g->ends[end].port->station != s)
		end++;
	return end;
}

void way_hop_add(
	struct way_figures *f, const struct segment *over, const struct station *from, const struct station *to)
{
	unsigned a = end_of(over, from), b = end_of(over, to);
	const struct link_params *p = &over->params[a ? 1 : 0];
	const struct link_reach *reach = over->model.paths[a * over->model.end_count + b].reach;
	struct link_fade fade = p->fade;
	double rate_bps = p->rate_bps ? (double)p->rate_bps : NO_LIMIT_BPS;

	if (reach) {
		rate_bps *= reach->rate;
		fade.to_bad *= reach->to_bad;
		fade.to_good *= reach->to_good;
		fade.loss *= reach->loss;
	}
	double faded = fade.to_bad + fade.to_good > 0 ? link_fade_loss(&fade) : 0;

	f->rate_bps = rate_bps < f->rate_bps ? rate_bps : f->rate_bps;
	f->delay_us += p->delay_us + p->jitter_us;
	f->arrives *= (1 - p->loss) * (1 - (faded < 1 ? faded : 1)) * (1 - over->model.ends[b].jam);
}

bool way_bears(const struct way_figures *f, enum plan_class class)
{
	switch (class) {
	case PLAN_TEXT:
	case PLAN_COMMAND:
		return true;
	case PLAN_VOICE:
		return f->rate_bps >= PLAN_CALL_WIRE_BPS && f->delay_us + PLAN_CALL_FRAME_US <= PLAN_VOICE_BUDGET_US &&
		       f->arrives * PLAN_CALL_FRAMES >= PLAN_CALL_GOOD;
	case PLAN_BULK:
		return f->rate_bps >= PLAN_THIN_BPS;
	case PLAN_CLASSES:
		break;
	}
	return false;
}
