/* SPDX-License-Identifier: BSD-2-Clause */
/* A static program that does nothing: what does its execution cost? */
// LIBS: -static

int main(void)
{
	return 0;
}
