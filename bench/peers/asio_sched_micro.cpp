// bench/peers/asio_sched_micro.cpp - what posts to Asio's thread pool and to a strand cost: what
// stands beside spawns and yields of bench/weir/sched_micro.c. Argument: the threads of the pool.
//
// spawn_local: a handler posts 10,000 that do nothing. remote_N: N threads that are none of the
// pool's post them. yield: 200 handlers that post themselves 1,000 times. chained: a handler posts
// the next one, 1,000 deep. strand_local, strand_N, strand_chained: the same to one strand.
#include <asio.hpp>
#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "figures.hpp"

static constexpr std::size_t posts = 10000, yielders = 200, yields = 1000, chain = 1000;
static constexpr int repeats = 10;

// Counts handlers; the last one ends the wait.
class crowd
{
  public:
    explicit crowd(std::size_t count) : left_(count)
    {
    }

    void leave()
    {
        if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            done_.set_value();
    }

    void wait()
    {
        done_.get_future().wait();
    }

  private:
    std::atomic<std::size_t> left_;
    std::promise<void> done_;
};

template <class Executor> static double post_local(asio::thread_pool &pool, Executor to)
{
    crowd all(posts);
    steady::time_point begun;

    asio::post(pool, [&] {
        begun = steady::now();
        for (std::size_t i = 0; i < posts; i++)
            asio::post(to, [&all] { all.leave(); });
    });
    all.wait();
    return each(begun, posts);
}

template <class Executor> static double post_remote(Executor to, std::size_t count)
{
    crowd all(posts);
    std::atomic<std::size_t> ready(0);
    std::mutex lock;
    steady::time_point first = steady::time_point::max(), ended;
    std::vector<std::thread> threads;

    for (std::size_t i = 0; i < count; i++) {
        threads.emplace_back([&] {
            ready++;
            while (ready < count)
                std::this_thread::yield();
            steady::time_point begun = steady::now();
            for (std::size_t k = 0; k < posts / count; k++)
                asio::post(to, [&all] { all.leave(); });
            std::lock_guard<std::mutex> held(lock);
            first = begun < first ? begun : first;
        });
    }
    all.wait();
    ended = steady::now();
    for (auto &thread : threads)
        thread.join();
    return nanoseconds(ended - first) / posts;
}

template <class Executor> static void post_again(Executor to, crowd &all, std::size_t left)
{
    if (left == 0)
        all.leave();
    else
        asio::post(to, [to, &all, left] { post_again(to, all, left - 1); });
}

template <class Executor>
static double repost(asio::thread_pool &pool, Executor to, std::size_t count, std::size_t times)
{
    crowd all(count);
    steady::time_point begun;

    asio::post(pool, [&] {
        begun = steady::now();
        for (std::size_t i = 0; i < count; i++)
            post_again(to, all, times);
    });
    all.wait();
    return each(begun, count * times);
}

int main(int argc, char **argv)
{
    asio::thread_pool pool(number(argc, argv, 1, 1));
    auto direct = pool.get_executor();
    auto strand = asio::make_strand(pool);
    figures f;

    for (int i = 0; i < repeats; i++) {
        f.keep("spawn_local_ns", post_local(pool, direct));
        f.keep("yield_ns", repost(pool, direct, yielders, yields));
        f.keep("chained_ns", repost(pool, direct, 1, chain));
        f.keep("strand_local_ns", post_local(pool, strand));
        f.keep("strand_chained_ns", repost(pool, strand, 1, chain));
        for (std::size_t threads = 1; threads <= 8; threads *= 2)
            f.keep("remote_" + std::to_string(threads) + "_ns", post_remote(direct, threads));
        f.keep("strand_1_ns", post_remote(strand, 1));
        f.keep("strand_8_ns", post_remote(strand, 8));
    }
    pool.join();
    f.print();
}
