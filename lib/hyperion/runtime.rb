# frozen_string_literal: true

require_relative "native"
require_relative "request"

module Hyperion
  # What an application answered, for hooks: status, headers and body, as it returned them. The body is not to be read:
  # it is on its way. Of a native answer the body is nil.
  #
  # It can be taken apart like the triplet: `status, headers, = response`.
  Response = Struct.new(:status, :headers, :body) do
    alias_method :to_ary, :to_a
  end

  # Hooks around every request: for tracing, counting, logging in one's own way.
  #
  #   Hyperion::Runtime.default.on_request_end do |request, env, response, error|
  #     TRACER.note(request.path, response&.status, error)
  #   end
  #
  # They run on the app thread, in the order in which they were given: the start hooks before the application, block or
  # handler is called, the end hooks when it has returned (or raised), before its body is sent. For a response without
  # Ruby (a static route, a health check) both run afterwards, with nil for env; that answer never waits for them, and
  # when more come than run the oldest are left out and counted (`stats[:hooks_dropped]`). A hook that fails is logged
  # and changes nothing. While there are none they cost nothing.
  #
  # Requests that never were whole (400, 408, 413, ...) and those that the server turns away have no hooks.
  class Runtime
    class << self
      # The one of every server that was given none.
      # @return [Runtime]
      attr_reader :default
    end

    def initialize
      @mutex = Mutex.new # guards changes of the lists, which are replaced and never changed
      @start = @end = [].freeze
    end

    # @yieldparam request [Request]
    # @yieldparam env [Hash{String => Object}, nil] the Rack environment; nil for a native answer
    # @return [self]
    def on_request_start(&hook)
      raise ArgumentError, "on_request_start needs a block" unless hook

      change { @start = [*@start, hook].freeze }
    end

    # @yieldparam request [Request] the same object as at the start
    # @yieldparam env [Hash{String => Object}, nil]
    # @yieldparam response [Response, nil] nil when there is none: the application raised, or took the connection over
    # @yieldparam error [Exception, nil] what it raised, or what is wrong with its answer
    # @return [self]
    def on_request_end(&hook)
      raise ArgumentError, "on_request_end needs a block" unless hook

      change { @end = [*@end, hook].freeze }
    end

    # Removes all hooks.
    # @return [self]
    def clear
      change { @start = @end = [].freeze }
    end

    private

    def change
      @mutex.synchronize do
        yield
        hooks_changed(!(@start.empty? && @end.empty?))
      end
      self
    end

    @default = new
  end
end
