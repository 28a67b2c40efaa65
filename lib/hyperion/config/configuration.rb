# frozen_string_literal: true

require_relative "environment"
require_relative "layer"
require_relative "puma_script"
require_relative "script"

module Hyperion
  module Config
    # Every option's value, from layers of which an earlier one beats a later one.
    class Configuration
      DEFAULT_FILE = "config/hyperion.rb"

      # Of the command line and its like: flags, HYPERION_... variables, the configuration file (config/hyperion.rb,
      # else the one that Puma would read), `fallback`, variables such as PORT that others defined, defaults.
      # @param flags [Layer]
      # @param fallback [Array<Layer>] what another program takes for defaults
      # @raise [ConfigError]
      def self.load(flags, env: ENV, fallback: [])
        strong = [flags, Environment.new(env).own]
        weak = [*fallback, Environment.new(env).common]
        file = new(strong)[:config] || default_file(new([*strong, *weak])[:environment])
        strong << (PumaScript.for?(file) ? PumaScript : Script).load(file) if file && file != "-"
        new([*strong, *weak])
      end

      # @return [String, nil]
      def self.default_file(environment)
        [DEFAULT_FILE, "config/puma/#{environment}.rb", "config/puma.rb"].find { |path| File.file?(path) }
      end
      private_class_method :default_file

      # @param layers [Array<Layer>] the strongest first
      def initialize(layers)
        @layers = layers
      end

      # @param name [Symbol]
      # @return [Object] the option's value
      def [](name)
        setting(name).value
      end

      # @return [String] who said so
      def origin(name)
        setting(name).origin
      end

      # @return [Hooks] of all sources
      def hooks
        @layers.map(&:hooks).reduce(Hooks.new, :+)
      end

      # @return [PumaPart]
      def puma
        @puma ||= @layers.filter_map(&:puma).first || PumaPart.new
      end

      # @return [Array<String>] what whoever wrote the configuration should know, a line each
      def warnings
        notices = Options::TABLE.filter_map do |option|
          text = option.notice(self[option.name])
          "#{origin(option.name)}: #{text}" if text
        end
        @layers.flat_map(&:warnings) + notices
      end

      # @return [Array<Address>] where to listen; every TCP address has a port
      def addresses
        level = level_of(:bind)
        port_level = level_of(:port)
        given = self[:bind]
        given = portless if port_level < level
        filled = given.map { |address| address.portless? ? address.at(self[:port]) : address }
        # A port that somebody names beside addresses that do not need one is an address more, as under Puma.
        wanted = port_level == level && level < @layers.size && given.none?(&:portless?)
        filled << Address.new(kind: :tcp, host: default_host, port: self[:port]) if filled.empty? || wanted
        filled
      end

      # @return [Boolean]
      def development?
        self[:environment] == Options::DEVELOPMENT
      end

      # @return [Boolean] whether log lines are JSON
      def json?
        format = self[:log_format]
        format == "auto" ? self[:environment] == "production" : format == "json"
      end

      private

      def setting(name)
        @layers.each { |layer| layer[name]&.then { |setting| return setting } }
        Layer::Setting.new(Options[name].default(self), "default")
      end

      def level_of(name)
        @layers.index { |layer| layer[name] } || @layers.size
      end

      # The hosts that wait for a port, of the strongest layer that has any.
      def portless
        lists = @layers.filter_map { |layer| layer[:bind]&.value&.select(&:portless?) }
        lists.find { |list| !list.empty? } || []
      end

      def default_host
        portless.first&.host || (development? ? "127.0.0.1" : "0.0.0.0")
      end
    end
  end
end
