/* SPDX-License-Identifier: BSD-2-Clause */
/* The uevents of a change of the model. */
#include "libcore/uevent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/sysfs.h"

struct dax_uevent_device {
	char path[DAX_SYSFS_PATH_MAX]; /* below /sys */
	char subsystem[16];            /* empty: sends no events */
	char text[256];                /* of its attribute `uevent` */
	bool has_driver;
	bool has_region; /* an endpoint decoder that is a target */
};

/* Return: the length of the directory of a path. */
static size_t dir_len(const char *path)
{
	return (size_t)(strrchr(path, '/') - path);
}

static bool is_below(const char *path, const char *dir)
{
	const size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] == '/';
}

static struct dax_uevent_device *find(const struct dax_uevent_list *list,
				      const char *path, size_t len)
{
	size_t i;

	for (i = list->nr; i-- > 0;)
		if (!strncmp(list->devices[i].path, path, len) &&
		    !list->devices[i].path[len])
			return &list->devices[i];
	return NULL;
}

static int add_device(struct dax_uevent_list *list, const char *path, const char *text)
{
	struct dax_uevent_device *d;

	if (list->nr == list->room) {
		const size_t room = 2 * list->room + 64;

		d = calloc(room, sizeof(*d));
		if (!d)
			return -ENOMEM;
		if (list->nr)
			memcpy(d, list->devices, list->nr * sizeof(*d));
		free(list->devices);
		list->devices = d;
		list->room = room;
	}
	d = &list->devices[list->nr++];
	*d = (struct dax_uevent_device){0};
	snprintf(d->path, sizeof(d->path), "%.*s", (int)dir_len(path), path);
	snprintf(d->text, sizeof(d->text), "%s", text);
	return 0;
}

/* A walk through the tree. */
struct collector {
	struct dax_uevent_list *list;
	bool has_region; /* the last attribute `region` named one */
};

static int collect_attr(struct collector *c, const struct dax_sysfs_node *node,
			const char *name)
{
	int r;

	/* It comes before `uevent`, and only decoders have it. */
	if (!strcmp(name, "region"))
		c->has_region = *node->text != '\n';
	if (strcmp(name, "uevent"))
		return 0;
	r = add_device(c->list, node->path, node->text);
	if (r == 0)
		c->list->devices[c->list->nr - 1].has_region = c->has_region;
	c->has_region = false;
	return r;
}

static int collect(void *ctx, const struct dax_sysfs_node *node)
{
	struct collector *c = ctx;
	struct dax_uevent_device *d;
	const char *name;

	if (strncmp(node->path, "devices/", strlen("devices/")) ||
	    node->kind == DAX_SYSFS_DIR)
		return 0;
	name = node->path + dir_len(node->path) + 1;
	if (node->kind == DAX_SYSFS_FILE)
		return collect_attr(c, node, name);
	d = find(c->list, node->path, dir_len(node->path));
	if (!d)
		return 0;
	if (!strcmp(name, "driver"))
		d->has_driver = true;
	else if (!strcmp(name, "subsystem"))
		snprintf(d->subsystem, sizeof(d->subsystem), "%s",
			 strrchr(node->text, '/') + 1);
	return 0;
}

/* Move the devices of the dax bus behind their parents, where they were not visited. */
static void sort_dax(struct dax_uevent_list *list)
{
	size_t i;

	for (i = 0; i < list->nr; i++) {
		const struct dax_uevent_device d = list->devices[i];
		size_t parent = i;
		size_t to;

		if (strcmp(d.subsystem, "dax"))
			continue;
		while (parent > 0 && !is_below(d.path, list->devices[parent - 1].path))
			parent--;
		/* Each has one. */
		for (to = parent;
		     parent && to < i &&
		     is_below(list->devices[to].path, list->devices[parent - 1].path);
		     to++)
			;
		memmove(&list->devices[to + 1], &list->devices[to], (i - to) * sizeof(d));
		list->devices[to] = d;
	}
}

