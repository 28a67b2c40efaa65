# frozen_string_literal: true

require "json"

# solid_queue's plugin for Puma, as its gem has it, in a process of this server: with Puma in the bundle, whose classes
# it uses then, and without.
RSpec.describe "plugin :solid_queue" do
  after do |example|
    warn(@process.output.lines.last(20)) if example.exception && @process
    @process&.clean
  end

  def serve(bundle, **options)
    @process = Support::AppProcess.new("solid_queue", bundle: bundle, **options).ready
  end

  # Processes that it has made, by id.
  def descendants(pid)
    children = File.read("/proc/#{pid}/task/#{pid}/children").split.map(&:to_i)
    children + children.flat_map { |child| descendants(child) }
  rescue SystemCallError
    []
  end

  def gone?(pid)
    File.read("/proc/#{pid}/stat")[/\) Z /]
  rescue Errno::ENOENT, Errno::ESRCH
    true
  end

  def post(process, text)
    wait_until("the job #{text} to be taken", patience: 120) do
      response = Support::RawClient.open(process.port) { |client| client.fetch("POST", "/#{text}", {}, "") }
      response if response.status == 200
    end
  end

  # @return [Integer] the process that did it
  def worker_of(process, text)
    path = process.path("done")
    wait_until("the job #{text}", patience: 120) { File.exist?(path) && File.read(path).match?(/ #{text}$/) }
    File.read(path)[/^(\d+) #{text}$/, 1].to_i
  end

  it "does jobs in processes of its own, through a restart, to the end; without Puma" do
    process = serve("apps_solid_queue")
    stats = JSON.parse(post(process, "one").body)
    worker = worker_of(process, "one")
    first = descendants(process.pid)

    expect(first).to include(worker)
    expect(stats).to include("max_threads" => 3, "booted_workers" => 1)
    expect(stats["versions"]).to include("puma" => "7.1.0", "hyperion" => Hyperion::VERSION)
    process.signal("USR2")
    wait_until("the end of the first", patience: 120) { first.all? { |pid| gone?(pid) } }
    post(process, "two")
    worker_of(process, "two")
    second = descendants(process.pid)
    expect(second & first).to be_empty

    process.signal("TERM")
    expect(exit_status(process)).to eq(0)
    expect(process.output).to include("Stopping Solid Queue...")
    wait_until("the end of the second") { second.all? { |pid| gone?(pid) } }
  end

  it "does them in the server's process in async mode, a word of the plugin; with Puma" do
    process = serve("apps_solid_queue_puma", env: {"MODE" => "async"})
    stats = JSON.parse(post(process, "one").body)

    expect(worker_of(process, "one")).to eq(process.pid)
    expect(stats).to include("max_threads" => 3)
    expect(stats["versions"]).to include("puma" => a_string_starting_with("7."), "hyperion" => Hyperion::VERSION)
    expect(process.stderr).not_to include("solid_queue_mode")
    process.signal("TERM")
    expect(exit_status(process)).to eq(0)
  end

  it "leaves the words of the Puma in the bundle nothing that this server does not know" do
    files = {"words.rb" => <<~RUBY}
      require "puma"
      require "puma/configuration"
      require "hyperion/config/configuration"
      words = Puma::DSL.public_instance_methods(false) - %i[_load_from _offer_plugins]
      p words - Hyperion::Config::PumaWords.words
      p Hyperion::PumaApi.real?
    RUBY
    @process = Support::AppProcess.new("solid_queue", bundle: "apps_solid_queue_puma", command: ["words.rb"],
                                                      files: files)

    expect(exit_status(@process, patience: 120)).to eq(0)
    expect(@process.stdout).to eq("[]\ntrue\n")
  end
end
