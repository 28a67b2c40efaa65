# frozen_string_literal: true

require "hyperion/config/files"
require "tmpdir"

RSpec.describe Hyperion::Config::ReadableFile do
  around { |example| Dir.mktmpdir { |folder| Dir.chdir(folder) { example.run } } }

  it "takes a file that can be read" do
    File.write("a", "")
    File.chmod(0o644, "a")

    expect(described_class.new.cast("a")).to eq("a")
    expect(described_class.new.cast(Pathname("a"))).to eq("a")
  end

  it "refuses what is none" do
    Dir.mkdir("d")
    {"none" => /"none" is not allowed, no such file or directory\z/, "d" => /it is no file/, 3 => /expected a file/,
     "" => /expected a file/, "x" * 300 => /file name too long/}.each do |path, message|
      expect { described_class.new.cast(path) }.to raise_error(Hyperion::Config::InvalidValue, message)
    end
  end

  it "refuses a secret that everybody may read" do
    type = described_class.new(secret: true)
    File.write("a", "")
    File.chmod(0o640, "a")
    expect(type.cast("a")).to eq("a")

    File.chmod(0o644, "a")
    expect { type.cast("a") }
      .to raise_error(Hyperion::Config::InvalidValue, '"a" is not allowed, everybody may read it; chmod o-rwx a')
  end
end

RSpec.describe Hyperion::Config::Secret do
  it "is never repeated" do
    type = described_class.new("a token", "TOKEN")

    expect(type.show(type.cast("open sesame"))).to eq("(secret)")
    expect { type.cast("open\0sesame") }
      .to raise_error(Hyperion::Config::InvalidValue, "the value is not allowed, expected a token")
  end
end
