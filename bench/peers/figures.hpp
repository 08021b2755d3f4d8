// bench/peers/figures.hpp - the figures of the C++ micro programs: of each name the smallest that
// was seen, as one line of JSON.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

using steady = std::chrono::steady_clock;

inline double nanoseconds(steady::duration d)
{
    return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(d).count());
}

// For each of `count` repetitions of what has happened since `begun`.
inline double each(steady::time_point begun, std::size_t count)
{
    return nanoseconds(steady::now() - begun) / static_cast<double>(count);
}

// The argument of this number, or what stands for it.
inline std::size_t number(int argc, char **argv, int at, std::size_t otherwise)
{
    return argc > at ? std::strtoul(argv[at], nullptr, 10) : otherwise;
}

class figures
{
  public:
    void keep(const std::string &name, double value)
    {
        for (auto &row : rows_) {
            if (row.first == name) {
                row.second = value < row.second ? value : row.second;
                return;
            }
        }
        rows_.emplace_back(name, value);
    }

    void print() const
    {
        const char *before = "{";

        for (const auto &row : rows_) {
            std::printf("%s\"%s\":%.4g", before, row.first.c_str(), row.second);
            before = ",";
        }
        std::puts("}");
    }

  private:
    std::vector<std::pair<std::string, double>> rows_;
};
