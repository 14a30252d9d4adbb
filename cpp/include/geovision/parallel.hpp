// Work in numbered blocks on several threads. Which thread does which block is left to chance, so a
// block's result may depend on nothing but its number; then nothing depends on the threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

namespace geovision {

// Calls work(block) for every block in [0, blocks), where work = make_worker() is made once a thread and may
// hold its scratch. threads: 0 for all cores. `cancel` may be null and is looked at before every block.
// The first exception stops the others and is thrown here. Returns false when cancelled.
template <class MakeWorker>
bool parallel_blocks(std::int64_t blocks, int threads, const std::atomic<bool>* cancel,
                     MakeWorker make_worker) {
    std::atomic<std::int64_t> next{0};
    std::atomic<bool> stop{false};
    const std::int64_t asked = threads > 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
    const auto wanted = static_cast<std::size_t>(std::clamp<std::int64_t>(blocks, 1, asked));
    std::vector<std::exception_ptr> errors(wanted);
    const auto run = [&](std::size_t slot) {
        try {
            auto work = make_worker();
            while (!stop.load(std::memory_order_relaxed)) {
                if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
                    stop = true;
                    break;
                }
                const std::int64_t block = next.fetch_add(1);
                if (block >= blocks) break;
                work(block);
            }
        } catch (...) {
            errors[slot] = std::current_exception();
            stop = true;
        }
    };
    std::vector<std::thread> pool;
    for (std::size_t i = 1; i < wanted; ++i) pool.emplace_back(run, i);
    run(0);
    for (auto& thread : pool) thread.join();
    for (const auto& error : errors) {
        if (error) std::rethrow_exception(error);
    }
    return !stop;
}

}  // namespace geovision
