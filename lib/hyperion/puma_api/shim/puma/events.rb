# frozen_string_literal: true

require_relative "../puma"

module Puma
  # What happens in the life of the process, for whoever wants to be called then.
  class Events
    NAMES = {after_booted: :on_booted, before_restart: :on_restart, after_stopped: :on_stopped}.freeze

    def initialize
      @hooks = Hash.new { |hooks, name| hooks[name] = [] }
    end

    # @param object [#call] or a block
    # @return [#call] it
    def register(name, object = nil, &block)
      raise ArgumentError, "either an object or a block" unless object.nil? ^ block.nil?

      @hooks[name] << (object || block)
      object || block
    end

    # Calls those of a name, in order.
    def fire(name, *arguments)
      @hooks[name].each { |hook| hook.call(*arguments) }
    end

    NAMES.each do |name, former|
      define_method(name) { |&block| register(name, &block) }
      alias_method former, name
      define_method("fire_#{name}!") { fire(name) }
    end
  end
end
