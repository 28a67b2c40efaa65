# frozen_string_literal: true

RSpec.describe Hyperion::Server::RouteTable do
  subject(:table) { described_class.new }

  let(:app) { ->(_env) { [200, {}, []] } }

  it "is empty at first" do
    expect(table).to have_attributes(size: 0, empty?: true, to_a: [])
    expect(table.lookup("GET", "/")).to be_nil
  end

  describe "#handle" do
    it "registers a block, and gives its entry" do
      entry = table.handle(:get, "/a", &app)

      expect(entry).to be_a(described_class::DynamicBlockEntry).and be_frozen
      expect(entry).to have_attributes(method: "GET", method_name: "GET", path: "/a", block: app, handler: nil)
      expect(table.lookup("GET", "/a")).to be(entry)
    end

    it "registers a handler, which is called with a Request" do
      seen = nil
      handler = Class.new { define_method(:call) { |request| [200, {}, [(seen = request).path]] } }.new
      entry = table.handle("POST", "/a", handler)

      expect(entry).to have_attributes(method: "POST", block: nil, handler: handler)
      expect(entry.app.call({"PATH_INFO" => "/x"})).to eq([200, {}, ["/x"]])
      expect(seen).to be_a(Hyperion::Request)
    end

    it "says what is wrong" do
      block_or_handler = "give a block, which takes env, or a handler, which takes a Hyperion::Request; not both"
      expect { table.handle("GET", "/") }.to raise_error(ArgumentError, block_or_handler)
      expect { table.handle("GET", "/", app, &app) }.to raise_error(ArgumentError, block_or_handler)
      expect { table.handle("GET", "/", 3) }
        .to raise_error(ArgumentError, "the handler must have a method call, and Integer has none")
    end
  end

  describe "#handle_static" do
    it "registers a response, and gives its entry" do
      entry = table.handle_static(:GET, "/a", "body")

      expect(entry).to be_a(described_class::StaticEntry).and be_frozen
      expect(entry).to have_attributes(method: "GET", path: "/a", status: 200, body: "body")
      expect(entry.headers).to match("content-type" => "text/plain", "etag" => /\A"\h{32}"\z/)
      expect(table.lookup(:get, "/a")).to be(entry)
    end
  end

  describe "what no route can have" do
    methods = [nil, 3, "", "GET ", "G ET", "GET\n", "G\xE9T", "GET\0", "(GET)", [], :"", "GET".encode("UTF-16LE"),
               Object]
    paths = [nil, 3, :"/a", "", "a", "/a b", "/a?b", "/a#b", "/é", "/\xFF", "/a\n", "/a\0", "/a\r\nX: y", "http://h/",
             "**", "/a\t", "/a".encode("UTF-16LE"), [], ["/"], "?"]

    methods.each do |given|
      it "the method #{given.inspect}" do
        expect { table.handle(given, "/", &app) }
          .to raise_error(ArgumentError, "a route's method is a word such as \"GET\", not #{given.inspect}")
        expect { table.handle_static(given, "/", "") }.to raise_error(ArgumentError, /a route's method is a word/)
        expect(table).to be_empty
      end
    end

    paths.each do |given|
      it "the path #{given.inspect}" do
        expect do
          table.handle("GET", given, &app)
        end.to raise_error(ArgumentError, /\Aa route's path (is a String|begins)/)
        expect { table.handle_static("GET", given, "") }.to raise_error(ArgumentError, /\Aa route's path/)
        expect(table).to be_empty
      end
    end

    it "CONNECT" do
      expect { table.handle("connect", "/", &app) }.to raise_error(ArgumentError, /CONNECT is not implemented/)
    end

    {
      "a status" => [["200", nil, 100, 101, 199, 1000, -1, 200.0], :status, /status is an Integer from 200 to 999/],
      "headers" => [[nil, 3, "a", [%w[a b]], {3 => "b"}, {nil => "b"}, {"a" => nil}, {"a" => 1.5}, {"a" => [1]},
                     {"a" => {}}, {"a" => :b}, {"a" => "b", "A" => "c"}], :headers, /header/],
      "a header's bytes" => [[{"a" => "b\r\nc: d"}, {"a" => "b\n"}, {"a" => "\0"}, {"a\n" => "b"}, {"" => "b"},
                              {"a b" => "c"}, {"a:" => "c"}, {"é" => "c"}, {"a" => ["b", "c\n"]}], :headers,
                             /header ".*": the header (name is not a token|value holds)/m],
      "a header of the server's" => [[{"date" => "x"}, {"content-length" => "3"}, {"Connection" => "close"},
                                      {"transfer-encoding" => "chunked"}, {"keep-alive" => "x"}, {"upgrade" => "h2c"},
                                      {"te" => "x"}, {"rack.hijack" => "x"}, {"status" => "200"}], :headers,
                                     /is the server's own business|content-length is not|header/],
      "an entity tag" => [[{"etag" => "abc"}, {"ETag" => "\"a b\""}, {"etag" => "w/\"a\""}, {"etag" => ""},
                           {"etag" => ["\"a\""]}, {"etag" => 3}], :headers, /etag/],
      "a content type" => [[3, :json, ["text/html"], "text/html\n", {}], :content_type, /content-type/]
    }.each do |what, (values, keyword, message)|
      values.each do |given|
        it "#{what}: #{given.inspect}" do
          expect do
            table.handle_static("GET", "/", "body", **{keyword => given})
          end.to raise_error(ArgumentError, message)
          expect(table).to be_empty
        end
      end
    end

    it "a body that is no String, is too large, or where the status forbids one" do
      [3, ["a"], :a, $stdin, app].each do |given|
        expect { table.handle_static("GET", "/", given) }
          .to raise_error(ArgumentError, "a static route's body is a String, not #{given.class}")
      end
      [204, 205, 304].each do |status|
        expect { table.handle_static("GET", "/", "a", status: status) }
          .to raise_error(ArgumentError, "a response with status #{status} has no body")
      end
      stub_const("#{described_class}::StaticEntry::MOST_BODY", 10)
      expect { table.handle_static("GET", "/", "a" * 11) }
        .to raise_error(ArgumentError, "a static route's body has at most 10 bytes, this one has 11")
    end

    it "a content type twice, headers without end, a keyword that does not exist" do
      expect { table.handle_static("GET", "/", "", content_type: "a/b", headers: {"Content-Type" => "c/d"}) }
        .to raise_error(ArgumentError, "content-type is given twice")
      expect { table.handle_static("GET", "/", "", headers: {"a" => "b" * (64 << 10)}) }
        .to raise_error(ArgumentError, /headers have at most 65536 bytes/)
      expect do
        table.handle_static("GET", "/", "", type: "a/b")
      end.to raise_error(ArgumentError, /unknown keyword: :type/)
      expect(table).to be_empty
    end
  end

  it "takes any method that is a token, and any path that can stand in a request" do
    ["GET", "PURGE", "M-SEARCH", "x_y", "!#$%&'*+-.^_`|~0"].each do |method|
      expect(table.handle(method, "/", &app).method).to eq(method.upcase)
    end
    ["/", "*", "/a/b.c;d,e=f&g", "/%C3%A9", "/\"<>\\^`{|}", "/#{"a" * 60_000}"].each do |path|
      expect(table.handle_static("GET", path, "").path).to eq(path)
    end
    expect(table.size).to eq(10) # GET / once
  end

  it "has the last registration of a method and path" do
    table.handle("GET", "/a", &app)
    entry = table.handle_static("GET", "/a", "second")

    expect(table.size).to eq(1)
    expect(table.lookup("GET", "/a")).to be(entry)
    expect(table.handle("GET", "/a", &app)).to be(table.lookup("GET", "/a"))
  end

  it "looks up what a request would get: HEAD finds GET's, unless it has its own" do
    get = table.handle("GET", "/a", &app)
    expect(table.lookup("HEAD", "/a")).to be(get)
    head = table.handle_static("HEAD", "/a", "")

    expect(table.lookup("HEAD", "/a")).to be(head)
    expect(table.lookup("GET", "/a")).to be(get)
    expect(table.lookup("POST", "/a")).to be_nil
    expect(table.lookup("GET", "/a?b")).to be_nil
    expect(table.lookup(nil, nil)).to be_nil
  end

  it "lists its entries" do
    entries = [table.handle("GET", "/a", &app), table.handle_static("GET", "/b", ""), table.handle("POST", "/a", &app)]

    expect(table).to contain_exactly(*entries)
    expect(table.each.size).to eq(3)
    expect(table.each { nil }).to be(table)
    expect(table.map(&:path).uniq).to contain_exactly("/a", "/b")
    expect(table.inspect).to eq("#<Hyperion::Server::RouteTable 3 routes>")
  end

  it "is emptied by clear, and goes on" do
    table.handle("GET", "/a", &app)

    expect(table.clear).to be(table)
    expect(table).to be_empty
    entry = table.handle("GET", "/b", &app)
    expect(table.to_a).to eq([entry])
  end

  it "is copied with its routes; afterwards each has its own" do
    first = table.handle("GET", "/a", &app)
    copy = table.dup
    own = copy.handle("GET", "/b", &app)
    later = table.handle("GET", "/a", &app)

    expect(copy).to contain_exactly(first, own)
    expect(table).to contain_exactly(later)
    table.clear
    expect(copy.lookup("GET", "/a")).to be(first)
    expect(described_class.new.dup).to be_empty
  end

  it "takes nothing more when it is frozen" do
    entry = table.handle("GET", "/a", &app)
    table.freeze

    expect { table.handle("GET", "/b", &app) }.to raise_error(FrozenError)
    expect { table.handle_static("GET", "/b", "") }.to raise_error(FrozenError)
    expect { table.clear }.to raise_error(FrozenError)
    expect(table.lookup("GET", "/a")).to be(entry)
    expect(table.dup.handle("GET", "/b", &app)).to be_a(described_class::DynamicBlockEntry)
  end

  it "knows the word of hyperion 2: register" do
    handler = table.register(:GET, "/a", app)
    static = table.register("GET", "/b", described_class::StaticEntry.new("GET", "/x", "body", headers: {"a" => "b"}))
    block = table.register("PUT", "/c", described_class::DynamicBlockEntry.new("GET", "/x", app, nil))

    expect(handler).to have_attributes(method: "GET", path: "/a", handler: app)
    expect(static).to have_attributes(method: "GET", path: "/b", body: "body", headers: include("a" => "b"))
    expect(block).to have_attributes(method: "PUT", path: "/c", block: app)
    expect { table.register("GET", "/", nil) }.to raise_error(ArgumentError, /give a block/)
    expect(table).to contain_exactly(handler, static, block)
  end

  it "takes 10,000 routes from several threads" do
    threads = Array.new(4) do |number|
      Thread.new { 2500.times { |i| table.handle_static("GET", "/#{number}/#{i}", "#{number} #{i}") } }
    end
    threads.each(&:join)

    expect(table.size).to eq(10_000)
    expect(table.lookup("GET", "/3/2499").body).to eq("3 2499")
    expect(table.map(&:path).uniq.size).to eq(10_000)
  end

  describe "and the garbage collector:" do
    # All but what an old frame on the machine stack may still show to the collector.
    def collected?(marker)
      GC.start
      ObjectSpace.each_object(marker).count <= 2
    end

    # Blocks that hold an instance of `marker`, in a frame of their own.
    def register(table, marker, count, path = "/%d")
      count.times do |i|
        held = marker.new
        table.handle("GET", format(path, i)) { held }
      end
      nil
    end

    it "what a table holds stays, also when everything moves" do
      output = IO.popen([RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), "-e", <<~'RUBY'], &:read)
        require "hyperion"
        marker = Class.new
        table = Hyperion::Server::RouteTable.new
        100.times do |i|
          held = marker.new
          table.handle("GET", "/#{i}") { held }
        end
        GC.start
        GC.compact
        puts ObjectSpace.each_object(marker).count, table.count { |entry| entry.app.call({}).is_a?(marker) }
      RUBY

      expect(output).to eq("100\n100\n")
    end

    it "a block that was replaced is let go" do
      marker = Class.new
      register(table, marker, 100, "/same")
      table.handle("GET", "/same", &app)

      wait_until("the blocks are collected") { collected?(marker) }
      expect(table.size).to eq(1)
    end

    it "so is everything after clear" do
      marker = Class.new
      register(table, marker, 100)
      table.clear

      wait_until("the blocks are collected") { collected?(marker) }
    end

    it "a table that nobody holds goes, although its blocks hold it" do
      marker = Class.new
      make = lambda do
        own = described_class.new
        held = marker.new
        own.handle("GET", "/") { [own, held] }
        own.dup.handle("GET", "/") { [own, held] }
        nil
      end
      20.times { make.call }

      wait_until("the tables are collected") { collected?(marker) }
    end
  end
end
