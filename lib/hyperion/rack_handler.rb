# frozen_string_literal: true

require_relative "../hyperion"
require_relative "launcher"

module Hyperion
  # What `rackup -s hyperion` and `rails server -u hyperion` call: the body of Rackup::Handler::Hyperion and, for
  # Rack 2, of Rack::Handler::Hyperion.
  module RackHandler
    # Keys that these programs pass on for reasons of their own, under the name of an option.
    FOREIGN = %i[config rackup].freeze

    # Serves `app` until a signal or `shutdown` ends it. Only on the main thread it takes signals: elsewhere it is a
    # guest in somebody's test suite.
    # @param options [Hash] Host, Port, environment, and every option of `hyperion --help` under its name with
    #   underscores. `user_supplied_options` lists the keys that the user gave; the others are defaults, which the
    #   configuration file beats.
    # @yieldparam server [Server] before it starts
    # @raise [ConfigError, SystemCallError, SocketError] elsewhere than on the main thread; there the program ends with
    #   one line on standard error
    def run(app, **options)
      configuration = configuration(options)
      restart = Launcher.prepare(configuration) if main?
      app = PumaApi::Application.around(app, configuration.puma.options)
      server = Server.new(app: app, configuration: configuration)
      @running = [*@running, server]
      yield server if block_given?
      return server.run unless main?

      # Rails knows how it is started again.
      restart.command = options[:restart_cmd].split if options[:restart_cmd]
      Launcher.new(server, restart: restart, guest: true, quiet: options[:quiet] || options[:Silent]).run
    rescue ConfigError, SystemCallError, SocketError => error
      main? ? abort("hyperion: #{error.message}") : raise
    ensure
      @running = Array(@running).reject { |one| one.equal?(server) }
    end

    # Begins the stop of what runs; waits for it, but in a trap handler.
    def shutdown
      Array(@running).each(&:stop)
    end

    # @return [Hash{String => String}] for `rackup -s hyperion -h`
    def valid_options
      rows = Config::Options::TABLE.select { |option| option.flag && option.keyword? && !%i[bind port].include?(option.name) }
      {"Host=HOST" => "Host or address to listen at (default: localhost)",
       "Port=PORT" => "Port to listen at (default: 9292)",
       **rows.to_h { |option| ["#{option.name}=#{option.type.metavar || "on|off"}", option.help] }}
    end

    private

    def main?
      Thread.current == Thread.main
    end

    def configuration(options)
      given = options[:user_supplied_options] || options.keys
      # These programs always pass a Host and a Port; a bind that the user wrote means something else.
      given -= %i[Host Port] if given.intersect?(%i[bind binds])
      flags = Config::Layer.new
      defaults = Config::Layer.new
      options.each do |key, value|
        say(given.include?(key) ? flags : defaults, key, value) unless value.nil?
      end
      Config::Configuration.load(flags, fallback: [defaults])
    end

    # What is not ours is passed over, unless it is nearly so.
    def say(layer, key, value)
      word = word(key)
      return if FOREIGN.include?(word) || layer.say(word, value, key.to_s)

      nearest = Config::Nearest.close_to(word, Config::Options::BY_WORD.keys)
      layer.warn(key.to_s, "is no option; the nearest is #{nearest}") if nearest
    end

    # Host and Port are written with capitals by convention.
    def word(key)
      key.to_s.downcase.tr("-", "_").to_sym
    end
  end
end
