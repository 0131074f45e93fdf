/* The rows of the table, one function for each thing that was promised. Private to sim/demo/. */
#ifndef SIM_DEMO_JUDGE_H
#define SIM_DEMO_JUDGE_H

#include "sim/demo/report.h"

/* Fills rows and result from facts, records and captures; a step that was not reached has not held. `sent` is the
 * picture as the scene had it. */
void judge_all(struct report *r, struct bytes sent);

#endif
