# frozen_string_literal: true

require_relative "../errors"

module Hyperion
  module Config
    # Code of the configuration file that the launcher runs at points of a process's life.
    #
    #   before_fork           before the server starts
    #   on_worker_boot        when it listens, before the first request reaches the application; with the worker's index
    #   on_worker_shutdown    when it has stopped; with the worker's index
    #
    # In one process each runs once, with index 0.
    class Hooks
      # {word of the configuration file => event}
      WORDS = {before_fork: :before_fork, on_worker_boot: :on_worker_boot, before_worker_boot: :on_worker_boot,
               on_worker_shutdown: :on_worker_shutdown, before_worker_shutdown: :on_worker_shutdown}.freeze

      # A block, and the place where it stands.
      Hook = Struct.new(:block, :origin)

      def initialize
        @hooks = Hash.new { |hooks, event| hooks[event] = [] }
      end

      # @param event [Symbol]
      # @param block [#call]
      # @param origin [String]
      def add(event, block, origin)
        @hooks[event] << Hook.new(block, origin)
      end

      # @return [Array<Hook>] in the order in which they were given
      def [](event)
        @hooks.fetch(event, [])
      end

      # @return [Hooks] these, and then `others`
      def +(other)
        [self, other].each_with_object(Hooks.new) do |hooks, sum|
          hooks.each { |event, hook| sum.add(event, hook.block, hook.origin) }
        end
      end

      # @yieldparam event [Symbol]
      # @yieldparam hook [Hook]
      def each
        @hooks.each { |event, hooks| hooks.each { |hook| yield event, hook } }
      end

      # Runs those of one event, in order. One that fails is told to the block, and changes nothing.
      # @param arguments those for the blocks; a block may take fewer
      # @yieldparam message [String] one line: the place and what was raised
      def run(event, *arguments)
        self[event].each do |hook|
          hook.block.call(*fitting(hook.block, arguments))
        rescue ScriptError, StandardError => error
          yield "#{hook.origin}: #{error.class}: #{error.message.lines.first.to_s.strip}"
        end
      end

      private

      # A lambda is strict about their number.
      def fitting(block, arguments)
        arity = block.respond_to?(:arity) ? block.arity : block.method(:call).arity
        arity.negative? ? arguments : arguments.first(arity)
      end
    end
  end
end
