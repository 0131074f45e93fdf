/* meshsim: the same node under a virtual clock. */
#include "sim/world/command.h"
#include "sim/world/capture.h"
#include "sim/world/fuzz.h"
#include "sim/world/page.h"
#include "sim/world/progress.h"
#include "sim/world/replay.h"
#include "sim/world/shrink.h"
#include "sim/world/sweep.h"
#include "sim/world/trial.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] = "usage: meshsim run SCENARIO.yaml [--seed N] [--threads N] [--json FILE] [--report DIR]\n"
			    "                   [--pcap FILE.pcapng|DIR [--decrypted]]\n"
			    "       meshsim check SCENARIO.yaml\n"
			    "       meshsim fuzz [--seeds A..B] [--for TIME] [--workers N] [--keep-going]\n"
			    "       meshsim fuzz SEED --verbose | meshsim fuzz --print SEED\n"
			    "       meshsim shrink SCENARIO.yaml|SEED [-o FILE] [--seed N] [--for TIME]\n"
			    "       meshsim replay LOG... [--from DATE] [--to DATE] [-o FILE]\n"
			    "       meshsim sweep SPEC.yaml [--workers N] [--csv FILE]\n"
			    "       meshsim bench-tree NODES [--seed N] [--threads N] [--for SECONDS] [--json FILE]\n"
			    "       meshsim presets | --help | --version\n"
			    "\n"
			    "run builds the scenario's nodes and links, runs them in virtual time and says\n"
			    "what came of each expectation. The same seed gives the same run, to the bit.\n"
			    "Exit status: 0; 1 an expectation failed; 2 the scenario or the command is wrong.\n";

struct options {
	const char *scenario, *json, *pcap, *report;
	bool has_seed, verbose, decrypted;
	uint64_t seed, seconds, threads;
};

static const char *options_read(struct options *o, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0) {
			o->verbose = true;
		} else if (strcmp(argv[i], "--seed") == 0) {
			o->has_seed = true;
			if (!command_number(&o->seed, argv[++i]))
				return "--seed needs a number";
		} else if (strcmp(argv[i], "--threads") == 0) {
			if (!command_number(&o->threads, argv[++i]) || !o->threads || o->threads > WORLD_THREADS_MAX)
				return "--threads needs a number from 1 to 16";
		} else if (strcmp(argv[i], "--for") == 0 && o->seconds) {
			if (!command_number(&o->seconds, argv[++i]) || !o->seconds || o->seconds > 100000)
				return "--for needs a number of seconds";
		} else if (strcmp(argv[i], "--pcap") == 0 && !o->seconds) {
			o->pcap = argv[++i];
			if (!o->pcap)
				return "--pcap needs a file or a directory";
		} else if (strcmp(argv[i], "--decrypted") == 0 && !o->seconds) {
			o->decrypted = true;
		} else if (strcmp(argv[i], "--report") == 0 && !o->seconds) {
			o->report = argv[++i];
			if (!o->report)
				return "--report needs a directory";
		} else if (strcmp(argv[i], "--json") == 0) {
			o->json = argv[++i];
			if (!o->json)
				return "--json needs a file";
		} else if (argv[i][0] == '-' || o->scenario) {
			return "that is one word or option too many";
		} else {
			o->scenario = argv[i];
		}
	}
	if (o->decrypted && !o->pcap)
		return "--decrypted needs --pcap, which says where";
	return o->scenario ? NULL : "say which scenario, or how many nodes";
}

static int json_write(const struct trial *t, const struct options *o)
{
	FILE *out = o->json ? fopen(o->json, "we") : NULL;
	int error = 0;

	if (!o->json)
		return 0;
	if (out) {
		error = trial_write_json(t, o->scenario, out);
		error |= fclose(out) ? -EIO : 0;
	}
	if (out && !error)
		return 0;
	fprintf(stderr, "meshsim: %s: cannot be written: %s; name another file\n", o->json, strerror(errno));
	return -EIO;
}

