/* What the pages for people have in common: the demonstration's and the simulator's. */
#ifndef SIM_HTML_H
#define SIM_HTML_H

#include <stdio.h>

/* Colours by day and by night, cards, tables that fold on a phone, links of a drawing. */
extern const char html_style[];
/* Text with &, <, > and quotes made harmless. */
void html_put(FILE *f, const char *text);

#endif
