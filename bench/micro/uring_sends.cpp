// Ways for a ring to send a response, side by side: processor time of the process per response (the kernel's own
// workers for the ring are threads of it), less the thread that drains the loopback connection. What `net::UringLoop`
// does is marked; decision 0007 has the numbers. Usage: uring_sends [milliseconds per measurement]
#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kHead = 160;
constexpr int kRounds = 5;

[[noreturn]] void fail(const char* what, int error) {
  std::fprintf(stderr, "uring_sends: %s: %s\n", what, std::strerror(error));
  std::exit(1);
}

double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + (static_cast<double>(now.tv_nsec) / 1e9);
}

// Two ends of one connection; whatever is sent into `out` is read and dropped.
struct Pipeline {
  int out = -1;
  int in = -1;
  std::thread reader;

  Pipeline() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), length) < 0 || ::listen(listener, 1) < 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) < 0) {
      fail("listen", errno);
    }
    out = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(out, reinterpret_cast<sockaddr*>(&address), length) < 0) fail("connect", errno);
    in = ::accept(listener, nullptr, nullptr);
    ::close(listener);
    const int on = 1;
    ::setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    reader = std::thread{[fd = in] {
      std::vector<char> bytes(1 << 20);
      while (::recv(fd, bytes.data(), bytes.size(), 0) > 0) {
      }
    }};
  }
  ~Pipeline() {
    ::shutdown(out, SHUT_RDWR);
    reader.join();
    ::close(out);
    ::close(in);
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
};

