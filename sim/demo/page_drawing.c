/*
 * The network in one phase. Places are fixed, so that the eye compares phases;
 * what a line is doing is told by its pattern and by its colour.
 */
#include "sim/demo/page.h"

struct place {
	int x, y;
	const char *label;
};

enum spot { AT_CITY, AT_DISTRICT, AT_TOWN, AT_SATELLITE, AT_TOWER, AT_VEHICLE, AT_RELAY, AT_SCENE, SPOTS };

static const struct place places[SPOTS] = {
	[AT_CITY] = { 48, 40, "City \xe5\xb8\x82" },
	[AT_DISTRICT] = { 180, 40, "District \xe5\x8c\xba" },
	[AT_TOWN] = { 312, 40, "Town \xe9\x95\x87" },
	[AT_SATELLITE] = { 48, 128, "satellite" },
	[AT_TOWER] = { 180, 128, "4G" },
	[AT_VEHICLE] = { 48, 210, "Vehicle" },
	[AT_RELAY] = { 180, 210, "Backpack" },
	[AT_SCENE] = { 312, 210, "Scene" },
};

static const char *line_class(enum line_state state)
{
	static const char *const classes[] = {
		[LINE_ABSENT] = "absent",
		[LINE_UP] = "up",
		[LINE_USED] = "used",
		[LINE_DOWN] = "down",
		[LINE_SILENT] = "silent",
	};

	return classes[state];
}

static void line_put(FILE *f, enum spot from, enum spot to, enum line_state state)
{
	const struct place *a = &places[from], *b = &places[to];

	fprintf(f, "<line class=\"link %s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", line_class(state), a->x, a->y,
		b->x, b->y);
	if (state == LINE_DOWN || state == LINE_SILENT) {
		int x = (a->x + b->x) / 2, y = (a->y + b->y) / 2;

		fprintf(f, "<path class=\"cross\" d=\"M%d %dl12 12m0 -12l-12 12\"/>\n", x - 6, y - 6);
	}
}

static void spot_put(FILE *f, enum spot spot, bool is_on)
{
	const struct place *p = &places[spot];

	fprintf(f,
		"<g class=\"spot %s\"><rect x=\"%d\" y=\"%d\" width=\"84\" height=\"30\" rx=\"6\"/>"
		"<text x=\"%d\" y=\"%d\">%s</text></g>\n",
		is_on ? "on" : "off", p->x - 42, p->y - 15, p->x, p->y + 5, p->label);
}

static void transit_put(FILE *f, enum spot spot, bool is_there)
{
	const struct place *p = &places[spot];

	fprintf(f,
		"<g class=\"transit %s\"><ellipse cx=\"%d\" cy=\"%d\" rx=\"40\" ry=\"14\"/>"
		"<text x=\"%d\" y=\"%d\">%s</text></g>\n",
		is_there ? "on" : "off", p->x, p->y, p->x, p->y + 4, p->label);
}

void drawing_put(FILE *f, const struct phase *phase)
{
	fprintf(f, "<svg class=\"drawing\" viewBox=\"0 0 360 240\" role=\"img\" aria-label=\"");
	html_put(f, phase->title);
	fprintf(f, "\">\n");
	line_put(f, AT_CITY, AT_DISTRICT, phase->fibre);
	line_put(f, AT_DISTRICT, AT_TOWN, phase->fibre);
	line_put(f, AT_CITY, AT_SATELLITE,
		phase->satellite == LINE_USED ? LINE_USED
		: phase->team_is_here         ? LINE_UP
					      : LINE_ABSENT);
	line_put(f, AT_SATELLITE, AT_VEHICLE, phase->satellite);
	line_put(f, AT_CITY, AT_TOWER, phase->cellular);
	line_put(f, AT_TOWER, AT_RELAY, phase->cellular);
	line_put(f, AT_CITY, AT_RELAY, phase->narrowband);
	line_put(f, AT_VEHICLE, AT_RELAY,
		phase->satellite == LINE_USED ? phase->radio
		: phase->team_is_here         ? LINE_UP
					      : LINE_ABSENT);
	line_put(f, AT_RELAY, AT_SCENE, phase->radio);
	spot_put(f, AT_CITY, true);
	spot_put(f, AT_DISTRICT, true);
	spot_put(f, AT_TOWN, phase->town_is_on);
	transit_put(f, AT_SATELLITE, phase->team_is_here);
	transit_put(f, AT_TOWER, phase->team_is_here);
	spot_put(f, AT_VEHICLE, phase->team_is_here);
	spot_put(f, AT_RELAY, phase->team_is_here);
	spot_put(f, AT_SCENE, phase->team_is_here);
	fprintf(f, "</svg>\n");
}
