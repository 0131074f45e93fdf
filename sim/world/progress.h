/* How far a run is, on a terminal. */
#ifndef SIM_WORLD_PROGRESS_H
#define SIM_WORLD_PROGRESS_H

#include <stddef.h>

struct progress {
	double share; /* of the run that is done */
	double virtual_s; /* of the world's time that has passed */
	double real_s; /* that it took */
};

/* One line of `columns` at most, without an end of line. */
void progress_text(const struct progress *p, unsigned columns, char *text, size_t size);
/* Draws it on standard error, at most ten times a second; a share of 1 wipes it off. */
void progress_show(double share, double virtual_s);

#endif
