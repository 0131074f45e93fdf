/* Orders carried out: from the scenario's clock and from the control socket. */
#include "sim/lab.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define NOISE_BYTES 1000000

static enum steer_result refuse(char complaint[LINK_COMPLAINT_MAX], const char *node, const char *why)
{
	snprintf(complaint, LINK_COMPLAINT_MAX, "node \"%s\" %s", node, why);
	return STEER_FAILED;
}

static enum steer_result power_off(struct lab *lab, struct lab_node *node)
{
	process_signal_node(node, SIGKILL);
	node->start_wanted = false;
	namespace_set_power(node, false);
	emulator_update_carriers(lab);
	return process_is_running(node) ? STEER_WHEN_STOPPED : STEER_DONE;
}

/* What was killed a moment ago may hold locks until it is reaped: then its successor waits for that. */
static enum steer_result node_start(struct lab *lab, struct lab_node *node)
{
	if (process_is_running(node))
		node->start_wanted = true;
	else
		process_start_node(lab, node);
	return STEER_DONE;
}

static enum steer_result power_on(struct lab *lab, struct lab_node *node, char complaint[LINK_COMPLAINT_MAX])
{
	if (node->powered)
		return refuse(complaint, node->conf->name, "has power; nothing to do");
	if (namespace_set_power(node, true))
		return refuse(complaint, node->conf->name, "cannot be switched on; meshlab said why on stderr");
	emulator_update_carriers(lab);
	return node_start(lab, node);
}

static enum steer_result node_steer(
	struct lab *lab, enum order_verb verb, struct lab_node *node, char complaint[LINK_COMPLAINT_MAX])
{
	switch (verb) {
	case ORDER_POWER_OFF:
		return power_off(lab, node);
	case ORDER_POWER_ON:
		return power_on(lab, node, complaint);
	case ORDER_START:
		if (!node->powered)
			return refuse(complaint, node->conf->name, "has no power; power-on first");
		if (process_is_running(node))
			return refuse(complaint, node->conf->name, "runs; stop or kill it first");
		return node_start(lab, node);
	case ORDER_REBIND:
		if (!node->conf->nat[0])
			return refuse(complaint, node->conf->name, "is no NAT box; name one that has nat:");
		if (namespace_forget_flows(lab, node))
			return refuse(complaint, node->conf->name, "did not forget; meshlab said why on stderr");
		return STEER_DONE;
	default:
		node->start_wanted = false;
		process_signal_node(node, verb == ORDER_KILL ? SIGKILL : SIGTERM);
		return process_is_running(node) ? STEER_WHEN_STOPPED : STEER_DONE;
	}
}

static enum steer_result plug(struct lab *lab, struct lab_end *end, char complaint[LINK_COMPLAINT_MAX])
{
	if (!end->unplugged)
		return refuse(complaint, end->node->conf->name, "has this interface; nothing to do");
	if (emulator_open_end(lab, end))
		return refuse(complaint, end->node->conf->name, "does not get it back; meshlab said why on stderr");
	emulator_update_carriers(lab);
	if (end->line)
		return STEER_DONE;
	const struct scenario_node *conf = end->node->conf;
	if (end->node->powered &&
		(namespace_set_interface(end->node, end->name, true) ||
			namespace_configure(end->node, &conf->interfaces[scenario_find_interface(conf, end->name)])))
		return refuse(complaint, conf->name, "does not get its addresses back; meshlab said why on stderr");
	return STEER_DONE;
}

static enum steer_result unplug(struct lab *lab, struct lab_end *end)
{
	emulator_close_end(lab, end);
	emulator_update_carriers(lab);
	return STEER_DONE;
}

static enum steer_result link_set(struct lab_link *link, const char *settings, char complaint[LINK_COMPLAINT_MAX])
{
	uint32_t mtu = link->params[0].mtu;

	if (order_settings(link->params, settings, complaint))
		return STEER_FAILED;
	link_model_set(&link->model, link->params);
	for (unsigned e = 0; link->params[0].mtu != mtu && e < link->end_count; e++)
		if (!link->ends[e].unplugged && !link->ends[e].line)
			namespace_set_mtu(&link->ends[e], link->params[0].mtu);
	return STEER_DONE;
}

static enum steer_result order_obey(struct lab *lab, const struct order *o, char complaint[LINK_COMPLAINT_MAX])
{
	struct lab_link *link = &lab->links[o->link];

	switch (o->verb) {
	case ORDER_CUT:
		emulator_set_state(lab, link, LINK_CUT);
		return STEER_DONE;
	case ORDER_SILENCE:
		emulator_set_state(lab, link, LINK_SILENT);
		return STEER_DONE;
	case ORDER_RESTORE:
		emulator_set_state(lab, link, LINK_UP);
		return STEER_DONE;
	case ORDER_SET:
		return link_set(link, o->settings, complaint);
	case ORDER_UNPLUG:
		return unplug(lab, &link->ends[o->end]);
	case ORDER_NOISE:
		if (!link->ends[o->end].line)
			return refuse(complaint, lab->nodes[o->node].conf->name,
				"has no serial port there; noise is for those");
		line_noise(&link->ends[o->end], NOISE_BYTES);
		return STEER_DONE;
	case ORDER_PLUG:
		return plug(lab, &link->ends[o->end], complaint);
	default:
		return node_steer(lab, o->verb, &lab->nodes[o->node], complaint);
	}
}

enum steer_result steer(
	struct lab *lab, const char *text, const char *by, unsigned *node, char complaint[LINK_COMPLAINT_MAX])
{
	struct order order;

	if (order_parse(&order, lab->scenario, text, complaint))
		return STEER_FAILED;
	*node = order.node;
	journal_write(lab, by, "%s", text);
	enum steer_result result = order_obey(lab, &order, complaint);
	if (result == STEER_FAILED)
		journal_write(lab, by, "failed: %s", complaint);
	return result;
}
