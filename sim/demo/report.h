/*
 * A finished run, judged: what was measured, against what was promised. Private
 * to sim/demo/.
 */
#ifndef SIM_DEMO_REPORT_H
#define SIM_DEMO_REPORT_H

#include "sim/demo/capture.h"
#include "sim/demo/flow.h"

#include <jansson.h>

#define REPORT_LINKS 8
#define REPORT_ROWS_MAX 16
#define PROMISE_S 600 /* "communication is restored within ten minutes" */

enum report_link {
	LINK_FIBRE_CITY,
	LINK_FIBRE_TOWN,
	LINK_RADIO,
	LINK_SATELLITE,
	LINK_CELLULAR,
	LINK_INTERNET,
	LINK_NARROWBAND,
	LINK_CLEAR
};
extern const char *const report_link_names[REPORT_LINKS];

/* One line of the table. */
struct verdict {
	char what[80], goal[40], measured[120];
	double promise_share; /* of the ten minutes; negative: not a time that counts */
	bool held;
};

/* One side's view of the interruption. */
struct flow_view {
	const char *receiver;
	struct flow_record record;
	struct flow_silence silence;
	uint64_t sent, arrived; /* of the other side's packets */
	uint64_t delay_before_us, delay_after_us;
};

/* The flow on a link, frames per second in both directions, before the silence and at the end. */
struct carried {
	double up_before, down_before, up_after, down_after;
};

struct report {
	json_t *facts;
	json_t *result;
	struct capture *captures[REPORT_LINKS]; /* NULL: none */
	struct flow_view flows[2]; /* received by the scene, by the city */
	struct carried satellite, cellular;
	unsigned row_count;
	struct verdict rows[REPORT_ROWS_MAX];
	uint64_t outage_us, power_on_us, silence_us, wall_offset_us;
	uint8_t *picture; /* as the city received it; NULL: it did not */
	size_t picture_len;
};

bool report_held(const struct report *r);
/* A time of the run's facts; 0 if it was never reached. */
uint64_t report_time_us(const struct report *r, const char *key);

/* --- page.c, page_drawing.c, page_plot.c ---------------------------------------------------- */

/* 0 or a negative errno. */
int page_write(const struct report *r, const char *path);

#endif
