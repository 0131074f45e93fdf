/* meshtopo: graphs in, scenarios out. */
#include "sim/topology/topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 100000000 /* three years; the tree has narrower bounds of its own */

static const char usage[] = "usage: meshtopo tree [--nodes N] [--scenes N] [--seed N] [--for SECONDS] [--lab]\n"
			    "       meshtopo import FILE [--trace FILE.csv] [--seed N] [--for SECONDS] [--lab]\n"
			    "       meshtopo --help | --version\n"
			    "\n"
			    "tree grows a command tree of N posts (1073: 1 city, 41 districts, 1,031 towns)\n"
			    "and N scenes (0). import reads NetJSON, a mesh's graph or GraphML, and a trace of\n"
			    "what was measured on its links. Both write the nodes, links and events of a\n"
			    "scenario to standard output, and what came of it to standard error. With --lab\n"
			    "levels and positions are remarks, because meshlab has no fields for them.\n";

struct options {
	struct tree_params tree;
	const char *file;
	const char *trace;
	struct topology_output output;
};

static int complain(const char *what, const char *name)
{
	fprintf(stderr, "meshtopo: %s%s; meshtopo --help says more\n", what, name);
	return EXIT_FAILURE;
}

static bool number_read(uint64_t *number, const char *text)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && !errno;
}

/* 0, or EXIT_FAILURE after a complaint. */
static int options_read(struct options *o, int argc, char **argv, bool import)
{
	for (int i = 2; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		bool number_is_wanted = strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--for") == 0;
		uint64_t number = 0;

		if (argv[i][0] != '-' && import && !o->file) {
			o->file = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--lab") == 0) {
			o->output.reader = TOPOLOGY_FOR_LAB;
			continue;
		}
		if (import && strcmp(argv[i], "--trace") == 0 && value[0]) {
			o->trace = value;
			i++;
			continue;
		}
		if (!import)
			number_is_wanted =
				number_is_wanted || strcmp(argv[i], "--nodes") == 0 || strcmp(argv[i], "--scenes") == 0;
		if (!number_is_wanted)
			return complain("not understood: ", argv[i]);
		if (!number_read(&number, value) || (strcmp(argv[i], "--seed") != 0 && number > NUMBER_MAX))
			return complain("a number is missing or too large after ", argv[i]);
		if (strcmp(argv[i], "--seed") == 0)
			o->tree.seed = o->output.seed = number;
		else if (strcmp(argv[i], "--for") == 0)
			o->output.duration_s = number;
		else if (strcmp(argv[i], "--nodes") == 0)
			o->tree.nodes = (unsigned)number;
		else
			o->tree.scenes = (unsigned)number;
		i++;
	}
	return import && !o->file ? complain("name the file to import", "") : 0;
}

static int topology_print(const struct topology *t, const struct trace *trace, const struct options *o)
{
	if (topology_write(t, trace, &o->output, stdout)) {
		fprintf(stderr, "meshtopo: standard output: %s; free space and try again\n", strerror(errno));
		return EXIT_FAILURE;
	}
	fprintf(stderr, "%u nodes, %u links, %d parts; %u links skipped, %u merged, %u nodes implied, %u events\n",
		t->node_count, t->link_count, topology_count_parts(t), t->skipped, t->merged, t->implied,
		trace ? trace->count : 0);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o = { .tree = { .seed = 1, .nodes = TREE_FULL_NODES },
		.output = { .reader = TOPOLOGY_FOR_SIMULATOR, .seed = 1 } };
	bool import = argc > 1 && strcmp(argv[1], "import") == 0;
	char error[TOPOLOGY_ERROR_MAX] = "", remark[256];
	struct trace *trace = NULL;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout), EXIT_SUCCESS;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("meshtopo " MESHD_VERSION), EXIT_SUCCESS;
	if (!import && (argc < 2 || strcmp(argv[1], "tree") != 0))
		return complain("say tree or import", "");
	if (options_read(&o, argc, argv, import))
		return EXIT_FAILURE;
	struct topology *t = import ? topology_load(o.file, error) : topology_grow(&o.tree, error);
	if (t && o.trace)
		trace = trace_load(t, o.trace, error);
	int status = EXIT_FAILURE;
	snprintf(remark, sizeof(remark), "meshtopo tree --nodes %u --scenes %u --seed %llu", o.tree.nodes,
		o.tree.scenes, (unsigned long long)o.tree.seed);
	o.output.remark = import ? NULL : remark;
	if (!t || (o.trace && !trace))
		fprintf(stderr, "meshtopo: %s\n", error);
	else
		status = topology_print(t, trace, &o);
	trace_free(trace);
	topology_free(t);
	return status;
}
