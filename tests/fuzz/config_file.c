/*
 * Any bytes as a configuration file: either a configuration that keeps what its
 * header promises, or one line that says why not and nothing taken over.
 *
 * The first byte chooses how the rest is read: as the file itself, or as words
 * of the grammar, so that the checks behind the parser are reached as well.
 */
#include "meshd/config/config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX (CONFIG_FILE_MAX + 64)

static const char *const words[] = { "node:\n", "links:\n", "- name: ", "- interface: ", "  name: ", "  type: ",
	"  interface: ", "  preset: ", "  peers: ", "  rate: ", "  metered: ", "  listen: ", "  discover: ", "  mtu: ",
	"  cost: ", "  kind: ", "  hello: ", "  update: ", "  rtt: ", "  split-horizon: ", "  accept: ", "  announce: ",
	"  table: ", "  metric: ", "  redistribute: ", "babel", "wireless", "any", "deny ", "10.0.0.0/8", "fd00::/8",
	" 16-24", " +96", " from fe80::1", " proto static", " dev ",
	"  key: ", "  state: ", "  control: ", "  tun: ", "  lan: ", "mesh-radio", "narrowband", "geo-satellite",
	"leo-satellite", "cellular", "fibre", "short-message", "ethernet", "udp", "serial", "yes", "no", "eth1",
	"mesh0", "[", "]", ", ", ": ", "\n", "{", "}", "gw.example.org", ":6697", "[2001:db8::1]:7", "203.0.113.7",
	"1500", "65535", "65536", "4294967296", "2M", "9.6k", "0", "1", "&a ", "*a", "!!str ", "|\n  ", "\"", "'",
	"\\0", "\xef\xbb\xbf", "\t", "#", "---\n", "links: [{name: a, preset: fibre", "}]\n", "/a" };

static size_t spell(char *text, const uint8_t *data, size_t size)
{
	struct writer w = writer_of(text, TEXT_MAX);

	for (size_t i = 0; i < size; i++) {
		const char *word = words[data[i] % (sizeof(words) / sizeof(words[0]))];

		write_copy(&w, word, strlen(word));
	}
	return writer_len(&w);
}

static void check_peers(const struct config_link *l)
{
	assert(l->peer_count <= CONFIG_PEER_MAX);
	for (unsigned i = 0; i < l->peer_count; i++) {
		assert(l->peers[i].port != 0);
		assert(l->peers[i].host[0] != '\0');
		assert(memchr(l->peers[i].host, '\0', CONFIG_HOST_MAX) != NULL);
	}
}

static void check_rules(const struct rule *rules, unsigned count)
{
	assert(count <= CONFIG_RULE_MAX);
	for (unsigned i = 0; i < count; i++) {
		assert(rules[i].low <= rules[i].high && rules[i].high <= 128);
		assert(rules[i].is_any || rules[i].prefix.plen <= rules[i].low);
		assert(!rules[i].is_deny || rules[i].cost == 0);
	}
}

static void check_babel(const struct config_link *l)
{
	assert(l->interface[0] != '\0' && l->peer_count == 0 && !l->discover && !l->metered);
	assert(l->hello_ms >= 20 && l->hello_ms <= 600000 && l->hello_ms % 10 == 0);
	assert(l->dead_misses == 0 && l->idle_ms == 0);
	for (unsigned i = 0; i < l->accept_count; i++)
		assert(!l->accept[i].name[0]);
	for (unsigned i = 0; i < l->announce_count; i++)
		assert(!l->announce[i].name[0] && l->announce[i].from.family == FAMILY_NONE);
}

static void check_sealed(const struct config_link *l)
{
	assert(l->mtu >= (l->is_thin ? CONFIG_THIN_FRAME_MIN : CONFIG_FRAME_MIN));
	assert(l->rate_bps >= 1200);
	assert(l->hello_ms >= 100 && l->hello_ms <= 60000);
	assert(l->idle_ms >= l->hello_ms && l->idle_ms <= 60000 && l->idle_ms % 10 == 0);
	assert(l->dead_misses >= 2 && l->dead_misses < 16);
	assert(l->accept_count == 0 && l->announce_count == 0);
}

static void check_link(const struct config_link *l)
{
	assert(l->name[0] != '\0' && memchr(l->name, '\0', sizeof(l->name)) != NULL);
	assert(memchr(l->interface, '\0', sizeof(l->interface)) != NULL);
	assert(l->mtu <= CONFIG_FRAME_MAX);
	assert(l->rxcost != 0);
	assert(l->update_s >= 1 && l->update_s <= 655);
	if (l->type == CONFIG_BABEL)
		check_babel(l);
	else
		check_sealed(l);
	check_rules(l->accept, l->accept_count);
	check_rules(l->announce, l->announce_count);
	assert((l->extra_cost != 0) == l->metered);
	check_peers(l);
	if (l->type == CONFIG_ETHERNET)
		assert(l->interface[0] != '\0' && l->peer_count == 0 && l->port == 0 && !l->discover);
	else if (l->type == CONFIG_UDP)
		assert(l->peer_count || l->port || l->discover);
	if (l->discover)
		assert(l->interface[0] != '\0');
}

static void check_config(const struct config *c)
{
	assert(c->link_count >= 1 && c->link_count <= CONFIG_LINK_MAX);
	assert(c->tun[0] != '\0' && c->tun_mtu >= 1280 && c->tun_mtu <= CONFIG_FRAME_MAX - CONFIG_FRAME_OVERHEAD);
	assert(c->key_path[0] != '\0' && c->state_dir[0] != '\0' && c->control_path[0] != '\0');
	assert(strlen(c->control_path) <= 107);
	for (unsigned i = 0; i < c->link_count; i++) {
		check_link(&c->links[i]);
		for (unsigned j = 0; j < i; j++)
			assert(strcmp(c->links[i].name, c->links[j].name) != 0);
	}
}

static void check_refusal(const struct config *c, int result, const char *error)
{
	static const struct config blank;

	assert(result == -EINVAL);
	assert(strncmp(error, "fuzz:", 5) == 0);
	assert(strlen(error) < CONFIG_ERROR_MAX && !strpbrk(error, "\n\r\t\x1b"));
	/* Out of memory and disagreement of the two parsers are not in a file's power. */
	assert(strncmp(error, "fuzz: out of", 12) != 0 && strncmp(error, "fuzz: cannot", 12) != 0);
	assert(memcmp(c, &blank, sizeof(blank)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	static char text[TEXT_MAX];
	char error[CONFIG_ERROR_MAX];
	struct bytes file = bytes_of(data + 1, size - 1);

	if (size == 0)
		return 0;
	if (data[0] % 2)
		file = bytes_of(text, spell(text, data + 1, size - 1));
	int result = config_parse(&config, "fuzz", file, error);
	if (result == 0)
		check_config(&config);
	else
		check_refusal(&config, result, error);
	return 0;
}
