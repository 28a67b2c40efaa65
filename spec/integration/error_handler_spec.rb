# frozen_string_literal: true

RSpec.describe "error_handler" do
  let(:text) { {"content-type" => "text/plain"} }
  let(:failing) { ->(env) { env["PATH_INFO"] == "/nonsense" ? :nonsense : raise(ArgumentError, "on purpose") } }

  def answers(handler, *paths, app: failing, **options)
    server = start_server(app, error_handler: handler, **options)
    [paths.map { |path| fetch(server, "GET", path) }, server]
  end

  it "answers for what the application raised, which is logged, and seen by hooks, all the same" do
    seen = []
    runtime = Hyperion::Runtime.new.on_request_end { |_, _, response, error| seen << [response, error.message] }
    handler = ->(error, env, status) { [502, text, ["#{error.message}, #{env["PATH_INFO"]}, #{status}"]] }
    (answer,), server = answers(handler, "/here", runtime: runtime)

    expect([answer.status, answer.body, answer["content-type"]]).to eq([502, "on purpose, /here, 500", "text/plain"])
    wait_until("the log line") { log_lines(server).grep(%r{ERROR app: ArgumentError: on purpose}).any? }
    expect(seen).to eq([[nil, "on purpose"]])
  end

  it "may take fewer arguments, and return any kind of body" do
    {
      ->(error) { [500, text, Support::Bodies::EachOnly.new(error.message)] } => "on purpose",
      ->(_error, env) { [500, text, [env["PATH_INFO"]]] } => "/x",
      proc { |error| [500, text, Support::Bodies::Callable.new(error.class.name)] } => "ArgumentError"
    }.each { |handler, body| expect(answers(handler, "/x").first.first.body).to eq(body) }
  end

  it "leaves the plain 500 where it fails itself, and other answers alone", no_lint: "a nonsense answer" do
    broken, server = answers(->(_error) { raise "it fails, too" }, "/x")
    fine, = answers(->(_error) { raise "not asked" }, "/", app: ->(_env) { [200, text, ["fine"]] })
    nonsense, = answers(->(error) { [503, text, [error.class.name]] }, "/nonsense")

    expect([broken.first.status, broken.first.body]).to eq([500, "Internal Server Error\n"])
    wait_until("the log line") { log_lines(server).grep(/lowlevel_error_handler/).any? }
    expect(fine.first.body).to eq("fine")
    expect([nonsense.first.status, nonsense.first.body]).to eq([503, "Hyperion::InvalidResponse"])
  end
end
