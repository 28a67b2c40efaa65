# frozen_string_literal: true

RSpec.describe Hyperion::Server::Routing do
  # A server class whose routes are no other's.
  let(:family) { Class.new(Hyperion::Server).tap { |made| made.route_table = Hyperion::Server::RouteTable.new } }
  let(:app) { ->(_env) { [200, {"content-type" => "text/plain"}, ["app"]] } }

  def server(**options)
    family.new(app: app, host: "127.0.0.1", port: 0, log_requests: false, **options)
          .tap { |made| (@started_servers ||= []) << made }
  end

  def bodies(server, *paths)
    connect(server) { |client| paths.map { |path| client.fetch("GET", path).body } }
  end

  it "serves the routes of the class, those of later too, where a server has none of its own" do
    family.handle_static("GET", "/a", "a")
    made = server
    family.handle_static("GET", "/b", "b")
    made.start
    family.handle("GET", "/c") { [200, {"content-type" => "text/plain"}, ["c"]] }

    expect(bodies(made, "/a", "/b", "/c", "/d")).to eq(%w[a b c app])
    expect(made.route_table).to be(family.route_table)
    family.route_table.clear
    expect(bodies(made, "/a", "/c")).to eq(%w[app app])
  end

  it "gives a server its own from its first registration on: a copy, as the class's were when it was made" do
    family.handle_static("GET", "/a", "a")
    made = server
    other = server
    family.handle_static("GET", "/b", "b")
    made.handle_static("GET", "/own", "own")
    family.handle_static("GET", "/a", "changed")
    [made, other].each(&:start)

    expect(bodies(made, "/a", "/b", "/own")).to eq(%w[a app own])
    expect(bodies(other, "/a", "/b", "/own")).to eq(%w[changed b app])
    expect(family.route_table.lookup("GET", "/own")).to be_nil
  end

  it "does so while the server runs" do
    family.handle_static("GET", "/a", "a")
    made = server.start
    connect(made) do |client|
      expect(client.fetch("GET", "/own").body).to eq("app")
      entry = made.handle("GET", "/own") { [200, {"content-type" => "text/plain"}, ["own"]] }

      expect(made.route_table.lookup("GET", "/own")).to be(entry)
      expect(client.fetch("GET", "/own").body).to eq("own")
      expect(client.fetch("GET", "/a").body).to eq("a")
      made.handle_static("GET", "/a", "mine")
      expect(client.fetch("GET", "/a").body).to eq("mine")
    end
    made.stop
    expect(bodies(made.start, "/a", "/own")).to eq(%w[mine own])
  end

  it "takes a table, which several servers may share" do
    family.handle_static("GET", "/a", "a")
    table = Hyperion::Server::RouteTable.new
    servers = Array.new(2) { server(route_table: table).start }
    table.handle_static("GET", "/t", "t")
    servers.first.handle_static("GET", "/u", "u")

    servers.each { |one| expect(bodies(one, "/a", "/t", "/u")).to eq(%w[app t u]) }
    expect(servers.map(&:route_table)).to eq([table, table])
  end

  it "has one table for a class and its subclasses, unless one was given another" do
    subclass = Class.new(family)
    expect(subclass.route_table).to be(family.route_table)
    own = subclass.route_table = Hyperion::Server::RouteTable.new

    expect(subclass.route_table).to be(own)
    expect(family.route_table).not_to be(own)
    expect(Class.new(Hyperion::Server).route_table).to be(Hyperion::Server.route_table)
  end

  it "wants a table" do
    expect { server(route_table: {}) }
      .to raise_error(ArgumentError, "Hyperion::Server: route_table must be a Hyperion::Server::RouteTable")
    expect { family.route_table = nil }.to raise_error(ArgumentError, "route_table must be a Hyperion::Server::RouteTable")
  end

  it "leaves everything as it was when a registration is refused" do
    family.handle_static("GET", "/a", "a")
    made = server.start

    expect { made.handle_static("GET", "a", "") }.to raise_error(ArgumentError)
    expect { family.handle("GET", "/a") }.to raise_error(ArgumentError)
    expect(bodies(made, "/a")).to eq(["a"])
  end

  it "keeps nothing alive: a server that is over goes, with the blocks that hold it" do
    marker = Class.new
    make = lambda do
      held = marker.new
      made = Hyperion::Server.new(app: app, host: "127.0.0.1", port: 0, log_requests: false)
      made.handle("GET", "/") { [200, {"content-type" => "text/plain"}, [made.port.to_s, held.to_s]] }
      made.start
      bodies(made, "/")
      made.stop(0)
      nil
    end
    5.times { make.call }

    wait_until("the servers are collected") do
      GC.start
      # An old frame on the machine stack may still show one to the collector.
      ObjectSpace.each_object(marker).count <= 1
    end
  end
end
