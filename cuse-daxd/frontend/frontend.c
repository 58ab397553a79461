/* SPDX-License-Identifier: BSD-2-Clause */
/* Choose a front end, start and stop it. */
#include "cuse-daxd/frontend/frontend.h"

#include "libcore/state.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/frontend/cuse.h"
#include "cuse-daxd/frontend/plain.h"
#include "cuse-daxd/runtime/runtime.h"

/**
 * daxd_frontend_choose() - choose the front end
 * @kind:	the configured kind
 * @ret:	receives the front end
 * @why:	receives the reason if it is not available
 *
 * Return: 0 or a negative errno.
 */
int daxd_frontend_choose(enum daxd_frontend_kind kind,
			 const struct daxd_frontend_ops **ret, struct daxd_why *why)
{
	struct daxd_why reason;
	int r;

	*ret = &daxd_plain_ops;
	switch (kind) {
	case DAXD_FRONTEND_CUSE:
		r = daxd_cuse_check(why);
		if (r < 0)
			return r;
		*ret = &daxd_cuse_ops;
		return 0;
	case DAXD_FRONTEND_AUTO:
		if (daxd_cuse_check(&reason) == 0)
			*ret = &daxd_cuse_ops;
		else
			daxd_debug("%s; creating handles", reason.text);
		return 0;
	case DAXD_FRONTEND_NONE:
		break;
	}
	return 0;
}

/**
 * daxd_frontend_init() - prepare a front end for devices
 * @fe:		to be filled; for daxd_frontend_done(), also after a failure
 * @ops:	from daxd_frontend_choose()
 * @rt:		the runtime directory, with state pages; kept
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_frontend_init(struct daxd_frontend *fe, const struct daxd_frontend_ops *ops,
		       struct daxd_runtime *rt, struct daxd_why *why)
{
	*fe = (struct daxd_frontend){.ops = ops, .rt = rt, .dir = -1};
	rt->state->flags = ops->state_flags;
	return ops->init(fe, why);
}

/**
 * daxd_frontend_done() - stop a front end
 * @fe:		after daxd_frontend_init(), or zeroed
 */
void daxd_frontend_done(struct daxd_frontend *fe)
{
	if (fe->ops)
		fe->ops->done(fe);
	fe->ops = NULL;
}