/* DIR/SCENARIO.html */
static int page_save(const struct trial *t, const struct options *o)
{
	const char *name = strrchr(o->scenario, '/') ? strrchr(o->scenario, '/') + 1 : o->scenario;
	const char *dot = strrchr(name, '.');
	int len = dot && dot > name ? (int)(dot - name) : (int)strlen(name), error = -EIO;
	char path[PATH_MAX], title[NAME_MAX + 1];

	if (!o->report)
		return 0;
	snprintf(title, sizeof(title), "%.*s", len, name);
	snprintf(path, sizeof(path), "%s/%s.html", o->report, title);
	FILE *out = fopen(path, "we");
	if (out) {
		error = page_write(t, title, out);
		error |= fclose(out) ? -EIO : 0;
	}
	if (error)
		fprintf(stderr, "meshsim: %s: cannot be written: %s; name a directory that is there\n", path,
			strerror(errno));
	return error;
}

/* 0, or -EIO after a complaint. */
static int trial_go(struct trial *t, const struct options *o)
{
	bool is_shown = isatty(STDERR_FILENO) && !o->verbose;
	char error[PLAN_ERROR_MAX];
	enum capture_form form = o->decrypted ? CAPTURE_OPENED : CAPTURE_SEALED;
	struct capture *c = o->pcap ? capture_world(t->world, o->pcap, form, error, sizeof(error)) : NULL;
	struct timespec start, end;

	if (o->pcap && !c) {
		fprintf(stderr, "meshsim: %s\n", error);
		return -EIO;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	trial_run(t, is_shown ? progress_show : NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	double cpu_s = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	trial_print(t, stdout);
	printf("%.2f s of processor time: %.0f x real time\n", cpu_s,
		(double)world_time_us(t->world) / 1e6 / (cpu_s > 0 ? cpu_s : 1e-9));
	if (c && capture_end(c)) {
		fprintf(stderr, "meshsim: %s: a capture cannot be written; make room\n", o->pcap);
		return -EIO;
	}
	return 0;
}

static int run(const struct plan *plan, const struct options *o)
{
	struct trial *t = trial_new(plan, o->has_seed ? o->seed : plan->seed, o->verbose ? stderr : NULL);
	char failure[PLAN_ERROR_MAX];
	int status = EXIT_WRONG;

	if (t)
		t->world->threads = (unsigned)o->threads;
	if (!t)
		return command_wrong("the world cannot be built: no memory, or more peers than a link takes");
	struct record *record = t->record = o->report || o->json ? record_new(t) : NULL;
	if (!trial_go(t, o)) {
		status = trial_failure(t, failure) ? EXIT_FAILED : EXIT_SUCCESS;
		if (status)
			fprintf(stderr, "meshsim: %s: %s\n", o->scenario, failure);
		if (json_write(t, o) || page_save(t, o))
			status = EXIT_WRONG;
	}
	trial_free(t);
	record_free(record);
	return status;
}

static int bench_json_write(const struct bench *b, const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return -EIO;
	fprintf(out,
		"{\"nodes\": %u, \"seconds\": %.3f, \"bytes\": %.0f, \"speedup\": %.2f, \"bytes_per_node\": %.0f, "
		"\"links\": %u, \"seed\": %llu, \"threads\": %u, \"events\": %llu, \"virtual_seconds\": %.3f, ",
		b->nodes, b->build_wall_s + b->cold_wall_s + b->steady_wall_s, b->bytes_per_node * b->nodes,
		bench_speedup(b), b->bytes_per_node, b->links, (unsigned long long)b->seed, b->lanes,
		(unsigned long long)b->events, b->whole_s + (double)b->steady_us / 1e6);
	fprintf(out,
		"\"whole_after_seconds\": %.3f, \"build_seconds\": %.3f, \"cold_seconds\": %.3f, "
		"\"cold_cpu_seconds\": %.3f, \"then_seconds\": %.3f, \"then_cpu_seconds\": %.3f, "
		"\"entries\": %llu, \"peace_events_per_node_second\": %.3f}\n",
		b->whole_s, b->build_wall_s, b->cold_wall_s, b->cold_cpu_s, b->steady_wall_s, b->steady_cpu_s,
		(unsigned long long)b->entries, b->peace_events);
	return fclose(out) ? -EIO : 0;
}

static void bench_print(const struct bench *b)
{
	printf("%6u nodes %5u links %2u threads: built in %.1f s; whole after %.1f s, in %.1f s (%.1f s of processor "
	       "time); "
	       "%llu s in %.1f s (%.1f s)\n",
		b->nodes, b->links, b->lanes, b->build_wall_s, b->whole_s, b->cold_wall_s, b->cold_cpu_s,
		(unsigned long long)(b->steady_us / SECOND_US), b->steady_wall_s, b->steady_cpu_s);
	printf("%12s %.1f x real time, %.0f kB a node, %llu entries; %llu events, in peace %.2f a node and second; "
	       "hash ",
		"", bench_speedup(b), b->bytes_per_node / 1e3, (unsigned long long)b->entries,
		(unsigned long long)b->events, b->peace_events);
	for (unsigned i = 0; i < 8; i++)
		printf("%02x", b->digest[i]);
	putchar('\n');
}

/* A large world touches its memory all over: by huge pages it takes a tenth less time. The C library asks for them only
 * if it is told so when a program begins: so it begins again, once. If it cannot, it is slower and nothing else. */
static void begin_with_huge_pages(char **argv)
{
	if (getenv("GLIBC_TUNABLES") || setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0))
		return;
	execv("/proc/self/exe", argv);
}

static int bench_main(int argc, char **argv)
{
	struct options o = { .seconds = 10 };
	const char *complaint = options_read(&o, argc, argv);
	char error[PLAN_ERROR_MAX];
	uint64_t nodes = 0;

	if (!complaint && (!command_number(&nodes, o.scenario) || nodes > PLAN_NODES_MAX))
		complaint = "NODES is a number up to 3072";
	if (complaint)
		return command_wrong(complaint);
	struct bench b = { .nodes = (unsigned)nodes,
		.seed = o.has_seed ? o.seed : 1,
		.threads = (unsigned)o.threads,
		.limit_us = 300 * SECOND_US,
		.steady_us = o.seconds * SECOND_US };

	if (bench_tree(&b, error)) {
		fprintf(stderr, "meshsim: %s\n", error);
		return EXIT_WRONG;
	}
	bench_print(&b);
	if (o.json && bench_json_write(&b, o.json))
		return command_wrong("the JSON file cannot be written: name another");
	if (b.is_whole && b.is_whole_again && !b.loops)
		return EXIT_SUCCESS;
	fprintf(stderr, "meshsim: %s\n",
		b.loops      ? "a forwarding loop"
		: b.is_whole ? "the tree did not become whole again"
			     : "the tree did not become whole");
	return EXIT_FAILED;
}

static int scenario_main(int argc, char **argv, bool only_check)
{
	struct options o = { 0 };
	const char *complaint = options_read(&o, argc, argv);
	char error[PLAN_ERROR_MAX];

	if (!complaint && o.report && access(o.report, W_OK | X_OK))
		complaint = "--report needs a directory that is there";
	if (complaint)
		return command_wrong(complaint);
	struct plan *plan = plan_load(o.scenario, error);
	if (!plan) {
		fprintf(stderr, "%s\n", error);
		return EXIT_WRONG;
	}
	int status = only_check ? EXIT_SUCCESS : run(plan, &o);
	if (only_check)
		printf("%s: %u nodes, %u links, %u expectations\n", o.scenario, plan->node_count, plan->link_count,
			plan->expect_count);
	plan_free(plan);
	return status;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (sodium_init() < 0)
		return command_wrong("libsodium does not start");
	if (strcmp(command, "run") == 0 || strcmp(command, "check") == 0)
		return scenario_main(argc, argv, command[0] == 'c');
	if (strcmp(command, "fuzz") == 0)
		return fuzz_main(argc, argv);
	if (strcmp(command, "shrink") == 0)
		return shrink_main(argc, argv);
	if (strcmp(command, "replay") == 0)
		return replay_main(argc, argv);
	if (strcmp(command, "sweep") == 0)
		return sweep_main(argc, argv);
	if (strcmp(command, "bench-tree") == 0) {
		begin_with_huge_pages(argv);
		return bench_main(argc, argv);
	}
	if (strcmp(command, "presets") == 0) {
		link_preset_print(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(command, "--version") == 0) {
		puts("meshsim " MESHD_VERSION);
		return EXIT_SUCCESS;
	}
	if (strcmp(command, "--help") == 0) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	return command_wrong(argc > 1 ? "that is not a command" : "say what to do");
}
