# frozen_string_literal: true

require "hyperion/config/options"

RSpec.describe Hyperion::Config::Type do
  # {type => {what is given => what it becomes}, ...}; :no stands for what is not allowed.
  {
    Hyperion::Config::Whole.new(0..65_535) => {
      3 => 3, "3" => 3, "0" => 0, "65535" => 65_535, "1_000" => 1000,
      65_536 => :no, "65536" => :no, -1 => :no, "-1" => :no, "3.5" => :no, 3.5 => :no, "" => :no, "0x1f" => :no,
      "3 " => :no, nil => :no, [3] => :no, "three" => :no
    },
    Hyperion::Config::Count.new => {
      0 => 0, "0" => 0, "off" => 0, :off => 0, false => 0, 3 => 3, "1_000" => 1000,
      -1 => :no, "-1" => :no, 1.5 => :no, "1.5" => :no, "" => :no, nil => :no, true => :no, "many" => :no,
      1_000_000_001 => :no
    },
    Hyperion::Config::Size.new => {
      0 => 0, "off" => 0, false => 0, "0" => 0, 10 => 10, "10" => 10, "16m" => 16 << 20, "16M" => 16 << 20,
      "64k" => 64 << 10, "1g" => 1 << 30, "1gb" => 1 << 30, "1.5k" => 1536, "1 k" => 1024, "16mb" => 16 << 20,
      "16x" => :no, -1 => :no, "-1" => :no, "" => :no, "1.0001k" => :no, nil => :no, true => :no, 1.5 => :no,
      "99999999999g" => :no
    },
    Hyperion::Config::Duration.new => {
      0 => 0, "off" => 0, false => 0, "0" => 0, "0s" => 0, 30 => 30, "30" => 30, "30s" => 30, "500ms" => 0.5,
      0.5 => 0.5, "2m" => 120, "1h" => 3600, "1.5s" => 1.5, "30S" => 30,
      "30 minutes" => :no, "-1" => :no, -1 => :no, "" => :no, nil => :no, "9999999h" => :no, Float::NAN => :no,
      Float::INFINITY => :no, Complex(1, 1) => :no
    },
    Hyperion::Config::ThreadRange.new => {
      5 => 5..5, "5" => 5..5, (1..5) => 1..5, "1:5" => 1..5, "0:16" => 0..16, [1, 5] => 1..5, %w[1 5] => 1..5,
      "5,32" => 5..32, 0 => :no, "0" => :no, "0:0" => :no, (1...5) => :no, (1..) => :no, "a:b" => :no,
      "1:2:3" => :no, [1] => :no, [1, 2, 3] => :no, -1 => :no, nil => :no, "10001" => :no, "" => :no, 1.5 => :no
    },
    Hyperion::Config::Switch.new => {
      true => true, "on" => true, "ON" => true, "true" => true, "yes" => true, "1" => true, :on => true,
      false => false, "off" => false, "no" => false, "0" => false, :off => false,
      "maybe" => :no, nil => :no, "" => :no, 2 => :no
    },
    Hyperion::Config::Choice.new("auto", "text", "json") => {
      "json" => "json", :json => "json", "JSON" => "json", "xml" => :no, nil => :no, "" => :no
    },
    Hyperion::Config::WorkerCount.new => {
      1 => 1, "0" => 0, 3 => 3, "auto" => "auto", :auto => "auto", 1025 => :no, -1 => :no, "many" => :no, nil => :no
    },
    Hyperion::Config::List.new(Hyperion::Config::Whole.new(0..9)) => {
      "1 2,3" => [1, 2, 3], [1, "2"] => [1, 2], 4 => [4], "4" => [4]
    },
    Hyperion::Config::Callable.new => {:puts.method(:to_s) => :puts.method(:to_s), "a" => :no, nil => :no},
    Hyperion::Config::Text.new("a name", "NAME") => {
      "production" => "production", :production => "production", Pathname("a/b") => "a/b",
      "" => :no, nil => :no, 3 => :no, "a\0b" => :no
    }
  }.each do |type, cases|
    cases.each do |given, wanted|
      it "#{type.class.name[/\w+\z/]}: #{given.inspect} #{wanted == :no ? "is refused" : "is #{wanted.inspect}"}" do
        if wanted == :no
          message = "#{given.inspect} is not allowed, expected #{type.expected}"
          expect { type.cast(given) }.to raise_error(Hyperion::Config::InvalidValue, message)
        else
          expect(type.cast(given)).to eql(wanted)
          expect(type.cast(type.cast(given))).to eql(wanted)
        end
      end
    end
  end

  {
    Hyperion::Config::Count.new => {0 => "off", 100 => "100"},
    Hyperion::Config::Size.new => {0 => "off", 1 << 30 => "1g", 65_536 => "64k", 240 => "240", 1536 => "1536"},
    Hyperion::Config::Duration.new => {0 => "off", 30 => "30s", 0.5 => "500ms", 1.5 => "1.5s"},
    Hyperion::Config::ThreadRange.new => {5..5 => "5", 0..16 => "0:16"},
    Hyperion::Config::Switch.new => {true => "on", false => "off"},
    Hyperion::Config::Text.new("a name", "NAME") => {nil => "none", "x" => "x"}
  }.each do |type, cases|
    cases.each do |value, text|
      it "#{type.class.name[/\w+\z/]} shows #{value.inspect} as #{text}, which it reads back" do
        expect(type.show(value)).to eq(text)
        expect(type.cast(text)).to eql(value) unless value.nil?
      end
    end
  end
end
