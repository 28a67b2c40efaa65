#include "server/relay.hpp"

#include <poll.h>

#include <utility>

namespace hyperion::server {

bool Relay::start(base::UniqueFd outer, base::UniqueFd inner, std::string_view already_read) {
  net::EventLoop& loop = worker_.loop();
  inner_fd_ = inner.get();
  auto first = loop.add_stream(std::move(outer), static_cast<LoopClient*>(this));
  if (!first) return false;
  ends_[0].handle = first.value();
  auto second = loop.add_stream(std::move(inner), static_cast<LoopClient*>(this));
  if (!second) {
    ends_[1].closed = true;
    close();
    return true;
  }
  ends_[1].handle = second.value();
  loop.start_receive(ends_[1].handle);
  push(ends_[1], already_read);
  return true;
}

void Relay::on_completion(const net::Completion& completion) noexcept {
  const size_t index = completion.handle == ends_[0].handle ? 0 : 1;
  End& end = ends_[index];
  End& other = ends_[1 - index];
  switch (completion.kind) {
    case net::Completion::Kind::closed:
      end.closed = true;
      if (other.closed) worker_.remove(*this);
      return;
    case net::Completion::Kind::received:
      if (completion.result > 0) return push(other, completion.data);
      if (completion.result < 0 && index == 0) return close();
      end.ended = true;
      other.finish_after = true;
      application_gone_ = application_gone_ || (index == 1 && (completion.result < 0 || application_closed()));
      return flush(other);
    case net::Completion::Kind::sent:
      end.sending = false;
      if (completion.result < 0) return index == 0 ? close() : application_left();
      end.sent += static_cast<size_t>(completion.result);
      return flush(end);
    case net::Completion::Kind::accepted: return;
  }
}

// At the end of the application's stream: has it closed its socket, or only said that it writes no more?
bool Relay::application_closed() const noexcept {
  pollfd asked{.fd = inner_fd_, .events = 0, .revents = 0};
  return ::poll(&asked, 1, 0) == 1 && (asked.revents & (POLLHUP | POLLERR)) != 0;
}

// It reads no more; what it has written before is still the client's.
void Relay::application_left() noexcept {
  End& client = ends_[0];
  End& application = ends_[1];
  application_gone_ = true;
  application.pending.clear();
  application.waiting.clear();
  application.sent = 0;
  flush(application);
  flush(client);
}

void Relay::push(End& to, std::string_view bytes) noexcept {
  // Read all the same: closing a socket with bytes unread would reset it, and cost the client what it has not read yet.
  if (application_gone_ && &to == &ends_[1]) return;
  End& from = &to == ends_.data() ? ends_[1] : ends_[0];
  to.waiting.append(bytes);
  worker_.loop().stop_receive(from.handle);
  flush(to);
}

void Relay::flush(End& to) noexcept {
  if (to.sending || closing_) return;
  End& from = &to == ends_.data() ? ends_[1] : ends_[0];
  if (to.sent == to.pending.size()) {
    to.pending.clear();
    to.sent = 0;
    std::swap(to.pending, to.waiting);
  }
  if (!to.pending.empty()) {
    const iovec piece{.iov_base = to.pending.data() + to.sent, .iov_len = to.pending.size() - to.sent};
    to.sending = true;
    worker_.loop().send(to.handle, {&piece, 1}, false);
    return;
  }
  if (to.finish_after) {
    to.finish_after = false;
    worker_.loop().shutdown_send(to.handle);
  } else if (!from.ended) {
    worker_.loop().start_receive(from.handle);
  }
  if (finished()) close();
}

// The client has all that the application has written, and nobody hears the client, or it has said all.
bool Relay::finished() const noexcept {
  const auto& [client, application] = ends_;
  return application.ended && client.delivered() && (application_gone_ || (client.ended && application.delivered()));
}

void Relay::close() noexcept {
  if (std::exchange(closing_, true)) return;
  for (End& end : ends_) {
    if (!end.closed) worker_.loop().close(end.handle);
  }
}

}  // namespace hyperion::server
