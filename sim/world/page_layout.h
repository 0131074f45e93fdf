/* Where the nodes of a small network stand in its pictures. */
#ifndef SIM_WORLD_PAGE_LAYOUT_H
#define SIM_WORLD_PAGE_LAYOUT_H

#include "sim/world/record.h"

#define LAYOUT_WIDTH 360
#define LAYOUT_MARGIN 6
#define LAYOUT_PITCH 56 /* from row to row */
#define LAYOUT_LABEL 18 /* height of a name's box */

struct spot {
	double x, y; /* the middle of its name */
};

struct layout {
	bool is_ground; /* most nodes have places: they stand where they were then */
	double height;
	struct spot *spots; /* by node */
};

void layout_make(struct layout *l, const struct record *r, const struct record_view *v);
void layout_done(struct layout *l);
double layout_label_width(const struct plan_node *n);

#endif
