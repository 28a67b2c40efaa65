# frozen_string_literal: true

require "hyperion/rack_handler"

RSpec.describe Hyperion::RackHandler do
  let(:handler) { Class.new { extend Hyperion::RackHandler } }

  # The thread, and the server that it yields.
  def run_in_thread(**options)
    yielded = Thread::Queue.new
    options = {Host: "127.0.0.1", Port: 0, log_requests: false, **options}
    thread = Thread.new { handler.run(->(_env) { [200, {}, ["hello"]] }, **options) { |server| yielded << server } }
    thread.report_on_exception = false
    [thread, yielded]
  end

  it "is found by name, as a class" do
    folder = Rack.release.start_with?("2.") ? "rack" : "rackup"
    require "#{folder}/handler"
    handlers = Object.const_get(folder.capitalize)::Handler

    expect(handlers.get("hyperion")).to be(handlers.const_get(:Hyperion))
    expect(handlers.const_get(:Hyperion)).to be_a(Class)
    found = handlers.get(:hyperion)
    expect(found).to respond_to(:run, :shutdown, :valid_options)
  end

  it "yields the server, serves on a thread of somebody else without touching the signals, and shuts down" do
    before = trap("INT", "DEFAULT")
    trap("INT", before)
    thread, yielded = run_in_thread
    server = yielded.pop
    wait_until("the start") { server.running? }

    expect(fetch(server).body).to eq("hello")
    after = trap("INT", "DEFAULT")
    trap("INT", after)
    expect(after).to eq(before)
    handler.shutdown
    expect(thread.join(Support::Waiting::PATIENCE)).to be(thread)
    expect(server).not_to be_running
  end

  it "raises what is wrong on such a thread" do
    thread, = run_in_thread(threads: "x")

    expect { thread.value }.to raise_error(Hyperion::ConfigError, /\Athreads: "x" is not allowed/)
  end

  it "passes over what is meant for others, with a warning for what was probably meant for it" do
    thread, yielded = run_in_thread(AccessLog: [], pid: nil, config: "config.ru", daemonize: false, caching: true,
                                    read_timeout: 7, max_body_byte: 3)
    server = yielded.pop
    configuration = server.settings.configuration
    expect(configuration[:header_timeout]).to eq(7)
    expect(configuration.warnings)
      .to match([/\Aread_timeout: the head and the body/, "max_body_byte: is no option; the nearest is max_body_bytes"])
    wait_until("the start") { server.running? }
    server.stop

    expect(thread.join(Support::Waiting::PATIENCE)).to be(thread)
  end
end
