/*
 * Has fuzz.c try what a phone could say, without libFuzzer: what a phone does say, changed at random, for a number of
 * runs. The same seed gives the same runs. `make fuzz-short` compiles it by any compiler that knows the sanitizers.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 4096

#define IDS "\"aps-version\" \"2\" \"aps-account-id\" \"0715A26B-CA09-4730-A419-793000CA982E\" " \
	"\"aps-device-token\" \"80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a\" "

/* Each is a whole line, but the last, which waits for its literal. */
static const char *const lines[] = {
	IDS "\"aps-subtopic\" \"com.apple.mobilemail\" \"mailboxes\" (\"INBOX\" \"Entw&APw-rfe\")\r\n",
	IDS "aps-subtopic {20+}\r\ncom.apple.mobilemail mailboxes ({5+}\r\nINBOX \"a \\\"b\\\\c\" NIL)\r\n",
	"mailboxes (INBOX) later NIL still (a (b {1+}\r\nx) \"y\") " IDS "aps-subtopic com.apple.mobilemail\r\n",
	IDS "aps-subtopic com.apple.mobilecal\r\n",
	IDS "aps-subtopic {20+}\r\ncom.apple",
};

static const char *const pieces[] = {
	"aps-version", "aps-account-id", "aps-device-token", "aps-subtopic", "mailboxes", "com.apple.mobilemail", "1", " ",
	"\"", "\\", "(", ")", "()", " NIL ", "{0+}\r\n", "{3+}\r\n", "{65536+}\r\n", "{99999999999+}\r\n", "\r\n", "~{3+}\r\n",
	"&", "&AP8-", "\xc3\xbc", "\xff", "\x01", "\x7f", "((((((((", "a a a a a a a a ", "(INBOX \"a\" Entw&APw-rfe)",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
unsigned long fuzz_answered(void);

static uint64_t state;

/* xorshift64 (G. Marsaglia, 2003). */
static size_t below(size_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return limit == 0 ? 0 : (size_t)((state >> 16) % limit);
}

/* Puts bytes in the place of `removed` others. */
static size_t put(unsigned char *data, size_t size, size_t removed, const void *bytes, size_t count)
{
	size_t at = below(size + 1);

	if (removed > size - at)
		removed = size - at;
	if (size - removed + count > MAX_BYTES)
		return size;
	memmove(data + at + count, data + at + removed, size - at - removed);
	memcpy(data + at, bytes, count);
	return size - removed + count;
}

static size_t change(unsigned char *data, size_t size)
{
	const char *piece = pieces[below(COUNT(pieces))];
	unsigned char copy[64], byte = below(256);
	size_t from = below(size), count = below(sizeof(copy));

	switch (below(5)) {
	case 0:
		return put(data, size, 1, &byte, 1);
	case 1:
		return put(data, size, 1 + below(8), "", 0);
	case 2:
		if (count > size - from)
			count = size - from;
		memcpy(copy, data + from, count);
		return put(data, size, 0, copy, count);
	default:
		return put(data, size, below(3), piece, strlen(piece));
	}
}

/* A block of just this size, so that the sanitizer sees who reads behind its end. */
static void try_one(const unsigned char *data, size_t size)
{
	unsigned char *exact = malloc(size > 0 ? size : 1);

	if (exact == NULL)
		abort();
	memcpy(exact, data, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

int main(int argc, char *argv[])
{
	static unsigned char data[MAX_BYTES];
	unsigned long run, runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

	state = argc > 2 ? strtoull(argv[2], NULL, 10) | 1 : 1;
	for (run = 0; run < runs; run++) {
		const char *line = lines[run % COUNT(lines)];
		size_t size = strlen(line), changes = below(6);

		memcpy(data, line, size);
		while (changes-- > 0)
			size = change(data, size);
		try_one(data, size);
	}
	printf("%lu runs, %lu registrations\n", runs, fuzz_answered());
	return 0;
}
