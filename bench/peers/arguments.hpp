// bench/peers/arguments.hpp - `--port N`, `--buffer BYTES` and `--body BYTES` of the C++ peers.
#pragma once

#include <cstdlib>
#include <cstring>

struct arguments {
    unsigned short port = 0;
    std::size_t buffer = 16384; // bytes that a connection reads into
    std::size_t body = 128;     // of the HTTP reply

    arguments(int argc, char **argv)
    {
        for (int i = 1; i + 1 < argc; i += 2) {
            if (!std::strcmp(argv[i], "--port"))
                port = static_cast<unsigned short>(std::atoi(argv[i + 1]));
            else if (!std::strcmp(argv[i], "--buffer"))
                buffer = std::strtoul(argv[i + 1], nullptr, 10);
            else if (!std::strcmp(argv[i], "--body"))
                body = std::strtoul(argv[i + 1], nullptr, 10);
        }
    }
};
