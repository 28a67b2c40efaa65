// Counters of one I/O thread: written by that thread alone, read by anyone without stopping it.
#pragma once

#include <atomic>
#include <cstdint>

namespace hyperion::observe {

// One writer, so a plain load and store will do: no locked instruction on the hot path.
class Counter {
 public:
  void add(uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
  }
  uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct Counters {
  Counter connections_accepted;
  Counter connections_active;
  Counter accept_errors;
  Counter rejected_connections;  // max-connections, max-connections-per-address
  Counter connections_evicted;   // idle, and closed to make room for a new one
  Counter requests;              // complete requests
  Counter requests_in_flight;    // complete, and their response is not sent or lost yet
  Counter requests_dispatched;   // of these, handed to the application
  Counter requests_refused;      // malformed, too large, too late
  Counter parse_errors;          // of these, malformed
  Counter requests_aborted;      // the client went away before its response was sent
  Counter sendfile_responses;    // bodies that the kernel read from a file
  Counter rejected_pending;      // max-pending: answered 503
  Counter slow_requests;         // soft-request-timeout
  Counter request_timeouts;      // request-timeout: answered 504, or cut off
  Counter requests_expired;      // request-timeout, in the queue: answered 503
  Counter requests_held_back;    // max-in-flight-per-conn: waited for an earlier one of their connection
  Counter read_timeouts;
  Counter write_timeouts;
  Counter slow_bodies;   // of the read time-outs: min-body-rate
  Counter slow_readers;  // of the write time-outs: min-write-rate
  Counter bytes_read;
  Counter bytes_written;
};

}  // namespace hyperion::observe
