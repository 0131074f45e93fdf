/*
 * Any bytes as a topology or as a trace: either a graph that keeps what its
 * header promises and can be written, or one line that says why not.
 *
 * The first byte chooses how the rest is read: as the file itself, as words of
 * one of the grammars, or as a trace of a topology's links.
 */
#include "sim/topology/topology.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX 65536

static const char *const json_words[] = { "{", "}", "[", "]", ",", ":", "\"nodes\":[", "\"links\":[", "{\"id\":\"a\"}",
	"{\"id\":2}", "{\"id\":\"a\",\"name\":\"x y\",\"x\":1.5,\"y\":2}", "{\"source\":\"a\",\"target\":2}",
	"{\"source\":\"a\",\"target\":\"b\"", ",\"cost\":1.5", ",\"quality\":0.5", ",\"source_tq\":0",
	",\"type\":\"vpn\"", ",\"properties\":{\"preset\":\"hf\",\"level\":\"scene\"}", "\"type\":\"NetworkGraph\",",
	"\"metric\":\"ETX\",", "null", "1e999", "-0.5", "\"\\u0000\"", "\"\xc3\xb8\"", "\n", " " };

static const char *const xml_words[] = { "<graphml>", "</graphml>", "<graph>", "</graph>", "<node id='a'>",
	"<node id='", "'/>", "b", "</node>", "<edge source='a' target='b'>", "<edge source='a' target='a'/>", "</edge>",
	"<key id='l' for='node' attr.name='label'/>", "<key id='y' for='node' attr.name='Latitude'/>",
	"<key id='x' for='all' attr.name='Longitude'/>", "<key id='r' for='edge' attr.name='LinkSpeedRaw'/>",
	"<key id='p' for='edge' attr.name='preset'/>", "<data key='l'>", "<data key='y'>", "<data key='x'>",
	"<data key='r'>", "<data key='p'>", "</data>", "29.5", "1e9", "-7", "geo-satellite", "&amp;", "<!-- -->",
	"<![CDATA[", "]]>", "<!DOCTYPE graphml [<!ENTITY e 'e'>]>", "&e;", "<?xml version='1.0' encoding='utf-16'?>",
	"\n" };

static const char *const csv_words[] = { "time_s,link,field,value\n", "0,", "12.5,", "1e3,", "a-b,", "link-1,", "rate,",
	"rate_up,", "loss,", "fade,", "gap,", "queue,", "state,", "mtu,", "reorder,", "2M\n", "9.6k\n", "2%\n",
	"0.01 0.3 0.6\n", "15s 50ms 300ms\n", "64kB\n", "cut\n", "up\n", "none\n", "yes\n", "1400\n", ",", "\n", "\r\n",
	"-", "x" };

static struct bytes spell(char text[TEXT_MAX], const char *const *words, size_t count, const uint8_t *data, size_t size)
{
	struct writer w = writer_of(text, TEXT_MAX);

	for (size_t i = 0; i < size; i++)
		write_copy(&w, words[data[i] % count], strlen(words[data[i] % count]));
	return writer_bytes(&w);
}

static void check_refusal(const char *error)
{
	assert(strncmp(error, "fuzz:", 5) == 0);
	assert(strlen(error) < TOPOLOGY_ERROR_MAX && !strpbrk(error, "\n\r\t\x1b"));
	assert(!strstr(error, "out of memory"));
}

static void check_write(const struct topology *t, const struct trace *trace)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(topology_write(t, trace, &(struct topology_output){ .reader = TOPOLOGY_FOR_SIMULATOR }, out) == 0);
	fclose(out);
	assert(strlen(text) == len);
	free(text);
}

static void check_topology(const struct topology *t)
{
	assert(t->node_count >= 1 && t->node_count <= TOPOLOGY_NODES_MAX && t->link_count <= TOPOLOGY_LINKS_MAX);
	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];

		assert(n->name[0] && strlen(n->name) < TOPOLOGY_NAME_MAX);
		assert(topology_find_node(t, n->name) == (int)i);
		assert((unsigned)n->level < TOPOLOGY_LEVELS);
		/* Half the earth's girth either way, from a middle that is on it. */
		assert(!n->placed || (n->x_m > -5e7 && n->x_m < 5e7 && n->y_m > -5e7 && n->y_m < 5e7));
	}
	for (unsigned i = 0; i < t->link_count; i++) {
		const struct topology_link *l = &t->links[i];

		assert(topology_find_link(t, l->name) == (int)i);
		assert(l->preset && l->ends[0] < t->node_count && l->ends[1] < t->node_count);
		assert(l->ends[0] != l->ends[1] && l->loss < 1 && l->delay_us <= 200000);
		assert(l->rate_bps <= 1000000000000ull);
	}
	int parts = topology_count_parts(t);
	assert(parts >= 1 && (unsigned)parts <= t->node_count);
	check_write(t, NULL);
}

static void try_trace(struct bytes text)
{
	static const char graph[] = "{\"links\":[{\"source\":\"a\",\"target\":\"b\"},"
				    "{\"source\":\"a\",\"target\":\"b\",\"preset\":\"narrowband\"}]}";
	char error[TOPOLOGY_ERROR_MAX];
	struct topology *t = topology_parse("graph", bytes_of(graph, sizeof(graph) - 1), error);

	assert(t && t->link_count == 2);
	struct trace *trace = trace_parse(t, "fuzz", text, error);
	if (!trace)
		check_refusal(error);
	for (unsigned i = 0; trace && i < trace->count; i++) {
		assert(trace->points[i].link < t->link_count && trace->points[i].value[0]);
		assert(i == 0 || trace->points[i].at_us >= trace->points[i - 1].at_us);
	}
	if (trace)
		check_write(t, trace);
	trace_free(trace);
	topology_free(t);
}

#define COUNT(words) (sizeof(words) / sizeof(*(words)))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char words[TEXT_MAX];
	char error[TOPOLOGY_ERROR_MAX];

	if (size == 0)
		return 0;
	struct bytes text = bytes_of(data + 1, size - 1);
	if (data[0] % 5 == 1)
		text = spell(words, json_words, COUNT(json_words), data + 1, size - 1);
	else if (data[0] % 5 == 2)
		text = spell(words, xml_words, COUNT(xml_words), data + 1, size - 1);
	else if (data[0] % 5 == 3)
		text = spell(words, csv_words, COUNT(csv_words), data + 1, size - 1);
	if (data[0] % 5 >= 3) {
		try_trace(text);
		return 0;
	}
	struct topology *t = topology_parse("fuzz", text, error);
	if (t)
		check_topology(t);
	else
		check_refusal(error);
	topology_free(t);
	return 0;
}
