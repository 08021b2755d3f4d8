// bench/peers/asio_coroutines.cpp - Asio's echo server with C++20 coroutines, on one thread.
#include <asio.hpp>
#include <cstdio>
#include <vector>

#include "arguments.hpp"

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

static awaitable<void> echo(tcp::socket socket, std::size_t buffer_len)
{
    std::vector<char> bytes(buffer_len);

    try {
        socket.set_option(tcp::no_delay(true));
        for (;;) {
            std::size_t n = co_await socket.async_read_some(asio::buffer(bytes), use_awaitable);

            co_await asio::async_write(socket, asio::buffer(bytes.data(), n), use_awaitable);
        }
    } catch (const std::exception &) { // the end of the connection
    }
}

static awaitable<void> serve(tcp::acceptor &acceptor, std::size_t buffer_len)
{
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(use_awaitable);

        asio::co_spawn(acceptor.get_executor(), echo(std::move(socket), buffer_len),
                       asio::detached);
    }
}

int main(int argc, char **argv)
{
    arguments a(argc, argv);
    asio::io_context io(1);
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), a.port));

    acceptor.listen(4096);
    std::printf("listening %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    asio::co_spawn(io, serve(acceptor, a.buffer), asio::detached);
    io.run();
}
