#include "sim/world/place.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double place_distance_m(const struct position *a, const struct position *b)
{
	double x_m = a->x_m - b->x_m, y_m = a->y_m - b->y_m;

	return sqrt(x_m * x_m + y_m * y_m);
}

struct position way_place(const struct way_point *w, uint64_t at_us)
{
	if (at_us >= w->arrive_us)
		return w->to;
	if (at_us <= w->leave_us)
		return w->from;
	double share = (double)(at_us - w->leave_us) / (double)(w->arrive_us - w->leave_us);

	return (struct position){ w->from.x_m + share * (w->to.x_m - w->from.x_m),
		w->from.y_m + share * (w->to.y_m - w->from.y_m) };
}

uint64_t way_arrival_us(const struct way_point *w, double speed_mps)
{
	return w->leave_us + (uint64_t)(place_distance_m(&w->from, &w->to) / speed_mps * 1e6 + .5);
}

/* A decimal number and the unit behind it; NULL: there is no number. */
static const char *number_read(double *value, const char *text)
{
	const char *digits = text + (*text == '-');
	char *end;

	if (strspn(digits, "0123456789.") == 0 || strcspn(text, "xX") < strlen(text))
		return NULL;
	*value = strtod(text, &end);
	return end > digits && isfinite(*value) ? end : NULL;
}

int place_length_parse(double *metres, const char *text)
{
	double value;
	const char *unit = number_read(&value, text);

	if (!unit || (*unit && strcmp(unit, "m") != 0 && strcmp(unit, "km") != 0))
		return -EINVAL;
	*metres = *unit == 'k' ? 1000 * value : value;
	return fabs(*metres) <= PLACE_MAX_M ? 0 : -EINVAL;
}

int place_speed_parse(double *mps, const char *text)
{
	double value;
	const char *unit = number_read(&value, text);

	if (!unit || (strcmp(unit, "km/h") != 0 && strcmp(unit, "m/s") != 0) || value <= 0)
		return -EINVAL;
	*mps = *unit == 'k' ? value / 3.6 : value;
	return *mps >= 1e-3 ? 0 : -EINVAL;
}
