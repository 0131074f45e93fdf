/* One random world: drawn, run, judged. */
#include "sim/world/fuzz.h"

#include "sim/world/trial.h"

#include <stdlib.h>
#include <string.h>

struct plan *fuzz_plan(uint64_t seed, char failure[PLAN_ERROR_MAX])
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct plan *p = NULL;

	snprintf(failure, PLAN_ERROR_MAX, "out of memory");
	if (!out)
		return NULL;
	int failed = fuzz_write(seed, out);
	failed |= fclose(out);
	if (!failed)
		p = plan_parse("fuzz", bytes_of(text, len), failure);
	free(text);
	return p;
}

void fuzz_judge(uint64_t seed, struct fuzz_verdict *v)
{
	*v = (struct fuzz_verdict){ .seed = seed };
	struct plan *p = fuzz_plan(seed, v->failure);
	struct trial *t = p ? trial_new(p, seed, NULL) : NULL;

	if (t) {
		trial_run(t, NULL);
		v->is_good = !trial_failure(t, v->failure);
		world_digest(t->world, v->digest);
		trial_free(t);
	}
	plan_free(p);
}
