/* test/unit/sys_page.c - mapped pages, guards and what is given back. */
#include "test.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/page.h"

static size_t page;

static char *map(size_t pages)
{
    void *at = NULL;

    page = weir__page_size();
    assert_int_equal(weir__page_map_stack(pages * page, &at), 0);
    return at;
}

TEST(sizes_are_rounded_to_pages)
{
    page = weir__page_size();
    assert_true(page >= 4096 && (page & (page - 1)) == 0);
    assert_int_equal(weir__page_round(0), 0);
    assert_int_equal(weir__page_round(1), page);
    assert_int_equal(weir__page_round(page), page);
    assert_int_equal(weir__page_round(page + 1), 2 * page);
}

TEST(untouched_pages_are_counted_from_the_start)
{
    char *at = map(200);

    assert_int_equal(weir__page_untouched(at, 200 * page), 200);
    at[150 * page] = 1;
    assert_int_equal(weir__page_untouched(at, 200 * page), 150);
    at[70 * page] = 1;
    assert_int_equal(weir__page_untouched(at, 200 * page), 70);
    at[0] = 1;
    assert_int_equal(weir__page_untouched(at, 200 * page), 0);
    weir__page_unmap(at, 200 * page);
}

TEST(discarded_pages_read_as_zero_and_are_untouched)
{
    char *at = map(4);

    memset(at, 7, 4 * page);
    assert_int_equal(weir__page_discard(at, 2 * page), 0);
    assert_int_equal(weir__page_untouched(at, 4 * page), 2);
    assert_int_equal(at[page], 0);
    assert_int_equal(at[2 * page], 7);
    assert_int_equal(weir__page_discard(at, 0), 0);
    weir__page_unmap(at, 4 * page);
}

static int touch_in_child(char *at)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile char *)at = 1;
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(guard_faults_and_its_neighbours_do_not)
{
    char *at = map(3);

    at[0] = at[page] = at[2 * page] = 1;
    assert_int_equal(weir__page_guard(at + page, page), 0);
    assert_int_equal(touch_in_child(at), 0);
    assert_int_equal(touch_in_child(at + page), SIGSEGV);
    assert_int_equal(touch_in_child(at + 2 * page - 1), SIGSEGV);
    assert_int_equal(touch_in_child(at + 2 * page), 0);
    assert_int_equal(at[2 * page], 1);
    weir__page_unmap(at, 3 * page);
}

TEST(advice_is_harmless)
{
    char *at = map(2);

    weir__page_no_huge(at, 2 * page);
    weir__page_dump(at, 2 * page, false);
    weir__page_dump(at, 2 * page, true);
    at[0] = 1;
    (void)weir__page_guard_is_marker();
    weir__page_unmap(at, 2 * page);
}
