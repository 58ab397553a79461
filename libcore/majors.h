/* SPDX-License-Identifier: BSD-2-Clause */
/* Major numbers of character devices, as the kernel hands them out. */
#ifndef DAX_MAJORS_H
#define DAX_MAJORS_H

#include <stdbool.h>
#include <stdint.h>

#define DAX_MAJORS 512 /* fs/char_dev.c: CHRDEV_MAJOR_MAX */

uint32_t dax_majors_choose(const bool taken[DAX_MAJORS], uint32_t wanted);

#endif
