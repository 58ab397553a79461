/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths that programs pass to libc. */
#include "libcore/path.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dax_path_names names = {.major = 252,
					     .ndctl_major = 251,
					     .has_real_nodes = size & 1};
	char *path = text_of(data, size);
	const size_t len = strlen(path);
	bool has_word = dax_path_has_word(path);
	size_t n;

	for (n = 0; n <= len; n++) {
		/*
		 * An allocation of exactly this length, so that a sanitizer finds reads
		 * beyond it.
		 */
		char *part = malloc(n ? n : 1);

		HOLDS(part);
		memcpy(part, path, n);
		if (dax_path_is_root(&names, part, n)) {
			HOLDS(!dax_path_is_above_root(part, n));
			/* The fast check must find every root that ends here. */
			if (n == len || path[n] == '/')
				HOLDS(has_word);
		}
		dax_path_is_shared_dir(part, n);
		free(part);
	}
	free(path);
	return 0;
}
