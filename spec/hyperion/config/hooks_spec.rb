# frozen_string_literal: true

require "hyperion/config/hooks"

RSpec.describe Hyperion::Config::Hooks do
  subject(:hooks) { described_class.new }

  let(:calls) { [] }

  def run(event, *arguments)
    [].tap { |failures| hooks.run(event, *arguments) { |message| failures << message } }
  end

  it "runs those of one event, in order, with as many arguments as they take" do
    hooks.add(:on_worker_boot, proc { |index| calls << [:one, index] }, "a:1")
    hooks.add(:before_fork, proc { calls << :never }, "a:2")
    hooks.add(:on_worker_boot, -> { calls << :two }, "a:3")
    hooks.add(:on_worker_boot, ->(index) { calls << [:three, index] }, "a:4")
    hooks.add(:on_worker_boot, Class.new { define_method(:call) { |*given| given } }.new, "a:5")

    expect(run(:on_worker_boot, 7)).to eq([])
    expect(calls).to eq([[:one, 7], :two, [:three, 7]])
    expect(run(:on_worker_shutdown, 7)).to eq([])
  end

  it "tells which one failed, on one line, and runs the others" do
    hooks.add(:before_fork, proc { raise KeyError, "no\nway" }, "hyperion.rb:3: before_fork")
    hooks.add(:before_fork, proc { require "no/such/library" }, "hyperion.rb:4: before_fork")
    hooks.add(:before_fork, proc { calls << :ran }, "hyperion.rb:5: before_fork")

    expect(run(:before_fork)).to match(["hyperion.rb:3: before_fork: KeyError: no",
                                        /\Ahyperion.rb:4: before_fork: LoadError: cannot load such file/])
    expect(calls).to eq([:ran])
  end

  it "can be added to others" do
    other = described_class.new
    hooks.add(:before_fork, proc { calls << 1 }, "a")
    other.add(:before_fork, proc { calls << 2 }, "b")
    sum = hooks + other
    sum.run(:before_fork) { |message| raise message }

    expect(calls).to eq([1, 2])
    expect(hooks[:before_fork].size).to eq(1)
  end
end
