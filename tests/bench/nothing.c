/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a program can be; linked statically, it loads no library. */
int main(void)
{
	return 0;
}
