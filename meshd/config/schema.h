/*
 * The file as written: every value still text, absent ones NULL. Private to
 * meshd/config/.
 */
#ifndef MESHD_CONFIG_SCHEMA_H
#define MESHD_CONFIG_SCHEMA_H

#include "meshd/config/complaint.h"
#include "meshd/base/bytes.h"

struct file_node {
	char *key, *state, *control, *tun, *mtu, *lan, *table, *metric, *share_log;
	char **redistribute, **watch;
	unsigned redistribute_count, watch_count;
};

struct file_link {
	char *name, *type, *interface, *preset, *rate, *metered, *listen, *discover, *mtu, *cost, *idle_hello, *probe;
	char *kind, *hello, *update, *rtt, *split_horizon, *mac_required; /* babel */
	char **peers, **accept, **announce, **mac;
	unsigned peers_count, accept_count, announce_count, mac_count;
	char *device, *baud, *framing, *flow, *half_duplex, *turnaround, *kiss_port, *tx_delay; /* serial */
	char **command; /* pipe */
	unsigned command_count;
	char *introductions;
	char **essential;
	unsigned essential_count;
};

struct file_classes {
	char **rules, **limits;
	unsigned rules_count, limits_count;
};

struct file_io {
	char *offload;
};

struct file_page {
	char *serve, *port, *pairing;
	char **listen;
	unsigned listen_count;
};

struct file {
	struct file_node *node; /* may be NULL */
	struct file_classes *classes; /* may be NULL */
	struct file_io *io; /* may be NULL */
	struct file_page *page; /* may be NULL */
	struct file_link *links;
	unsigned links_count;
};

/* 0 and *file, to be given to file_free(); -EINVAL with a complaint. */
int file_read(struct file **file, struct bytes text, const struct complaint *c);
void file_free(struct file *file);

#endif
