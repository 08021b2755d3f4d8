// bench/peers/beast_hello.cpp - Boost.Beast's keep-alive server with a fixed body, on one thread.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio.hpp>
#include <boost/beast.hpp>

#include "arguments.hpp"

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::beast::error_code;

static std::string body;

class session : public std::enable_shared_from_this<session>
{
  public:
    explicit session(tcp::socket socket) : socket_(std::move(socket))
    {
        error_code ignored;

        socket_.set_option(tcp::no_delay(true), ignored);
    }

    void read()
    {
        request_ = {};
        http::async_read(socket_, bytes_, request_,
                         [self = shared_from_this()](error_code e, std::size_t) {
                             if (!e)
                                 self->write();
                         });
    }

  private:
    void write()
    {
        response_.emplace(http::status::ok, request_.version());
        response_->set(http::field::content_type, "text/plain");
        response_->keep_alive(request_.keep_alive());
        response_->body() = body;
        response_->prepare_payload();
        http::async_write(socket_, *response_,
                          [self = shared_from_this()](error_code e, std::size_t) {
                              if (!e && self->response_->keep_alive())
                                  self->read();
                          });
    }

    tcp::socket socket_;
    boost::beast::flat_buffer bytes_;
    http::request<http::empty_body> request_;
    std::optional<http::response<http::string_body>> response_;
};

static void accept(tcp::acceptor &acceptor)
{
    acceptor.async_accept([&acceptor](error_code e, tcp::socket socket) {
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

    body.assign(a.body, 'x');
    acceptor.listen(4096);
    std::printf("listening %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept(acceptor);
    io.run();
}
