// bench/peers/asio_callbacks.cpp - Asio's echo server with handlers, on one thread.
#include <asio.hpp>
#include <cstdio>
#include <memory>
#include <vector>

#include "arguments.hpp"

using asio::ip::tcp;

static std::size_t buffer_len;

class session : public std::enable_shared_from_this<session>
{
  public:
    explicit session(tcp::socket socket) : socket_(std::move(socket)), bytes_(buffer_len)
    {
        asio::error_code ignored;

        socket_.set_option(tcp::no_delay(true), ignored);
    }

    void read()
    {
        socket_.async_read_some(asio::buffer(bytes_),
                                [self = shared_from_this()](asio::error_code e, std::size_t n) {
                                    if (!e)
                                        self->write(n);
                                });
    }

  private:
    void write(std::size_t n)
    {
        asio::async_write(socket_, asio::buffer(bytes_.data(), n),
                          [self = shared_from_this()](asio::error_code e, std::size_t) {
                              if (!e)
                                  self->read();
                          });
    }

    tcp::socket socket_;
    std::vector<char> bytes_;
};

static void accept(tcp::acceptor &acceptor)
{
    acceptor.async_accept([&acceptor](asio::error_code e, tcp::socket socket) {
        if (!e)
            std::make_shared<session>(std::move(socket))->read();
        accept(acceptor);
    });
}

int main(int argc, char **argv)
{
    arguments a(argc, argv);
    asio::io_context io(1);
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), a.port));

    buffer_len = a.buffer;
    acceptor.listen(4096);
    std::printf("listening %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept(acceptor);
    io.run();
}
