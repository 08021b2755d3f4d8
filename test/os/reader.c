/* test/os/reader.c - readers and writers over pairs and sockets: the same units however the bytes
 * come.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <weir.h>

#include "support/dial.h"
#include "support/run.h"

struct talk {
    weir_stream ends[2];
    const char *bytes;
    size_t len, piece;
    bool sockets;
    size_t chunk;
};

static bool is(weir_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.at, text, bytes.len) == 0;
}

static void open_pair(struct talk *talk)
{
    struct weir_pair_options options = {.seed = 3, .lanes = {{.chunk_max = talk->chunk}}};

    CHECK(weir_stream_pair_with(talk->ends, &options) == 0);
}

static void open_talk(struct talk *talk)
{
    if (talk->sockets)
        dial_pair(talk->ends);
    else
        open_pair(talk);
}

static void close_talk(struct talk *talk)
{
    CHECK(weir_close(talk->ends[0]) == 0);
    CHECK(weir_close(talk->ends[1]) == 0);
}

/* Writes the bytes in pieces, then ends. */
static int say(void *arg)
{
    struct talk *talk = arg;
    size_t at;

    for (at = 0; at < talk->len; at += talk->piece) {
        size_t n = talk->piece < talk->len - at ? talk->piece : talk->len - at;

        CHECK(weir_write_all(talk->ends[0], talk->bytes + at, n) == 0);
        CHECK(weir_yield() == 0);
    }
    return weir_shutdown(talk->ends[0]);
}

/* Runs `hear` against `say` with pieces of several lengths, over both kinds of streams. */
static void talk_with(struct talk *talk, weir_task_fn *hear, size_t piece)
{
    weir_scope scope;

    talk->piece = piece;
    open_talk(talk);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, say, talk) == 0);
    CHECK(hear(talk) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    close_talk(talk);
}

static void each_way(const char *bytes, size_t len, weir_task_fn *hear)
{
    static const size_t pieces[] = {1, 2, 3, 7, 100, 100000};
    struct talk talk = {.bytes = bytes, .len = len};
    size_t i;

    for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        talk.sockets = false;
        talk.chunk = 1 + i;
        talk_with(&talk, hear, pieces[i]);
        talk.sockets = true;
        talk_with(&talk, hear, pieces[i]);
    }
}

/* ---- lines ---- */

static int hear_lines(void *arg)
{
    struct talk *talk = arg;
    weir_reader reader;
    weir_bytes line = {NULL, 77};

    CHECK(weir_reader_init(&reader, talk->ends[1]) == 0);
    CHECK(weir_reader_read_line(&reader, 8, &line) == 1 && is(line, "first"));
    CHECK(weir_reader_read_line(&reader, 8, &line) == 1 && is(line, ""));
    CHECK(weir_reader_read_line(&reader, 8, &line) == 1 && is(line, "12345678"));
    CHECK(weir_reader_read_line(&reader, 8, &line) == WEIR_ELIMIT && line.len == 8);
    CHECK(weir_reader_read_line(&reader, 8, &line) == WEIR_ELIMIT);
    CHECK(weir_reader_skip_until(&reader, '\n') == 1);
    CHECK(weir_reader_read_until(&reader, ' ', 0, &line) == 1 && is(line, "next"));
    CHECK(weir_reader_read_line(&reader, 8, &line) == 1 && is(line, "last"));
    CHECK(weir_reader_read_line(&reader, 8, &line) == 0 && line.len == 4);
    CHECK(weir_reader_skip_until(&reader, '\n') == 0);
    weir_reader_fini(&reader);
    weir_reader_fini(&reader);
    return 0;
}

static int lines(void *arg)
{
    static const char text[] = "first\r\n\n12345678\r\n123456789 much too long\nnext last";

    (void)arg;
    each_way(text, sizeof text - 1, hear_lines);
    return 0;
}

TEST(lines_come_however_they_are_cut_and_long_ones_are_skipped)
{
    assert_int_equal(run_with(lines, NULL, 1), 0);
    assert_int_equal(run_with(lines, NULL, 2), 0);
}

/* ---- bytes ---- */

