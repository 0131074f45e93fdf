/* Where things are on the ground, and ways that lead from one place to the next. */
#ifndef SIM_WORLD_PLACE_H
#define SIM_WORLD_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#define PLACE_MAX_M 3e7 /* from the origin: the earth, laid flat */

struct position {
	double x_m; /* east */
	double y_m; /* north */
};

/* Straight to `to` at an even pace, then there. Times since the beginning of the world. */
struct way_point {
	uint64_t leave_us;
	uint64_t arrive_us; /* not before leave_us; equal: at once */
	struct position from, to;
};

double place_distance_m(const struct position *a, const struct position *b);
struct position way_place(const struct way_point *w, uint64_t at_us);
/* When who leaves at leave_us arrives, at `speed_mps` > 0. */
uint64_t way_arrival_us(const struct way_point *w, double speed_mps);

/* "300", "300m", "1.2km", with a sign; -EINVAL, also beyond PLACE_MAX_M. */
int place_length_parse(double *metres, const char *text);
/* "40km/h", "5m/s": metres a second, above 0; -EINVAL. */
int place_speed_parse(double *mps, const char *text);

#endif
