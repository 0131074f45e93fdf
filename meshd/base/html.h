/* What the pages for people have in common: reports of incidents, of the demonstration and of the simulator. */
#ifndef MESHD_BASE_HTML_H
#define MESHD_BASE_HTML_H

#include <stdio.h>

/* Colours by day and by night, cards, tables that fold on a phone, links of a drawing. */
extern const char html_style[];
/* Behind it: charts over time, and print. */
extern const char html_time_style[];
/* Text with &, <, > and quotes made harmless. */
void html_put(FILE *f, const char *text);

#endif
