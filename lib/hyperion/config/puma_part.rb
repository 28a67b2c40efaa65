# frozen_string_literal: true

require_relative "../puma_api"

module Hyperion
  module Config
    # What a configuration file says that only Puma has words for: options under Puma's names, hooks, plugins.
    class PumaPart
      # @return [Hash{Symbol => Object}] as Puma::DSL would have filled it; plugins write into it
      attr_reader :options
      # @return [Hash{String => Object}] plugins by name
      attr_reader :plugins
      # @return [Hash{Symbol => Hash}] what hooks with a key share
      attr_reader :hook_data

      def initialize
        @options = {}
        @plugins = {}
        @hook_data = Hash.new { |all, key| all[key] = {} }
        @origins = {}.compare_by_identity
        @waiting = []
      end

      # Notes a hook.
      # @param key [Symbol] Puma's name for it
      # @param id [String, Symbol, nil] of the Hash that it shares with others of this name
      # @param origin [String]
      def hook(key, block, id, origin)
        entry = {block: block, id: id&.to_sym}
        @origins[entry] = origin
        (@options[key] ||= []) << entry
      end

      # @return [String, nil] where a hook stands
      def origin_of(entry)
        @origins[entry]
      end

      # @return [#call, nil] for the life of an app thread: takes :start and :end
      def thread_hooks
        keys = {start: :before_thread_start, end: :before_thread_exit}
        return unless keys.each_value.any? { |key| @options.key?(key) }

        ->(event) { @options.fetch(keys.fetch(event), []).each { |hook| guard(hook) } }
      end

      # Loads a plugin and makes one.
      # @raise [LoadError, RuntimeError] where there is none
      def plugin(name)
        PumaApi.load
        name = name.to_s
        @waiting << (@plugins[name] ||= ::Puma::Plugins.find(name).new)
      end

      # Lets the plugins that came since the last call add to the configuration.
      # @param words [Words]
      def offer(words)
        waiting = @waiting.uniq
        @waiting = []
        waiting.each { |plugin| plugin.config(words) if plugin.respond_to?(:config) }
      end

      # @return [Boolean] whether a plugin has given Puma::DSL that word
      def word?(word)
        PumaApi.loaded? && ::Puma.const_defined?(:DSL) && foreign?(word)
      end

      # Says a word that a plugin has given to Puma::DSL, by reopening it.
      # @return [Boolean] whether there is such a word
      def say(word, values, code)
        return false unless word?(word)

        ::Puma::DSL.new(@options, nil).public_send(word, *values, &code)
        true
      end

      private

      def guard(hook)
        hook[:block].call
      rescue ScriptError, StandardError => error
        Hyperion.logger.error("#{origin_of(hook)} failed: #{error.class}: #{error.message}")
      end

      # Not Puma's own: those that this server does not know have no effect.
      def foreign?(word)
        ::Puma::DSL.method_defined?(word) && ::Puma::DSL.instance_method(word).owner == ::Puma::DSL &&
          ::Puma::DSL.instance_method(word).source_location&.first != home
      end

      def home
        ::Puma::DSL.instance_method(:initialize).source_location.first
      end
    end
  end
end
