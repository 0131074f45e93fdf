/* meshlab: real daemons in network namespaces, joined by emulated links. */
#include "sim/lab.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: meshlab run SCENARIO.yaml --out DIR [--quiet] [-- COMMAND ARGS...]\n"
			    "       meshlab check SCENARIO.yaml\n"
			    "       meshlab ctl [--dir DIR] ORDER\n"
			    "       meshlab exec [--dir DIR] NODE COMMAND ARGS...\n"
			    "       meshlab presets | --help | --version\n"
			    "\n"
			    "run builds namespaces and links, starts what the nodes run, and runs COMMAND\n"
			    "inside; its exit status is that of meshlab. Without COMMAND it ends after the\n"
			    "last event of the scenario, or at SIGINT if there are none. COMMAND has\n"
			    "MESHLAB_DIR, MESHLAB_SOCKET and meshlab's folder in PATH; `ip netns exec NODE`\n"
			    "works. DIR gets NODE.log, LINK.pcap, events.jsonl and stats.json.\n"
			    "\n"
			    "orders: cut LINK | silence LINK | restore LINK\n"
			    "        set LINK FIELD=VALUE...     rate rate_up rate_down queue delay jitter\n"
			    "                                    reorder loss fade step gap shift stall\n"
			    "                                    turnaround pace mtu\n"
			    "        power-off NODE | power-on NODE | kill NODE | stop NODE | start NODE\n"
			    "        rebind NODE | unplug NODE:INTERFACE | plug NODE:INTERFACE\n"
			    "        stats [--json] | time | end\n";

struct run {
	struct scenario *scenario;
	char out[PATH_MAX];
	char program_dir[PATH_MAX];
	bool quiet;
	char *const *command;
};

static int run_inside(void *user)
{
	struct run *run = user;
	struct lab environment = { .out = run->out };

	/* What was mounted over must not have hidden where to write. */
	if (access(run->out, W_OK))
		return lab_complain(
			       "%s: not there any more inside the lab; choose a directory outside of /run", run->out),
		       EXIT_FAILURE;
	process_set_environment(&environment, run->program_dir);
	return lab_run(run->scenario, run->out, run->quiet, run->command);
}

static int directory_make(const char *path, char absolute[PATH_MAX])
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
	}
	return realpath(path, absolute) && access(absolute, W_OK) == 0 ? 0 : -errno;
}

/* The folder of this program: meshd and meshctl lie beside it. */
static void program_dir_find(char dir[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", dir, PATH_MAX - 1);

	dir[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
}

static int run_main(int argc, char **argv)
{
	char error[SCENARIO_ERROR_MAX];
	const char *scenario = NULL, *out = NULL;
	struct run run = { 0 };

	for (int i = 0; i < argc && !run.command; i++) {
		if (strcmp(argv[i], "--") == 0 && i + 1 < argc)
			run.command = argv + i + 1;
		else if (strcmp(argv[i], "--out") == 0 && i + 1 < argc)
			out = argv[++i];
		else if (strcmp(argv[i], "--quiet") == 0)
			run.quiet = true;
		else if (argv[i][0] != '-' && !scenario)
			scenario = argv[i];
		else
			return fputs(usage, stderr), EXIT_FAILURE;
	}
	if (!scenario || !out)
		return fputs(usage, stderr), EXIT_FAILURE;
	run.scenario = scenario_load(scenario, error);
	if (!run.scenario)
		return fprintf(stderr, "%s\n", error), EXIT_FAILURE;
	int made = directory_make(out, run.out);
	if (made)
		lab_complain("%s: %s; name a directory that can be written", out, strerror(-made));
	program_dir_find(run.program_dir);
	int status = made ? EXIT_FAILURE : sandbox_run(run_inside, &run);
	scenario_free(run.scenario);
	return status;
}

static int check_main(const char *path)
{
	char error[SCENARIO_ERROR_MAX];
	struct scenario *s = scenario_load(path, error);

	if (!s)
		return fprintf(stderr, "%s\n", error), EXIT_FAILURE;
	printf("%s: good: %u nodes, %u links, %u events\n", path, s->node_count, s->link_count, s->event_count);
	scenario_free(s);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "run") == 0)
		return run_main(argc - 2, argv + 2);
	if (strcmp(verb, "check") == 0 && argc == 3)
		return check_main(argv[2]);
	if (strcmp(verb, "ctl") == 0)
		return client_main(argc - 2, argv + 2);
	if (strcmp(verb, "exec") == 0)
		return client_exec_main(argc - 2, argv + 2);
	if (strcmp(verb, "presets") == 0)
		return link_preset_print(stdout), EXIT_SUCCESS;
	if (strcmp(verb, "--version") == 0)
		return puts("meshlab " MESHD_VERSION), EXIT_SUCCESS;
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
		return fputs(usage, stdout), EXIT_SUCCESS;
	return fputs(usage, stderr), EXIT_FAILURE;
}