static int hear_bytes(void *arg)
{
    struct talk *talk = arg;
    struct weir_reader_options options = {.max = 10};
    weir_reader reader;
    char out[32] = "";
    ptrdiff_t n;

    CHECK(weir_reader_init_with(&reader, talk->ends[1], &options) == 0);
    CHECK(weir_reader_peek(&reader).len == 0);
    CHECK(weir_reader_await(&reader, 11) == WEIR_ELIMIT);
    CHECK(weir_reader_await(&reader, 4) == 0);
    CHECK(weir_reader_peek(&reader).len >= 4
          && memcmp(weir_reader_peek(&reader).at, "0123", 4) == 0);
    CHECK(weir_reader_consume(&reader, 2) == 0);
    CHECK(weir_reader_consume(&reader, 100) == WEIR_EINVAL);
    CHECK(weir_reader_read_exactly(&reader, out, 5) == 0 && memcmp(out, "23456", 5) == 0);
    CHECK(weir_reader_read_exactly(&reader, out, 12) == 0 && memcmp(out, "789abcdefghi", 12) == 0);
    CHECK(weir_reader_read(&reader, out, 0) == WEIR_EINVAL);
    CHECK(weir_reader_read(&reader, out, 1) == 1 && out[0] == 'j');
    CHECK(weir_reader_read_exactly(&reader, out, 6) == WEIR_EEOF); /* it has taken nothing */
    CHECK(weir_reader_peek(&reader).len == 5);
    CHECK(weir_reader_fill(&reader) == WEIR_EEOF);
    n = weir_reader_read(&reader, out, 32);
    CHECK(n == 5 && memcmp(out, "klmno", 5) == 0);
    CHECK(weir_reader_read(&reader, out, 32) == 0 && weir_reader_fill(&reader) == 0);
    weir_reader_fini(&reader);
    return 0;
}

static int bytes(void *arg)
{
    (void)arg;
    each_way("0123456789abcdefghijklmno", 25, hear_bytes);
    return 0;
}

TEST(bytes_are_peeked_consumed_and_copied)
{
    assert_int_equal(run_with(bytes, NULL, 1), 0);
}

/* ---- frames ---- */

enum {
    LONG = 40000
};

static weir_codec netstring;

static int hear_frames(void *arg)
{
    struct talk *talk = arg;
    weir_reader reader;
    weir_bytes frame;
    size_t i;
    bool right = true;

    CHECK(weir_reader_init(&reader, talk->ends[1]) == 0);
    CHECK(weir_frame_read(&reader, &netstring, &frame) == 1 && is(frame, "hello"));
    CHECK(weir_frame_read(&reader, &netstring, &frame) == 1 && frame.len == LONG);
    for (i = 0; i < LONG; i++)
        right = right && frame.at[i] == (unsigned char)(i * 7);
    CHECK(right);
    CHECK(weir_frame_read(&reader, &netstring, &frame) == 1 && is(frame, ""));
    CHECK(weir_frame_read(&reader, &netstring, &frame) == 0);
    weir_reader_fini(&reader);
    return 0;
}

static int say_frames(void *arg)
{
    struct talk *talk = arg;
    unsigned char *many = malloc(LONG);
    weir_writer writer;
    size_t i;

    for (i = 0; i < LONG; i++)
        many[i] = (unsigned char)(i * 7);
    CHECK(weir_writer_init(&writer, talk->ends[0], talk->piece) == 0);
    CHECK(weir_frame_write(&writer, &netstring, "hello", 5) == 0);
    CHECK(weir_frame_write(&writer, &netstring, many, LONG) == 0);
    CHECK(weir_frame_write(&writer, &netstring, NULL, 0) == 0);
    CHECK(weir_writer_flush(&writer) == 0 && weir_writer_held(&writer) == 0);
    weir_writer_fini(&writer);
    free(many);
    return weir_shutdown(talk->ends[0]);
}

static int frames(void *arg)
{
    static const size_t sizes[] = {1, 2, 9, 20000, 100000};
    struct talk talk = {.chunk = 0};
    weir_scope scope;
    size_t i;

    (void)arg;
    CHECK(weir_codec_netstring(&netstring, 0) == 0);
    for (i = 0; i < 10; i++) {
        talk.piece = sizes[i / 2];
        talk.sockets = i % 2;
        talk.chunk = i * 50;
        open_talk(&talk);
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn(&scope, say_frames, &talk) == 0);
        CHECK(hear_frames(&talk) == 0);
        CHECK(weir_scope_join(&scope) == 0);
        close_talk(&talk);
    }
    return 0;
}

