/*
 * A scenario: nodes, the links between them, and what happens when. Read from
 * one YAML file, checked whole before anything is built.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "meshd/base/address.h"
#include "meshd/base/framing.h"
#include "sim/preset.h"

#define SCENARIO_NODES_MAX 64
#define SCENARIO_LINKS_MAX 64
#define SCENARIO_EVENTS_MAX 512
#define SCENARIO_INTERFACES_MAX 16 /* of a node */
#define SCENARIO_ADDRESSES_MAX 8 /* of an interface */
#define SCENARIO_RUN_MAX 8 /* processes of a node */
#define SCENARIO_DEAF_MAX 32 /* pairs of a link */
#define SCENARIO_NAME_MAX 32
#define SCENARIO_INTERFACE_NAME_MAX 16 /* IFNAMSIZ */
#define SCENARIO_ERROR_MAX 512
#define SCENARIO_FILE_MAX ((size_t)1 << 20)

struct scenario_address {
	struct address address;
	unsigned plen;
};

struct scenario_interface {
	char name[SCENARIO_INTERFACE_NAME_MAX];
	unsigned address_count;
	struct scenario_address addresses[SCENARIO_ADDRESSES_MAX];
	struct address gateway; /* FAMILY_NONE: none */
	bool attached; /* a link ends here */
};

struct scenario_node {
	char name[SCENARIO_NAME_MAX];
	bool power;
	char nat[SCENARIO_INTERFACE_NAME_MAX]; /* masquerades what leaves there; "" is no NAT */
	unsigned interface_count;
	struct scenario_interface interfaces[SCENARIO_INTERFACES_MAX];
	unsigned run_count;
	char *run[SCENARIO_RUN_MAX];
};

struct scenario_end {
	unsigned node;
	unsigned interface;
};

struct scenario_link {
	char name[SCENARIO_NAME_MAX];
	const struct link_preset *preset;
	struct link_params params[2];
	enum link_state state;
	bool is_line; /* its ends are serial ports */
	enum framing framing;
	unsigned baud;
	unsigned end_count;
	struct scenario_end ends[LINK_ENDS_MAX];
	unsigned deaf_count;
	struct link_pair deaf[SCENARIO_DEAF_MAX];
};

struct scenario_event {
	uint64_t at_us;
	char *text; /* an order */
};

struct scenario {
	uint64_t seed;
	unsigned node_count;
	struct scenario_node nodes[SCENARIO_NODES_MAX];
	unsigned link_count;
	struct scenario_link links[SCENARIO_LINKS_MAX];
	unsigned event_count;
	struct scenario_event events[SCENARIO_EVENTS_MAX]; /* in order of time */
};

/* NULL with one line in `error`: file:line: what; remedy. */
struct scenario *scenario_load(const char *path, char error[SCENARIO_ERROR_MAX]);
struct scenario *scenario_parse(const char *name, struct bytes text, char error[SCENARIO_ERROR_MAX]);
void scenario_free(struct scenario *s);

/* The number, or -1. */
int scenario_find_node(const struct scenario *s, const char *name, size_t len);
int scenario_find_link(const struct scenario *s, const char *name, size_t len);
int scenario_find_interface(const struct scenario_node *n, const char *name);

/*
 * An order: one thing that is done to the lab, as written in a scenario's
 * events and in `meshlab ctl`.
 */
enum order_verb {
	ORDER_CUT,
	ORDER_SILENCE,
	ORDER_RESTORE,
	ORDER_SET,
	ORDER_POWER_OFF,
	ORDER_POWER_ON,
	ORDER_KILL,
	ORDER_STOP,
	ORDER_START,
	ORDER_REBIND,
	ORDER_UNPLUG,
	ORDER_PLUG,
	ORDER_NOISE
};

struct order {
	enum order_verb verb;
	unsigned node; /* power-off to plug */
	unsigned link; /* cut to set, unplug, plug, noise */
	unsigned end; /* of the link: unplug, plug, noise */
	const char *settings; /* set: FIELD=VALUE..., borrowed from the text */
};

/* 0; -EINVAL with the remedy in `complaint`. */
int order_parse(struct order *o, const struct scenario *s, const char *text, char complaint[LINK_COMPLAINT_MAX]);
/* FIELD=VALUE ... on top of params[]; all or nothing. */
int order_settings(struct link_params params[2], const char *settings, char complaint[LINK_COMPLAINT_MAX]);

#endif
