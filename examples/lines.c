/* lines.c - turns each line round: lines of text in, lines of text out.
 *
 *   cc -o lines lines.c $(pkg-config --cflags --libs weir)
 *   ./lines tcp://127.0.0.1:7000 &
 *   printf 'one\ntwo\n' | nc -N 127.0.0.1 7000
 *
 * The reader gives each line where it has come, however the bytes were cut, and the writer gathers
 * the answers. They are joined: when the reader has to wait for more, what was gathered is sent. So
 * many lines that come at once are answered by one send. A line that is too long is skipped, and
 * never held whole.
 */
#include <signal.h>
#include <stdio.h>
#include <weir.h>

#define LINE_MAX 80

static int answer(weir_writer *writer, weir_bytes line)
{
    char turned[LINE_MAX + 1];
    size_t i;

    for (i = 0; i < line.len; i++)
        turned[i] = (char)line.at[line.len - 1 - i];
    turned[i++] = '\n';
    return weir_writer_write(writer, turned, i);
}

static int talk(weir_reader *reader, weir_writer *writer)
{
    weir_bytes line;
    int rc;

    while ((rc = weir_reader_read_line(reader, LINE_MAX, &line)) != 0) {
        if (rc == WEIR_ELIMIT && (rc = weir_reader_skip_until(reader, '\n')) == 1)
            rc = weir_writer_write(writer, "too long\n", 9);
        else if (rc == 1)
            rc = answer(writer, line);
        if (rc < 0)
            return rc;
    }
    return weir_writer_flush(writer);
}

static int handle(weir_stream peer, void *arg)
{
    weir_writer writer;
    weir_reader reader;
    struct weir_reader_options options = {.writer = &writer};
    int rc;

    (void)arg;
    weir_writer_init(&writer, peer, 0);
    weir_reader_init_with(&reader, peer, &options);
    rc = talk(&reader, &writer);
    weir_reader_fini(&reader);
    weir_writer_fini(&writer);
    return rc;
}

static int serve(void *arg)
{
    return weir_serve(*(weir_listener *)arg, handle, NULL, NULL);
}

static int app(void *arg)
{
    static const int signals[] = {SIGINT, SIGTERM};
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_listener listener;
    weir_scope scope;
    int rc = weir_listen(&listener, arg, NULL);

    if (rc < 0)
        return rc;
    weir_listener_address(listener, address, sizeof address);
    printf("listening %s\n", address);
    fflush(stdout);
    weir_scope_open(&scope);
    rc = weir_spawn(&scope, serve, &listener);
    if (rc == 0)
        weir_signal_wait(signals, 2);
    weir_listener_close(listener); /* the server drains and returns */
    return weir_scope_join(&scope);
}

int main(int argc, char **argv)
{
    int rc = weir_run(app, argc > 1 ? argv[1] : "tcp://127.0.0.1:7000", NULL);

    if (rc < 0)
        fprintf(stderr, "lines: %s\n", weir_strerror(rc));
    return rc < 0;
}
