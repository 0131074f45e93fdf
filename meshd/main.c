/* meshd: reads the command line and the configuration, and runs or checks. */
#include "meshd/io/io.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FILE "/etc/meshd/meshd.yaml"
#define USAGE_STATUS 2

static const char help[] = "usage: meshd [-c FILE] [-v]   run with this configuration (" DEFAULT_FILE ")\n"
			   "       meshd check [FILE]     say whether the configuration is good, touch nothing\n"
			   "       meshd --version | --help\n"
			   "\n"
			   "Look inside a running meshd with meshctl. Manual: meshd(8).\n";

static int usage(const char *what, const char *argument)
{
	fprintf(stderr, "meshd: %s%s%s; meshd --help tells how\n", what, *argument ? ": " : "", argument);
	return USAGE_STATUS;
}

static int config_check(const char *path)
{
	static struct config config;
	char error[CONFIG_ERROR_MAX];

	if (config_load(&config, path, error) < 0) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	printf("%s: good: %u link%s\n", path, config.link_count, config.link_count == 1 ? "" : "s");
	return 0;
}

static int run_once(const char *path, bool is_verbose)
{
	struct config *config = calloc(1, sizeof(*config));
	char error[CONFIG_ERROR_MAX] = "not enough memory; stop what else runs here";

	if (!config || config_load(config, path, error) < 0) {
		fprintf(stderr, "meshd: %s\n", error);
		free(config);
		return 1;
	}
	if (sodium_init() < 0) {
		fprintf(stderr, "meshd: the kernel gives no random numbers; use Linux 5.10 or newer\n");
		free(config);
		return 1;
	}
	return daemon_run(config, path, is_verbose);
}

static int run(const char *path, bool is_verbose)
{
	int status;

	do
		status = run_once(path, is_verbose);
	while (status == DAEMON_AGAIN);
	return status;
}

int main(int argc, char **argv)
{
	const char *path = DEFAULT_FILE;
	bool is_verbose = false;

	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return argc > 3 ? usage("too many arguments", argv[3]) : config_check(argc > 2 ? argv[2] : path);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--version") == 0) {
			printf("meshd %s\n", MESHD_VERSION);
			return 0;
		}
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(help, stdout);
			return 0;
		}
		if (strcmp(argv[i], "-v") == 0)
			is_verbose = true;
		else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
			path = argv[++i];
		else
			return usage(strcmp(argv[i], "-c") == 0 ? "-c needs a file" : "not understood",
				strcmp(argv[i], "-c") == 0 ? "" : argv[i]);
	}
	return run(path, is_verbose);
}
