// A vector for columns that are written once, in bulk: growing leaves new values unset, and long columns
// ask for large pages, because a page fault costs as much as a roof.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace geovision {

constexpr std::size_t large_page = std::size_t{1} << 21;
constexpr std::size_t long_column = std::size_t{1} << 20;  // bytes: cheaper even where half stays empty

// Advice only: where the system has no large pages to give, nothing changes but the time.
inline void advise_large_pages(void* begin, std::size_t bytes) {
#if defined(MADV_HUGEPAGE)
    const std::size_t skip = (large_page - reinterpret_cast<std::size_t>(begin) % large_page) % large_page;
    if (bytes < skip + large_page) return;
    madvise(static_cast<char*>(begin) + skip, bytes - skip, MADV_HUGEPAGE);
#else
    (void)begin, (void)bytes;
#endif
}

template <class T>
struct ColumnAllocator {
    using value_type = T;
    ColumnAllocator() = default;
    template <class U>
    ColumnAllocator(const ColumnAllocator<U>&) {}

    T* allocate(std::size_t n) {
        // What no address space holds; rounding up to whole pages must not pass it either.
        if (n > (PTRDIFF_MAX - large_page) / sizeof(T)) throw std::bad_alloc();
        const std::size_t bytes = n * sizeof(T);
        if (bytes < long_column) return std::allocator<T>().allocate(n);
        void* at = std::aligned_alloc(large_page, (bytes + large_page - 1) / large_page * large_page);
        if (at == nullptr) throw std::bad_alloc();
        advise_large_pages(at, bytes);
        return static_cast<T*>(at);
    }
    void deallocate(T* at, std::size_t n) {
        if (n * sizeof(T) < long_column)
            std::allocator<T>().deallocate(at, n);
        else
            std::free(at);
    }
    template <class U>
    void construct(U* at) {
        ::new (static_cast<void*>(at)) U;
    }
    template <class U, class... Args>
    void construct(U* at, Args&&... args) {
        ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
    }
    bool operator==(const ColumnAllocator&) const { return true; }
    bool operator!=(const ColumnAllocator&) const { return false; }
};

template <class T>
using Column = std::vector<T, ColumnAllocator<T>>;

}  // namespace geovision