TEST(frames_short_and_long_come_through)
{
    assert_int_equal(run_with(frames, NULL, 1), 0);
    assert_int_equal(run_with(frames, NULL, 2), 0);
}

static int hear_bad_frames(void *arg)
{
    struct talk *talk = arg;
    struct weir_reader_options options = {.max = 12};
    weir_reader reader;
    weir_bytes frame = {NULL, 77};

    CHECK(weir_reader_init_with(&reader, talk->ends[1], &options) == 0);
    CHECK(weir_frame_read(&reader, &netstring, &frame) == 1 && is(frame, "123456789"));
    CHECK(weir_frame_read(&reader, &netstring, &frame) == WEIR_ELIMIT);
    CHECK(weir_reader_read_exactly(&reader, (char[13]){0}, 13) == 0);
    CHECK(weir_frame_read(&reader, &netstring, &frame) == WEIR_EFRAME);
    CHECK(weir_frame_read(&reader, &netstring, &frame) == WEIR_EFRAME);
    CHECK(weir_reader_consume(&reader, 1) == 0);
    CHECK(weir_frame_read(&reader, &netstring, &frame) == WEIR_EEOF);
    CHECK(frame.len == 9);
    weir_reader_fini(&reader);
    return 0;
}

static int bad_frames(void *arg)
{
    (void)arg;
    CHECK(weir_codec_netstring(&netstring, 0) == 0);
    each_way("9:123456789,10:1234567890x7:abc", 31, hear_bad_frames);
    return 0;
}

TEST(frames_that_are_none_too_long_or_cut_off)
{
    assert_int_equal(run_with(bad_frames, NULL, 1), 0);
}

static int find_nonsense(const weir_codec *codec, const unsigned char *at, size_t len, bool ended,
                         struct weir_frame_place *place)
{
    (void)at;
    (void)ended;
    CHECK_INSIDE(!weir__here()->inside);
    *place = *(const struct weir_frame_place *)codec->arg;
    return len ? 1 : 0;
}

static int nonsense(void *arg)
{
    static const struct weir_frame_place places[] = {
        {.whole = 0}, {.whole = 9}, {.whole = 1, .start = 2}, {.whole = 2, .start = 1, .len = 2}};
    weir_stream ends[2];
    weir_reader reader;
    weir_writer writer;
    weir_bytes frame;
    size_t i;

    (void)arg;
    CHECK(weir_stream_pair(ends) == 0);
    CHECK(weir_writer_init(&writer, ends[0], (size_t)2 << 30) == WEIR_EINVAL);
    CHECK(weir_writer_init(&writer, ends[0], 0) == 0);
    CHECK(weir_write_all(ends[0], "abc", 3) == 0);
    CHECK(weir_reader_init_n(&reader, ends[1], &(struct weir_reader_options){(size_t)2 << 30, NULL},
                             sizeof(struct weir_reader_options))
          == WEIR_EOPTION);
    CHECK(weir_reader_init(&reader, ends[1]) == 0);
    for (i = 0; i < sizeof places / sizeof *places; i++) {
        weir_codec codec = {.find = find_nonsense, .arg = (void *)(uintptr_t)&places[i]};

        CHECK(weir_frame_read(&reader, &codec, &frame) == WEIR_EINVAL);
        CHECK(weir_frame_write(&writer, &codec, "x", 1) == WEIR_ENOTSUP);
    }
    CHECK(weir_reader_peek(&reader).len == 3);
    weir_reader_fini(&reader);
    weir_writer_fini(&writer);
    CHECK(weir_close(ends[0]) == 0 && weir_close(ends[1]) == 0);
    return 0;
}

TEST(a_codec_that_answers_nonsense_is_refused)
{
    assert_int_equal(run_with(nonsense, NULL, 1), 0);
}

/* ---- being stopped ---- */

