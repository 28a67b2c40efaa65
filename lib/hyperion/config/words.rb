# frozen_string_literal: true

require_relative "absent"
require_relative "hooks"
require_relative "options"

module Hyperion
  module Config
    # What the code of a configuration file, or of a block in it, sees as `self`: a method for each word. A method only
    # tells the script what was said.
    class Vocabulary
      # @return [Array<Symbol>] the words that there are, by the alphabet
      def self.words
        ancestors.take_while { |ancestor| ancestor != Vocabulary }.flat_map { |one| one.instance_methods(false) }.sort
      end

      # @param script [Script]
      # @param place [String, nil] the block that the words stand in
      def initialize(script, place = nil)
        @hyperion_script = script
        @hyperion_place = place
      end

      private

      def method_missing(word, *values, &code)
        @hyperion_script.unknown(word, values, code, words: self.class.words, block: @hyperion_place)
      end

      def respond_to_missing?(*)
        false
      end
    end

    # The words of a whole file. A dialect is a subclass with further ones.
    class Words < Vocabulary
      [*Options::BY_WORD.keys, *Options::MOVED.keys].each do |word|
        define_method(word) { |*values, &code| @hyperion_script.say(word, values, code) }
      end

      Hooks::WORDS.each do |word, event|
        define_method(word) { |*values, &code| @hyperion_script.hook(word, event, values, code) }
      end

      Absent::WORDS.each do |word, why|
        define_method(word) { |*_values, &_code| @hyperion_script.absent(word, why) }
      end

      Options::BLOCKS.each do |block, rows|
        inside = Class.new(Vocabulary) do
          rows.each do |word, option|
            define_method(word) do |*values, &code|
              @hyperion_script.set("#{block} { #{word} }", option, values, code)
            end
          end
        end
        # An option may have the block's name: `metrics false` beside `metrics { ... }`.
        alone = Options.for_word(block)
        define_method(block) do |*values, &code|
          alone && !code ? @hyperion_script.say(block, values) : @hyperion_script.block(block, inside, values, code)
        end
      end

      def plugin(name)
        @hyperion_script.plugin(name)
      end
    end
  end
end
