/* test/unit/frame_codec.c - codecs find the same frames however the bytes are cut, and write what
 * they read.
 */
#include "test.h"

#include <string.h>
#include <weir/codec.h>

#include "support/guard.h"

#define DELIMITED(...)                                                                             \
    &(struct weir_codec_delimited_options)                                                         \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define LENGTH(...)                                                                                \
    &(struct weir_codec_length_options)                                                            \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* What a row of bytes comes to, as text: each frame and a bar, then how it ends. */
struct outcome {
    char text[512];
    size_t len;
};

static void add(struct outcome *outcome, const void *bytes, size_t len)
{
    assert_true(outcome->len + len < sizeof outcome->text);
    memcpy(outcome->text + outcome->len, bytes, len);
    outcome->len += len;
}

static const char *name_of(int rc, size_t left)
{
    if (rc == WEIR_EFRAME)
        return "no frame";
    if (rc == WEIR_ELIMIT)
        return "too long";
    return rc == 0 ? left ? "more" : "end" : "other";
}

/* Shows the codec `step` bytes more each time, the first of `first`, in memory that ends at an
 * unreadable page. */
static void read_all(const weir_codec *codec, const char *bytes, size_t len, size_t first,
                     size_t step, struct outcome *out)
{
    struct weir_frame_place place = {0};
    struct guard guard;
    size_t from = 0, have = first < len ? first : len;
    int rc = 0;

    out->len = 0;
    guard_init(&guard, 4096);
    for (;;) {
        const char *at = guard_place(&guard, bytes + from, have - from);
        bool ended = have == len;

        rc = have > from ? codec->find(codec, (const unsigned char *)at, have - from, ended, &place)
                         : 0;
        if (rc < 0 || (rc == 0 && ended))
            break;
        if (rc == 1) {
            assert_true(place.whole >= 1 && place.whole <= have - from);
            assert_true(place.start + place.len <= place.whole);
            add(out, at + place.start, place.len);
            add(out, "|", 1);
            from += place.whole;
            place = (struct weir_frame_place){0};
        } else {
            assert_true(place.seen <= have - from);
            assert_true(have == from || place.wanted > have - from);
            have = step < len - have ? have + step : len;
        }
    }
    guard_fini(&guard);
    add(out, name_of(rc, len - from), strlen(name_of(rc, len - from)) + 1);
}

static void gives(const weir_codec *codec, const char *bytes, size_t len, const char *wanted)
{
    struct outcome outcome;
    size_t first, step;

    for (first = 0; first <= len; first++) {
        for (step = 1; step <= 3; step++) {
            read_all(codec, bytes, len, first, step == 3 ? len : step, &outcome);
            assert_string_equal(outcome.text, wanted);
        }
    }
}

#define GIVES(codec, bytes, wanted) gives(codec, bytes, sizeof(bytes) - 1, wanted)

TEST(lines_end_with_a_line_feed_a_return_before_it_or_the_end)
{
    weir_codec codec;

    assert_int_equal(weir_codec_lines(&codec, 5), 0);
    GIVES(&codec, "", "end");
    GIVES(&codec, "one\ntwo\r\n\n\r\nfive", "one|two|||five|end");
    GIVES(&codec, "12345\r\n1\r2\r\r\n", "12345|1\r2\r|end");
    GIVES(&codec, "123456\n", "too long");
    GIVES(&codec, "a\n12345\r6\n", "a|too long");
    GIVES(&codec, "12345\r", "too long");
}

