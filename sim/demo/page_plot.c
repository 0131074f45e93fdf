/*
 * The flow over time, in tenths of a second: what arrived at each side, and below
 * it which link carried the packets. One axis for all four strips.
 */
#include "sim/demo/page.h"
#include "sim/demo/tools.h"

#include <stdlib.h>
#include <string.h>

#define LEFT 8
#define WIDTH 344
#define STRIP_HEIGHT 44
#define STRIP_GAP 24
#define STRIPS 4
#define BINS_MAX 600
#define FULL 12 /* packets in a tenth of a second that fill a strip: ten are sent */

struct axis {
	uint64_t from_us; /* monotonic; the left edge */
	unsigned bins;
};

static double bin_x(const struct axis *a, double bin)
{
	return LEFT + WIDTH * bin / a->bins;
}

static double time_x(const struct axis *a, uint64_t at_us)
{
	return bin_x(a, ((double)at_us - (double)a->from_us) / CAPTURE_BIN_US);
}

static void strip_put(
	FILE *f, const struct axis *a, unsigned strip, const char *class, const char *label, const unsigned *counts)
{
	double bottom = 20 + strip * (STRIP_HEIGHT + STRIP_GAP) + STRIP_HEIGHT;

	fprintf(f, "<text class=\"label\" x=\"%d\" y=\"%.0f\">%s</text>\n", LEFT, bottom - STRIP_HEIGHT - 5, label);
	fprintf(f, "<path class=\"%s\" d=\"M%d %.1f", class, LEFT, bottom);
	for (unsigned i = 0; i < a->bins; i++) {
		double height = STRIP_HEIGHT * (counts[i] > FULL ? 1 : (double)counts[i] / FULL);

		fprintf(f, "L%.1f %.1fL%.1f %.1f", bin_x(a, i), bottom - height, bin_x(a, i + 1), bottom - height);
	}
	fprintf(f, "L%d %.1fZ\"/>\n", LEFT + WIDTH, bottom);
	fprintf(f, "<line class=\"axis\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", LEFT, bottom, LEFT + WIDTH,
		bottom);
}

static void arrivals_count(unsigned counts[BINS_MAX], const struct axis *a, const struct flow_record *r)
{
	memset(counts, 0, BINS_MAX * sizeof(*counts));
	for (size_t i = 0; i < r->count; i++) {
		uint64_t got = r->samples[i].got_us;

		if (got >= a->from_us && (got - a->from_us) / CAPTURE_BIN_US < a->bins)
			counts[(got - a->from_us) / CAPTURE_BIN_US]++;
	}
}

/* The busier direction of a link: the other one would hide behind it. */
static void carried_count(
	unsigned counts[BINS_MAX], const struct axis *a, const struct report *r, const struct capture *c)
{
	uint64_t start = a->from_us + r->wall_offset_us;
	unsigned first = c && start > c->start_us ? (unsigned)((start - c->start_us) / CAPTURE_BIN_US) : 0;

	memset(counts, 0, BINS_MAX * sizeof(*counts));
	for (unsigned i = 0; c && i < a->bins && first + i < CAPTURE_BINS_MAX; i++)
		for (unsigned s = 0; s < c->station_count; s++)
			if (c->stations[s].payload_frames[first + i] > counts[i])
				counts[i] = c->stations[s].payload_frames[first + i];
}

static void gap_put(FILE *f, const struct axis *a, const struct flow_view *v, unsigned strip)
{
	double x = time_x(a, v->silence.begin_us), width = time_x(a, v->silence.end_us) - x;
	int y = 20 + (int)strip * (STRIP_HEIGHT + STRIP_GAP);

	fprintf(f, "<rect class=\"gap\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", x, y, width, STRIP_HEIGHT);
	fprintf(f, "<text class=\"gap-label\" x=\"%.1f\" y=\"%d\">%.2f s</text>\n", x + width / 2,
		y + STRIP_HEIGHT / 2 + 4, (double)v->silence.gap_us / 1e6);
}

static void cut_put(FILE *f, const struct axis *a, uint64_t at_us)
{
	double x = time_x(a, at_us);
	int bottom = 20 + STRIPS * (STRIP_HEIGHT + STRIP_GAP);

	fprintf(f, "<line class=\"cut\" x1=\"%.1f\" y1=\"12\" x2=\"%.1f\" y2=\"%d\"/>", x, x, bottom - STRIP_GAP);
	for (int s = 0; s * 1000000.0 < ((double)a->from_us + a->bins * 1.0 * CAPTURE_BIN_US - (double)at_us); s += 5)
		fprintf(f, "<text class=\"tick\" x=\"%.1f\" y=\"%d\">%s%d s</text>",
			time_x(a, at_us + (uint64_t)s * SECOND_US), bottom - STRIP_GAP + 14, s ? "+" : "cut ", s);
	fprintf(f, "\n");
}

void plot_put(FILE *f, const struct report *r)
{
	static unsigned counts[BINS_MAX];
	uint64_t start = report_time_us(r, "flow_us"), end = report_time_us(r, "flow_end_us");
	struct axis a = { .from_us = start };

	if (!start || end <= start)
		return;
	a.bins = (unsigned)((end - start) / CAPTURE_BIN_US);
	a.bins = a.bins > BINS_MAX ? BINS_MAX : a.bins ? a.bins : 1;
	fprintf(f, "<svg class=\"plot\" viewBox=\"0 0 360 %d\" role=\"img\" aria-label=\"the flow over time\">\n",
		20 + STRIPS * (STRIP_HEIGHT + STRIP_GAP));
	arrivals_count(counts, &a, &r->flows[1].record);
	strip_put(f, &a, 0, "arrived", "arrived at the city", counts);
	arrivals_count(counts, &a, &r->flows[0].record);
	strip_put(f, &a, 1, "arrived", "arrived at the scene", counts);
	carried_count(counts, &a, r, r->captures[LINK_SATELLITE]);
	strip_put(f, &a, 2, "satellite", "offered to the satellite", counts);
	carried_count(counts, &a, r, r->captures[LINK_CELLULAR]);
	strip_put(f, &a, 3, "cellular", "offered to 4G", counts);
	gap_put(f, &a, &r->flows[1], 0);
	gap_put(f, &a, &r->flows[0], 1);
	cut_put(f, &a, r->silence_us);
	fprintf(f, "</svg>\n");
}
