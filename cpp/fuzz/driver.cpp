// Feeds random and mutated bytes to a fuzz target where the compiler brings no libFuzzer.
//
//   fuzz_x [-max_total_time=SECONDS] [-seed=N] [FILES...]
//
// Files are replayed once, and nothing else happens then. An input that crashes is left in crash.bin.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes random_input(std::mt19937_64& rng, const Bytes& last) {
    Bytes bytes = last;
    if (bytes.empty() || rng() % 4 == 0) {
        bytes.resize(8 + rng() % 200);
        for (auto& b : bytes) b = static_cast<std::uint8_t>(rng());
    }
    for (std::uint64_t i = rng() % 6; i > 0; --i) {
        const std::size_t at = rng() % bytes.size();
        switch (rng() % 4) {
            case 0:
                bytes[at] = static_cast<std::uint8_t>(rng());
                break;
            case 1:
                bytes[at] = static_cast<std::uint8_t>(bytes[at] + 1);
                break;
            case 2:
                bytes[at] = bytes[rng() % bytes.size()];
                break;  // equal coordinates are where the bugs are
            default:
                bytes[at] = 0;
        }
    }
    return bytes;
}

// Written before the run: after a crash it is too late.
void save(const Bytes& bytes) {
    std::ofstream("crash.bin", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

int replay(const char* path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::fprintf(stderr, "cannot read %s\n", path);
        return 2;
    }
    const std::vector<char> text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const Bytes bytes(text.begin(), text.end());
    return LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int count, char** arguments) {
    double seconds = 10.0;
    std::uint64_t seed = 1;
    bool replayed = false;
    for (int i = 1; i < count; ++i) {
        if (std::strncmp(arguments[i], "-max_total_time=", 16) == 0) {
            seconds = std::atof(arguments[i] + 16);
        } else if (std::strncmp(arguments[i], "-seed=", 6) == 0) {
            seed = std::strtoull(arguments[i] + 6, nullptr, 10);
        } else {
            if (const int code = replay(arguments[i])) return code;
            replayed = true;
        }
    }
    if (replayed) return 0;
    std::mt19937_64 rng(seed);
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    Bytes bytes;
    std::uint64_t runs = 0;
    for (; std::chrono::steady_clock::now() < end; ++runs) {
        bytes = random_input(rng, bytes);
        save(bytes);
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    }
    std::remove("crash.bin");
    std::printf("%llu runs, no failure\n", static_cast<unsigned long long>(runs));
    return 0;
}
