/* test/unit/task_image.c - what comes out of an image is what went in. */
#include "test.h"

#include <string.h>

#include "task/image.h"

#define WORDS 512

static uint64_t state = 88172645463325252ull;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Words as stacks have them: zeros, few different addresses, and anything. */
static uint64_t word_like_a_stack(void)
{
    switch (draw() % 4) {
    case 0:
        return 0;
    case 1:
        return 0x7f0000001000ull + draw() % 24 * 16;
    case 2:
        return draw() & 0xffffffffffffull;
    default:
        return draw();
    }
}

static size_t there_and_back(const uint64_t *words, size_t count)
{
    static unsigned char image[(WORDS + 3) / 4 + WORDS * 8];
    static uint64_t back[WORDS + 1];
    size_t size = weir__image_encode(words, count, image);

    assert_true(size <= weir__image_room(count));
    memset(back, 0xa5, sizeof back);
    weir__image_decode(image, back, count);
    assert_int_equal(memcmp(back, words, count * sizeof *words), 0);
    assert_int_equal(back[count], 0xa5a5a5a5a5a5a5a5ull);
    return size;
}

TEST(every_length_comes_back)
{
    uint64_t words[WORDS];
    size_t count, i;

    for (count = 0; count <= WORDS; count++) {
        for (i = 0; i < count; i++)
            words[i] = word_like_a_stack();
        there_and_back(words, count);
    }
}

TEST(extreme_words_come_back)
{
    static const uint64_t words[] = {
        0, 1,          UINT64_MAX, 1ull << 47, (1ull << 48) - 1,     1ull << 48,
        0, UINT64_MAX, 1,          1ull << 63, 0x0100000000000000ull};

    there_and_back(words, sizeof words / sizeof *words);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(zeros_and_repeated_addresses_are_small)
{
    uint64_t words[64] = {0};
    size_t i;

    assert_int_equal(there_and_back(words, 64), 16);
    for (i = 0; i < 64; i++)
        words[i] = 0x7f1234567000ull + i % 4 * 8;
    assert_int_equal(there_and_back(words, 64), 16 + 4 * 6 + 60);
}
#endif
