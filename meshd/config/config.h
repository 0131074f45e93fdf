/*
 * The configuration: one YAML file, read once and checked whole before anything
 * is touched. The public face of meshd/config/.
 *
 * A field config is one line per link: the preset sets what the line leaves out.
 * Every error names file, line, field and remedy.
 */
#ifndef MESHD_CONFIG_CONFIG_H
#define MESHD_CONFIG_CONFIG_H

#include "crypto/crypto.h"
#include "meshd/base/framing.h"
#include "meshd/base/rule.h"
#include "meshd/base/traffic.h"

#define CONFIG_LINK_MAX 32
#define CONFIG_PEER_MAX 16 /* per link */
#define CONFIG_RULE_MAX 32 /* per link and direction */
#define CONFIG_MAC_MAX 4 /* keys per babel link */
#define CONFIG_PATH_MAX 256
#define CONFIG_HOST_MAX 128
#define CONFIG_INTERFACE_MAX 16 /* with NUL, as IFNAMSIZ */
#define CONFIG_ERROR_MAX 512
#define CONFIG_UDP_PORT 6697 /* when neither link nor peer names one */
#define CONFIG_FILE_MAX 65536
#define CONFIG_FRAME_MIN 1313 /* frame payload: 1280 bytes, the least that IPv6 allows, and our overhead */
#define CONFIG_THIN_FRAME_MIN 64 /* of links with thin frames, which carry packets in pieces */
#define CONFIG_FRAME_MAX 2048
#define CONFIG_FRAME_OVERHEAD 33
#define CONFIG_THIN_FRAME_OVERHEAD 13
#define CONFIG_UDP_OVERHEAD 48 /* IPv6 and UDP headers around a frame */
#define CONFIG_ETHERNET_OVERHEAD 2 /* its length before a frame */
#define CONFIG_SERIAL_OVERHEAD 6 /* stations, delimiters and stuffing around a frame, as a rule */
#define CONFIG_DEVICE_MAX 128 /* path of a serial port */
#define CONFIG_WORD_MAX 16 /* words of a command */
#define CONFIG_COMMAND_MAX 512 /* bytes of all of them, NULs included */
#define CONFIG_PIPE_ADDRESS_MAX 20 /* of a modem */
#define CONFIG_UDP_LINE_OVERHEAD 42 /* what a frame has around it on the line: Ethernet, IPv4 and UDP headers */
#define CONFIG_ETHERNET_LINE_OVERHEAD 16
#define CONFIG_ESSENTIAL_MAX 8 /* per link */
#define CONFIG_WATCH_MAX 6 /* sites; what is known of eight questions the node remembers */
#define CONFIG_PAGE_PLACE_MAX 4
#define CONFIG_PAGE_PORT 8080

enum config_link_type { CONFIG_ETHERNET, CONFIG_UDP, CONFIG_BABEL, CONFIG_SERIAL, CONFIG_PIPE };
enum config_cost { CONFIG_COST_WIRED, CONFIG_COST_RADIO }; /* 2-out-of-3, ETX */

struct config_peer {
	char host[CONFIG_HOST_MAX]; /* a name, or an address of either family; pipe: as its modem has it */
	uint16_t port;
};

/* A serial port and the radio behind it. */
enum config_flow { CONFIG_FLOW_NONE, CONFIG_FLOW_HARDWARE, CONFIG_FLOW_SOFTWARE };
struct config_serial {
	char device[CONFIG_DEVICE_MAX];
	unsigned baud;
	enum framing framing;
	enum config_flow flow;
	bool half_duplex; /* listens before it speaks, and gives others their turn */
	unsigned turnaround_ms; /* of the radio, from receiving to sending and back */
	unsigned kiss_port;
	bool has_tx_delay;
	unsigned tx_delay_ms; /* for the TNC */
};

/* A child program, its frames on standard input and output. */
struct config_pipe {
	unsigned word_count;
	char words[CONFIG_COMMAND_MAX]; /* each with its NUL */
};

/* What of the kernel's routes is announced. */
struct kernel_rule {
	struct rule rule; /* its cost is the metric that is announced */
	uint8_t protocol; /* who made the route (rtnetlink(7)); 0: anybody */
	char interface[CONFIG_INTERFACE_MAX]; /* "": any */
	bool has_metric;
	unsigned metric; /* of the kernel */
};

/* A member by its name, or what lies within a prefix. */
struct config_essential {
	char name[NAME_MAX_LEN + 1]; /* "": the prefix */
	struct prefix prefix;
};

