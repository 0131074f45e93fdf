/* meshsim sweep SPEC.yaml: alone, with workers of this machine, or under mpirun. */
#include "sim/world/command.h"
#include "sim/world/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sweep_options {
	const char *spec, *csv;
	unsigned workers;
};

static const char *options_read(struct sweep_options *o, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--csv") == 0) {
			o->csv = argv[++i];
			if (!o->csv)
				return "--csv needs a file";
		} else if (strcmp(argv[i], "--workers") == 0) {
			uint64_t workers;

			if (!command_number(&workers, argv[++i]) || !workers || workers > SWEEP_WORKERS_MAX)
				return "--workers needs a number from 1 to 256";
			o->workers = (unsigned)workers;
		} else if (argv[i][0] == '-' || o->spec) {
			return "that is one word or option too many";
		} else {
			o->spec = argv[i];
		}
	}
	return o->spec ? NULL : "say which sweep";
}

static int pool_run(struct sweep *s, unsigned workers, FILE *out)
{
	struct sweep_book b;
	int error = sweep_book_init(&b, s, out);

	if (error) {
		fprintf(stderr, "meshsim: no memory for the sweep; give fewer seeds or values\n");
		return error;
	}
	error = sweep_pool(s, &b, workers);
	sweep_book_done(&b);
	return error;
}

static int sweep_go(struct sweep *s, const struct sweep_options *o)
{
	unsigned rank = 0;
	bool is_mpi = sweep_mpi_is_used(&rank);
	bool has_file = o->csv && rank == 0;
	FILE *out = has_file ? fopen(o->csv, "we") : stdout;

	if (!out) {
		fprintf(stderr, "meshsim: %s: cannot be written: %s; name another file\n", o->csv, strerror(errno));
		return -EIO;
	}
	/* A child must not have what is waiting to be written. */
	fflush(NULL);
	int error = is_mpi ? sweep_mpi(s, out)
			   : pool_run(s, o->workers ? o->workers : command_processors(SWEEP_WORKERS_MAX), out);
	if (has_file && fclose(out) && !error) {
		fprintf(stderr, "meshsim: %s: cannot be written: %s; make room\n", o->csv, strerror(errno));
		error = -EIO;
	}
	return error;
}

int sweep_main(int argc, char **argv)
{
	struct sweep_options o = { 0 };
	const char *complaint = options_read(&o, argc, argv);
	char error[PLAN_ERROR_MAX];

	if (complaint)
		return command_wrong(complaint);
	struct sweep *s = sweep_load(o.spec, error);
	if (!s) {
		fprintf(stderr, "%s\n", error);
		return EXIT_WRONG;
	}
	int result = sweep_go(s, &o);
	sweep_free(s);
	return result ? EXIT_WRONG : EXIT_SUCCESS;
}