/**
 * dax_uevent_list_make() - list the devices of a model's tree
 * @model:	the model
 * @ret:	receives the list, for dax_uevent_list_free()
 *
 * Return: 0 or -ENOMEM; @ret is empty then.
 */
int dax_uevent_list_make(const struct dax_model *model, struct dax_uevent_list *ret)
{
	struct collector c = {.list = ret};
	int r;

	*ret = (struct dax_uevent_list){0};
	r = dax_sysfs_walk(model, collect, &c);
	if (r < 0)
		dax_uevent_list_free(ret);
	else
		sort_dax(ret);
	return r;
}

/**
 * dax_uevent_list_free() - free the devices of a list
 * @list:	the list; empty afterwards
 */
void dax_uevent_list_free(struct dax_uevent_list *list)
{
	free(list->devices);
	*list = (struct dax_uevent_list){0};
}

/* Two lists, and what to do with the events between them. */
struct diff {
	const struct dax_uevent_list *before;
	const struct dax_uevent_list *after;
	dax_uevent_fn fn;
	void *ctx;
	/* Devices whose driver is bound when all below them have been reported. */
	const struct dax_uevent_device *pending[16];
	size_t nr_pending;
};

static void report(const struct diff *diff, const char *action,
		   const struct dax_uevent_device *d)
{
	const struct dax_uevent event = {action, d};

	if (d->subsystem[0])
		diff->fn(diff->ctx, &event);
}

static bool is_type(const struct dax_uevent_device *d, const char *type)
{
	const char *p = strstr(d->text, "DEVTYPE=");

	return p && !strncmp(p + strlen("DEVTYPE="), type, strlen(type)) &&
	       p[strlen("DEVTYPE=") + strlen(type)] == '\n';
}

static const struct dax_uevent_device *peer(const struct dax_uevent_list *list,
					    const struct dax_uevent_device *d)
{
	return find(list, d->path, strlen(d->path));
}

/*
 * The decoders of a disabled memory device go from the last to the first, and a region only
 * when the decoder that is its target does. Return: where the loop over the others begins.
 */
static void remove_idle_decoders(const struct diff *diff)
{
	size_t i;

	for (i = diff->before->nr; i-- > 0;) {
		const struct dax_uevent_device *d = &diff->before->devices[i];

		if (!is_type(d, "cxl_decoder_endpoint") || peer(diff->after, d))
			continue;
		if (d->has_region)
			return;
		report(diff, "remove", d);
	}
}

/* True if remove_idle_decoders() has reported a decoder that is gone. */
static bool is_idle_decoder(const struct diff *diff, size_t n)
{
	const struct dax_uevent_list *list = diff->before;

	for (; n < list->nr; n++)
		if (is_type(&list->devices[n], "cxl_decoder_endpoint") &&
		    list->devices[n].has_region && !peer(diff->after, &list->devices[n]))
			return false;
	return true;
}

static void report_removals(const struct diff *diff)
{
	size_t i;

	remove_idle_decoders(diff);
	for (i = diff->before->nr; i-- > 0;) {
		const struct dax_uevent_device *d = &diff->before->devices[i];
		const struct dax_uevent_device *now = peer(diff->after, d);

		if (d->has_driver && !(now && now->has_driver))
			report(diff, "unbind", d);
		if (now ||
		    (is_type(d, "cxl_decoder_endpoint") && is_idle_decoder(diff, i)))
			continue;
		report(diff, "remove", d);
	}
}

/* True if a device is reported before the driver of @top is bound. */
static bool is_part(const struct dax_uevent_device *d,
		    const struct dax_uevent_device *top)
{
	return is_below(d->path, top->path) ||
	       (is_type(top, "cxl_memdev") &&
		(is_type(d, "cxl_decoder_endpoint") || is_type(d, "cxl_port")));
}

static void bind_last(struct diff *diff)
{
	report(diff, "bind", diff->pending[--diff->nr_pending]);
}

