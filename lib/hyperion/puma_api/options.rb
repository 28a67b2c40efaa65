# frozen_string_literal: true

module Hyperion
  module PumaApi
    # The options under Puma's names, in Puma's three layers: what was set here, what the configuration file said in
    # words of Puma alone, and what this server's own options come to.
    class Options
      # {Puma's name => its value, of the Config::Configuration}
      NAMES = {
        binds: ->(from) { from.addresses.map(&:to_s) },
        environment: ->(from) { from[:environment] },
        rackup: ->(from) { from[:rackup] },
        min_threads: ->(from) { from[:threads].min },
        max_threads: ->(from) { from[:threads].max },
        workers: ->(_) { 0 }, # as Puma calls one process
        tag: ->(from) { from[:tag] },
        pidfile: ->(from) { from[:pidfile] },
        state: ->(from) { from[:state_path] },
        directory: ->(from) { from[:directory] },
        log_requests: ->(from) { from[:log_requests] },
        early_hints: ->(from) { from[:early_hints] },
        persistent_timeout: ->(from) { from[:idle_keepalive] },
        first_data_timeout: ->(from) { from[:header_timeout] },
        http_content_length_limit: ->(from) { from[:max_body_bytes] },
        preload_app: ->(_) { true }
      }.freeze

      # @return [Hash{Symbol => Object}]
      attr_reader :user_options, :file_options

      # @param file_options [Hash{Symbol => Object}]
      # @param configuration [Config::Configuration]
      def initialize(file_options, configuration)
        @user_options = {}
        @file_options = file_options
        @configuration = configuration
      end

      # @return [Hash{Symbol => Object}]
      def default_options
        NAMES.transform_values { |value| value.call(@configuration) }
      end

      # @return [Object, nil]
      def [](key)
        fetch(key)
      end

      def []=(key, value)
        @user_options[key] = value
      end

      # @return [Object] the strongest value; `default` when nobody has said anything
      def fetch(key, default = nil)
        layer = layers.find { |one| one.key?(key) }
        return layer[key] if layer

        NAMES.key?(key) ? NAMES[key].call(@configuration) : default
      end

      # @return [Boolean]
      def key?(key)
        NAMES.key?(key) || layers.any? { |one| one.key?(key) }
      end

      # @return [Array] the values of all layers
      def all_of(key)
        [*layers.map { |one| one[key] }, NAMES[key]&.call(@configuration)].flat_map { |value| [*value] }
      end

      # @return [Hash{Symbol => Object}]
      def final_options
        default_options.merge(file_options, user_options)
      end
      alias to_h final_options

      private

      def layers
        [@user_options, @file_options]
      end
    end
  end
end
