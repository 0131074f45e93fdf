/* meshsim fuzz: which seeds, for how long, by how many. */
#include "sim/world/command.h"
#include "sim/world/fuzz.h"
#include "sim/world/trial.h"

#include <errno.h>
#include <stdlib.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

struct fuzz_options {
	struct fuzz_campaign campaign;
	bool has_seeds, is_printed, is_verbose;
};

/* "A..B", or one seed. */
static bool seeds_read(const char *text, uint64_t *first, uint64_t *last)
{
	char word[24];
	size_t len = strcspn(text, ".");

	snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : 0), text);
	if (!command_number(first, word))
		return false;
	*last = *first;
	return !text[len] ||
	       (strncmp(text + len, "..", 2) == 0 && command_number(last, text + len + 2) && *last >= *first);
}

bool real_time_read(const char *text, uint64_t *us)
{
	char *end = NULL;
	unsigned long long value = text ? strtoull(text, &end, 10) : 0;
	uint64_t unit_s = 1;

	if (!text || *text < '0' || *text > '9' || !value || value > 1000000)
		return false;
	if (*end && strchr("smh", *end))
		unit_s = *end == 's' ? 1 : *end == 'm' ? 60 : 3600;
	else if (*end)
		return false;
	*us = value * unit_s * SECOND_US;
	return !*end || !end[1];
}

static const char *option_read(struct fuzz_options *o, const char *word, const char *value, bool *takes_value)
{
	struct fuzz_campaign *c = &o->campaign;
	bool is_seeds = strcmp(word, "--seeds") == 0, is_print = strcmp(word, "--print") == 0;
	uint64_t number = 0;

	*takes_value = true;
	if (is_seeds || is_print) {
		o->has_seeds = value && seeds_read(value, &c->first, &c->last);
		o->is_printed = is_print;
		return o->has_seeds ? NULL : "seeds are A..B, or one number";
	}
	if (strcmp(word, "--for") == 0)
		return real_time_read(value, &c->limit_us) ? NULL : "--for needs a time; write --for 10m";
	if (strcmp(word, "--workers") == 0) {
		if (!value || !command_number(&number, value) || !number || number > FUZZ_WORKERS_MAX)
			return "--workers needs a number from 1 to 256";
		c->workers = (unsigned)number;
		return NULL;
	}
	*takes_value = false;
	if (strcmp(word, "--keep-going") == 0)
		c->keeps_going = true;
	else if (strcmp(word, "--verbose") == 0)
		o->is_verbose = true;
	else if (!o->has_seeds && seeds_read(word, &c->first, &c->last))
		o->has_seeds = true;
	else
		return "that is one word or option too many";
	return NULL;
}

static const char *options_read(struct fuzz_options *o, int argc, char **argv)
{
	const char *complaint = NULL;
	bool takes_value;

	for (int i = 2; i < argc && !complaint; i++) {
		complaint = option_read(o, argv[i], argv[i + 1], &takes_value);
		i += takes_value;
	}
	if (!complaint && (o->is_printed || o->is_verbose) && o->campaign.first != o->campaign.last)
		complaint = "--print and --verbose take one seed";
	return complaint;
}

static int campaign(struct fuzz_campaign *c)
{
	char digest[2 * WORLD_DIGEST_LEN + 1];
	int error = fuzz_campaign_run(c, stdout);

	if (error) {
		fprintf(stderr, "meshsim: no process can be started: %s; use fewer --workers\n", strerror(-error));
		return EXIT_WRONG;
	}
	sodium_bin2hex(digest, sizeof(digest), c->digest, WORLD_DIGEST_LEN);
	printf("%llu worlds, %llu failed, hash %s\n", (unsigned long long)c->worlds, (unsigned long long)c->failed,
		digest);
	return c->failed ? EXIT_FAILED : EXIT_SUCCESS;
}

/* One world, with all that its nodes say. */
static int replay(uint64_t seed)
{
	char failure[PLAN_ERROR_MAX];
	struct plan *p = fuzz_plan(seed, failure);
	struct trial *t = p ? trial_new(p, seed, stderr) : NULL;
	int status = EXIT_WRONG;

	if (t) {
		trial_run(t, NULL);
		trial_print(t, stdout);
		status = trial_failure(t, failure) ? EXIT_FAILED : EXIT_SUCCESS;
		trial_free(t);
	}
	if (status)
		fprintf(stderr, "meshsim: seed %llu: %s\n", (unsigned long long)seed, failure);
	plan_free(p);
	return status;
}

int fuzz_main(int argc, char **argv)
{
	struct fuzz_options o = { .campaign = { .first = 1,
					  .last = UINT64_MAX,
					  .workers = command_processors(FUZZ_WORKERS_MAX),
					  .has_progress = isatty(STDERR_FILENO) } };
	const char *complaint = options_read(&o, argc, argv);

	if (complaint)
		return command_wrong(complaint);
	if (o.is_printed)
		return fuzz_write(o.campaign.first, stdout) ? EXIT_WRONG : EXIT_SUCCESS;
	return o.is_verbose ? replay(o.campaign.first) : campaign(&o.campaign);
}