/* Bind what is complete before @d is reported; NULL: after the last one. */
static void bind_complete(struct diff *diff, const struct dax_uevent_device *d)
{
	while (diff->nr_pending &&
	       !(d && is_part(d, diff->pending[diff->nr_pending - 1])))
		bind_last(diff);
}

static void report_additions(struct diff *diff)
{
	size_t i;

	for (i = 0; i < diff->after->nr; i++) {
		const struct dax_uevent_device *d = &diff->after->devices[i];
		const struct dax_uevent_device *old = peer(diff->before, d);

		bind_complete(diff, d);
		if (!old)
			report(diff, "add", d);
		/* Linux 7.3 probes it asynchronously, and its region is bound meanwhile. */
		if (!old && diff->nr_pending && is_type(d, "cxl_dax_region"))
			bind_last(diff);
		if (d->has_driver && !(old && old->has_driver) &&
		    diff->nr_pending < sizeof(diff->pending) / sizeof(diff->pending[0]))
			diff->pending[diff->nr_pending++] = d;
	}
	bind_complete(diff, NULL);
}

/**
 * dax_uevent_diff() - report the events between two states of the tree
 * @before:	its devices before a change
 * @after:	its devices afterwards
 * @fn:		called for each event; the event is valid during the call only
 * @ctx:	passed to @fn
 */
void dax_uevent_diff(const struct dax_uevent_list *before,
		     const struct dax_uevent_list *after, dax_uevent_fn fn, void *ctx)
{
	struct diff diff = {.before = before, .after = after, .fn = fn, .ctx = ctx};

	report_removals(&diff);
	report_additions(&diff);
}

struct message {
	char *buf;
	size_t len;
};

/* Append a string with its NUL. */
__attribute__((format(printf, 2, 3))) static void append(struct message *m,
							 const char *fmt, ...)
{
	const size_t room = DAX_UEVENT_MAX - m->len;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(m->buf + m->len, room, fmt, ap);
	va_end(ap);
	if ((size_t)len < room)
		m->len += (size_t)len + 1;
}

static bool has_key(const char *line, const char *key)
{
	return !strncmp(line, key, strlen(key)) && line[strlen(key)] == '=';
}

/*
 * The lines of the device's attribute. Without a driver until it is bound and from when it
 * is released on; an unbind event has no MODALIAS (zap_modalias_env()).
 */
static void append_lines(struct message *m, const char *action, const char *text)
{
	const bool is_unbind = !strcmp(action, "unbind");
	const bool has_driver =
		strcmp(action, "add") && strcmp(action, "remove") && !is_unbind;

	for (; *text; text += strcspn(text, "\n") + 1)
		if ((!has_key(text, "DRIVER") || has_driver) &&
		    (!has_key(text, "MODALIAS") || !is_unbind))
			append(m, "%.*s", (int)strcspn(text, "\n"), text);
}

static void append_head(struct message *m, const char *action, size_t action_len,
			const struct dax_uevent_device *d)
{
	append(m, "%.*s@/%s", (int)action_len, action, d->path);
	append(m, "ACTION=%.*s", (int)action_len, action);
	append(m, "DEVPATH=/%s", d->path);
	append(m, "SUBSYSTEM=%s", d->subsystem);
}

/**
 * dax_uevent_format() - format an event as the kernel sends it
 * @event:	the event
 * @seqnum:	its number
 * @buf:	receives the message: strings, each with its NUL
 *
 * Return: bytes of the message.
 */
size_t dax_uevent_format(const struct dax_uevent *event, uint64_t seqnum,
			 char buf[DAX_UEVENT_MAX])
{
	struct message m = {.buf = buf};

	append_head(&m, event->action, strlen(event->action), event->device);
	append_lines(&m, event->action, event->device->text);
	append(&m, "SEQNUM=%" PRIu64, seqnum);
	return m.len;
}

/**
 * dax_uevent_synthesize() - format the event that a write to `uevent` asks for
 * @list:	the devices
 * @path:	of the attribute, below /sys
 * @text:	what was written, accepted by the attribute: "add", or "add UUID"
 * @seqnum:	number of the event
 * @buf:	receives the message
 *
 * Keys behind the UUID are not in the message (kobject_synth_uevent()).
 *
 * Return: bytes of the message, or -ENODEV: the attribute is not a device's.
 */