TEST(delimiters_are_one_of_several_or_a_row)
{
    weir_codec codec;

    assert_int_equal(
        weir_codec_delimited(&codec, DELIMITED(.bytes = ";,", .count = 2, .any = WEIR_ON)), 0);
    GIVES(&codec, "a;bc,;rest", "a|bc||more");
    assert_int_equal(weir_codec_delimited(
                         &codec, DELIMITED(.bytes = "aab", .count = 3, .max = 4, .last = WEIR_ON)),
                     0);
    GIVES(&codec, "xaaabaab1234aabaa", "xa||1234|aa|end");
    GIVES(&codec, "12345aab", "too long");
    GIVES(&codec, "1234aa.", "too long");
    assert_int_equal(weir_codec_delimited(&codec, DELIMITED(.bytes = "\r\n\r\n", .count = 4,
                                                            .keep = WEIR_ON, .max = 3)),
                     0);
    GIVES(&codec, "abc\r\n\r\n\r\r\n\r\n", "abc\r\n\r\n|\r\r\n\r\n|end");
}

TEST(numbers_have_an_offset_a_width_an_order_and_an_adjustment)
{
    weir_codec codec;

    assert_int_equal(weir_codec_length(&codec, LENGTH(.width = 2, .max = 5)), 0);
    GIVES(&codec, "\0\3abc\0\0\0\5hello\0", "abc||hello|more");
    GIVES(&codec, "\0\6", "too long");
    assert_int_equal(weir_codec_length(&codec, LENGTH(.width = 3, .offset = 1, .little = WEIR_ON,
                                                      .adjustment = -4)),
                     0);
    GIVES(&codec, "t\6\0\0xyu\4\0\0", "xy||end");
    GIVES(&codec, "t\3\0\0xy", "no frame");
    assert_int_equal(weir_codec_length(&codec, LENGTH(.width = 8, .keep = WEIR_ON)), 0);
    GIVES(&codec, "\xff\xff\xff\xff\xff\xff\xff\xff", "too long");
    GIVES(&codec, "\x7f\xff\xff\xff\xff\xff\xff\xff", "too long");
    assert_int_equal(weir_codec_length(&codec, LENGTH(.width = 1, .offset = 1, .keep = WEIR_ON)),
                     0);
    GIVES(&codec, "t\2xyu\1z", "t\2xy|u\1z|end");
}

