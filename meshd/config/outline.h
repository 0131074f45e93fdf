/*
 * The outline of a configuration file: which fields it has, and on which lines.
 *
 * libcyaml loads values but does not keep their positions, repeats duplicate
 * fields without a word and speaks of its own schema in errors. So the events
 * of the YAML parser are walked once before: structure is checked here, with
 * the line in hand, and libcyaml sees only files of the right shape.
 * Private to meshd/config/.
 */
#ifndef MESHD_CONFIG_OUTLINE_H
#define MESHD_CONFIG_OUTLINE_H

#include "meshd/config/complaint.h"
#include "meshd/config/config.h"

enum section { SECTION_NODE, SECTION_LINKS, SECTION_CLASSES, SECTION_IO, SECTION_PAGE, SECTIONS };

enum node_field {
	NODE_KEY,
	NODE_STATE,
	NODE_CONTROL,
	NODE_TUN,
	NODE_MTU,
	NODE_LAN,
	NODE_TABLE,
	NODE_METRIC,
	NODE_REDISTRIBUTE,
	NODE_WATCH,
	NODE_SHARE_LOG,
	NODE_FIELDS
};

enum link_field {
	LINK_NAME,
	LINK_TYPE,
	LINK_INTERFACE,
	LINK_PRESET,
	LINK_PEERS,
	LINK_RATE,
	LINK_METERED,
	LINK_LISTEN,
	LINK_DISCOVER,
	LINK_MTU,
	LINK_COST,
	LINK_IDLE_HELLO,
	LINK_PROBE,
	LINK_KIND,
	LINK_HELLO,
	LINK_UPDATE,
	LINK_RTT,
	LINK_SPLIT_HORIZON,
	LINK_ACCEPT,
	LINK_ANNOUNCE,
	LINK_MAC,
	LINK_MAC_REQUIRED,
	LINK_DEVICE,
	LINK_BAUD,
	LINK_FRAMING,
	LINK_FLOW,
	LINK_HALF_DUPLEX,
	LINK_TURNAROUND,
	LINK_KISS_PORT,
	LINK_TX_DELAY,
	LINK_COMMAND,
	LINK_ESSENTIAL,
	LINK_INTRODUCTIONS,
	LINK_FIELDS
};

enum io_field { IO_OFFLOAD, IO_FIELDS };
enum page_field { PAGE_SERVE, PAGE_LISTEN, PAGE_PORT, PAGE_PAIRING, PAGE_FIELDS };
enum classes_field { CLASSES_RULES, CLASSES_LIMITS, CLASSES_FIELDS };

extern const char *const node_field_names[NODE_FIELDS];
extern const char *const link_field_names[LINK_FIELDS];

/* Lines count from 1; 0: the file does not have it. */
struct outline_list {
	unsigned count;
	unsigned line[CONFIG_RULE_MAX]; /* of each entry */
};

struct outline_link {
	unsigned line;
	unsigned field[LINK_FIELDS];
	struct outline_list peers, accept, announce, mac, command, essential;
};

struct outline {
	unsigned section[SECTIONS];
	unsigned node[NODE_FIELDS];
	struct outline_list redistribute, watch;
	unsigned io[IO_FIELDS];
	unsigned page[PAGE_FIELDS];
	struct outline_list page_listen;
	unsigned classes[CLASSES_FIELDS];
	struct outline_list classes_list[CLASSES_FIELDS];
	unsigned link_count;
	struct outline_link link[CONFIG_LINK_MAX];
};

/* 0; -EINVAL with a complaint: not YAML, or not of our shape. */
int outline_read(struct outline *o, struct bytes text, const struct complaint *c);

#endif
