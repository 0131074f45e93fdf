/*
 * The outcome of a recorded trial as one HTML file for people: nothing from outside,
 * readable on a phone and on paper. The same bytes for the same run.
 *
 *   page.c           head, verdict, tables
 *   page_time.c      what happened over time: curve, outages, histogram
 *   page_drawing.c   the network at a moment
 *   page_story.c     the worst outage in words
 */
#ifndef SIM_WORLD_PAGE_H
#define SIM_WORLD_PAGE_H

#include "sim/world/record.h"
#include "sim/world/trial.h"

#define PAGE_PROMISE_US (600 * SECOND_US) /* communication within ten minutes */

/* The record must have ended. 0, or -EIO. */
int page_write(const struct trial *t, const char *scenario, FILE *out);

/* "0.4 s", "40 s", "7 min 05 s", "3 h 20 min". */
void page_duration(uint64_t us, char text[32]);
void page_curve_put(FILE *f, const struct record *r);
void page_outages_put(FILE *f, const struct record *r);
void page_searches_put(FILE *f, const struct record *r);
void page_drawing_put(FILE *f, const struct record *r, const struct record_view *v);
void page_story_put(FILE *f, const struct record *r);

#endif
