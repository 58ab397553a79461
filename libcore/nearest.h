/* SPDX-License-Identifier: BSD-2-Clause */
/* The word that was probably meant by a mistyped one: "did you mean 'size'?" */
#ifndef DAX_NEAREST_H
#define DAX_NEAREST_H

#define DAX_NEAREST_WORD_MAX 32 /* longer words have no neighbours */
#define DAX_NEAREST_TEXT_LEN 64

struct dax_nearest {
	const char *word;      /* as it was typed */
	const char *best;      /* of the candidates; NULL: none is near */
	unsigned int mistakes; /* between the two */
};

void dax_nearest_begin(struct dax_nearest *n, const char *word);
void dax_nearest_offer(struct dax_nearest *n, const char *candidate);
const char *dax_nearest_text(const struct dax_nearest *n, const char *prefix,
			     char buf[DAX_NEAREST_TEXT_LEN]);

#endif
