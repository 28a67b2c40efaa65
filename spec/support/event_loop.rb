# frozen_string_literal: true

require "hyperion/server"

module Support
  # HYPERION_LOOP=io_uring bundle exec rspec: the whole suite over the other loop. Processes of the server read the
  # variable themselves; servers that a spec makes in its own process are told here.
  module EventLoop
    NAME = ENV.fetch("HYPERION_LOOP", "auto")

    # @return [String] the loop that a server gets whose options name none
    def self.expected
      return NAME unless NAME == "auto"

      io_uring == "yes" ? "io_uring" : "epoll"
    end

    # @return [String] what `hyperion -V` says of io_uring here
    def self.io_uring
      return "not built" unless Hyperion::Engine::FEATURES.fetch(:io_uring)

      Hyperion::Engine.io_uring ? "no (#{Hyperion::Engine.io_uring})" : "yes"
    end

    # For Hyperion::Server.
    module Keyword
      def initialize(configuration: nil, **keywords)
        configuration ? super : super(loop: NAME, **keywords)
      end
    end
  end
end

Hyperion::Server.prepend(Support::EventLoop::Keyword)
