/* What the checks of links share beyond check.h. Private to meshd/config/check_*.c. */
#ifndef MESHD_CONFIG_CHECK_LINK_H
#define MESHD_CONFIG_CHECK_LINK_H

#include "meshd/config/check.h"

/* The number of the text among `count` words into *out, which stays as it is if there is no text. */
int link_word(unsigned *out, const char *text, const char *const *words, unsigned count, enum link_field field,
	const struct link_check *l);

/* check_line.c: what only serial links and pipes have. Before the rate: a serial port has one of its own. */
int check_serial(struct config_link *link, const struct link_check *l);
int check_pipe(struct config_link *link, const struct link_check *l);
/* Refuses fields of serial links and pipes on a link of another type. */
int check_no_line(const struct config_link *link, const struct link_check *l);
/* check_policy.c: accept and announce, once the type is known. */
int check_policy(struct config_link *link, const struct link_check *l);
/* The most that a serial port of so many baud carries: eight bits of ten, of every ten. */
uint64_t baud_rate_bps(unsigned baud);

#endif