struct config_link {
	char name[CONFIG_INTERFACE_MAX];
	enum config_link_type type;
	char preset[CONFIG_INTERFACE_MAX]; /* whose figures it began with */
	char interface[CONFIG_INTERFACE_MAX]; /* ethernet, babel: required; udp: "" binds to no interface */
	uint16_t port; /* udp: local port; 0 lets the kernel choose (behind NAT it does not matter) */
	bool discover; /* who is there is found by a call to all; udp: needs an interface */
	unsigned peer_count;
	struct config_peer peers[CONFIG_PEER_MAX];
	struct config_serial serial;
	struct config_pipe pipe;
	unsigned essential_count; /* whom the link is for; 0: all routes */
	struct config_essential essential[CONFIG_ESSENTIAL_MAX];
	uint64_t rate_bps; /* as stated or preset; 0: not known */
	bool is_shaped; /* nothing is sent faster: the rate is stated, or so low that a queue below us would be long */
	unsigned mtu; /* largest Ethernet payload (CONFIG_ETHERNET_OVERHEAD and a frame), or frame on the others,
		       * bytes; the file's `mtu` counts the IP and UDP headers of a udp link too */
	enum config_cost cost;
	uint16_t rxcost; /* nominal Babel cost, as this end states it */
	uint16_t extra_cost; /* added to every route over the link: metered */
	unsigned hello_ms; /* hello interval; longer than the preset's where the rate is low */
	unsigned idle_ms; /* the same towards neighbours that no packets pass to or from; not less */
	unsigned probe_ms; /* between questions to a next hop in use that is silent; 0: none are asked */
	unsigned update_s; /* full update interval */
	unsigned dead_misses; /* hellos missed until the neighbour is dead */
	unsigned keepalive_s; /* something is sent at least so often, for NAT; 0: never */
	bool is_thin; /* small frames with short headers (docs/frames.md): serial, pipe, narrowband, messages */
	bool metered;
	bool rtt; /* measure, and use in the cost */
	bool probes_mtu; /* udp: larger frames than arrive may be taken, where the way is not one wire */
	bool introduces; /* udp: of two neighbours of the link each is told where the other is */
	bool is_introduced; /* ... and so are we: behind NAT */
	unsigned accept_count, announce_count;
	struct rule accept[CONFIG_RULE_MAX]; /* of what the neighbours announce; babel: the rest is refused */
	struct rule announce[CONFIG_RULE_MAX]; /* of what they are told; the rest they are told as well */
	/* babel: */
	bool split_horizon; /* what was heard there is not repeated there */
	unsigned mac_count; /* 0: plain packets are not authenticated */
	struct secret_packet_key mac[CONFIG_MAC_MAX];
	bool mac_required; /* without one of the keys nothing is believed */
};

#define CONFIG_CLASS_TEXT 96 /* of a rule, as written */

/* Which packets are of which class where they enter the mesh, and how much of it may come. */
struct config_classes {
	struct traffic_policy policy;
	char rules[TRAFFIC_RULES_MAX][CONFIG_CLASS_TEXT]; /* as written: for people */
};

/* Where the node's own page is served. */
struct config_page_place {
	bool is_lan; /* to whoever comes in by node.lan; else at the address */
	struct address address;
	uint16_t port;
};
struct config_page {
	unsigned place_count; /* 0: it is not served */
	struct config_page_place places[CONFIG_PAGE_PLACE_MAX];
	bool has_pairing; /* browsers may be paired, and then do something */
};

struct config {
	char key_path[CONFIG_PATH_MAX]; /* the enrolment file: node.key */
	char state_dir[CONFIG_PATH_MAX]; /* node.state */
	char control_path[CONFIG_PATH_MAX]; /* node.control: Unix socket */
	char tun[CONFIG_INTERFACE_MAX]; /* node.tun; "mesh0" */
	unsigned tun_mtu; /* node.mtu; 1400 */
	unsigned table; /* node.table: of the kernel, for all routes; 254 is main */
	unsigned route_metric; /* node.metric: of all routes in the kernel; 4096 */
	char lan[CONFIG_INTERFACE_MAX]; /* node.lan: where the certificate's LAN prefixes live; "" none */
	unsigned watch_count;
	char watch[CONFIG_WATCH_MAX][NAME_MAX_LEN + 1]; /* node.watch: sites, by their names in certificates */
	bool shares_log; /* node.share-log: with other members, and collects theirs */
	unsigned redistribute_count;
	struct kernel_rule redistribute[CONFIG_RULE_MAX]; /* node.redistribute; the first that matches decides */
	bool is_unbatched; /* io.offload is "no": packets pass the kernel one by one */
	struct config_classes classes;
	struct config_page page;
	unsigned link_count;
	struct config_link links[CONFIG_LINK_MAX];
};

/* Reads `path` and checks everything that can be checked without touching the
 * system. On failure returns a negative errno and writes one line to `error`
 * (file:line: what: remedy). */
int config_load(struct config *config, const char *path, char error[CONFIG_ERROR_MAX]);
/* The same from memory; `name` stands for the file in errors (tests, fuzzing). */
int config_parse(struct config *config, const char *name, struct bytes text, char error[CONFIG_ERROR_MAX]);

/* What is different, a sentence for each, without keys; true: `meshctl reload` does not change it. */
void config_diff(const struct config *old, const struct config *new,
	void (*tell)(void *arg, const char *text, bool needs_restart), void *arg);

/* The names of those fields of `node` alone that are different and that `meshctl reload` does not change. */
void config_node_diff(
	const struct config *old, const struct config *new, void (*differs)(void *arg, const char *field), void *arg);

/* All of it, a sentence for each field that says something, without anything secret. */
void config_tell(const struct config *c, void (*tell)(void *arg, const char *text, bool needs_restart), void *arg);

/* One limit, as in the file: "command 128k burst 2s", "command none". NULL, or what is wrong with it. */
const char *config_parse_limit(unsigned *class, struct traffic_limit *limit, const char *text);

/* The i-th word of the command; NULL past the last. */
const char *config_pipe_word(const struct config_pipe *pipe, unsigned i);

/* What the link's frames have around them on the line, where rates are counted. */
unsigned config_line_overhead(const struct config_link *link);

bool config_classes_equal(const struct config_classes *a, const struct config_classes *b);
bool config_page_equal(const struct config_page *a, const struct config_page *b);
bool config_watches(const struct config *config, const char *name); /* is it among node.watch? */
const struct config_link *config_link_named(const struct config *c, const char *name); /* NULL: none is called so */

/* "2M", "9600", "2.4k", "2Mbit", "100Mbit/s" in bit/s. -EINVAL. */
int config_parse_rate(uint64_t *bps, const char *text);
/* The reverse, short: "2M", "9.6k"; for people. */
void config_format_rate(char *text, size_t size, uint64_t bps);

#endif
