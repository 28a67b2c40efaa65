# frozen_string_literal: true

require_relative "types"

module Hyperion
  module Config
    # Which event loop the I/O threads use. On and off are for HYPERION_IO_URING_ACCEPT and the word io_uring: "where it
    # works", and never.
    class LoopName < Choice
      PREFERRED = "prefer_io_uring"

      def initialize
        super("epoll", "io_uring", "auto")
      end

      def show(value)
        value == PREFERRED ? "io_uring where it works" : super
      end

      private

      def convert(value)
        return value if value == PREFERRED

        super || {true => PREFERRED, false => "epoll"}[switch(value)]
      end

      def switch(value)
        Switch.new.cast(value)
      rescue InvalidValue
        nil
      end
    end
  end
end
