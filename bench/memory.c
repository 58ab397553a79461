/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory DEVICE SIZE memfd|hugetlb ROUNDS: compare loads and stores through the device
 * with those through a plain mapping of the same kind of memory.
 *
 * Both are mapped at a multiple of 2 MiB and touched before the measurement.
 */
#include <emmintrin.h>
#include <string.h>

#include "bench/harness.h"

struct side {
	char *p;
	uint64_t size;
	uint64_t random;
	uint64_t at;
};

static volatile uint64_t sink;

/* Load @nr 64-byte lines at random places. */
static void load_lines(void *arg, long nr)
{
	struct side *s = arg;
	const uint64_t mask = s->size / 64 - 1;
	uint64_t r = s->random;
	__m128i sum = _mm_setzero_si128();

	while (nr--) {
		const __m128i *line;

		r = r * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		line = (const __m128i *)(s->p + (r >> 32 & mask) * 64);
		sum = _mm_xor_si128(sum, _mm_xor_si128(_mm_xor_si128(line[0], line[1]),
						       _mm_xor_si128(line[2], line[3])));
	}
	s->random = r;
	sink = (uint64_t)_mm_cvtsi128_si64(sum);
}

/* Store @nr 64-byte lines in order, past the caches. */
static void stream_lines(void *arg, long nr)
{
	struct side *s = arg;
	const __m128i value = _mm_set1_epi64x((long long)nr);

	while (nr--) {
		__m128i *line = (__m128i *)(s->p + s->at);

		_mm_stream_si128(line, value);
		_mm_stream_si128(line + 1, value);
		_mm_stream_si128(line + 2, value);
		_mm_stream_si128(line + 3, value);
		s->at = (s->at + 64) & (s->size - 1);
	}
	_mm_sfence();
}

static char *map_aligned(int fd, uint64_t size)
{
	char *p = mmap(NULL, size + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	p += -(uintptr_t)p & (HUGE_PAGE - 1);
	if (mmap(p, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != p)
		err(1, "mmap of the memfd");
	return p;
}

int main(int argc, char **argv)
{
	struct side device = {0};
	struct side plain = {0};
	uint64_t size;
	uint64_t at;
	int rounds;
	int fd;

	if (argc != 5)
		errx(2, "usage: memory DEVICE SIZE memfd|hugetlb ROUNDS");
	size = strtoull(argv[2], NULL, 0);
	rounds = atoi(argv[4]);
	if (size & (size - 1) || size < HUGE_PAGE)
		errx(2, "SIZE is a power of two, 2 MiB or more");
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		err(1, "%s", argv[1]);
	device.size = plain.size = size;
	device.p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (device.p == MAP_FAILED)
		err(1, "mmap of %s", argv[1]);
	plain.p = map_aligned(open_plain(argv[3], size), size);
	/* Touch both in turn, so that neither gets the better part of the free memory. */
	for (at = 0; at < size; at += 4096) {
		memset(device.p + at, 1, 4096);
		memset(plain.p + at, 1, 4096);
	}
	compare("loads", load_lines, &device, &plain, 20000, rounds);
	compare("stores", stream_lines, &device, &plain, 20000, rounds);
	return 0;
}
