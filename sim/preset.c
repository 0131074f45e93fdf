/*
 * The field's links in figures: where each is from is said in its line.
 *
 * M measured and S stated in a named source, P physics, A assumed, of the right order. Rates
 * are the middle of what the field sees; up is what the first end sends. Fades
 * run in steps of 20 ms on broadband, of a frame time on narrowband.
 */
#include "sim/preset.h"

#include "meshd/config/config.h"

#include <string.h>

#define MS 1000u
#define S 1000000u
#define M 1000000ull

#define BOTH(...)                                                                                                      \
	{                                                                                                              \
		{ __VA_ARGS__ },                                                                                       \
		{                                                                                                      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}
#define FADE(p, r, l, step) .fade = { .to_bad = (p), .to_good = (r), .loss = (l), .step_us = (step) }

static const struct link_preset presets[] = {
	/* Nothing but a wire: the inside of a house, or the internet's core. */
	{ "switch", false, true, false, BOTH(.rate_bps = 0, .mtu = 1500) },
	/* P: 5 us/km; rest A. A town's share. */
	{ "fibre", false, true, false,
		BOTH(.rate_bps = 100 * M, .queue_us = 50 * MS, .delay_us = 2 * MS, .jitter_us = 100, .mtu = 1500,
			.loss = 1e-6) },
	/* A. 1.4 GHz OFDM at one hop, 2 to 15 km on the ground. */
	{ "mesh-radio", true, false, true,
		BOTH(.rate_bps = 20 * M, .queue_us = 100 * MS, .delay_us = 6 * MS, .jitter_us = 5 * MS, .mtu = 1500,
			FADE(.01, .3, .6, 20 * MS)) },
	/* A. The same at the edge of its range. */
	{ "mesh-radio-edge", true, false, true,
		BOTH(.rate_bps = 3 * M, .queue_us = 200 * MS, .delay_us = 6 * MS, .jitter_us = 5 * MS, .mtu = 1500,
			FADE(.05, .2, .8, 20 * MS)) },
	/* A. Both gaps and airtime as seen from a relay in the air. */
	{ "drone-relay", true, false, true,
		BOTH(.rate_bps = 20 * M, .queue_us = 100 * MS, .delay_us = 6 * MS, .jitter_us = 5 * MS, .mtu = 1500,
			FADE(.01, .3, .6, 20 * MS),
			.gap = { .every_us = 300ull * S, .min_us = 200 * MS, .max_us = 1 * S }) },
	/* P: 239 to 280 ms one way; rest A. Clear sky; rain is fade 0.001 0.02 1. */
	{ "geo-satellite", false, false, false,
		{ { .rate_bps = 2 * M,
			  .queue_us = 500 * MS,
			  .delay_us = 270 * MS,
			  .jitter_us = 10 * MS,
			  .mtu = 1400,
			  FADE(1e-4, .2, 1, 20 * MS) },
			{ .rate_bps = 8 * M,
				.queue_us = 500 * MS,
				.delay_us = 270 * MS,
				.jitter_us = 10 * MS,
				.mtu = 1400,
				FADE(1e-4, .2, 1, 20 * MS) } } },
	/* M: slots of 15 s (Mohan et al., arXiv 2310.09242); gap length A. Where the sky
	 * is obstructed: fade 0.0016 0.013 1 (11 %, holes of 1 to 2 s). */
	{ "leo-satellite", false, false, false,
		{ { .rate_bps = 10 * M,
			  .queue_us = 200 * MS,
			  .delay_us = 27 * MS,
			  .jitter_us = 8 * MS,
			  .shift_us = 12 * MS,
			  .mtu = 1500,
			  .loss = .005,
			  .gap = { .every_us = 15ull * S, .min_us = 50 * MS, .max_us = 300 * MS } },
			{ .rate_bps = 100 * M,
				.queue_us = 200 * MS,
				.delay_us = 27 * MS,
				.jitter_us = 8 * MS,
				.shift_us = 12 * MS,
				.mtu = 1500,
				.loss = .005,
				.gap = { .every_us = 15ull * S, .min_us = 50 * MS, .max_us = 300 * MS } } } },
	/* A; M: stalls, of a moving LTE user (NSDI 2013): longer than 100 ms every 6.7 s down and
	 * 9.3 s up, 0.24 s in the mean, 5 % above a second, 1.7 s at most. Crowded: rate 300k. */
	{ "cellular", false, false, false,
		{ { .rate_bps = 5 * M,
			  .queue_us = 500 * MS,
			  .delay_us = 40 * MS,
			  .jitter_us = 15 * MS,
			  .mtu = 1400,
			  .stall = { .every_us = 8ull * S, .min_us = 100 * MS, .max_us = 1700 * MS },
			  FADE(.002, .2, .5, 20 * MS) },
			{ .rate_bps = 20 * M,
				.queue_us = 500 * MS,
				.delay_us = 40 * MS,
				.jitter_us = 15 * MS,
				.mtu = 1400,
				.stall = { .every_us = 8ull * S, .min_us = 100 * MS, .max_us = 1700 * MS },
				FADE(.002, .2, .5, 20 * MS) } } },
	/* A. 370 MHz ad hoc data; a frame time is about 250 ms. */
	{ "narrowband", true, false, false,
		BOTH(.rate_bps = 9600, .queue_us = 4 * S, .delay_us = 100 * MS, .jitter_us = 40 * MS,
			.turnaround_us = 100 * MS, .mtu = 1400, FADE(.02, .2, .8, 250 * MS)) },
	/* P for the delay; rates A. 1280 is usual: this is the least that a node can use. */
	{ "satphone", false, false, false,
		BOTH(.rate_bps = 9600, .queue_us = 4 * S, .delay_us = 340 * MS, .jitter_us = 50 * MS, .mtu = 1361,
			FADE(.01, .1, .7, 250 * MS)) },
	/* S: length and success of regional BeiDou-3 messages; interval and queue A (a civil
	 * card; a command card: pace 10s). In a gorge: loss 5%. */
	{ "short-message", false, false, false,
		BOTH(.rate_bps = 0, .queue_us = 240 * S, .delay_us = 2 * S, .jitter_us = 1 * S, .pace_us = 60 * S,
			.mtu = 1750, .loss = .004) },
	/* A. Interleaver and fades of seconds. */
	{ "hf", true, false, false,
		BOTH(.rate_bps = 2400, .queue_us = 4 * S, .delay_us = 2 * S, .jitter_us = 500 * MS,
			.turnaround_us = 500 * MS, .mtu = 1400, FADE(.02, .1, .9, 250 * MS)) },
};

/*
 * Distance. P: steps of 802.11's OFDM on one stream (64-QAM 5/6, 16-QAM 3/4, QPSK
 * 3/4, QPSK 1/2, BPSK 1/2) need 25, 17, 10, 8 and 5 dB, and power falls with the
 * third power of the distance, so that 20 dB are a factor of 4.6. A: fades grow over
 * the outer half, to those of mesh-radio-edge where mesh-radio ends.
 */
static const struct link_reach adaptive[] = {
	{ .22, 1, 1, 1, 1 },
	{ .40, .6, 1, 1, 1 },
	{ .68, .3, 2, .9, 1.1 },
	{ .79, .2, 3, .8, 1.2 },
	{ .90, .1, 4, .73, 1.27 },
	{ 1, .1, 5, .67, 1.33 },
};
/* A: the same for radios that have one rate. */
static const struct link_reach steady[] = {
	{ .40, 1, 1, 1, 1 },
	{ .68, 1, 2, .9, 1.1 },
	{ .79, 1, 3, .8, 1.2 },
	{ .90, 1, 4, .73, 1.27 },
	{ 1, 1, 5, .67, 1.33 },
};

const struct link_reach *link_preset_reach(const struct link_preset *p, double distance)
{
	const struct link_reach *steps = p->adapts ? adaptive : steady;
	size_t count = p->adapts ? sizeof(adaptive) / sizeof(adaptive[0]) : sizeof(steady) / sizeof(steady[0]);

	for (size_t i = 0; i < count; i++)
		if (distance <= steps[i].within)
			return &steps[i];
	return NULL;
}

#define PRESETS (sizeof(presets) / sizeof(presets[0]))

const struct link_preset *link_preset_find(const char *name)
{
	for (size_t i = 0; i < PRESETS; i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

const char *link_preset_names(void)
{
	static char names[PRESETS * 24];

	if (!names[0])
		for (size_t i = 0, len = 0; i < PRESETS; i++)
			len += (size_t)snprintf(
				names + len, sizeof(names) - len, "%s%s", i ? ", " : "", presets[i].name);
	return names;
}

static const char *rate_text(uint64_t bps, char text[16])
{
	if (bps)
		config_format_rate(text, 16, bps);
	return bps ? text : "none";
}

void link_preset_print(FILE *out)
{
	fprintf(out, "%-16s %-6s %6s %6s %9s %8s %8s %7s %5s\n", "preset", "medium", "up", "down", "delay", "jitter",
		"queue", "loss", "mtu");
	for (size_t i = 0; i < PRESETS; i++) {
		const struct link_params *up = &presets[i].params[0], *down = &presets[i].params[1];
		const char *medium = presets[i].shared ? "shared" : presets[i].wired ? "wired" : "modem";
		char rate_up[16], rate_down[16];

		fprintf(out, "%-16s %-6s %6s %6s %6.1f ms %5.1f ms %5u ms %5.2f %% %5u\n", presets[i].name, medium,
			rate_text(up->rate_bps, rate_up), rate_text(down->rate_bps, rate_down), up->delay_us / 1e3,
			up->jitter_us / 1e3, up->queue_us / MS, 100 * (up->loss + link_fade_loss(&up->fade)), up->mtu);
	}
}
