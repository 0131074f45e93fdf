/* What the files of the page share. Private to sim/demo/. */
#ifndef SIM_DEMO_PAGE_H
#define SIM_DEMO_PAGE_H

#include "sim/demo/report.h"
#include "meshd/base/html.h"

#include <stdio.h>

/* How a link stands in a phase. */
enum line_state {
	LINE_ABSENT, /* one end is not switched on */
	LINE_UP,
	LINE_USED, /* what is told in this phase goes over it */
	LINE_DOWN,
	LINE_SILENT /* carries nothing, but its carrier is up */
};

struct phase {
	const char *title, *text;
	bool town_is_on, team_is_here;
	enum line_state fibre, radio, satellite, cellular, narrowband;
};

/* page_drawing.c: the network in one phase, as inline SVG. */
void drawing_put(FILE *f, const struct phase *phase);
/* page_plot.c: packets of the flow that arrived, and which link carried them, over time. */
void plot_put(FILE *f, const struct report *r);

#endif