static int stopped(void *arg)
{
    struct weir_pair_options small = {.capacity = 4};
    weir_stream ends[2];
    weir_reader reader;
    weir_writer writer;
    weir_block block;
    weir_bytes line;
    char out[16];

    (void)arg;
    CHECK(weir_stream_pair_with(ends, &small) == 0);
    CHECK(weir_reader_init(&reader, ends[1]) == 0);
    CHECK(weir_writer_init(&writer, ends[0], 8) == 0);
    CHECK(weir_writer_write(&writer, "abcdefgh", 8) == 0);
    CHECK(weir_deadline_begin(&block, 1) == 0);
    CHECK(weir_writer_flush(&writer) == WEIR_EDEADLINE);
    CHECK(weir_writer_write(&writer, "ijkl", 4) == WEIR_EDEADLINE); /* not taken */
    CHECK(weir_block_end(&block));
    CHECK(weir_reader_await(&reader, 3) == 0);
    CHECK(weir_writer_flush(&writer) == 0);
    CHECK(weir_reader_read_exactly(&reader, out, 8) == 0 && memcmp(out, "abcdefgh", 8) == 0);
    CHECK(weir_write_all(ends[0], "one", 3) == 0);
    CHECK(weir_deadline_begin(&block, 1000) == 0);
    CHECK(weir_reader_read_line(&reader, 0, &line) == WEIR_EDEADLINE);
    CHECK(weir_reader_read_exactly(&reader, out, 4) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_write_all(ends[0], "\n", 1) == 0);
    CHECK(weir_reader_read_line(&reader, 0, &line) == 1 && is(line, "one"));
    CHECK(weir_deadline_begin(&block, 1000) == 0);
    CHECK(weir_writer_write(&writer, "123456789", 9) == WEIR_EDEADLINE); /* half of it is gone */
    CHECK(weir_block_end(&block));
    CHECK(weir_writer_write(&writer, "x", 1) == WEIR_EBROKEN);
    CHECK(weir_writer_flush(&writer) == WEIR_EBROKEN);
    weir_reader_fini(&reader);
    weir_writer_fini(&writer);
    CHECK(weir_close(ends[0]) == 0 && weir_close(ends[1]) == 0);
    return 0;
}

TEST(a_call_that_was_stopped_is_made_again)
{
    assert_int_equal(run_with(stopped, NULL, 1), 0);
}

/* ---- joined ---- */

static int answer(void *arg)
{
    struct talk *talk = arg;
    struct weir_byte_counts counts;
    weir_writer writer;
    weir_reader reader;
    weir_bytes line;
    int i;

    CHECK(weir_writer_init(&writer, talk->ends[1], 0) == 0);
    CHECK(weir_reader_init_with(&reader, talk->ends[1],
                                &(struct weir_reader_options){.writer = &writer})
          == 0);
    for (i = 0; weir_reader_read_line(&reader, 0, &line) == 1; i++) {
        CHECK(weir_writer_write(&writer, line.at, line.len) == 0);
        CHECK(weir_writer_write(&writer, "!\n", 2) == 0);
        CHECK(weir_stream_counts(talk->ends[1], &counts) == 0);
        CHECK(counts.written == (i < 3 ? 0u : 9u)); /* three lines came at once */
    }
    CHECK(i == 4);
    weir_reader_fini(&reader);
    weir_writer_fini(&writer);
    return 0;
}

static int joined(void *arg)
{
    struct talk talk = {.chunk = 0};
    weir_scope scope;
    char out[12];

    (void)arg;
    open_pair(&talk);
    CHECK(weir_write_all(talk.ends[0], "a\nb\nc\n", 6) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, answer, &talk) == 0);
    CHECK(weir_read_exactly(talk.ends[0], out, 9) == 0 && memcmp(out, "a!\nb!\nc!\n", 9) == 0);
    CHECK(weir_write_all(talk.ends[0], "d\n", 2) == 0);
    CHECK(weir_read_exactly(talk.ends[0], out, 3) == 0 && memcmp(out, "d!\n", 3) == 0);
    CHECK(weir_shutdown(talk.ends[0]) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    close_talk(&talk);
    return 0;
}

TEST(a_joined_writer_is_flushed_before_the_reader_waits)
{
    assert_int_equal(run_with(joined, NULL, 1), 0);
    assert_int_equal(run_with(joined, NULL, 2), 0);
}
