/* What enrol.c and guest.c share: one certificate on its way from arguments to a file. */
#ifndef MESHD_CTL_ENROL_H
#define MESHD_CTL_ENROL_H

#include "meshd/ctl/ctl.h"

struct enrol {
	const char *name, *level, *years, *out;
	const char *asked; /* where its request is; NULL: its keys are made here */
	struct text_list prefixes, roles;
	const char *socket; /* of the meshd that passes the answer on */
	bool force, again, json, words, offline;
	bool is_told;
	char default_out[NAME_MAX_LEN + 8];
	struct authority_file authority;
	struct registry registry;
	struct enrolment e;
	bool has_request;
	struct request request;
	struct grant grant; /* what it is answered */
	uint32_t term_min; /* how long it lasts; 0: by `years` */
	/* Completes the certificate once the list of the enrolled is known; NULL: nothing is missing. 0, or a negative
	 * errno and w->error. */
	int (*complete)(struct enrol *w);
	void *arg;
	bool clock_is_guess;
	char error[CTL_ERROR_MAX];
};

int enrol_prefix_take(
	struct enrol *w, const char *option, struct prefix *prefixes, uint8_t *count, const char *text); /* -EINVAL */
/* From the arguments in *w, or the request that it has, to what is said; the exit status. enrol_done() in any case. */
int enrol_run(struct enrol *w);
void enrol_done(struct enrol *w);

#endif
