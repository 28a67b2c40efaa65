# frozen_string_literal: true

require "rack"
require "stringio"

RSpec.describe "rack.input" do
  let(:body) { "first line\nsecond\n\nlast without end".b }
  let(:large) { Random.new(1).bytes(3 * 1024 * 1024 + 17) }

  # The answer of a block that works on the input of a request with `content`.
  def with_input(content, headers = {})
    result = nil
    server = start_server do |env|
      result = yield env["rack.input"], env
      ok("done")
    end
    expect(fetch(server, "POST", "/", headers, content).status).to eq(200)
    result
  end

  # Sizes of the regular files without a name that this process has open.
  def unlinked_files
    Dir.children("/proc/self/fd").filter_map do |fd|
      stat = File.stat("/proc/self/fd/#{fd}")
      stat.size if stat.file? && stat.nlink.zero?
    rescue Errno::ENOENT
      nil
    end
  end

  shared_examples "an input" do
    it "reads all, then nothing" do
      expect(with_input(content) { |input| [input.read, input.read, input.read(1)] }).to eq([content, "", nil])
    end

    it "reads in pieces of any length" do
      pieces = with_input(content) do |input|
        all = []
        while (piece = input.read(1000)) do all << piece end
        all
      end
      expect(pieces.join).to eq(content)
      expect(pieces[..-2].map(&:bytesize).uniq - [1000]).to be_empty
    end

    it "reads into a buffer, which it makes binary and returns" do
      same, first, size = with_input(content) do |input|
        buffer = +"some text that is longer"
        got = input.read(7, buffer)
        [got.equal?(buffer) && buffer.encoding == Encoding::BINARY, buffer.dup, buffer.bytesize]
      end
      expect([same, first, size]).to eq([true, content[0, 7], 7])
    end

    it "empties the buffer at the end" do
      result, buffer = with_input(content) do |input|
        input.read
        buffer = +"old"
        [input.read(5, buffer), buffer]
      end
      expect([result, buffer]).to eq([nil, ""])
    end

    it "reads nothing for a length of 0, also at the end" do
      expect(with_input(content) { |input| [input.read(0), input.read && input.read(0)] }).to eq(["", ""])
    end

    it "reads lines as IO does" do
      lines = with_input(content) { |input| Array.new(6) { input.gets } }
      io = StringIO.new(content)
      expect(lines).to eq(Array.new(6) { io.gets })
    end

    it "yields lines" do
      lines = with_input(content) { |input| input.enum_for(:each).to_a }
      expect(lines).to eq(content.lines)
    end

    it "rewinds", no_lint: {rack_3: "rewind is of Rack 2"} do
      again = with_input(content) do |input|
        input.read(3)
        input.rewind
        input.gets && input.rewind
        input.read
      end
      expect(again).to eq(content)
    end

    it "can be copied to an IO" do
      copy = with_input(content) do |input|
        StringIO.new("".b).tap { |io| IO.copy_stream(input, io) }.string
      end
      expect(copy).to eq(content)
    end

    it "raises once it is closed, and says that it is", no_lint: "an application may not close its input" do
      errors = with_input(content) do |input|
        input.close
        calls = [-> { input.read }, -> { input.gets }, -> { input.rewind }, -> { input.each {} }]
        calls.map { |call| call.call rescue $!.class } << input.closed? # rubocop:disable Style/RescueModifier
      end
      expect(errors).to eq([IOError] * 4 << true)
    end

    it "can be read after the request" do
      input = with_input(content) { |input| input }
      GC.start
      expect(input.read).to eq(content)
    end
  end

  describe "of a body in memory" do
    let(:content) { body }

    include_examples "an input"
  end

  describe "of a body in a file" do
    let(:content) { large }

    include_examples "an input"

    it "lies in a file without a name" do
      size = 654_321
      expect(unlinked_files).not_to include(size)
      expect(with_input("u" * size) { |_input| unlinked_files }).to include(size)
    end

    it "costs no descriptor once it is closed", no_lint: {rack_2: "an application may not close its input"} do
      size = 543_210
      with_input("c" * size) { |input, _env| input.close }
      expect(unlinked_files).not_to include(size)
    end

    it "is left to the collector in time, however many bodies there are" do
      server = start_server { |env| ok(env["rack.input"].read(1).bytesize.to_s) }
      most = 0
      connect(server) do |client|
        head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: #{large.bytesize}\r\n\r\n"
        100.times do
          client.write(head, large).read_response # no large String is made here, which would start the collector
          most = [most, unlinked_files.size].max
        end
      end
      expect(most).to be < 50
    end
  end

  [256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 512 * 1024].each do |size|
    it "is right at the border of memory: #{size} bytes" do
      content = Random.new(size).bytes(size)
      expect(with_input(content) { |input, _env| input.read }).to eq(content)
    end
  end

  it "is right for a large chunked body that arrives in odd pieces" do
    received = nil
    server = start_server do |env|
      received = env["rack.input"].read
      ok("x")
    end
    connect(server) do |client|
      client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
      io = StringIO.new(large)
      while (piece = io.read(99_991)) do client.write(piece.bytesize.to_s(16), "\r\n", piece, "\r\n") end
      expect(client.write("0\r\n\r\n").read_response.status).to eq(200)
    end
    expect(received == large).to be(true)
  end

  it "is an object also when there is no body" do
    result = with_input(nil) { |input| [input.read, input.read(1), input.gets, input.read(0)] }
    expect(result).to eq(["", nil, nil, ""])
  end

  it "can be rewound and closed also when there is no body", no_lint: "an application may not close its input" do
    result = with_input("") do |input|
      input.rewind
      input.close
      [input.read, input.each { raise }.equal?(input)]
    end
    expect(result).to eq(["", true])
  end

  it "refuses what IO refuses", no_lint: "calls that the SPEC does not allow" do
    errors = with_input(body) do |input|
      [-> { input.read(-1) }, -> { input.read("x") }, -> { input.read(1, 2) }, -> { input.read(1, "frozen") },
       -> { input.read(1, 2, 3) }, -> { input.gets(1) }].map { |call| call.call rescue $!.class } # rubocop:disable Style/RescueModifier
    end
    expect(errors).to eq([ArgumentError, TypeError, TypeError, FrozenError, ArgumentError, ArgumentError])
  end

  it "survives being closed by one thread while another reads",
     no_lint: {rack_2: "an application may not close its input"} do
    with_input(large) do |input|
      threads = Array.new(4) { Thread.new { input.read rescue $!.class } } # rubocop:disable Style/RescueModifier
      input.close
      results = threads.map(&:value)
      expect(results.map { |got| got.is_a?(String) ? large.end_with?(got) : got == IOError }).to all(be(true))
    end
  end

  it "feeds Rack's form and multipart parsers" do
    params = with_input("a=1&b[]=2&b[]=3", {"Content-Type" => "application/x-www-form-urlencoded"}) do |_, env|
      Rack::Request.new(env).POST
    end
    expect(params).to eq("a" => "1", "b" => %w[2 3])

    file = Random.new(3).bytes(700_000)
    multipart = "--XX\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\ntext\r\n" \
                "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\n" \
                "Content-Type: application/octet-stream\r\n\r\n".b + file + "\r\n--XX--\r\n".b
    text, upload = with_input(multipart, {"Content-Type" => "multipart/form-data; boundary=XX"}) do |_, env|
      post = Rack::Request.new(env).POST
      [post["t"], post["f"][:tempfile].read]
    end
    expect(text).to eq("text")
    expect(upload == file).to be(true)
  end
end
