# frozen_string_literal: true

# `rackup -s hyperion` with the Sinatra application, with Puma beside it in the bundle and without.
RSpec.describe "rackup -s hyperion with a Sinatra application" do
  {"apps" => "rackup", "apps_puma" => "rackup", "apps_rack2" => "rack"}.each do |bundle, gem|
    it "serves until INT or TERM, with a pid file while it does (bundle #{bundle})" do
      command = Support::AppProcess.program(gem, "rackup")
      app = Support::AppProcess.new("sinatra", "-s", "hyperion", "-o", "127.0.0.1", "-p", "0", "-P", "run.pid",
                                    "-O", "threads=2:3", command: command, bundle: bundle)
      app.ready

      expect(app.stdout).to include("* Threads: 2:3 ")
      expect(Integer(File.read(app.path("run.pid")))).to eq(app.pid)
      Support::Browser.open(app.port) { |browser| expect(browser.get("/hello/you").body).to eq("Hello you") }
      app.signal(bundle == "apps" ? "INT" : "TERM")
      expect(exit_status(app)).to eq(0)
      expect(File.exist?(app.path("run.pid"))).to be(false)
    ensure
      app&.clean
    end
  end
end
