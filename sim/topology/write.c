/*
 * A topology as the nodes and links of a scenario, for the lab and the simulator.
 * What its reader has no field for stands behind the node as a remark.
 */
#include "sim/topology/topology.h"

#include "meshd/config/config.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_S 60
#define INTERFACES_MAX 32 /* of a simulated node */

static void node_write(const struct topology_node *n, enum topology_reader reader, FILE *out)
{
	const char *level = topology_level_names[n->level];

	fprintf(out, "  - {name: \"%s\"", n->name);
	if (reader == TOPOLOGY_FOR_SIMULATOR) {
		fprintf(out, ", level: %s", level);
		if (n->placed)
			fprintf(out, ", position: [%.2fkm, %.2fkm]", n->x_m / 1000, n->y_m / 1000);
		fputs("}\n", out);
		return;
	}
	fprintf(out, "} # %s", level);
	if (n->placed)
		fprintf(out, ", %.2f km east, %.2f km north", n->x_m / 1000, n->y_m / 1000);
	fputc('\n', out);
}

struct writing {
	const struct topology *topology;
	const struct topology_output *output;
	FILE *out;
	unsigned *degrees;
	unsigned *interfaces; /* that a node has so far */
};

/* An interface of its own for each link; of what has more links than a node can
 * have, the simulator lets those of one kind end in one, as on a switch or a mast. */
static void end_write(struct writing *w, const struct topology_link *l, unsigned node)
{
	bool crowded = w->output->reader == TOPOLOGY_FOR_SIMULATOR && w->degrees[node] > INTERFACES_MAX;

	fprintf(w->out, "\"%s:", w->topology->nodes[node].name);
	if (crowded && (l->preset->shared || l->preset->wired))
		fprintf(w->out, "%s\"", l->preset->name);
	else
		fprintf(w->out, "e%u\"", w->interfaces[node]++);
}

static void link_write(struct writing *w, const struct topology_link *l)
{
	FILE *out = w->out;
	char rate[24];

	fprintf(out, "  - {name: \"%s\", preset: %s, ends: [", l->name, l->preset->name);
	end_write(w, l, l->ends[0]);
	fputs(", ", out);
	end_write(w, l, l->ends[1]);
	fputc(']', out);
	if (l->rate_bps) {
		config_format_rate(rate, sizeof(rate), l->rate_bps);
		fprintf(out, ", rate: %s", rate);
	}
	if (l->delay_us)
		fprintf(out, ", delay: %" PRIu32 "us", l->delay_us);
	if (l->loss >= 0)
		fprintf(out, ", loss: %.2f%%, fade: none", 100 * l->loss);
	fputs("}\n", out);
}

static void point_write(const struct topology *t, const struct trace_point *p, FILE *out)
{
	const char *link = t->links[p->link].name;

	fprintf(out, "  - {at: %" PRIu64 ".%06u, do: \"", p->at_us / 1000000, (unsigned)(p->at_us % 1000000));
	if (strcmp(p->field, "state") != 0)
		fprintf(out, "set %s %s=%s", link, p->field, p->value);
	else
		fprintf(out, "%s %s",
			strcmp(p->value, "cut") == 0      ? "cut"
			: strcmp(p->value, "silent") == 0 ? "silence"
							  : "restore",
			link);
	fputs("\"}\n", out);
}

static void head_write(
	const struct topology *t, const struct trace *trace, const struct topology_output *output, FILE *out)
{
	uint64_t last_us = trace && trace->count ? trace->points[trace->count - 1].at_us : 0;
	uint64_t duration_s = output->duration_s ? output->duration_s : last_us / 1000000 + DURATION_S;

	if (output->remark)
		fprintf(out, "# %s\n", output->remark);
	fprintf(out, "# %u nodes, %u links\nseed: %" PRIu64 "\n", t->node_count, t->link_count, output->seed);
	if (output->reader == TOPOLOGY_FOR_SIMULATOR)
		fprintf(out, "for: %" PRIu64 "\n", duration_s);
}

int topology_write(const struct topology *t, const struct trace *trace, const struct topology_output *output, FILE *out)
{
	struct writing w = { .topology = t,
		.output = output,
		.out = out,
		.degrees = calloc(t->node_count + 1, sizeof(unsigned)),
		.interfaces = calloc(t->node_count + 1, sizeof(unsigned)) };
	int error = w.degrees && w.interfaces ? 0 : -EIO;

	if (!error) {
		topology_count_degrees(t, w.degrees);
		head_write(t, trace, output, out);
		fputs("\nnodes:\n", out);
		for (unsigned i = 0; i < t->node_count; i++)
			node_write(&t->nodes[i], output->reader, out);
		fputs(t->link_count ? "\nlinks:\n" : "", out);
		for (unsigned i = 0; i < t->link_count; i++)
			link_write(&w, &t->links[i]);
		fputs(trace && trace->count ? "\nevents:\n" : "", out);
		for (unsigned i = 0; trace && i < trace->count; i++)
			point_write(t, &trace->points[i], out);
		error = fflush(out) || ferror(out) ? -EIO : 0;
	}
	free(w.degrees);
	free(w.interfaces);
	return error;
}
