/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that uses libcuse-daxd as it is installed; test_library.py reads its output. */
#include <cuse_daxd.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB UINT64_C(1048576)

static struct cuse_daxd *d;

static void tell(const char *what, int r)
{
	printf("%s: %s\n", what, r < 0 ? strerror(-r) : "ok");
	if (r < 0)
		printf("  %s\n", cuse_daxd_error(d));
}

static void list(void)
{
	struct cuse_daxd_device *devices;
	size_t nr = 0;
	size_t i;
	int r = cuse_daxd_list(d, &devices, &nr);

	if (r < 0)
		tell("list", r);
	for (i = 0; i < nr; i++)
		printf("%s region %u size %" PRIu64 "M align %" PRIu64 "K bad %" PRIu64
		       "K clients %u %s\n",
		       devices[i].name, devices[i].region, devices[i].size / MIB,
		       devices[i].align / 1024, devices[i].bad / 1024, devices[i].clients,
		       devices[i].is_enabled ? "enabled" : "disabled");
	if (r == 0)
		free(devices);
}

/* Wait for an event of this kind. */
static void wait_for(const char *what)
{
	struct cuse_daxd_event event;
	int r;

	do
		r = cuse_daxd_next_event(d, -1, &event);
	while (r == 1 && strcmp(event.what, what));
	if (r == 1)
		printf("event %s %s %s\n", event.what, event.device,
		       event.time > 1e9 && event.json[0] == '{' ? "whole" : "broken");
	else
		tell("event", r);
}

int main(int argc, char **argv)
{
	struct cuse_daxd_device created;
	char *reply;
	uint32_t id;

	d = cuse_daxd_new();
	if (!d)
		return 1;
	tell("request", cuse_daxd_request(d, "{\"verb\":\"list\"}", &reply));
	tell("connect", cuse_daxd_connect(d, argc > 1 ? argv[1] : NULL));
	list();
	if (cuse_daxd_watch(d) < 0)
		tell("watch", -1);
	tell("no event", cuse_daxd_next_event(d, 0, &(struct cuse_daxd_event){0}));
	tell("create", cuse_daxd_create(d, 0, 4 * MIB, 0, &created));
	printf("created %s size %" PRIu64 "M\n", created.name, created.size / MIB);
	wait_for("appear");
	tell("create", cuse_daxd_create(d, 0, 3 * MIB, 0, NULL));
	tell("disable", cuse_daxd_disable(d, "/dev/dax0.1"));
	wait_for("change");
	tell("disable", cuse_daxd_disable(d, "dax0.1"));
	tell("enable", cuse_daxd_enable(d, "dax0.1"));
	wait_for("change");
	tell("inject", cuse_daxd_inject(d, "dax0.0", 2 * MIB, 2 * MIB, 0));
	wait_for("inject");
	tell("latent", cuse_daxd_inject(d, "dax0.1", 0, 2 * MIB, CUSE_DAXD_LATENT));
	list();
	tell("clear", cuse_daxd_clear(d, "dax0.0", 0, 0));
	wait_for("clear");
	tell("rule", cuse_daxd_fault_add(d, "mmap errno:EIO comm:\"a\\b\"", &id));
	tell("rule", cuse_daxd_fault_add(d, "mmap errno:EWHAT", NULL));
	if (cuse_daxd_request(d, "{\"verb\":\"fault\"}", &reply) == 0) {
		printf("%s\n", strstr(reply, "mmap") ? "it is listed" : reply);
		free(reply);
	}
	tell("remove", cuse_daxd_fault_remove(d, id));
	tell("remove", cuse_daxd_fault_remove(d, id));
	tell("destroy", cuse_daxd_destroy(d, "dax0.1"));
	wait_for("vanish");
	tell("destroy", cuse_daxd_destroy(d, "dax0.0"));
	cuse_daxd_free(d);
	return 0;
}
