# frozen_string_literal: true

require "hyperion/config/options"
require "tempfile"

module Support
  # Values that options take, for specs over the whole option table.
  module OptionValues
    # What no option takes, as Ruby text.
    WRONG = ["Object.new", "{a: 1}", "[]", "nil", "[Object.new]", "Float::NAN"].freeze

    module_function

    # Different ones in turns, as text; a type that none is known for takes its entry here.
    # @param option [Hyperion::Config::Option]
    # @return [Array<String>]
    def of(option)
      case option.type
      when config::Switch then %w[on off]
      when config::ReadableFile then Array.new(2) { readable_file }
      when config::Addresses then %w[unix:///one tcp://two:2 three]
      when config::ThreadRange then %w[1 0:2 3:4]
      else known(option.type)
      end.cycle.first(8)
    end

    # @return [Array<String>] of a type whose values are numbers or words
    def known(type)
      candidates = [*1..9].map(&:to_s) + type.expected.scan(/[\w.]+/)
      candidates.select { |text| allowed?(type, text) }.first(4).tap do |found|
        raise "no values for #{type.class} in #{__FILE__}" if found.size < 2
      end
    end

    def allowed?(type, text)
      !type.cast(text).nil?
    rescue config::InvalidValue
      false
    end

    def readable_file
      (@files ||= []) << Tempfile.new("option").tap { |file| file.chmod(0o600) }
      @files.last.path
    end

    def config
      Hyperion::Config
    end
  end
end
