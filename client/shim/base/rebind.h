/* SPDX-License-Identifier: BSD-2-Clause */
/* Lead libraries that are bound to libc past the shim to the shim's functions. */
#ifndef SHIM_REBIND_H
#define SHIM_REBIND_H

void shim_rebind_expect(void);
void shim_rebind(void);

#endif