class Ring {
 public:
  Ring() {
    const int error = ::io_uring_queue_init(64, &ring_, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (error < 0) fail("io_uring_queue_init", -error);
  }
  ~Ring() { ::io_uring_queue_exit(&ring_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  io_uring_sqe* entry() { return ::io_uring_get_sqe(&ring_); }
  io_uring* get() { return &ring_; }

  // Submits, and waits for `count` completions. The sum of their results, without those of notifications.
  int64_t finish(unsigned count) {
    int64_t sum = 0;
    while (count > 0) {
      if (const int error = ::io_uring_submit_and_wait(&ring_, 1); error < 0 && error != -EINTR) fail("wait", -error);
      io_uring_cqe* cqe = nullptr;
      while (::io_uring_peek_cqe(&ring_, &cqe) == 0) {
        if ((cqe->flags & IORING_CQE_F_NOTIF) == 0) {
          if (cqe->res < 0) fail("an operation", -cqe->res);
          sum += cqe->res;
        }
        // A zero-copy send completes a second time, when its memory is free.
        if ((cqe->flags & IORING_CQE_F_MORE) == 0) --count;
        ::io_uring_cqe_seen(&ring_, cqe);
      }
    }
    return sum;
  }

 private:
  io_uring ring_{};
};

using Send = std::function<void()>;

// Microseconds of processor time for one response, without those of the reader.
double measure(const Send& send, std::thread& reader, std::chrono::milliseconds length) {
  clockid_t readers = 0;
  ::pthread_getcpuclockid(reader.native_handle(), &readers);
  const auto spent = [readers] { return seconds_of(CLOCK_PROCESS_CPUTIME_ID) - seconds_of(readers); };
  for (int i = 0; i < 20; ++i) send();
  const auto until = std::chrono::steady_clock::now() + length;
  const double before = spent();
  int64_t sent = 0;
  while (std::chrono::steady_clock::now() < until) {
    for (int i = 0; i < 8; ++i) send();
    sent += 8;
  }
  return (spent() - before) / static_cast<double>(sent) * 1e6;
}

void repeat(int64_t whole, const std::function<int64_t(int64_t)>& step) {
  for (int64_t done = 0; done < whole;) done += step(done);
}

}  // namespace

int main(int argc, char** argv) {
  const std::chrono::milliseconds length{argc > 1 ? std::atoi(argv[1]) : 200};
  std::printf("microseconds of processor time per response, medians of %d rounds in turns\n", kRounds);
  for (const size_t size : {size_t{5}, size_t{4096}, size_t{65536}, size_t{1} << 20}) {
    Pipeline line;
    Ring ring;
    std::vector<char> head(kHead, 'h');
    std::vector<char> body(size, 'b');
    std::vector<char> joined(kHead + size, 'j');
    const std::array<iovec, 1> registered{iovec{.iov_base = joined.data(), .iov_len = joined.size()}};
    if (const int error = ::io_uring_register_buffers(ring.get(), registered.data(), 1); error < 0) {
      fail("io_uring_register_buffers", -error);
    }
    if (const int error = ::io_uring_register_files(ring.get(), &line.out, 1); error < 0) {
      fail("io_uring_register_files", -error);
    }
    const auto whole = static_cast<int64_t>(joined.size());

    const auto plain = [&](int fd, bool fixed_file) {
      repeat(whole, [&](int64_t done) {
        io_uring_sqe* sqe = ring.entry();
        ::io_uring_prep_send(sqe, fd, joined.data() + done, static_cast<size_t>(whole - done), MSG_NOSIGNAL);
        if (fixed_file) sqe->flags |= IOSQE_FIXED_FILE;
        return ring.finish(1);
      });
    };
    const auto zero_copy = [&](bool fixed_buffer) {
      repeat(whole, [&](int64_t done) {
        io_uring_sqe* sqe = ring.entry();
        const auto left = static_cast<size_t>(whole - done);
        if (fixed_buffer) {
          ::io_uring_prep_send_zc_fixed(sqe, line.out, joined.data() + done, left, MSG_NOSIGNAL, 0, 0);
        } else {
          ::io_uring_prep_send_zc(sqe, line.out, joined.data() + done, left, MSG_NOSIGNAL, 0);
        }
        return ring.finish(1);
      });
    };
    const auto vectored = [&] {
      repeat(whole, [&](int64_t done) {
        std::array<iovec, 2> pieces{};
        unsigned count = 0;
        const auto from = static_cast<size_t>(done);
        if (from < kHead) pieces[count++] = {.iov_base = head.data() + from, .iov_len = kHead - from};
        const size_t skip = from < kHead ? 0 : from - kHead;
        pieces[count++] = {.iov_base = body.data() + skip, .iov_len = size - skip};
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = count;
        ::io_uring_prep_sendmsg(ring.entry(), line.out, &message, MSG_NOSIGNAL);
        return ring.finish(1);
      });
    };
    const auto linked = [&] {
      io_uring_sqe* first = ring.entry();
      ::io_uring_prep_send(first, line.out, head.data(), head.size(), MSG_NOSIGNAL | MSG_MORE | MSG_WAITALL);
      first->flags |= IOSQE_IO_LINK;
      ::io_uring_prep_send(ring.entry(), line.out, body.data(), body.size(), MSG_NOSIGNAL | MSG_WAITALL);
      (void)ring.finish(2);
    };

    std::FILE* file = std::tmpfile();
    if (file == nullptr || std::fwrite(body.data(), 1, size, file) != size || std::fflush(file) != 0) {
      fail("a temporary file", errno);
    }
    const int source = ::fileno(file);
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) < 0) fail("pipe2", errno);
    const auto file_head = [&](bool wait) {
      ::io_uring_prep_send(ring.entry(), line.out, head.data(), head.size(), MSG_NOSIGNAL | MSG_MORE);
      if (wait) (void)ring.finish(1);
    };
    const auto by_sendfile = [&] {
      file_head(true);
      off_t offset = 0;
      while (static_cast<size_t>(offset) < size) {
        const ssize_t sent = ::sendfile(line.out, source, &offset, size - static_cast<size_t>(offset));
        if (sent < 0) fail("sendfile", errno);
      }
    };
    const auto by_splice = [&] {
      file_head(true);
      repeat(static_cast<int64_t>(size), [&](int64_t done) {
        const auto piece = static_cast<unsigned>(std::min<int64_t>(static_cast<int64_t>(size) - done, 65536));
        io_uring_sqe* in = ring.entry();
        ::io_uring_prep_splice(in, source, done, pipe[1], -1, piece, SPLICE_F_MOVE);
        in->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
        ::io_uring_prep_splice(ring.entry(), pipe[0], -1, line.out, -1, piece, SPLICE_F_MOVE);
        return ring.finish(1);
      });
    };

    struct Way {
      const char* name;
      Send send;
      std::vector<double> took;
    };
    std::vector<Way> ways;
    ways.push_back({"plain send *", [&] { plain(line.out, false); }, {}});
    ways.push_back({"vectored: head, body *", vectored, {}});
    ways.push_back({"linked: head, body", linked, {}});
    ways.push_back({"plain, registered descriptor", [&] { plain(0, true); }, {}});
    ways.push_back({"zero-copy", [&] { zero_copy(false); }, {}});
    ways.push_back({"zero-copy, registered buffer", [&] { zero_copy(true); }, {}});
    ways.push_back({"file: sendfile *", by_sendfile, {}});
    ways.push_back({"file: linked splice", by_splice, {}});
    for (int round = 0; round < kRounds; ++round) {
      for (Way& way : ways) way.took.push_back(measure(way.send, line.reader, length));
    }
    std::printf("\nbody of %zu bytes\n", size);
    for (Way& way : ways) {
      std::sort(way.took.begin(), way.took.end());
      std::printf("  %-30s %8.2f  (%.2f to %.2f)\n", way.name, way.took[kRounds / 2], way.took.front(),
                  way.took.back());
    }
    std::fflush(stdout);
    ::close(pipe[0]);
    ::close(pipe[1]);
    std::fclose(file);
  }
}
