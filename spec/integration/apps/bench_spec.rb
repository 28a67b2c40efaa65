# frozen_string_literal: true

# The Rails application of bench/rackups, under ours and under Puma, by which ours is measured.
RSpec.describe "bench/rackups/rails.ru" do
  rackup = File.read(File.join(Support::HyperionProcess::ROOT, "bench/rackups/rails.ru"))
  files = {"config.ru" => rackup}
  production = {"RACK_ENV" => "production", "RAILS_ENV" => "production"}

  after { (@served || []).each(&:clean) }

  def serve(...)
    Support::AppProcess.new("bench", ...).tap { |app| (@served ||= []) << app }
  end

  it "gives the same answer under both" do
    port = Addrinfo.tcp("127.0.0.1", 0).bind { |socket| socket.local_address.ip_port }
    ours = serve("--no-log-requests", bundle: "apps_puma", files: files, env: production).ready
    puma = serve("-C", "-", "-b", "tcp://127.0.0.1:#{port}", command: Support::AppProcess.program("puma"),
                                                             bundle: "apps_puma", files: files, env: production)
    wait_until("Puma", patience: 120) { puma.stdout.include?("Listening on") || puma.status }
    answers = [ours.port, port].map { |one| Support::Browser.open(one) { |browser| browser.get("/items") } }

    expect(answers).to all(have_attributes(code: "200", content_type: "application/json"))
    expect(answers.map(&:body).uniq.size).to eq(1)
    expect(JSON.parse(answers.first.body).map { |item| item["id"] }).to eq([*0..9])
    expect(answers.map { |answer| answer.to_hash.keys.sort - %w[date connection] }.uniq.size).to eq(1)
    expect(Dir.children(ours.path("."))).to match_array(%w[.stdout .stderr config.ru])
  end
end