TEST(fixed_frames_netstrings_and_varints)
{
    weir_codec codec;

    assert_int_equal(weir_codec_fixed(&codec, 3), 0);
    GIVES(&codec, "abcdefgh", "abc|def|more");
    assert_int_equal(weir_codec_netstring(&codec, 12), 0);
    GIVES(&codec, "5:hello,0:,12:hello, world,", "hello||hello, world|end");
    GIVES(&codec, "1:a,13", "a|too long");
    GIVES(&codec, "01:a,", "no frame");
    GIVES(&codec, "00:,", "no frame");
    GIVES(&codec, ":,", "no frame");
    GIVES(&codec, "2 ab,", "no frame");
    GIVES(&codec, "2:abc", "no frame");
    assert_int_equal(weir_codec_netstring(&codec, 0), 0);
    GIVES(&codec, "99999999999999999999999999:", "too long");
    assert_int_equal(weir_codec_varint(&codec, 200), 0);
    GIVES(&codec, "\2ab\0\x83\0abc", "ab||abc|end");
    GIVES(&codec, "\xc9\1", "too long");
    GIVES(&codec, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\2", "no frame");
    GIVES(&codec, "\x80\x80", "more");
}

static void round_trip(const weir_codec *codec, const char *bytes, size_t len, int wanted)
{
    struct weir_frame_ends ends = {0};
    struct weir_frame_place place = {0};
    unsigned char all[600];
    size_t sum;

    assert_int_equal(codec->wrap(codec, (const unsigned char *)bytes, len, &ends), wanted);
    if (wanted < 0)
        return;
    memcpy(all, ends.head, ends.head_len);
    memcpy(all + ends.head_len, bytes + ends.skip, len - ends.skip);
    sum = ends.head_len + len - ends.skip;
    memcpy(all + sum, ends.tail, ends.tail_len);
    sum += ends.tail_len;
    assert_int_equal(codec->find(codec, all, sum, false, &place), 1);
    assert_int_equal(place.whole, sum);
    assert_int_equal(place.len, len);
    assert_memory_equal(all + place.start + ends.skip, bytes + ends.skip, len - ends.skip);
}

TEST(what_is_written_is_read)
{
    static char many[300];
    weir_codec codec;

    memset(many, 'x', sizeof many);
    assert_int_equal(weir_codec_lines(&codec, 300), 0);
    round_trip(&codec, many, 300, 0);
    round_trip(&codec, "a\n", 2, WEIR_EINVAL);
    round_trip(&codec, "a\r", 2, WEIR_EINVAL);
    assert_int_equal(weir_codec_delimited(&codec, DELIMITED(.bytes = "aba", .count = 3)), 0);
    round_trip(&codec, "ab", 2, WEIR_EINVAL);
    round_trip(&codec, "xabax", 5, WEIR_EINVAL);
    round_trip(&codec, "xaa", 3, 0);
    round_trip(&codec, "", 0, 0);
    assert_int_equal(
        weir_codec_delimited(&codec, DELIMITED(.bytes = ";,", .count = 2, .any = WEIR_ON,
                                               .keep = WEIR_ON, .max = 3)),
        0);
    round_trip(&codec, "abc,", 4, 0);
    round_trip(&codec, "abcd,", 5, WEIR_ELIMIT);
    round_trip(&codec, "a,c,", 4, WEIR_EINVAL);
    round_trip(&codec, "", 0, WEIR_EINVAL);
    assert_int_equal(weir_codec_fixed(&codec, 3), 0);
    round_trip(&codec, "abc", 3, 0);
    round_trip(&codec, "ab", 2, WEIR_EINVAL);
    assert_int_equal(weir_codec_netstring(&codec, 300), 0);
    round_trip(&codec, many, 300, 0);
    round_trip(&codec, many, 0, 0);
    round_trip(&codec, many, 301, WEIR_ELIMIT);
    assert_int_equal(weir_codec_varint(&codec, 300), 0);
    round_trip(&codec, many, 300, 0);
    round_trip(&codec, many, 127, 0);
    assert_int_equal(weir_codec_length(&codec, LENGTH(.width = 1)), 0);
    round_trip(&codec, many, 255, 0);
    round_trip(&codec, many, 256, WEIR_ELIMIT);
    assert_int_equal(weir_codec_length(&codec, LENGTH(.width = 2, .adjustment = -2)), 0);
    round_trip(&codec, many, 300, 0);
    assert_int_equal(weir_codec_length(&codec, LENGTH(.width = 2, .offset = 1)), 0);
    round_trip(&codec, many, 300, WEIR_ENOTSUP);
    assert_int_equal(weir_codec_length(&codec, LENGTH(.width = 2, .offset = 1, .keep = WEIR_ON,
                                                      .little = WEIR_ON)),
                     0);
    round_trip(&codec, many, 300, 0);
    round_trip(&codec, many, 2, WEIR_EINVAL);
}

TEST(options_that_make_no_codec_are_refused)
{
    weir_codec codec = {.weir__max = 77};

    assert_int_equal(weir_codec_fixed(&codec, 0), WEIR_EOPTION);
    assert_int_equal(weir_codec_delimited(&codec, DELIMITED(.count = 1)), WEIR_EOPTION);
    assert_int_equal(weir_codec_delimited(&codec, DELIMITED(.bytes = "x")), WEIR_EOPTION);
    assert_int_equal(weir_codec_delimited(&codec, DELIMITED(.bytes = "x", .count = 17)),
                     WEIR_EOPTION);
    assert_int_equal(weir_codec_length(&codec, LENGTH(.width = 9)), WEIR_EOPTION);
    assert_int_equal(weir_codec_length(&codec, LENGTH(.offset = 17)), WEIR_EOPTION);
    assert_int_equal(codec.weir__max, 77);
}
