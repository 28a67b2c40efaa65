# frozen_string_literal: true

require "json"

# The examples of docs/logging.md, as they stand there.
RSpec.describe "docs/logging.md" do
  page = File.read(File.expand_path("../../docs/logging.md", __dir__))
  # The code behind "<!-- example: NAME -->": fenced, or indented by four.
  blocks = page.scan(/<!-- example: (\w+) -->\n\n(?:```\w+\n(.*?)^```|((?:    [^\n]*\n)+))/m)
  examples = blocks.to_h { |name, fenced, indented| [name, fenced || indented.gsub(/^    /, "")] }

  define_method(:example_text) { |name| examples.fetch(name) }

  # What differs from run to run.
  def normal(text)
    text.gsub(/\d{4}-\d\d-\d\dT[\d:.]+Z/, "TIME").gsub(/\d+\.\d{3}/, "0.000").gsub("127.0.0.1", "192.0.2.1")
  end

  def get(process, path, fields = {})
    Support::RawClient.open(process.port) { |client| client.fetch("GET", path, fields) }
  end

  def wait_for(process, word)
    wait_until(word) { (process.stdout + process.stderr).include?(word) }
  end

  {"text" => [], "json" => %w[--log-format json]}.each do |name, flags|
    it "shows lines as they are: #{name}" do
      process = start_hyperion("-p0", *flags, app: <<~RUBY)
        run(lambda do |env|
          Hyperion.logger.warn("stock is low", article: "red shoe", left: 3)
          env["hyperion.log_extras"] = {user: 7}
          [200, {"content-type" => "text/plain"}, ["x" * 1024]]
        end)
      RUBY
      get(process, "/orders?page=2", "X-Request-Id" => "f00")
      wait_for(process, "f00")
      wait_for(process, "red shoe")

      access, warning = normal(example_text(name)).lines
      expect(normal(process.stdout)).to end_with(access)
      expect(normal(process.stderr)).to eq(warning)
    end
  end

  it "adds fields to a request's line" do
    process = start_hyperion("-p0", app: example_text("extras"))
    expect(get(process, "/").status).to eq(200)
    wait_for(process, " HTTP/1.1 user=7 cached=false\n")
  end

  it "writes an application's own lines" do
    code = example_text("logger")
    server = start_server { [200, {}, []] }
    instance_eval(code)
    wait_until("the lines") { log_lines(server).size >= 3 }

    expect(log_lines(server).map { |line| line.split(" ", 2).last }).to match_array(
      ["INFO app: cache filled entries=512\n", "WARN app: stock is low article=\"red shoe\" left=3\n",
       "ERROR app: RuntimeError: no luck\n"]
    )
  end

  it "lets another logger take the lines" do
    process = start_hyperion("-p0", app: example_text("object") + Support::HyperionProcess::HELLO)
    get(process, "/path")
    wait_for(process, "web: access: GET /path 200 ")

    expect(process.stdout).to match(/^I, \[.* INFO -- web: access: GET .path 200 /)
  end

  it "writes to files" do
    process = start_hyperion("-p0", files: {"config/hyperion.rb" => example_text("files"), "log/error.log" => ""})
    get(process, "/path")
    path = process.path("log/access.log")
    wait_until("the line") { File.exist?(path) && !File.empty?(path) }

    expect(JSON.parse(File.read(path))).to include("path" => "/path", "status" => 200)
  end
end
