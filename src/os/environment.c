/* os/environment.c - see <weir/environment.h>. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/environment.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "os/environment.h"
#include "sys/current.h"
#include "sys/lock.h"

extern char **environ;

static uint32_t lock;    /* guards the environment, as far as weir is asked */
static uint32_t changes; /* it is, or was, changed by weir; partner: weir__environment_keep */

static int check_name(const char *name)
{
    return name[0] && !strchr(name, '=') ? 0 : WEIR_EINVAL;
}

/* Under the lock. */
static int get(const char *name, char *out, size_t cap)
{
    const char *value = getenv(name);
    size_t len;

    if (!value)
        return WEIR_ENOENT;
    len = strlen(value);
    if (len >= cap)
        return WEIR_ENOBUFS;
    memcpy(out, value, len + 1);
    return (int)len;
}

int weir_environment_get(const char *name, char *out, size_t cap)
{
    WEIR__CALL;
    int rc = check_name(name);

    if (rc < 0)
        return rc;
    weir__lock(&lock);
    rc = get(name, out, cap);
    weir__unlock(&lock);
    return rc;
}

int weir_environment_set(const char *name, const char *value)
{
    WEIR__CALL;
    int rc = check_name(name);

    if (rc < 0)
        return rc;
    weir__lock(&lock);
    WEIR_ATOMIC_STORE(&changes, 1, RELAXED);
    rc = setenv(name, value, 1) == 0 ? 0 : WEIR_ENOMEM;
    weir__unlock(&lock);
    return rc;
}

int weir_environment_unset(const char *name)
{
    WEIR__CALL;
    int rc = check_name(name);

    if (rc < 0)
        return rc;
    weir__lock(&lock);
    WEIR_ATOMIC_STORE(&changes, 1, RELAXED);
    (void)unsetenv(name);
    weir__unlock(&lock);
    return 0;
}

/* Under the lock: a copy, or NULL. */
static char **copy(int *count)
{
    size_t n = 0, bytes = 0, i;
    char **list, *at;

    while (environ && environ[n])
        bytes += strlen(environ[n++]) + 1;
    list = weir__alloc((n + 1) * sizeof *list + bytes);
    if (!list)
        return NULL;
    at = (char *)(list + n + 1);
    for (i = 0; i < n; i++) {
        size_t len = strlen(environ[i]) + 1;

        list[i] = memcpy(at, environ[i], len);
        at += len;
    }
    list[n] = NULL;
    *count = (int)n;
    return list;
}

int weir_environment_list(char ***out)
{
    WEIR__CALL;
    char **list;
    int count = 0;

    weir__lock(&lock);
    list = copy(&count);
    weir__unlock(&lock);
    if (!list)
        return WEIR_ENOMEM;
    *out = list;
    return count;
}

void weir_environment_free(char **list)
{
    WEIR__CALL;

    weir__free(list);
}

int weir__environment_keep(char ***out)
{
    int rc;

    *out = NULL;
    if (!WEIR_ATOMIC_LOAD(&changes, RELAXED))
        return 0;
    rc = weir_environment_list(out);
    return rc < 0 ? rc : 0;
}