int dax_uevent_synthesize(const struct dax_uevent_list *list, const char *path,
			  const char *text, uint64_t seqnum, char buf[DAX_UEVENT_MAX])
{
	const struct dax_uevent_device *d = find(list, path, dir_len(path));
	const size_t action_len = strcspn(text, " \n");
	const char *uuid = text + action_len + (text[action_len] == ' ');
	struct message m = {.buf = buf};

	if (!d || !d->subsystem[0])
		return -ENODEV;
	append_head(&m, text, action_len, d);
	append(&m, "SYNTH_UUID=%.*s", *uuid && *uuid != '\n' ? 36 : 1,
	       *uuid && *uuid != '\n' ? uuid : "0");
	append_lines(&m, "change", d->text);
	append(&m, "SEQNUM=%" PRIu64, seqnum);
	return (int)m.len;
}

/* MurmurHash2 with seed 0, which libudev's socket filters compare. */
static uint32_t hash(const char *text)
{
	const uint32_t factor = UINT32_C(0x5bd1e995);
	size_t len = strlen(text);
	uint32_t h = (uint32_t)len;

	for (; len >= 4; text += 4, len -= 4) {
		uint32_t k;

		memcpy(&k, text, 4);
		k *= factor;
		k ^= k >> 24;
		h = (h * factor) ^ (k * factor);
	}
	if (len) {
		while (len-- > 0)
			h ^= (uint32_t)(uint8_t)text[len] << (8 * len);
		h *= factor;
	}
	h ^= h >> 13;
	h *= factor;
	return h ^ (h >> 15);
}

/* Big-endian, on every machine. */
static void put_be32(char *at, uint32_t value)
{
	int i;

	for (i = 0; i < 4; i++)
		at[i] = (char)(value >> (24 - 8 * i));
}

/* Return: the value of a key in a message, or NULL. */
static const char *value_of(const char *message, size_t len, const char *key)
{
	size_t at;

	for (at = 0; at < len; at += strlen(message + at) + 1)
		if (has_key(message + at, key))
			return message + at + strlen(key) + 1;
	return NULL;
}

/**
 * dax_uevent_to_udev() - format a kernel's message as udevd sends it on
 * @message:	the message
 * @len:	bytes of it
 * @usec:	the time since the boot, for USEC_INITIALIZED
 * @buf:	receives the message, with libudev's header (struct monitor_netlink_header)
 *
 * No rules of udev are applied, so it has no tags, and no properties but the kernel's.
 *
 * Return: bytes of the message.
 */
size_t dax_uevent_to_udev(const char *message, size_t len, uint64_t usec,
			  char buf[DAX_UEVENT_MAX])
{
	const uint32_t header = 40;
	const char *subsystem = value_of(message, len, "SUBSYSTEM");
	const char *devtype = value_of(message, len, "DEVTYPE");
	struct message m = {.buf = buf, .len = header};
	uint32_t properties;
	size_t at;

	for (at = strlen(message) + 1; at < len; at += strlen(message + at) + 1)
		if (has_key(message + at, "DEVNAME"))
			append(&m, "DEVNAME=/dev/%s", message + at + strlen("DEVNAME="));
		else
			append(&m, "%s", message + at);
	append(&m, "USEC_INITIALIZED=%" PRIu64, usec);
	properties = (uint32_t)m.len - header;
	memset(buf, 0, header);
	memcpy(buf, "libudev", 8);
	put_be32(buf + 8, UINT32_C(0xfeedcafe));
	memcpy(buf + 12, &header, 4);
	memcpy(buf + 16, &header, 4);
	memcpy(buf + 20, &properties, 4);
	if (subsystem)
		put_be32(buf + 24, hash(subsystem));
	if (devtype)
		put_be32(buf + 28, hash(devtype));
	return m.len;
}
