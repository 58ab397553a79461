/* SPDX-License-Identifier: BSD-2-Clause */
/* Keep the standard streams from a device that they are redirected to. */
#ifndef SHIM_STANDARD_H
#define SHIM_STANDARD_H

void shim_standard_look(int fd);

#endif
