// bench/peers/asio_time_micro.cpp - what timers of Asio cost; beside bench/weir/time_micro.c.
// Arguments: the threads of the pool; how many timers, then only this is measured.
//
// timer: a timer is made, waited for, and cancelled, its handler included. sleepers: so many timers
// that expire in the course of a second; processor time for each.
#include <asio.hpp>
#include <ctime>
#include <future>
#include <memory>

#include "figures.hpp"

static constexpr std::size_t rounds = 100, batch = 1000;
static constexpr int repeats = 5;

static double timer(asio::thread_pool &pool)
{
    std::promise<double> result;

    asio::post(pool, [&] {
        auto begun = steady::now();

        for (std::size_t round = 0; round < rounds; round++) {
            for (std::size_t i = 0; i < batch; i++) {
                asio::steady_timer one(pool, std::chrono::minutes(1));

                one.async_wait([](asio::error_code) {});
            }
        }
        result.set_value(each(begun, rounds * batch));
    });
    return result.get_future().get();
}

static double processor_ns()
{
    timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e9 * static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec);
}

static double sleepers(std::size_t count, std::size_t threads)
{
    asio::thread_pool pool(threads);
    std::vector<std::unique_ptr<asio::steady_timer>> timers;
    double begun = processor_ns();

    asio::post(pool, [&] {
        auto first = steady::now() + std::chrono::seconds(1)
                     + std::chrono::nanoseconds(5000 * count);

        timers.reserve(count);
        for (std::uint32_t i = 0; i < count; i++) {
            auto moment = first + std::chrono::nanoseconds(i * 2654435761U % 1000000000U);

            timers.push_back(std::make_unique<asio::steady_timer>(pool, moment));
            timers.back()->async_wait([](asio::error_code) {});
        }
    });
    pool.join();
    timers.clear();
    return (processor_ns() - begun) / static_cast<double>(count);
}

int main(int argc, char **argv)
{
    std::size_t threads = number(argc, argv, 1, 1), count = number(argc, argv, 2, 0);
    figures f;

    if (count) {
        f.keep("sleepers_ns", sleepers(count, threads));
        f.keep("sleepers_ns", sleepers(count, threads));
    } else {
        asio::thread_pool pool(threads);

        for (int i = 0; i < repeats; i++)
            f.keep("timer_ns", timer(pool));
        pool.join();
    }
    f.print();
}
