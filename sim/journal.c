/* What happened, as JSON lines; what the links carried, as JSON and as a table. */
#include "sim/lab.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

static double lab_seconds(const struct lab *lab)
{
	return (double)(lab_clock_us() - lab->start_us) / 1e6;
}

int journal_open(struct lab *lab)
{
	char path[LAB_PATH_MAX];

	snprintf(path, sizeof(path), "%s/events.jsonl", lab->out);
	lab->journal = fopen(path, "we");
	return lab->journal ? 0 : lab_complain("%s: cannot be written", path);
}

void journal_write(struct lab *lab, const char *by, const char *format, ...)
{
	struct timespec wall;
	char event[512];
	va_list arguments;
	double t = lab_seconds(lab);

	va_start(arguments, format);
	vsnprintf(event, sizeof(event), format, arguments);
	va_end(arguments);
	clock_gettime(CLOCK_REALTIME, &wall);
	json_t *line = json_pack("{s:f, s:f, s:s, s:s}", "t", t, "unix",
		(double)wall.tv_sec + (double)wall.tv_nsec / 1e9, "event", event, "by", by);
	if (line) {
		json_dumpf(line, lab->journal, JSON_COMPACT | JSON_REAL_PRECISION(16));
		fputc('\n', lab->journal);
		fflush(lab->journal);
		json_decref(line);
	}
	if (!lab->quiet)
		fprintf(stderr, "meshlab: %8.3f %s\n", t, event);
}

void journal_close(struct lab *lab)
{
	if (lab->journal)
		fclose(lab->journal);
	lab->journal = NULL;
}

static json_t *counter_json(const struct lab_counter *c)
{
	return json_pack("{s:I, s:I}", "frames", (json_int_t)c->frames, "bytes", (json_int_t)c->bytes);
}

static json_t *end_json(const struct lab_end *end)
{
	json_t *fates = json_object();

	for (unsigned v = 0; v < LINK_VERDICTS; v++)
		json_object_set_new(fates, link_verdict_names[v], counter_json(&end->fates[v]));
	return json_pack("{s:s, s:s, s:b, s:o, s:o}", "node", end->node->conf->name, "interface", end->name, "carrier",
		(int)end->carrier, "sent", counter_json(&end->offered), "to_it", fates);
}

json_t *stats_json(const struct lab *lab)
{
	static const char *const states[] = { "up", "cut", "silent" };
	json_t *links = json_object();

	for (unsigned l = 0; l < lab->link_count; l++) {
		const struct lab_link *link = &lab->links[l];
		json_t *ends = json_array();

		for (unsigned e = 0; e < link->end_count; e++)
			json_array_append_new(ends, end_json(&link->ends[e]));
		json_object_set_new(links, link->conf->name,
			json_pack("{s:s, s:o}", "state", states[link->model.state], "ends", ends));
	}
	return json_pack("{s:f, s:o}", "t", lab_seconds(lab), "links", links);
}

void stats_print(const struct lab *lab, FILE *out)
{
	fprintf(out, "%-12s %-20s %10s %12s %10s %10s\n", "link", "end", "sent", "bytes", "received", "lost");
	for (unsigned l = 0; l < lab->link_count; l++)
		for (unsigned e = 0; e < lab->links[l].end_count; e++) {
			const struct lab_end *end = &lab->links[l].ends[e];
			char name[SCENARIO_NAME_MAX + SCENARIO_INTERFACE_NAME_MAX];
			uint64_t lost = 0;

			for (unsigned v = LINK_DELIVER + 1; v < LINK_VERDICTS; v++)
				lost += end->fates[v].frames;
			snprintf(name, sizeof(name), "%s:%s", end->node->conf->name, end->name);
			fprintf(out, "%-12s %-20s %10llu %12llu %10llu %10llu\n", lab->links[l].conf->name, name,
				(unsigned long long)end->offered.frames, (unsigned long long)end->offered.bytes,
				(unsigned long long)end->fates[LINK_DELIVER].frames, (unsigned long long)lost);
		}
}
