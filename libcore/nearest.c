/* SPDX-License-Identifier: BSD-2-Clause */
/* The word that was probably meant by a mistyped one. */
#include "libcore/nearest.h"

#include <stdio.h>
#include <string.h>

static unsigned int smaller(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * Count the letters to insert, remove, replace or swap with their neighbour to make one
 * word of the other (the optimal string alignment distance).
 */
static unsigned int count_mistakes(const char *a, size_t a_len, const char *b,
				   size_t b_len)
{
	unsigned int rows[3][DAX_NEAREST_WORD_MAX + 1];
	unsigned int *before = rows[0];
	unsigned int *above = rows[1];
	unsigned int *row = rows[2];
	size_t i;
	size_t k;

	for (k = 0; k <= b_len; k++)
		above[k] = (unsigned int)k;
	for (i = 1; i <= a_len; i++) {
		unsigned int *oldest = before;

		row[0] = (unsigned int)i;
		for (k = 1; k <= b_len; k++) {
			row[k] = above[k - 1] + (a[i - 1] != b[k - 1]);
			row[k] = smaller(row[k], smaller(above[k], row[k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1])
				row[k] = smaller(row[k], before[k - 2] + 1);
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[b_len];
}

/* One mistake in three letters; in a longer word more of them are by chance. */
static unsigned int most_mistakes(size_t len)
{
	return len < 5 ? 1 : len < 8 ? 2 : 3;
}

/**
 * dax_nearest_begin() - begin a search
 * @n:		the search
 * @word:	the mistyped word; kept
 */
void dax_nearest_begin(struct dax_nearest *n, const char *word)
{
	n->word = word;
	n->best = NULL;
	n->mistakes = most_mistakes(strlen(word)) + 1;
}

/**
 * dax_nearest_offer() - take a candidate if it is nearer than all before it
 * @n:		the search
 * @candidate:	a valid word; kept
 *
 * A candidate that begins with the whole word is the nearest.
 */
void dax_nearest_offer(struct dax_nearest *n, const char *candidate)
{
	size_t len = strlen(n->word);
	size_t other = strlen(candidate);
	unsigned int mistakes;

	if (len < 2 || len > DAX_NEAREST_WORD_MAX || other > DAX_NEAREST_WORD_MAX)
		return;
	mistakes = count_mistakes(n->word, len, candidate, other);
	if (len < other && !strncmp(n->word, candidate, len))
		mistakes = 0;
	if (mistakes >= n->mistakes)
		return;
	n->mistakes = mistakes;
	n->best = candidate;
}

/**
 * dax_nearest_text() - say which word was probably meant
 * @n:		the search
 * @prefix:	of the word, such as "--"; at most 8 bytes
 * @buf:	receives the text
 *
 * Return: "did you mean '--size'? ", to stand before other advice; "" if no word is near.
 */
const char *dax_nearest_text(const struct dax_nearest *n, const char *prefix,
			     char buf[DAX_NEAREST_TEXT_LEN])
{
	buf[0] = '\0';
	if (n->best)
		snprintf(buf, DAX_NEAREST_TEXT_LEN, "did you mean '%s%s'? ", prefix,
			 n->best);
	return buf;
}
