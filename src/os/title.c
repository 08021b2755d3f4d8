/* os/title.c - the title of the process; see <weir/system.h>.
 *
 * The kernel shows what stands in memory where it has put the arguments when the program began; the
 * environment stands right behind them. weir_system_keep_arguments moves both to one block that
 * stays, and what they have left is the place: from the first argument to the end of the last
 * string that still follows without a gap. Where the arguments' last byte is not zero any more the
 * kernel goes on into the environment, up to the first zero.
 */
#include <string.h>
#include <unistd.h>
#include <weir/system.h>

#include "base/alloc.h"
#include "sys/current.h"
#include "sys/facts.h"
#include "sys/lock.h"

#define SHOWN_MAX 4096 /* bytes that the kernel shows so */

extern char **environ;

static uint32_t lock; /* guards the rest */
static char *place;
static size_t place_len;
static char *title; /* of place_len bytes, or NULL before the first */
static char **kept;

struct texts {
    char **texts;
    size_t count;
    size_t bytes;
};

static struct texts texts_of(char **list)
{
    struct texts texts = {.texts = list};

    while (list && list[texts.count])
        texts.bytes += strlen(list[texts.count++]) + 1;
    return texts;
}

/* Copies a list and its texts; where the next ones go. */
static char *copy(char **to, const struct texts *from, char *at)
{
    size_t i;

    for (i = 0; i < from->count; i++) {
        size_t len = strlen(from->texts[i]) + 1;

        to[i] = memcpy(at, from->texts[i], len);
        at += len;
    }
    to[from->count] = NULL;
    return at;
}

/* The end of the texts that follow each other from `end` on. */
static char *follow(char *end, const struct texts *texts)
{
    size_t i;

    for (i = 0; i < texts->count && texts->texts[i] == end; i++)
        end += strlen(end) + 1;
    return end;
}

char **weir_system_keep_arguments(int argc, char **argv)
{
    WEIR__CALL;
    struct texts arguments = texts_of(argv), variables = texts_of(environ);
    char **lists, *bytes;
    size_t len;

    if (argc < 1 || arguments.count == 0 || kept)
        return argv;
    lists = weir__alloc((arguments.count + variables.count + 2) * sizeof *lists + arguments.bytes
                        + variables.bytes);
    if (!lists)
        return NULL;
    place = argv[0];
    len = (size_t)(follow(follow(place, &arguments), &variables) - place);
    place_len = len < SHOWN_MAX ? len : SHOWN_MAX;
    bytes = (char *)(lists + arguments.count + variables.count + 2);
    bytes = copy(lists, &arguments, bytes);
    (void)copy(lists + arguments.count + 1, &variables, bytes);
    environ = lists + arguments.count + 1;
    kept = lists;
    weir__facts_keep_name(lists[0]);
    return lists;
}

/* Under the lock. */
static int write_place(const char *text)
{
    size_t len = strlen(text);

    if (!place)
        return WEIR_ENOTSUP;
    if (!title)
        title = weir__alloc(place_len);
    if (!title)
        return WEIR_ENOMEM;
    len = len < place_len ? len : place_len - 1;
    memset(place + len, 0, place_len - len);
    memcpy(place, text, len);
    memcpy(title, text, len);
    title[len] = 0;
    return 0;
}

int weir_system_set_title(const char *text)
{
    WEIR__CALL;
    int rc;

    weir__lock(&lock);
    rc = write_place(text);
    weir__unlock(&lock);
    if (rc == 0)
        (void)weir__facts_name_process(text);
    return rc;
}

/* Under the lock. */
static int read_title(char *out, size_t cap)
{
    size_t len;

    if (!place)
        return WEIR_ENOTSUP;
    if (!title)
        return WEIR_ENODATA;
    len = strlen(title);
    if (len >= cap)
        return WEIR_ENOBUFS;
    memcpy(out, title, len + 1);
    return (int)len;
}

int weir_system_title(char *out, size_t cap)
{
    WEIR__CALL;
    int rc;

    weir__lock(&lock);
    rc = read_title(out, cap);
    weir__unlock(&lock);
    return rc;
}
