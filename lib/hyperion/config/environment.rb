# frozen_string_literal: true

require_relative "layer"

module Hyperion
  module Config
    # Reads environment variables into layers; empty ones count as not set.
    class Environment
      PREFIX = "HYPERION_"
      # Variables of that name that are no options of the server.
      OTHERS = %w[HYPERION_WORKER_MODEL HYPERION_WS_ORIGIN_ALLOW_LIST].freeze

      # @param env [#[], #key?, #keys] of strings
      def initialize(env)
        @env = env
      end

      # @return [Layer] of variables named HYPERION_...
      # @raise [ConfigError]
      def own
        read(&:own_variables).tap do |layer|
          Options::MOVED.each_key { |word| moved(layer, word) }
          Absent::WORDS.compact.each { |word, why| absent(layer, word, why) }
          mistyped(layer)
        end
      end

      # @return [Layer] of variables that others defined, such as PORT
      # @raise [ConfigError]
      def common
        read(&:common_variables)
      end

      private

      def read
        Layer.new.tap do |layer|
          Options::TABLE.each do |option|
            name = yield(option).find { |variable| set?(variable) || set?(option.least[variable]) }
            layer.set(option, *value(option, name)) if name
          end
        end
      end

      # @return [Array(String, String)] what a variable says, together with the one of the lower end; and their names
      def value(option, name)
        least = option.least[name]
        return [@env[name], name] unless set?(least)
        return ["#{@env[least]}:#{@env[name]}", "#{least}, #{name}"] if set?(name)

        ["#{@env[least]}:#{[option.default.max, @env[least].to_i].max}", least]
      end

      def moved(layer, word)
        name = variable(word)
        layer.say(word, @env[name], name) if set?(name)
      end

      def absent(layer, word, why)
        name = variable(word)
        layer.warn(name, "without effect: #{why}") if set?(name)
      end

      # One that is nearly an option's is probably meant for it; all others are somebody else's.
      def mistyped(layer)
        known = Options::TABLE.flat_map(&:own_variables)
        settled = [*known, *OTHERS, *[*Options::MOVED.keys, *Absent::WORDS.keys].map { |word| variable(word) }]
        names = @env.keys.select { |name| name.start_with?(PREFIX) && set?(name) } - settled
        names.each do |name|
          nearest = Nearest.close_to(name.delete_prefix(PREFIX), known.map { |one| one.delete_prefix(PREFIX) })
          layer.warn(name, "is no variable of this server; the nearest is #{PREFIX}#{nearest}") if nearest
        end
      end

      def variable(word)
        "#{PREFIX}#{word.upcase}"
      end

      def set?(name)
        !name.nil? && !@env[name].to_s.empty?
      end
    end
  end
end
