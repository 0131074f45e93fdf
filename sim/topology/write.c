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

static void node_write(const struct topology_node *n, enum topology_reader reader, FILE *out)
{
	const char *level = topology_level_names[n->level];

	fprintf(out, "  - {name: \"%s\"", n->name);
	if (reader == TOPOLOGY_FOR_LAB)
		fprintf(out, "} # %s%s", level, n->placed ? "," : "");
	else
		fprintf(out, ", level: %s}%s", level, n->placed ? " #" : "");
	if (n->placed)
		fprintf(out, " %.2f km east, %.2f km north", n->x_m / 1000, n->y_m / 1000);
	fputc('\n', out);
}

/* `interfaces` counts what each node has so far: every link ends in one of its own. */
static void link_write(const struct topology *t, const struct topology_link *l, unsigned *interfaces, FILE *out)
{
	char rate[24];

	fprintf(out, "  - {name: \"%s\", preset: %s, ends: [", l->name, l->preset->name);
	for (unsigned i = 0; i < 2; i++)
		fprintf(out, "%s\"%s:e%u\"", i ? ", " : "", t->nodes[l->ends[i]].name, interfaces[l->ends[i]]++);
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

int topology_write(const struct topology *t, const struct trace *trace, enum topology_reader reader, uint64_t seed,
	const char *remark, FILE *out)
{
	unsigned *interfaces = calloc(t->node_count + 1, sizeof(*interfaces));

	if (!interfaces)
		return -EIO;
	if (remark)
		fprintf(out, "# %s\n", remark);
	fprintf(out, "# %u nodes, %u links\nseed: %" PRIu64 "\n\nnodes:\n", t->node_count, t->link_count, seed);
	for (unsigned i = 0; i < t->node_count; i++)
		node_write(&t->nodes[i], reader, out);
	if (t->link_count)
		fputs("\nlinks:\n", out);
	for (unsigned i = 0; i < t->link_count; i++)
		link_write(t, &t->links[i], interfaces, out);
	if (trace && trace->count)
		fputs("\nevents:\n", out);
	for (unsigned i = 0; trace && i < trace->count; i++)
		point_write(t, &trace->points[i], out);
	free(interfaces);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
