# frozen_string_literal: true

module Hyperion
  # Everything that the server itself raises, except where Ruby has a class that says it better (ArgumentError for a
  # keyword, Errno::EADDRINUSE for an address).
  class Error < StandardError; end

  # The client went away before its response was complete: what "rack.response_finished" callbacks are told.
  class ClientDisconnected < Error; end

  # A wrong option, wherever it was given. The message is one line: the place, what is wrong there, what is right.
  class ConfigError < Error; end

  # The application cannot be loaded. The message is one line; the cause is the application's own exception.
  class BootError < Error; end
end
