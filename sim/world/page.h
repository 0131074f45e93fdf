/*
 * The outcome of a recorded trial as one HTML file for people: nothing from outside,
 * readable on a phone and on paper. The same bytes for the same run.
 *
 *   page.c           head, verdict, tables
 *   page_time.c      what happened over time: curves, outages, histogram
 *   page_sites.c     what each site could reach the post for, over time
 *   page_service.c   what each site got of what was sent to it, over time
 *   page_drawing.c   the network at a moment; page_layout.c, where its nodes stand
 *   page_regions.c   the same of a large one
 *   page_story.c     the worst outage in words
 */
#ifndef SIM_WORLD_PAGE_H
#define SIM_WORLD_PAGE_H

#include "sim/world/record.h"
#include "sim/world/trial.h"

#define PAGE_NODES_MAX 80 /* are drawn one by one; more by regions */
#define PAGE_PROMISE_US (600 * SECOND_US) /* communication within ten minutes */

/* The record must have ended. 0, or -EIO. */
int page_write(const struct trial *t, const char *scenario, FILE *out);

/* "0.4 s", "40 s", "7 min 05 s", "3 h 20 min". */
void page_duration(uint64_t us, char text[32]);
void page_recovery_put(FILE *f, const struct record *r);
void page_curve_put(FILE *f, const struct record *r);
void page_outages_put(FILE *f, const struct record *r);
void page_searches_put(FILE *f, const struct record *r);
void page_sites_put(FILE *f, const struct record *r);
void page_services_put(FILE *f, const struct record *r);
void page_drawing_put(FILE *f, const struct record *r, const struct record_view *v);
void page_regions_put(FILE *f, const struct record *r, const struct record_view *v);
void page_story_put(FILE *f, const struct record *r);

/* The one axis of all charts: a thousand units are the run. */
double page_unit_x(const struct record *r, uint64_t at_us);
/* T0 and the ten minutes, as lines in a chart of that height and as words above it. */
void page_marks_put(FILE *f, const struct record *r, unsigned height);
void page_mark_words_put(FILE *f, const struct record *r);
void page_ticks_put(FILE *f, const struct record *r);

#endif
